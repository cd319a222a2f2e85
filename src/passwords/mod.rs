//! Passwords: hash, verify, policy. The only floor that knows bcrypt and the other schemes.

mod error;
mod md5_crypt;
mod other;
mod pepper;
mod policy;
mod pool;
mod queue;
mod speed;

pub use error::PasswordError;
pub use policy::{LONGEST, SHORTEST};

use crate::domain::{
    Argon2, BcryptHash, BcryptVersion, Before, Origin, OtherHash, PasswordHash, Peppered, Scheme,
    Secret,
};
use crate::settings::{HashAlgorithm, PasswordSettings};
use eksblowfish::{Digest, LANES, SALT_LENGTH, advance};
use pepper::Pepper;
use pool::{Bcrypt, Order, Pool};
use queue::Key;
use rand::TryRngCore as _;
use rand::rngs::OsRng;
use speed::{cpu_time, rounds_in};
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

/// KiB, passes and lanes of a new hash by argon2id: what OWASP recommends.
const ARGON2ID: (u32, u32, u32) = (19 * 1024, 2, 1);

/// Bytes of its digest.
const ARGON2ID_LENGTH: usize = 32;

/// Hashes and verifies passwords on threads of its own; share it in an [`Arc`](std::sync::Arc).
pub struct Passwords {
    pool: Pool,
    algorithm: HashAlgorithm,
    cost: u32,
    /// Rounds of bcrypt that take as long as a new hash.
    at_least: u32,
    pepper: Option<Pepper>,
    policy: bool,
    dummy: PasswordHash,
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
        // Nobody knows a password for it, and the answer is "no" whatever is found.
        let dummy = BcryptHash::new(cost, [0; _], [0; _])
            .map_err(|_| PasswordError::CostNotAllowed(cost))?;
        let (dummy, at_least) = match settings.algorithm {
            HashAlgorithm::Bcrypt => (dummy.into(), 1 << cost),
            HashAlgorithm::Argon2id => {
                let dummy = argon2id(&[0; SALT_LENGTH], &[0; ARGON2ID_LENGTH])?;
                let rounds = rounds_of(&dummy)?;
                (dummy.into(), rounds)
            }
        };
        let threads = settings
            .hash_threads
            .or_else(|| available_parallelism().ok())
            .unwrap_or(NonZeroUsize::MIN);
        Ok(Self {
            pool: Pool::start(threads, settings.hash_queue)?,
            algorithm: settings.algorithm,
            cost,
            at_least,
            pepper: settings.pepper_file.as_ref().map(Pepper::read).transpose()?,
            policy: settings.policy,
            dummy,
            accounts: RandomState::new(),
        })
    }

    /// A place in the queue for a client that wants to be `account`, which need not exist;
    /// `PasswordError::Busy` if there is none.
    ///
    /// Clients take turns, and the accounts that one of them asks for do, too. A full queue makes
    /// room for a client with few places at the cost of one with many, who then gets
    /// `PasswordError::Busy` for its newest.
    pub async fn place(&self, client: Origin, account: &str) -> Result<Place<'_>, PasswordError> {
        let account = self.accounts.hash_one(account);
        let place = self.pool.place(Key { client, account }).await?;
        Ok(Place { passwords: self, place })
    }

    /// Whether there would be a place now, for callers who prepare something before they take it.
    pub async fn check_room(&self, client: Origin, account: &str) -> Result<(), PasswordError> {
        let account = self.accounts.hash_one(account);
        self.pool.check_room(Key { client, account }).await
    }

    /// `Place::hash` for nobody in particular: all who call this share one place in the turns.
    pub async fn hash(&self, password: Secret) -> Result<PasswordHash, PasswordError> {
        self.place(Origin::Unknown, "").await?.hash(password).await
    }

    /// `Place::verify` for nobody in particular: all who call this share one place in the turns.
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

    /// Whether a password could match this hash here, as far as that can be told before.
    fn is_verifiable(&self, hash: &PasswordHash, password: &Secret) -> bool {
        match hash {
            PasswordHash::Unreadable | PasswordHash::NoPassword => false,
            PasswordHash::Bcrypt(hash) => hash.cost() <= self.highest_verified_cost(),
            PasswordHash::Other(hash) => other::reads_all_of(hash, password),
            PasswordHash::Peppered(peppered) => {
                !self.lacks_pepper(hash) && self.is_verifiable(peppered.hash(), password)
            }
        }
    }

    /// Whether this hash was made with a pepper that is not the configured one.
    #[must_use]
    pub fn lacks_pepper(&self, hash: &PasswordHash) -> bool {
        let configured = self.pepper.as_ref().map(|pepper| pepper.id);
        matches!(hash, PasswordHash::Peppered(hash) if configured != Some(hash.pepper()))
    }

    /// Whether it is another hash than would be written today, and not a dearer one.
    fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let (hash, peppered) = match hash {
            PasswordHash::Peppered(peppered) => (peppered.hash(), true),
            hash => (hash, false),
        };
        let current = match hash {
            PasswordHash::Bcrypt(hash) => {
                self.algorithm == HashAlgorithm::Bcrypt
                    && hash.before() == Before::Nothing
                    && hash.version() == BcryptVersion::B
                    && hash.cost() >= self.cost
            }
            PasswordHash::Other(hash) => {
                self.algorithm == HashAlgorithm::Argon2id && is_current_argon2id(hash.scheme())
            }
            PasswordHash::Unreadable | PasswordHash::NoPassword | PasswordHash::Peppered(_) => {
                false
            }
        };
        !current || peppered != self.pepper.is_some()
    }

    /// What is to be computed, to be held against this hash.
    fn order(&self, hash: &PasswordHash, password: Secret, at_least: u32) -> Order {
        match hash {
            PasswordHash::Bcrypt(hash) => {
                let (password, salt) = (other::before_bcrypt(hash, password), *hash.salt());
                Order::Bcrypt(Bcrypt { password, salt, cost: hash.cost(), at_least })
            }
            PasswordHash::Other(hash) => {
                let hash = Arc::clone(hash);
                Order::Other { work: Box::new(move || other::digest(&hash, &password)), at_least }
            }
            PasswordHash::Peppered(hash) => {
                let password =
                    self.pepper.as_ref().map_or(password.clone(), |it| it.season(&password));
                self.order(hash.hash(), password, at_least)
            }
            PasswordHash::Unreadable | PasswordHash::NoPassword => {
                self.order(&self.dummy, password, at_least)
            }
        }
    }

    /// Whether a user may choose this password; the setting `passwords.policy` turns it off, but
    /// not the bounds that bcrypt has.
    pub fn check_policy(&self, password: &Secret) -> Result<(), PasswordError> {
        if self.policy {
            policy::check_choice(password)
        } else {
            policy::check_hashable(password, LONGEST)
        }
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
    /// Hashes a password as the settings say: as `$2b$` or `$argon2id$`, with a pepper or without.
    ///
    /// NUL, and more than [`LONGEST`] bytes where bcrypt reads the password itself, are refused instead
    /// of hashing less than was given.
    pub async fn hash(self, password: Secret) -> Result<PasswordHash, PasswordError> {
        let Self { passwords, place } = self;
        let is_read_by_bcrypt =
            passwords.algorithm == HashAlgorithm::Bcrypt && passwords.pepper.is_none();
        let longest = if is_read_by_bcrypt { LONGEST } else { LONGEST_VERIFIED };
        policy::check_hashable(&password, longest)?;
        let mut salt = [0; SALT_LENGTH];
        OsRng.try_fill_bytes(&mut salt).map_err(|cause| {
            log::error!("no random bytes for a password's salt: {cause}");
            PasswordError::Failed
        })?;
        let password =
            passwords.pepper.as_ref().map_or(password.clone(), |it| it.season(&password));
        let hash = match passwords.algorithm {
            HashAlgorithm::Bcrypt => {
                let cost = passwords.cost;
                let order = Order::Bcrypt(Bcrypt { password, salt, cost, at_least: 0 });
                let digest = place.digest(order).await?;
                let digest = digest.try_into().map_err(|_| PasswordError::Failed)?;
                BcryptHash::new(cost, salt, digest).map_err(|_| PasswordError::Failed)?.into()
            }
            HashAlgorithm::Argon2id => {
                let draft = argon2id(&salt, &[0; ARGON2ID_LENGTH])?.into();
                let digest = place.digest(passwords.order(&draft, password, 0)).await?;
                argon2id(&salt, &digest)?.into()
            }
        };
        Ok(match &passwords.pepper {
            Some(pepper) => Peppered::mark(pepper.id, hash),
            None => hash,
        })
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
        let hash = hash.filter(|hash| readable && passwords.is_verifiable(hash, &password));
        let computed = hash.as_ref().unwrap_or(&passwords.dummy);
        let order = passwords.order(computed, password, passwords.at_least);
        let digest = place.digest(order).await?;
        let matches = hash.as_ref().is_some_and(|hash| hash.has_digest(&digest));
        let needs_rehash = matches && hash.is_some_and(|hash| passwords.is_outdated(&hash));
        Ok(Verdict { matches, needs_rehash })
    }
}

