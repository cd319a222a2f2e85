//! What a store of users must offer; `storage` implements it for each database.

use crate::domain::actor::{Actor, Denied};
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
    /// Renames: the user stays who it is, and the old name is free.
    pub username: Option<Username>,
    /// `Some(None)` removes the address.
    pub email: Option<Option<String>>,
    /// `Some(None)` removes the name.
    pub full_name: Option<Option<String>>,
    /// Disables or enables.
    pub disabled: Option<bool>,
    /// Replaces the hash.
    pub password_hash: Option<PasswordHash>,
    /// Replaces the hash only while the stored one is still this: a rehash must not undo a change
    /// of password that came between.
    pub expected_hash: Option<PasswordHash>,
    /// Replaces all scopes.
    pub scopes: Option<Scopes>,
}

/// A page of users in the order of their names (by bytes): keyset pagination.
#[derive(Clone, Debug)]
pub struct Page {
    /// The last name of the page before; `None` for the first page.
    pub after: Option<Username>,
    /// How many at most.
    pub limit: u32,
}

/// Why the store did not do it.
#[derive(Debug, Error)]
pub enum RepositoryError {
    /// There is a user of that name already.
    #[error("a user with that name already exists")]
    Exists,
    /// The e-mail address is another user's, and may be one user's only.
    #[error("the e-mail address belongs to another user")]
    EmailExists,
    /// No user of that name (or none whose hash is the expected one).
    #[error("no such user")]
    NotFound,
    /// The actor may not make the change any more.
    #[error("{0}")]
    Denied(Denied),
    /// Actors may replace their own password only with the old one: with [`UserChange::expected_hash`].
    #[error("changing one's own password requires the old one")]
    OwnPassword,
    /// Nobody enabled would hold the scope that must stay held.
    #[error("the user is the last enabled one with the scope `{0}`")]
    LastHolder(ScopeName),
    /// The database does not answer or is not usable: try again later.
    #[error("the database is unavailable: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl RepositoryError {
    /// Whether the log has the cause already, as the beginning of an outage.
    #[must_use]
    pub fn is_logged(&self) -> bool {
        matches!(self, Self::Unavailable(cause) if cause.is::<Away>())
    }
}

/// The database is known to be away.
#[derive(Debug, Error)]
#[error("{}", .0.as_ref().map_or_else(|| "it is known to be away".to_owned(), ToString::to_string))]
pub struct Away(
    /// The cause, if it was tried at all.
    pub Option<Box<dyn std::error::Error + Send + Sync>>,
);

/// How many lookups of a user were answered from memory, and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Answered from memory.
    pub hits: u64,
    /// The database was asked.
    pub misses: u64,
}

/// How a store is, for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreHealth {
    /// Users in memory.
    pub cached: usize,
    /// Users that were forgotten so far to make room for others.
    pub evicted: u64,
    /// Whether the database has answered whoever watches it; nothing where nobody has asked yet.
    pub answers: Option<bool>,
    /// The connections to the database.
    pub pools: Vec<PoolUse>,
}

/// How the connections of a pool are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolUse {
    /// What it is for.
    pub name: &'static str,
    /// Connections that it may have.
    pub most: u32,
    /// Connections that are at work.
    pub in_use: u32,
    /// Those who wait for one.
    pub waiting: u32,
}

/// A store of users. Every change is atomic and durable once it is acknowledged.
///
/// `keep` names a scope that must stay held by an enabled user: a change that would take it from
/// its last enabled holder is refused with [`RepositoryError::LastHolder`], decided in the same
/// transaction as the change.
///
/// `actor` is who makes a change over HTTP; the same transaction refuses one that may not any more
/// with [`RepositoryError::Denied`]. Commands have none: whoever can run them owns the database.
#[async_trait]
pub trait UserRepository: Send + Sync {
    /// The user of that name; absence is `None`, not an error.
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError>;

    /// The user of that name if an answer is at hand that is as good as [`UserRepository::find`]'s;
    /// `None` says nothing. Costs neither a wait nor memory.
    fn find_in_memory(&self, username: &str) -> Option<Arc<User>> {
        let _ = username;
        None
    }

    /// The user of that id, whatever its name; `name` is the last one that the caller knows of. The
    /// default is for stores whose users keep their names.
    async fn find_by_id(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        Ok(self.find(name).await?.filter(|user| user.id == id))
    }

    /// The only user whose name differs from this one in nothing but case, where that is
    /// overlooked (`users.case_insensitive`); otherwise nobody.
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

    /// Changes a user and returns it as it is then.
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

    /// Begins to create many users; others who write may have to wait until it is committed or
    /// dropped.
    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError>;

    /// Answers once the database does: for readiness.
    async fn ping(&self) -> Result<(), RepositoryError> {
        self.is_empty().await.map(drop)
    }

    /// This process is about to go: from now on it gives back what it holds of the database and does
    /// not use. It may still ask.
    fn give_back(&self) {}

    /// How [`UserRepository::find`] came to its answers so far; zero for a store without a cache.
    fn lookups(&self) -> Lookups {
        Lookups::default()
    }

    /// How it is now; nothing for a store in memory.
    fn health(&self) -> StoreHealth {
        StoreHealth::default()
    }
}

/// A user who was not created: what is taken, and the name that was to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// The name.
    Name(Username),
    /// The e-mail address.
    Email(Username),
}

/// Many users created in one transaction; dropped without a commit it leaves nothing behind.
#[async_trait]
pub trait UserImport: Send {
    /// Creates these users, except those whose name or address is taken; returns these.
    async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Taken>, RepositoryError>;

    /// Makes them all visible and durable.
    async fn commit(self: Box<Self>) -> Result<(), RepositoryError>;
}
