//! Passwords: hash, verify, policy. The only floor that knows bcrypt and the other schemes.

mod error;
mod md5_crypt;
mod other;
mod policy;
mod pool;
mod queue;
mod speed;

pub use error::PasswordError;
pub use policy::{LONGEST, SHORTEST};

use crate::domain::{BcryptHash, BcryptVersion, Before, Origin, PasswordHash, Secret};
use crate::settings::PasswordSettings;
use eksblowfish::{Digest, LANES, advance};
use pool::{Bcrypt, Order, Pool};
use queue::Key;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use std::hash::{BuildHasher as _, RandomState};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

/// Most bytes of a password that is verified at all; passlib, which wrote the hashes that are
/// imported, has the same bound.
const LONGEST_VERIFIED: usize = 4096;

/// How far the cost of an imported hash may lie above the configured one: four times its work.
const DEARER: u32 = 2;

/// Whatever is configured, hashes up to this cost may be imported: what most servers write today.
const ALWAYS_IMPORTED: u32 = 14;

/// Whatever is configured, stored hashes up to this cost are verified: a few seconds of work.
const ALWAYS_VERIFIED: u32 = 16;

/// Hashes and verifies passwords on threads of its own; share it in an [`Arc`](std::sync::Arc).
pub struct Passwords {
    pool: Pool,
    cost: u32,
    policy: bool,
    dummy: BcryptHash,
    accounts: RandomState,
}

/// What became of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether it is, and its hash is older or cheaper than what would be written today.
    pub needs_rehash: bool,
}

/// A place in the queue of those who want a password verified or hashed: for one of either.
///
/// Take it before looking at who the user is: when there is none, nothing tells then whether the
/// user exists. It is given up when it is dropped.
pub struct Place<'a> {
    passwords: &'a Passwords,
    place: pool::Place<'a>,
}

impl Passwords {
    /// Starts the hashing threads, once their work is found to be right.
    pub fn new(settings: &PasswordSettings) -> Result<Self, PasswordError> {
        check_digests()?;
        let cost = settings.bcrypt_cost;
        // Nobody knows a password for it, and the answer is "no" whatever bcrypt finds.
        let dummy = BcryptHash::new(cost, [0; _], [0; _])
            .map_err(|_| PasswordError::CostNotAllowed(cost))?;
        let threads = settings
            .hash_threads
            .or_else(|| available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            pool: Pool::start(threads, settings.hash_queue)?,
            cost,
            policy: settings.policy,
            dummy,
            accounts: RandomState::new(),
        })
    }

    /// A place in the queue for a client that wants to be `account`, which need not exist;
    /// [`PasswordError::Busy`] if there is none.
    ///
    /// Clients take turns, and the accounts that one of them asks for do, too. A full queue makes
    /// room for a client with few places at the cost of one with many, who then gets
    /// [`PasswordError::Busy`] for its newest.
    pub async fn place(&self, client: Origin, account: &str) -> Result<Place<'_>, PasswordError> {
        let account = self.accounts.hash_one(account);
        let place = self.pool.place(Key { client, account }).await?;
        Ok(Place { passwords: self, place })
    }

    /// [`Place::hash`] for nobody in particular: all who call this share one place in the turns.
    pub async fn hash(&self, password: Secret) -> Result<PasswordHash, PasswordError> {
        self.place(Origin::Unknown, "").await?.hash(password).await
    }

    /// [`Place::verify`] for nobody in particular: all who call this share one place in the turns.
    pub async fn verify(
        &self,
        password: Secret,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        self.place(Origin::Unknown, "").await?.verify(password, hash).await
    }

    /// The cost of a new hash.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost
    }

    /// The highest cost of a hash that may be imported.
    #[must_use]
    pub fn highest_imported_cost(&self) -> u32 {
        (self.cost + DEARER).clamp(ALWAYS_IMPORTED, 31)
    }

    /// The highest cost of a stored hash that is verified. No password matches one above it: cost
    /// 31 is a day's work, for which nobody else's login is to wait.
    #[must_use]
    pub fn highest_verified_cost(&self) -> u32 {
        self.highest_imported_cost().max(ALWAYS_VERIFIED)
    }

    /// Whether it is another hash than would be written today, and not a dearer one.
    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        !matches!(hash, PasswordHash::Bcrypt(hash) if hash.before() == Before::Nothing
            && hash.version() == BcryptVersion::B
            && hash.cost() >= self.cost)
    }

    /// Whether a user may choose this password; the setting `passwords.policy` turns it off, but
    /// not the bounds that bcrypt has.
    pub fn check_policy(&self, password: &Secret) -> Result<(), PasswordError> {
        if self.policy { policy::check_choice(password) } else { policy::check_hashable(password) }
    }

    /// Hashes begun so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.pool.begun()
    }

    /// Rounds of bcrypt done so far, those without a use among them.
    #[must_use]
    pub fn rounds(&self) -> u64 {
        self.pool.rounds()
    }

    /// Passwords that wait for a thread.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.pool.queued()
    }
}

