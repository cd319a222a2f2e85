//! Admits the author of a change, in the transaction that makes it.

use crate::domain::{Actor, Denied, RepositoryError, User, Username};
use crate::storage::database::{Connection, sql};
use crate::storage::statements::lock;

/// Whom a change concerns, as locked until its transaction ends.
pub(super) struct Admitted {
    /// The user to change, if there is one.
    pub(super) target: Option<User>,
    /// The author, unless it is a command.
    pub(super) actor: Option<User>,
}

/// Locks the user to change together with the actor, and admits the actor.
pub(super) async fn admit(
    database: &mut Connection<'_>,
    target: Option<&Username>,
    actor: Option<&Actor>,
) -> Result<Admitted, RepositoryError> {
    let locked = lock(database, target, actor.map(|actor| actor.id)).await?;
    let target = locked.iter().find(|user| target == Some(&user.username)).cloned();
    let Some(actor) = actor else { return Ok(Admitted { target, actor: None }) };
    let now = locked.into_iter().find(|user| user.id == actor.id);
    actor.check(now.as_ref()).map_err(RepositoryError::Denied)?;
    if let Some(key) = actor.key {
        // After the users' rows, as whoever revokes it does: no deadlock.
        let key_there = sql!("SELECT 1 FROM api_keys WHERE id = $1" [for share]);
        let found = database.query(key_there).bind(key.as_str()).scalars::<i32>().await?;
        if found.is_empty() {
            return Err(RepositoryError::Denied(Denied::Revoked));
        }
    }
    Ok(Admitted { target, actor: now })
}
