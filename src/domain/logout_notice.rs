//! What clients are still to be told: that a session has ended.

use crate::domain::client_id::ClientId;
use crate::domain::repository::RepositoryError;
use crate::domain::token_id::SessionId;
use crate::domain::user::UserId;
use async_trait::async_trait;

/// A session that has ended, and a client that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogoutNotice {
    /// The session.
    pub session: SessionId,
    /// Whose it was.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
}

/// Where notices are kept until they have arrived. Whatever ends a session adds them in the same
/// transaction. All times are the database's.
#[async_trait]
pub trait LogoutNotices: Send + Sync {
    /// Notices that are due, at most so many. They are due again after a while, a longer one each time:
    /// whoever takes them may fail.
    async fn take(&self, most: u32) -> Result<Vec<LogoutNotice>, RepositoryError>;

    /// Forgets a notice.
    async fn done(&self, notice: &LogoutNotice) -> Result<(), RepositoryError>;

    /// Deletes those that nobody needs any more.
    async fn clean_up(&self) -> Result<(), RepositoryError>;
}