impl Place<'_> {
    /// Hashes a password as `$2b$` with the cost of the settings.
    ///
    /// More than [`LONGEST`] bytes and NUL are refused, instead of hashing less than was given.
    pub async fn hash(self, password: Secret) -> Result<PasswordHash, PasswordError> {
        policy::check_hashable(&password)?;
        let cost = self.passwords.cost;
        let mut salt = [0; _];
        OsRng.try_fill_bytes(&mut salt).map_err(|cause| {
            log::error!("no random bytes for a password's salt: {cause}");
            PasswordError::Failed
        })?;
        let order = Order::Bcrypt(Bcrypt { password, salt, cost, at_least: 0 });
        let digest = self.place.digest(order).await?;
        let digest = digest.try_into().map_err(|_| PasswordError::Failed)?;
        let hash = BcryptHash::new(cost, salt, digest).map_err(|_| PasswordError::Failed)?;
        Ok(hash.into())
    }

    /// Verifies a password against a stored hash; `None` stands for an unknown user.
    ///
    /// Each call does the work of one hash of the configured cost, whatever the cost of the stored
    /// one, so that its time does not tell whether the user exists. A dearer one takes longer; one
    /// above [`Passwords::highest_verified_cost`] never matches.
    ///
    /// bcrypt ignores bytes after the 72nd, as the implementations did that wrote imported hashes. A
    /// password with NUL, or of more than 4096 bytes, never matches.
    ///
    /// `$2x$` marks hashes of a faulty implementation: they match for passwords without high-bit
    /// bytes only.
    pub async fn verify(
        self,
        password: Secret,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        let Self { passwords, place } = self;
        let text = password.expose();
        let readable = text.len() <= LONGEST_VERIFIED && !text.contains('\0');
        let at_least = 1 << passwords.cost;
        let matches = match hash.as_ref() {
            Some(PasswordHash::Other(hash)) => {
                let possible = readable && other::reads_all_of(hash, &password);
                let stored = Arc::clone(hash);
                let work = Box::new(move || other::digest(&stored, &password));
                let digest = place.digest(Order::Other { work, at_least }).await?;
                possible & hash.has_digest(&digest)
            }
            Some(PasswordHash::Bcrypt(hash))
                if hash.cost() <= passwords.highest_verified_cost() =>
            {
                let password = other::before_bcrypt(hash, password);
                let (salt, cost) = (*hash.salt(), hash.cost());
                let order = Order::Bcrypt(Bcrypt { password, salt, cost, at_least });
                readable & hash.has_digest(&place.digest(order).await?)
            }
            _ => {
                let (salt, cost) = (*passwords.dummy.salt(), passwords.cost);
                let order = Order::Bcrypt(Bcrypt { password, salt, cost, at_least });
                place.digest(order).await?;
                false
            }
        };
        let needs_rehash = matches && hash.is_some_and(|hash| passwords.is_outdated(&hash));
        Ok(Verdict { matches, needs_rehash })
    }
}

/// Holds the digest of every lane against the bcrypt crate's: here and now, since compiler and
/// processor, too, decide what comes out of our own implementation.
fn check_digests() -> Result<(), PasswordError> {
    const COST: u32 = 4;
    let (password, salt) = ("correct horse battery staple, pässwörd", *b"sixteen of bytes");
    let expected = bcrypt::bcrypt(COST, salt, &[password.as_bytes(), b"\0"].concat());
    let mut lanes: Vec<_> = (0..LANES).map(|_| Digest::new(password, &salt, COST)).collect();
    while lanes.iter().any(|lane| !lane.is_ready()) {
        advance(&mut lanes);
    }
    let is_right = |lane: Digest| expected.starts_with(&lane.finish());
    if lanes.into_iter().all(is_right) { Ok(()) } else { Err(PasswordError::NotBcrypt) }
}

#[cfg(test)]
mod tests;
