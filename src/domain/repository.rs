//! What a user repository must offer; `storage` implements it for each database.

use crate::domain::actor::{Actor, Denied};
use crate::domain::client_metadata::ClientFault;
use crate::domain::clock::Timestamp;
use crate::domain::password_hash::PasswordHash;
use crate::domain::scope::{ScopeName, Scopes};
use crate::domain::user::{User, UserId, Username};
use async_trait::async_trait;
use std::sync::Arc;
use thiserror::Error;

/// A user to be created.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// See [`User::username`].
    pub username: Username,
    /// See [`User::email`].
    pub email: Option<String>,
    /// See [`User::full_name`].
    pub full_name: Option<String>,
    /// See [`User::disabled`].
    pub disabled: bool,
    /// See [`User::password_hash`].
    pub password_hash: PasswordHash,
    /// See [`User::scopes`].
    pub scopes: Scopes,
}

/// What to change of a user; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UserChange {
    /// Renames: the user keeps its identity, and the old name becomes free.
    pub username: Option<Username>,
    /// `Some(None)` removes the address.
    pub email: Option<Option<String>>,
    /// `Some(None)` removes the name.
    pub full_name: Option<Option<String>>,
    /// Disables or enables.
    pub disabled: Option<bool>,
    /// Replaces the hash.
    pub password_hash: Option<PasswordHash>,
    /// Replaces the hash only while the stored one is still this: a rehash must not undo a password
    /// change made in between.
    pub expected_hash: Option<PasswordHash>,
    /// Replaces all scopes.
    pub scopes: Option<Scopes>,
    /// Ends all tokens of the user.
    pub signs_out: bool,
}

/// A page of users in the order of their names (by bytes): keyset pagination.
#[derive(Clone, Debug)]
pub struct Page {
    /// The last name of the page before; `None` for the first page.
    pub after: Option<Username>,
    /// How many at most.
    pub limit: u32,
}

/// Why the repository refused or failed.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// The name is taken.
    #[error("a user with that name already exists")]
    Exists,
    /// The e-mail address is another user's, and addresses must be unique.
    #[error("the e-mail address belongs to another user")]
    EmailExists,
    /// No user has this name (or its hash is not the expected one).
    #[error("no such user")]
    NotFound,
    /// The actor may no longer make the change.
    #[error("{0}")]
    Denied(Denied),
    /// Actors may replace their own password only with the old one: with [`UserChange::expected_hash`].
    #[error("changing one's own password requires the old one")]
    OwnPassword,
    /// No enabled user would hold the scope that must stay held.
    #[error("the user is the last enabled one with the scope `{0}`")]
    LastHolder(ScopeName),
    /// No key of the user has this id.
    #[error("no such API key")]
    NoSuchKey,
    /// No session of the user has this id.
    #[error("no such session")]
    NoSuchSession,
    /// The identity is another user's.
    #[error("that identity belongs to another user")]
    IdentityTaken,
    /// The user has no such identity.
    #[error("no such identity")]
    NoSuchIdentity,
    /// The user would have no way left to log in.
    #[error("the user has no password and no other identity")]
    LastWayIn,
    /// A key was to get a scope that its owner does not hold, or whoever makes it may not give.
    #[error("the scope `{0}` is not the owner's, or not that of the token that makes the key")]
    KeyScope(ScopeName),
    /// The user has as many keys as a user may have.
    #[error("the user has too many API keys: revoke some first")]
    TooManyKeys,
    /// The id is taken.
    #[error("a client with that id already exists")]
    ClientExists,
    /// No client has this id.
    #[error("no such client")]
    NoSuchClient,
    /// What would be registered is not valid.
    #[error("{0}")]
    BadClient(ClientFault),
    /// A client has or would get a scope that whoever changes it does not hold.
    #[error("the scope `{0}` is not that of the token that changes the client")]
    ClientScope(ScopeName),
    /// The database has as many clients as it may have.
    #[error("there are too many clients: delete some first")]
    TooManyClients,
    /// The database does not respond or is unusable: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RepositoryError {
    /// Whether the log already has the cause, as the beginning of an outage.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        matches!(self, Self::Unavailable(cause) if cause.is::<Away>())
    }
}

