//! Sessions: what a browser has after a login at the login page, until it ends.

use crate::domain::actor::Actor;
use crate::domain::clock::Timestamp;
use crate::domain::key_id::KeyHash;
use crate::domain::repository::RepositoryError;
use crate::domain::token_id::SessionId;
use crate::domain::user::{UserId, Username};
use async_trait::async_trait;
use std::time::Duration;

/// A living session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it, and is no secret: the `sid` of its ID tokens.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's current name.
    pub username: Username,
    /// The user's epoch, which is that of the login.
    pub epoch: i64,
    /// When the user last proved who it is.
    pub auth_time: Timestamp,
    /// How, in words of RFC 8176, separated by spaces.
    pub amr: Box<str>,
    /// The last use, to the minute.
    pub seen: Timestamp,
    /// When it ends unless it is used before.
    pub ends_at: Timestamp,
    /// What the browser called itself at the login; may be empty.
    pub agent: Box<str>,
}

impl Session {
    /// The most sessions of one user: another login ends the one that was unused for longest.
    pub const MOST: u32 = 100;

    /// Longest name of a browser that is kept, in bytes.
    pub const LONGEST_AGENT: usize = 256;

    /// Uses are noted after so many seconds: a page that loads ten others is one.
    pub const NOTED_AFTER: i64 = 60;

    /// Whether a use now is worth noting.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        now.seconds().abs_diff(self.seen.seconds()) >= Self::NOTED_AFTER.unsigned_abs()
    }
}

/// A session that begins, or goes on with a new cookie.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Of the cookie, which is a secret.
    pub hash: KeyHash,
    /// Of the cookie that the browser had. The same user's session goes on under the same id;
    /// another's ends.
    pub before: Option<KeyHash>,
    /// Names it, unless one goes on.
    pub id: SessionId,
    /// Whose it is.
    pub user: UserId,
    /// The user's at the login: a later one ends the session.
    pub epoch: i64,
    /// See [`Session::amr`].
    pub amr: Box<str>,
    /// See [`Session::agent`].
    pub agent: Box<str>,
    /// The login was no earlier, whatever the database's clock says: what asked for it must not ask
    /// again because two clocks differ.
    pub not_before: Timestamp,
    /// How it lives.
    pub rules: SessionRules,
}

/// How a session lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionRules {
    /// Unused for so long, it ends.
    pub idle: Duration,
    /// Used or not, it ends so long after the login.
    pub lifetime: Duration,
}

/// The sessions. All times are the database's. Whatever ends a session also ends the refresh tokens
/// that are bound to it; it ends itself when its user gets a new epoch, is disabled or deleted.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Begins a session, or goes on with the one of the browser's cookie; `None` for a user who is
    /// disabled, or whose tokens were ended meanwhile.
    async fn begin(&self, new: NewSession) -> Result<Option<Session>, RepositoryError>;

    /// The living session of this cookie.
    async fn find(&self, hash: KeyHash) -> Result<Option<Session>, RepositoryError>;

    /// Notes that it is used, if the last use that is noted was a minute ago.
    async fn touch(&self, hash: KeyHash) -> Result<(), RepositoryError>;

    /// The living sessions of a user, the one used last first.
    async fn list(&self, user: UserId) -> Result<Vec<Session>, RepositoryError>;

    /// Ends a session of this user; [`RepositoryError::NoSuchSession`] if there is none. `actor` is
    /// the author of a change over HTTP, as for users.
    async fn end(
        &self,
        id: SessionId,
        owner: &Username,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError>;

    /// Ends all sessions of a user but this one; returns how many.
    async fn end_others(&self, user: UserId, except: SessionId) -> Result<u64, RepositoryError>;

    /// Deletes those that are over.
    async fn clean_up(&self) -> Result<(), RepositoryError>;
}
