//! Passwords: hash, verify, policy. The only floor that knows bcrypt.

mod error;
mod policy;
mod pool;

pub use error::PasswordError;
pub use policy::{LONGEST, SHORTEST};

use crate::domain::{BcryptVersion, PasswordHash, Secret};
use crate::settings::PasswordSettings;
use pool::Pool;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

/// Most bytes of a password that is verified at all; passlib, which wrote the hashes that are
/// imported, has the same bound.
const LONGEST_VERIFIED: usize = 4096;

/// Hashes and verifies passwords on threads of its own; share it in an [`Arc`](std::sync::Arc).
pub struct Passwords {
    pool: Pool,
    cost: u32,
    policy: bool,
    dummy: PasswordHash,
}

/// What became of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether it is the password.
    pub matches: bool,
    /// Whether it is, and its hash is older or cheaper than what would be written today.
    pub needs_rehash: bool,
}

impl Passwords {
    /// Starts the hashing threads.
    pub fn new(settings: &PasswordSettings) -> Result<Self, PasswordError> {
        let cost = settings.bcrypt_cost;
        // Nobody knows a password for it, and the answer is "no" whatever bcrypt finds.
        let dummy = format!("$2b${cost:02}${}", ".".repeat(53))
            .parse()
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
        })
    }

    /// Hashes a password as `$2b$` with the cost of the settings.
    ///
    /// More than [`LONGEST`] bytes and NUL are refused, instead of hashing less than was given.
    pub async fn hash(&self, password: Secret) -> Result<PasswordHash, PasswordError> {
        policy::check_hashable(&password)?;
        let cost = self.cost;
        let hash = self
            .pool
            .run(move || bcrypt::non_truncating_hash(password.expose(), cost))
            .await?
            .map_err(|cause| {
                log::error!("bcrypt failed: {cause}");
                PasswordError::Failed
            })?;
        hash.parse().map_err(|_| PasswordError::Failed)
    }

    /// Verifies a password against a stored hash; `None` stands for an unknown user.
    ///
    /// Each call does exactly one bcrypt operation, so that its time does not tell whether the
    /// user exists. Bytes after the 72nd are ignored, as the implementations did that wrote
    /// imported hashes. A password with NUL, or of more than 4096 bytes, never matches.
    ///
    /// `$2x$` marks hashes of a faulty implementation: they match for passwords without high-bit
    /// bytes only.
    pub async fn verify(
        &self,
        password: Secret,
        hash: Option<PasswordHash>,
    ) -> Result<Verdict, PasswordError> {
        let text = password.expose();
        let possible = hash.is_some() && text.len() <= LONGEST_VERIFIED && !text.contains('\0');
        let hash = hash.unwrap_or(self.dummy);
        let outdated = hash.cost() < self.cost || hash.version() != BcryptVersion::B;
        let digest = self.pool.digest(password, hash).await?;
        let matches = possible & hash.has_digest(&digest);
        Ok(Verdict { matches, needs_rehash: matches && outdated })
    }

    /// Whether a user may choose this password; the setting `passwords.policy` turns it off, but
    /// not the bounds that bcrypt has.
    pub fn check_policy(&self, password: &Secret) -> Result<(), PasswordError> {
        if self.policy { policy::check_choice(password) } else { policy::check_hashable(password) }
    }

    /// bcrypt operations begun so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.pool.begun()
    }

    /// Passwords that wait for a thread.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.pool.queued()
    }
}

#[cfg(test)]
mod tests;