/// The database is known to be unreachable.
#[derive(Debug, Error)]
#[error("{}", .0.as_ref().map_or_else(|| "it is known to be away".to_owned(), ToString::to_string))]
pub struct Away(
    /// The cause, if a connection was tried at all.
    pub Option<Box<dyn std::error::Error + Send + Sync>>,
);

/// How many look-ups of a user were served from memory, and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Served from memory.
    pub hits: u64,
    /// Read from the database.
    pub misses: u64,
}

/// The state of a repository, for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Users in memory.
    pub cached: usize,
    /// Users evicted so far to make room for others.
    pub evicted: u64,
    /// Whether the database responded to the watcher; `None` before its first look.
    pub answers: Option<bool>,
    /// The connections to the database.
    pub pools: Vec<PoolUse>,
}

/// How the connections of a pool are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// What it is for.
    pub name: &'static str,
    /// The most connections it may have.
    pub most: u32,
    /// Connections in use.
    pub in_use: u32,
    /// Operations waiting for one.
    pub waiting: u32,
}

/// A repository of users. Every change is atomic, and durable once acknowledged.
///
/// `keep` names a scope that an enabled user must hold: a change that would take it from its last
/// enabled holder is refused with [`RepositoryError::LastHolder`], decided in the transaction of
/// the change.
///
/// `actor` is the author of a change over HTTP; the same transaction refuses one that may no longer
/// make it with [`RepositoryError::Denied`]. Commands have none: whoever can run them owns the
/// database.
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// The user with this name; absence is `None`, not an error.
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError>;

    /// The user with this name, if a result as good as [`UserRepository::find`]'s is at hand;
    /// `None` means nothing. Neither waits nor allocates.
    fn find_in_memory(&self, username: &str) -> Option<Arc<User>> {
        let _ = username;
        None
    }

    /// The user with this id, whatever its name; `name` is the last one the caller knows. The
    /// default is for repositories whose users keep their names.
    async fn find_by_id(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        Ok(self.find(name).await?.filter(|user| user.id == id))
    }

    /// The same as stored now, whatever is in memory.
    async fn find_now(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        self.find_by_id(id, name).await
    }

    /// The only user whose name differs from this one just in case, if case is ignored
    /// (`users.case_insensitive`); otherwise `None`.
    async fn find_folded(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let _ = username;
        Ok(None)
    }

    /// A page of users in the order of their names.
    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError>;

    /// Whether there is any user at all.
    async fn is_empty(&self) -> Result<bool, RepositoryError>;

    /// Creates a user.
    async fn create(
        &self,
        user: NewUser,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError>;

    /// Changes a user and returns it as changed.
    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError>;

    /// Deletes a user.
    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError>;

    /// Starts creating many users; other writers may have to wait until it is committed or dropped.
    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError>;

    /// Returns once the database responds: for readiness.
    async fn ping(&self) -> Result<(), RepositoryError> {
        self.is_empty().await.map(drop)
    }

    /// This process is about to end: gives back the database connections that it does not use. It
    /// may still send queries.
    fn give_back(&self) {}

    /// How [`UserRepository::find`] got its results so far; zero without a cache.
    fn lookups(&self) -> Lookups {
        Lookups::default()
    }

    /// The current state; empty for a repository in memory.
    fn health(&self) -> StoreHealth {
        StoreHealth::default()
    }
}

/// A user that was not created: what is taken, and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The name.
    Name(Username),
    /// The e-mail address.
    Email(Username),
}

/// Creates many users in one transaction; dropped without a commit, it leaves nothing behind.
#[async_trait]
pub trait UserImport: Send {
    /// Creates these users, except those whose name or address is taken; returns the latter.
    async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Taken>, RepositoryError>;

    /// Makes them all visible and durable.
    async fn commit(self: Box<Self>) -> Result<(), RepositoryError>;
}
