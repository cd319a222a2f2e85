//! How users are changed, the same in every database; each brings its statements.

use crate::domain::{RepositoryError, ScopeName, Timestamp, User, UserChange, Username};
use crate::storage::error::unavailable;
use crate::storage::row::{apply, holds};
use async_trait::async_trait;
use futures_util::future::BoxFuture;

/// The statements of one database, in a transaction that the caller begins and commits.
#[async_trait]
pub(super) trait Statements: Send {
    /// The user, whom nobody else can write until the transaction ends.
    async fn lock(&mut self, username: &Username) -> Result<Option<User>, sqlx::Error>;

    /// Creates the users whose names are free and returns the other names.
    async fn insert(&mut self, users: Vec<User>) -> Result<Vec<Username>, sqlx::Error>;

    /// Writes what has changed of a user.
    async fn write(&mut self, before: &User, after: &User) -> Result<(), sqlx::Error>;

    /// Deletes the user.
    async fn remove(&mut self, username: &Username) -> Result<(), sqlx::Error>;

    /// Whether an enabled user other than this one holds the scope. Users who leave together ask one
    /// after the other.
    async fn has_another_holder(
        &mut self,
        username: &Username,
        scope: &ScopeName,
    ) -> Result<bool, sqlx::Error>;
}

/// A change under way, in a transaction that the caller begins and commits.
type Made<'c, T> = BoxFuture<'c, Result<T, RepositoryError>>;

/// See [`crate::domain::UserRepository::create`].
pub(super) fn create<C: Statements>(
    user: User,
) -> impl for<'c> FnOnce(&'c mut C) -> Made<'c, User> + Send + 'static {
    move |database| {
        Box::pin(async move {
            let taken = database.insert(vec![user.clone()]).await.map_err(unavailable)?;
            if taken.is_empty() { Ok(user) } else { Err(RepositoryError::Exists) }
        })
    }
}

/// See [`crate::domain::UserRepository::update`].
pub(super) fn update<C: Statements>(
    username: &Username,
    change: UserChange,
    keep: Option<&ScopeName>,
    now: Timestamp,
) -> impl for<'c> FnOnce(&'c mut C) -> Made<'c, User> + Send + 'static + use<C> {
    let (username, keep) = (username.clone(), keep.cloned());
    move |database| {
        Box::pin(async move {
            let before = lock(database, &username).await?;
            if change.expected_hash.is_some_and(|hash| hash != before.password_hash) {
                return Err(RepositoryError::NotFound);
            }
            let after = apply(&before, change, now);
            if let Some(keep) = keep
                && holds(&before, &keep)
                && !holds(&after, &keep)
            {
                require_another_holder(database, &username, &keep).await?;
            }
            database.write(&before, &after).await.map_err(unavailable)?;
            Ok(after)
        })
    }
}

/// See [`crate::domain::UserRepository::delete`].
pub(super) fn delete<C: Statements>(
    username: &Username,
    keep: Option<&ScopeName>,
) -> impl for<'c> FnOnce(&'c mut C) -> Made<'c, ()> + Send + 'static + use<C> {
    let (username, keep) = (username.clone(), keep.cloned());
    move |database| {
        Box::pin(async move {
            let before = lock(database, &username).await?;
            if let Some(keep) = keep
                && holds(&before, &keep)
            {
                require_another_holder(database, &username, &keep).await?;
            }
            database.remove(&username).await.map_err(unavailable)
        })
    }
}

async fn lock(
    database: &mut impl Statements,
    username: &Username,
) -> Result<User, RepositoryError> {
    database.lock(username).await.map_err(unavailable)?.ok_or(RepositoryError::NotFound)
}

async fn require_another_holder(
    database: &mut impl Statements,
    username: &Username,
    scope: &ScopeName,
) -> Result<(), RepositoryError> {
    if database.has_another_holder(username, scope).await.map_err(unavailable)? {
        Ok(())
    } else {
        Err(RepositoryError::LastHolder(scope.clone()))
    }
}
