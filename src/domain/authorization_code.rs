//! Authorization codes: what a user has granted a client, until the client redeems it, once.

use crate::domain::key_id::KeyHash;
use crate::domain::repository::RepositoryError;
use crate::domain::token_id::FamilyId;
use async_trait::async_trait;
use std::time::Duration;

/// A code to be stored.
#[derive(Clone, Debug)]
pub struct NewCode {
    /// Of the code.
    pub hash: KeyHash,
    /// Of the tokens that it is redeemed for.
    pub family: FamilyId,
    /// What was granted, and to whom, sealed.
    pub sealed: String,
    /// How long it counts.
    pub lifetime: Duration,
}

/// A code as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCode {
    /// See [`NewCode::family`].
    pub family: FamilyId,
    /// See [`NewCode::sealed`].
    pub sealed: String,
    /// How many seconds ago it was redeemed, if it was.
    pub used_before: Option<i64>,
}

/// Where codes are kept. All times are the database's.
#[async_trait]
pub trait AuthorizationCodes: Send + Sync {
    /// Keeps a code.
    async fn keep(&self, new: NewCode) -> Result<(), RepositoryError>;

    /// The code with this hash, if it can be redeemed now, or was.
    async fn find(&self, hash: KeyHash) -> Result<Option<StoredCode>, RepositoryError>;

    /// Redeems a code; returns whether it is the first time, and not too late.
    async fn redeem(&self, hash: KeyHash) -> Result<bool, RepositoryError>;

    /// Deletes codes that ended so long ago.
    async fn clean_up(&self, kept: Duration) -> Result<(), RepositoryError>;
}
