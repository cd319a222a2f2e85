//! Tokens that end before they expire.

use crate::domain::clock::Timestamp;
use crate::domain::repository::RepositoryError;
use crate::domain::token_id::{FamilyId, TokenId};
use async_trait::async_trait;

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ended {
    /// One token.
    Token(TokenId),
    /// All access tokens of a family of refresh tokens, which ends them itself.
    Family(FamilyId),
}

impl Ended {
    /// The word and the id under which it is stored.
    #[must_use]
    pub fn parts(self) -> (&'static str, String) {
        match self {
            Self::Token(id) => ("token", id.to_string()),
            Self::Family(id) => ("family", id.to_string()),
        }
    }

    /// What is stored under a word and an id. Other versions may have written other words.
    #[must_use]
    pub fn of(kind: &str, id: &str) -> Option<Self> {
        match kind {
            "token" => id.parse().ok().map(Self::Token),
            "family" => id.parse().ok().map(Self::Family),
            _ => None,
        }
    }
}

/// Tokens that have ended before they expire.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Ends a token, on every server on the database within a second; nobody needs to know it from
    /// `until` on. Returns whether it had not ended before.
    async fn revoke(&self, token: TokenId, until: Timestamp) -> Result<bool, RepositoryError>;

    /// Whether this has ended, by what is in memory. Neither waits nor allocates.
    fn holds(&self, what: Ended) -> bool;

    /// The same; asks the database if what is in memory may be older than a second.
    async fn finds(&self, what: Ended) -> Result<bool, RepositoryError>;

    /// Forgets in memory what nobody needs to know any more.
    async fn forget_expired(&self) -> Result<(), RepositoryError>;

    /// Deletes it from the database.
    async fn clean_up(&self) -> Result<(), RepositoryError>;
}
