//! Families of refresh tokens: what one login was granted, renewed until it ends.

use crate::domain::client_id::ClientId;
use crate::domain::clock::Timestamp;
use crate::domain::repository::RepositoryError;
use crate::domain::scope::Scopes;
use crate::domain::token_id::{FamilyId, SessionId};
use crate::domain::user::{UserId, Username};
use async_trait::async_trait;
use std::time::Duration;

/// A refresh token that was presented, and that this server has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// Its family.
    pub family: FamilyId,
    /// How many came before it.
    pub generation: i64,
}

/// A client that is registered, as families know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyClient {
    /// Its id.
    pub id: ClientId,
    /// A later one ends its families.
    pub epoch: i64,
}

/// The login by which a family was granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FamilyLogin {
    /// When.
    pub auth_time: Timestamp,
    /// How, in words of RFC 8176, separated by spaces.
    pub amr: String,
}

/// A family that begins.
#[derive(Clone, Debug)]
pub struct NewFamily {
    /// Names it.
    pub id: FamilyId,
    /// Whom it was granted to; `None` for clients that are not registered.
    pub client: Option<FamilyClient>,
    /// In whose name.
    pub user: UserId,
    /// The user's at the login: a later one ends the family.
    pub epoch: i64,
    /// The session in which it was granted; `None` for a login without a browser.
    pub session: Option<SessionId>,
    /// Whether it goes on when that session ends.
    pub is_offline: bool,
    /// The granted scopes.
    pub scopes: Scopes,
    /// When nobody needs to know its first access token any more.
    pub access_until: Timestamp,
    /// The login, if it was before: that of a session.
    pub login: Option<FamilyLogin>,
    /// What its tokens are for beside this server (RFC 8707).
    pub resource: Option<String>,
    /// Whether the client is told when the session ends.
    pub hears_of_logout: bool,
}

/// How families live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyRules {
    /// Unused for so long, a family ends.
    pub idle: Duration,
    /// Used or not, a family ends after so long.
    pub lifetime: Duration,
    /// For so long after its use, a token is taken again, and gets the same response.
    pub reuse: Duration,
}

/// A use of a refresh token.
#[derive(Clone, Debug)]
pub struct FamilyUse {
    /// The token.
    pub token: RefreshToken,
    /// Who presents it; `None` for clients that are not registered.
    pub client: Option<FamilyClient>,
    /// Whether the next token is another one; the tokens of clients that prove who they are stay.
    pub rotates: bool,
    /// When nobody needs to know the next access token any more.
    pub access_until: Timestamp,
}

/// A living family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The user's id.
    pub user: UserId,
    /// The user's current name.
    pub username: Username,
    /// The user's epoch, which is that of the login.
    pub epoch: i64,
    /// The granted scopes.
    pub scopes: Scopes,
    /// The login.
    pub login: FamilyLogin,
    /// The session in which it was granted.
    pub session: Option<SessionId>,
    /// What its tokens are for beside this server.
    pub resource: Option<String>,
}

/// A living family as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFamily {
    /// The family.
    pub family: Family,
    /// Whom it was granted to; `None` for a client that is not registered.
    pub client: Option<FamilyClient>,
    /// The generation of its newest token.
    pub generation: i64,
    /// When it ends unless it is used before.
    pub ends_at: Timestamp,
}

/// What came of the use of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The family goes on.
    Renewed {
        /// The family.
        family: Family,
        /// The generation of the token to go on with.
        generation: i64,
        /// Whether this token was used before: its response was lost, or shared.
        is_repeated: bool,
    },
    /// The token was used before, and others have gone on since: somebody has stolen it, or the
    /// next ones. The family has ended.
    Reused(Option<Username>),
    /// The user is disabled; the family stays.
    Disabled(Username),
    /// The family has ended, or there is none.
    Ended(Option<Username>),
}

/// The families of refresh tokens. All times are the database's.
#[async_trait]
pub trait RefreshFamilies: Send + Sync {
    /// Begins a family; returns whether it did: not for a user who is disabled, or whose tokens were
    /// ended meanwhile.
    async fn begin(&self, new: NewFamily, rules: FamilyRules) -> Result<bool, RepositoryError>;

    /// A family that could be rotated now; it is not.
    async fn find(
        &self,
        family: FamilyId,
        rules: FamilyRules,
    ) -> Result<Option<FoundFamily>, RepositoryError>;

    /// Rotates a family, repeats the last rotation, or finds reuse and ends the family: one
    /// statement, so that whoever comes when, there are never two branches.
    async fn rotate(
        &self,
        presented: FamilyUse,
        rules: FamilyRules,
    ) -> Result<Rotation, RepositoryError>;

    /// Ends a family of this client, with its access tokens; returns the user's name, if it had not
    /// ended before.
    async fn end(
        &self,
        family: FamilyId,
        client: Option<FamilyClient>,
    ) -> Result<Option<Username>, RepositoryError>;

    /// Ends all families, because the key of their tokens is gone; returns how many had not ended.
    async fn end_all(&self) -> Result<usize, RepositoryError>;

    /// Deletes families that ended a week ago.
    async fn clean_up(&self, rules: FamilyRules) -> Result<(), RepositoryError>;
}
