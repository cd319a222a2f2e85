//! How users are changed, the same in every database; each brings its statements.

use crate::domain::{Actor, RepositoryError, ScopeName, Timestamp, User, UserChange, Username};
use crate::settings::UserSettings;
use crate::storage::error::{exists_or_unavailable, unavailable};
use crate::storage::row::{apply, holds};
use crate::storage::unique::{refuse_email, refuse_name, refuse_taken, renew_taken_ids};
use crate::storage::writing::Statements;
use futures_util::future::BoxFuture;

/// A change under way, in a transaction that the caller begins and commits.
type Made<'c, T> = BoxFuture<'c, Result<T, RepositoryError>>;

/// See [`crate::domain::UserRepository::create`].
pub(super) fn create<C: Statements>(
    user: User,
    actor: Option<&Actor>,
    unique: UserSettings,
) -> impl for<'c> FnOnce(&'c mut C) -> Made<'c, User> + Send + 'static + use<C> {
    let actor = actor.cloned();
    move |database| {
        Box::pin(async move {
            if let Some(actor) = actor {
                admit(database, None, Some(&actor)).await?;
            }
            refuse_taken(database, unique, &user).await?;
            let mut users = vec![user];
            renew_taken_ids(database, &mut users).await?;
            let taken = database.insert(users.clone()).await.map_err(unavailable)?;
            users.pop().filter(|_| taken.is_empty()).ok_or(RepositoryError::Exists)
        })
    }
}

/// See [`crate::domain::UserRepository::update`].
pub(super) fn update<C: Statements>(
    username: &Username,
    change: UserChange,
    keep: Option<&ScopeName>,
    actor: Option<&Actor>,
    unique: UserSettings,
    now: Timestamp,
) -> impl for<'c> FnOnce(&'c mut C) -> Made<'c, User> + Send + 'static + use<C> {
    let (username, keep, actor) = (username.clone(), keep.cloned(), actor.cloned());
    move |database| {
        Box::pin(async move {
            let before = admit(database, Some(&username), actor.as_ref()).await?;
            let before = before.ok_or(RepositoryError::NotFound)?;
            let replaces_blindly = change.password_hash.is_some() && change.expected_hash.is_none();
            if replaces_blindly && actor.is_some_and(|actor| actor.id == before.id) {
                return Err(RepositoryError::OwnPassword);
            }
            if change.expected_hash.as_ref().is_some_and(|hash| *hash != before.password_hash) {
                return Err(RepositoryError::NotFound);
            }
            let after = apply(&before, change, now);
            refuse_name(database, unique, (&before, &after)).await?;
            refuse_email(database, unique, (&before, &after)).await?;
            if let Some(keep) = keep
                && holds(&before, &keep)
                && !holds(&after, &keep)
            {
                require_another_holder(database, &username, &keep).await?;
            }
            if after.username == before.username {
                database.write(&before, &after).await.map_err(unavailable)?;
                return Ok(after);
            }
            let renamed = database.rename(&username, &after.username).await;
            renamed.map_err(exists_or_unavailable)?;
            database.write(&before, &after).await.map_err(unavailable)?;
            // Others may have had the name.
            admit(database, Some(&after.username), None).await?.ok_or(RepositoryError::NotFound)
        })
    }
}

/// See [`crate::domain::UserRepository::delete`].
pub(super) fn delete<C: Statements>(
    username: &Username,
    keep: Option<&ScopeName>,
    actor: Option<&Actor>,
) -> impl for<'c> FnOnce(&'c mut C) -> Made<'c, ()> + Send + 'static + use<C> {
    let (username, keep, actor) = (username.clone(), keep.cloned(), actor.cloned());
    move |database| {
        Box::pin(async move {
            let before = admit(database, Some(&username), actor.as_ref()).await?;
            let before = before.ok_or(RepositoryError::NotFound)?;
            if let Some(keep) = keep
                && holds(&before, &keep)
            {
                require_another_holder(database, &username, &keep).await?;
            }
            database.remove(&username).await.map_err(unavailable)
        })
    }
}

/// Locks the user who is to be changed together with the actor, and lets the actor in.
async fn admit(
    database: &mut impl Statements,
    target: Option<&Username>,
    actor: Option<&Actor>,
) -> Result<Option<User>, RepositoryError> {
    let locked = database.lock(target, actor.map(|actor| actor.id)).await.map_err(unavailable)?;
    if let Some(actor) = actor {
        let now = locked.iter().find(|user| user.id == actor.id);
        actor.check(now).map_err(RepositoryError::Denied)?;
    }
    Ok(locked.into_iter().find(|user| target == Some(&user.username)))
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