/// Whether the settings' pepper would be taken.
pub fn check_pepper(settings: &PasswordSettings) -> Result<(), PasswordError> {
    settings.pepper_file.as_ref().map_or(Ok(()), |file| Pepper::read(file).map(drop))
}

/// A hash as this server writes it by argon2id.
fn argon2id(salt: &[u8], digest: &[u8]) -> Result<OtherHash, PasswordError> {
    OtherHash::argon2id(ARGON2ID, salt, digest).map_err(|_| PasswordError::Failed)
}

/// Whether it costs no less than a new one by argon2id.
fn is_current_argon2id(scheme: Scheme) -> bool {
    let (least_memory, least_passes, _) = ARGON2ID;
    matches!(scheme, Scheme::Argon2 { variant: Argon2::Id, version: 0x13, memory, passes, .. }
        if memory >= least_memory
            && u64::from(memory) * u64::from(passes)
                >= u64::from(least_memory) * u64::from(least_passes))
}

/// How many rounds of bcrypt take as long: the faster of two measurements, the first of which finds
/// the memory cold.
fn rounds_of(hash: &OtherHash) -> Result<u32, PasswordError> {
    let mut fastest = u32::MAX;
    for _ in 0..2 {
        let before = cpu_time();
        other::digest(hash, &Secret::new(""))?;
        fastest = fastest.min(rounds_in(cpu_time().saturating_sub(before)));
    }
    Ok(fastest)
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
