//! The keys that servers on one database share: those that seal, those that sign tokens, and leases
//! on the work that one of them does for all.

use crate::domain::key_algorithm::KeyAlgorithm;
use crate::domain::{RepositoryError, Timestamp};
use async_trait::async_trait;

/// Where the random keys that seal data are kept, each sealed itself.
#[async_trait]
pub trait ServerKeys: Send + Sync {
    /// Keeps this one unless there is one with the name; returns the one that is kept.
    async fn keep(&self, name: &str, sealed: &str) -> Result<String, RepositoryError>;
    /// The one with this name.
    async fn find(&self, name: &str) -> Result<Option<String>, RepositoryError>;
    /// All names and keys.
    async fn all(&self) -> Result<Vec<(String, String)>, RepositoryError>;
    /// Replaces one, unless it is another one by now; returns whether it did.
    async fn replace(&self, name: &str, before: &str, after: &str)
    -> Result<bool, RepositoryError>;
}

/// A key that signs tokens, as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name in tokens.
    pub kid: String,
    /// Its `alg`; rows of newer versions may have others.
    pub alg: String,
    /// The public key.
    pub public: String,
    /// The private key, sealed.
    pub sealed: String,
    /// When it begins to sign.
    pub active_from: Timestamp,
    /// When its tokens end to count.
    pub retired_at: Option<Timestamp>,
}

/// All keys, as of a moment of the database's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKeys {
    /// The moment.
    pub now: Timestamp,
    /// The keys, in the order in which they begin to sign.
    pub keys: Vec<StoredKey>,
}

impl StoredKeys {
    /// The key of this algorithm that signs: the newest that has begun and is not retired.
    #[must_use]
    pub fn active(&self, algorithm: KeyAlgorithm) -> Option<&StoredKey> {
        let mut newest_first = self.keys.iter().rev();
        newest_first.find(|key| {
            key.alg == algorithm.name() && key.retired_at.is_none() && key.active_from <= self.now
        })
    }
}

/// The row that records a switch from HS256: its `retired_at` is when own tokens signed with the
/// shared secret end to count.
pub const SHARED_SECRET: &str = "HS256";

/// Where the keys that sign tokens are kept. All times are the database's.
#[async_trait]
pub trait SigningKeys: Send + Sync {
    /// All of them.
    async fn read(&self) -> Result<StoredKeys, RepositoryError>;
    /// Adds a key that begins to sign in so many seconds, unless a key of the same algorithm that is
    /// not retired begins later than `unless_after` seconds from now; returns whether it did. The
    /// times in `key` do not count.
    async fn add(
        &self,
        key: StoredKey,
        seconds: i64,
        unless_after: i64,
    ) -> Result<bool, RepositoryError>;
    /// Ends a key in so many seconds, unless it ends before; returns whether it is known.
    async fn retire(&self, kid: &str, seconds: i64) -> Result<bool, RepositoryError>;
    /// The next key of this algorithm signs from now on; returns its name, if there was one.
    async fn promote(&self, alg: KeyAlgorithm) -> Result<Option<String>, RepositoryError>;
    /// Records that tokens signed with the shared secret end in so many seconds, unless that is
    /// recorded; returns whether it did.
    async fn leave_shared_secret(&self, seconds: i64) -> Result<bool, RepositoryError>;
    /// Forgets that; returns whether it was recorded.
    async fn keep_shared_secret(&self) -> Result<bool, RepositoryError>;
    /// Deletes keys that ended so many seconds ago.
    async fn forget(&self, seconds: i64) -> Result<(), RepositoryError>;
    /// Takes the lease on this work for so many seconds, unless somebody has it.
    async fn lease(&self, work: &str, seconds: i64) -> Result<bool, RepositoryError>;
}
