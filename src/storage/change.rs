//! Changes of users, the same in both databases.

use crate::domain::{Actor, RepositoryError, ScopeName, Timestamp, User, UserChange, Username};
use crate::settings::UserSettings;
use crate::storage::admission::admit;
use crate::storage::database::Connection;
use crate::storage::error::exists_or_unavailable;
use crate::storage::row::{apply, holds};
use crate::storage::statements;
use crate::storage::unique::{refuse_email, refuse_name, refuse_taken, renew_taken_ids};
use futures_util::future::BoxFuture;

/// A change in progress, in a transaction that the caller begins and commits.
type Made<'c, T> = BoxFuture<'c, Result<T, RepositoryError>>;

/// See [`crate::domain::UserRepository::create`].
pub(super) fn create(
    user: User,
    actor: Option<&Actor>,
    unique: UserSettings,
) -> impl for<'c> FnOnce(Connection<'c>) -> Made<'c, User> + Send + 'static + use<> {
    let actor = actor.cloned();
    move |mut database| {
        Box::pin(async move {
            if let Some(actor) = actor {
                admit(&mut database, None, Some(&actor)).await?;
            }
            refuse_taken(&mut database, unique, &user).await?;
            let mut users = vec![user];
            renew_taken_ids(&mut database, &mut users).await?;
            let taken = statements::insert(&mut database, users.clone()).await?;
            users.pop().filter(|_| taken.is_empty()).ok_or(RepositoryError::Exists)
        })
    }
}

/// See [`crate::domain::UserRepository::update`].
pub(super) fn update(
    username: &Username,
    change: UserChange,
    keep: Option<&ScopeName>,
    actor: Option<&Actor>,
    unique: UserSettings,
    now: Timestamp,
) -> impl for<'c> FnOnce(Connection<'c>) -> Made<'c, User> + Send + 'static + use<> {
    let (username, keep, actor) = (username.clone(), keep.cloned(), actor.cloned());
    move |mut database| {
        Box::pin(async move {
            let before = admit(&mut database, Some(&username), actor.as_ref()).await?.target;
            let before = before.ok_or(RepositoryError::NotFound)?;
            let replaces_blindly = change.password_hash.is_some() && change.expected_hash.is_none();
            if replaces_blindly && actor.is_some_and(|actor| actor.id == before.id) {
                return Err(RepositoryError::OwnPassword);
            }
            if change.expected_hash.as_ref().is_some_and(|hash| *hash != before.password_hash) {
                return Err(RepositoryError::NotFound);
            }
            let mut after = apply(&before, change, now);
            refuse_name(&mut database, unique, (&before, &after)).await?;
            refuse_email(&mut database, unique, (&before, &after)).await?;
            if let Some(keep) = keep
                && holds(&before, &keep)
                && !holds(&after, &keep)
            {
                require_another_holder(&mut database, &username, &keep).await?;
            }
            if after.username == before.username {
                statements::write(&mut database, &before, &mut after).await?;
                return Ok(after);
            }
            let renamed = statements::rename(&mut database, &username, &after.username).await;
            renamed.map_err(exists_or_unavailable)?;
            statements::write(&mut database, &before, &mut after).await?;
            // Other users may have had the name.
            let after = admit(&mut database, Some(&after.username), None).await?.target;
            after.ok_or(RepositoryError::NotFound)
        })
    }
}

/// See [`crate::domain::UserRepository::delete`].
pub(super) fn delete(
    username: &Username,
    keep: Option<&ScopeName>,
    actor: Option<&Actor>,
) -> impl for<'c> FnOnce(Connection<'c>) -> Made<'c, ()> + Send + 'static + use<> {
    let (username, keep, actor) = (username.clone(), keep.cloned(), actor.cloned());
    move |mut database| {
        Box::pin(async move {
            let before = admit(&mut database, Some(&username), actor.as_ref()).await?.target;
            let before = before.ok_or(RepositoryError::NotFound)?;
            if let Some(keep) = keep
                && holds(&before, &keep)
            {
                require_another_holder(&mut database, &username, &keep).await?;
            }
            Ok(statements::remove(&mut database, &before).await?)
        })
    }
}

async fn require_another_holder(
    database: &mut Connection<'_>,
    username: &Username,
    scope: &ScopeName,
) -> Result<(), RepositoryError> {
    if statements::has_another_holder(database, username, scope).await? {
        Ok(())
    } else {
        Err(RepositoryError::LastHolder(scope.clone()))
    }
}
