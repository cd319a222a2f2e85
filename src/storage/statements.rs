//! The statements on users, for both databases.

use crate::domain::{Page, ScopeName, Timestamp, User, UserId, Username};
use crate::storage::database::{Connection, sql};
use crate::storage::row::{changed_hash, folded, rows, scopes};
use serde_json::{Value, json};
use std::collections::HashSet;

/// A statement that reads users, with what follows `FROM users`.
macro_rules! select_users {
    ($which:literal) => {
        concat!(
            "SELECT username, id, email, full_name, disabled, password_hash, created_at, updated_at,
                 epoch, signed_out_at,
                 (SELECT string_agg(scope, ' ' ORDER BY position) FROM user_scopes
                  WHERE user_scopes.username = users.username) AS scopes,
                 EXISTS (SELECT 1 FROM former_names WHERE name = username AND former_names.id <> users.id)
                     AS has_predecessor
             FROM users ",
            $which
        )
    };
}

/// The user of this name.
pub(super) async fn find(
    database: &mut Connection<'_>,
    username: &Username,
) -> Result<Option<User>, sqlx::Error> {
    let find = select_users!("WHERE username = $1");
    database.query(find).bind(username.as_str()).optional().await
}

/// The user of this id.
pub(super) async fn find_by_id(
    database: &mut Connection<'_>,
    id: UserId,
) -> Result<Option<User>, sqlx::Error> {
    database.query(select_users!("WHERE id = $1")).bind(id.0).optional().await
}

/// The only user whose address in lower case is this one.
pub(super) async fn find_by_email(
    database: &mut Connection<'_>,
    email: &str,
) -> Result<Option<User>, sqlx::Error> {
    let find = sql!(
        "SELECT username FROM users WHERE " [lower "email"] " = $1 ORDER BY username LIMIT 2"
    );
    let mut names: Vec<String> = database.query(find).bind(email).scalars().await?;
    let Some(name) = names.pop().filter(|_| names.is_empty()) else { return Ok(None) };
    database.query(select_users!("WHERE username = $1")).bind(name).optional().await
}

/// The only user whose folded name is this one.
pub(super) async fn find_folded(
    database: &mut Connection<'_>,
    folded: &str,
) -> Result<Option<User>, sqlx::Error> {
    // More than two are treated as two.
    let find = select_users!(
        "WHERE username = $1 OR username IN (SELECT username FROM folded_names WHERE folded = $1)
         ORDER BY username LIMIT 2"
    );
    let mut users = database.query(find).bind(folded).all().await?;
    Ok(users.pop().filter(|_| users.is_empty()))
}

/// A page of users in the order of their names.
pub(super) async fn list(
    database: &mut Connection<'_>,
    page: &Page,
) -> Result<Vec<User>, sqlx::Error> {
    // No name is empty, so the empty text sorts before all.
    let after = page.after.as_ref().map_or("", Username::as_str);
    let list = select_users!("WHERE username > $1 ORDER BY username LIMIT $2");
    database.query(list).bind(after).bind(i64::from(page.limit)).all().await
}

/// Whether there are no users.
pub(super) async fn is_empty(database: &mut Connection<'_>) -> Result<bool, sqlx::Error> {
    database.query("SELECT NOT EXISTS (SELECT 1 FROM users)").scalar().await
}

/// How many users there are.
pub(super) async fn count(database: &mut Connection<'_>) -> Result<u64, sqlx::Error> {
    let count: i64 = database.query("SELECT count(*) FROM users").scalar().await?;
    Ok(count.unsigned_abs())
}

/// Locks up to two users until the transaction ends, and returns those that exist: the user to
/// change, and the actor, which only must stay as it is. Everyone locks in the order of the ids, so
/// there is no deadlock.
///
/// Locks, then reads: one statement for both would join the new row with the scopes from before the
/// wait. A row that replaced a deleted one meanwhile is not locked, and not one of those asked for.
///
/// Actors share their rows: while an administrator's write waits for a user's row, the same
/// administrator can write to others.
pub(super) async fn lock(
    database: &mut Connection<'_>,
    target: Option<&Username>,
    actor: Option<UserId>,
) -> Result<Vec<User>, sqlx::Error> {
    let alone = sql!("SELECT id FROM users WHERE id = $1" [for update]);
    let shared = sql!("SELECT id FROM users WHERE id = $1" [for share]);
    let (name, actor) = (target.map(Username::as_str), actor.map(|actor| actor.0));
    let called = database.query("SELECT id FROM users WHERE username = $1").bind(name);
    let target: Option<i64> = called.scalars().await?.pop();
    let actors = actor.filter(|actor| target != Some(*actor)).map(|id| (id, shared));
    let mut rows: Vec<_> = target.map(|id| (id, alone)).into_iter().chain(actors).collect();
    rows.sort_unstable_by_key(|(id, _)| *id);
    let mut locked = Vec::new();
    for (id, lock) in rows {
        locked.extend(database.query(lock).bind(id).scalars::<i64>().await?);
    }
    let find = select_users!("WHERE username = $1 OR id = $2");
    let mut users: Vec<User> = database.query(find).bind(name).bind(actor).all().await?;
    users.retain(|user| locked.contains(&user.id.0));
    Ok(users)
}

/// Keeps others from adding names and addresses until the transaction ends. Taken after users' rows
/// and before everything else, so there is no deadlock.
pub(super) async fn lock_unique(database: &mut Connection<'_>) -> Result<(), sqlx::Error> {
    database.lock("bailiwick unique").await
}

/// Those of these folded names that are taken.
pub(super) async fn taken_names(
    database: &mut Connection<'_>,
    folded: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    let taken = sql!(
        "SELECT value FROM " [texts "$1"]
        " WHERE EXISTS (SELECT 1 FROM users WHERE username = value)
             OR EXISTS (SELECT 1 FROM folded_names WHERE folded = value)"
    );
    database.query(taken).bind(json!(folded).to_string()).scalars().await
}

/// Those of these lower-case addresses that are taken.
pub(super) async fn taken_emails(
    database: &mut Connection<'_>,
    emails: &[String],
) -> Result<Vec<String>, sqlx::Error> {
    let taken = sql!(
        "SELECT value FROM " [texts "$1"]
        " WHERE EXISTS (SELECT 1 FROM users WHERE " [lower "email"] " = value)"
    );
    database.query(taken).bind(json!(emails).to_string()).scalars().await
}

/// Those of these ids that are taken.
pub(super) async fn taken_ids(
    database: &mut Connection<'_>,
    ids: &[UserId],
) -> Result<Vec<i64>, sqlx::Error> {
    let taken = sql!("SELECT id FROM users WHERE id " [among "$1"]);
    database.query(taken).bind(json!(ids).to_string()).scalars().await
}

/// Creates the users whose names are free and returns the other names. One or a million: a
/// statement per row would cost a round trip each, several times what a database needs for the row.
pub(super) async fn insert(
    database: &mut Connection<'_>,
    users: Vec<User>,
) -> Result<Vec<Username>, sqlx::Error> {
    let insert = sql!(
        "INSERT INTO users
             (username, id, email, full_name, disabled, password_hash, created_at, updated_at, epoch,
              signed_out_at)
         SELECT value ->> 'username', CAST(value ->> 'id' AS bigint), value ->> 'email',
             value ->> 'full_name', CAST(value ->> 'disabled' AS boolean), value ->> 'password_hash',
             CAST(value ->> 'created_at' AS bigint), CAST(value ->> 'updated_at' AS bigint),
             CAST(value ->> 'epoch' AS bigint), CAST(value ->> 'signed_out_at' AS bigint)
         FROM " [records "$1"] " WHERE true
         ON CONFLICT DO NOTHING
         RETURNING username"
    );
    let names: Vec<String> = database.query(insert).bind(rows(&users)).scalars().await?;
    let mut names: HashSet<String> = names.into_iter().collect();
    let (created, taken): (Vec<User>, Vec<User>) =
        users.into_iter().partition(|user| names.remove(user.username.as_str()));
    let folded = created
        .iter()
        .filter_map(|user| Some(json!([user.username.as_str(), folded(&user.username)?])));
    insert_folded(database, folded.collect()).await?;
    insert_scopes(database, created.iter().flat_map(scopes).collect()).await?;
    Ok(taken.into_iter().map(|user| user.username).collect())
}

/// Inserts names with their folded forms, except those whose users have gone meanwhile.
pub(super) async fn insert_folded(
    database: &mut Connection<'_>,
    names: Vec<Value>,
) -> Result<(), sqlx::Error> {
    if names.is_empty() {
        return Ok(());
    }
    let insert = sql!(
        "INSERT INTO folded_names (username, folded)
         SELECT value ->> 0, value ->> 1 FROM " [records "$1"]
        " WHERE EXISTS (SELECT 1 FROM users WHERE username = value ->> 0)
         ON CONFLICT (username) DO UPDATE SET folded = excluded.folded"
    );
    database.query(insert).bind(json!(names).to_string()).execute().await
}

async fn insert_scopes(
    database: &mut Connection<'_>,
    scopes: Vec<Value>,
) -> Result<(), sqlx::Error> {
    let insert = sql!(
        "INSERT INTO user_scopes (username, position, scope)
         SELECT value ->> 0, CAST(value ->> 1 AS integer), value ->> 2 FROM " [records "$1"]
    );
    database.query(insert).bind(json!(scopes).to_string()).execute().await
}

/// Renames a user; the new name must be free, and the scopes follow.
pub(super) async fn rename(
    database: &mut Connection<'_>,
    from: &Username,
    to: &Username,
) -> Result<(), sqlx::Error> {
    let rename = "UPDATE users SET username = $2 WHERE username = $1";
    database.query(rename).bind(from.as_str()).bind(to.as_str()).execute().await?;
    let unfold = "DELETE FROM folded_names WHERE username = $1";
    database.query(unfold).bind(to.as_str()).execute().await?;
    let folded = folded(to).map(|folded| json!([to.as_str(), folded]));
    insert_folded(database, folded.into_iter().collect()).await
}

/// Writes a user's changes; the user already has its new name. A hash that stays is kept as stored,
/// even if it cannot be read here. When a user's tokens end is for the database's clock to say: that
/// is the same for all servers.
pub(super) async fn write(
    database: &mut Connection<'_>,
    before: &User,
    after: &mut User,
) -> Result<(), sqlx::Error> {
    let update = sql!(
        "UPDATE users SET email = $2, full_name = $3, disabled = $4,
             password_hash = coalesce($5, password_hash), updated_at = $6, epoch = $7,
             signed_out_at = CASE WHEN epoch = $7 THEN signed_out_at
                 ELSE " [milliseconds] " / 1000 END
         WHERE username = $1
         RETURNING signed_out_at"
    );
    let username = after.username.as_str();
    let update = database.query(update).bind(username).bind(after.email.as_deref());
    let update = update.bind(after.full_name.as_deref()).bind(after.disabled);
    let update = update.bind(changed_hash(before, after)).bind(after.updated_at.seconds());
    let (signed_out_at,): (Option<i64>,) = update.bind(after.epoch).one().await?;
    after.signed_out_at = signed_out_at.map(Timestamp);
    let username = after.username.as_str();
    if before.scopes == after.scopes {
        return Ok(());
    }
    let delete = "DELETE FROM user_scopes WHERE username = $1";
    database.query(delete).bind(username).execute().await?;
    insert_scopes(database, scopes(after).collect()).await
}

/// Deletes the user, with its scopes, its API keys, its identities, its refresh tokens, what it allowed clients, and the
/// places where it has logged in.
pub(super) async fn remove(database: &mut Connection<'_>, user: &User) -> Result<(), sqlx::Error> {
    let delete = "DELETE FROM users WHERE username = $1";
    database.query(delete).bind(user.username.as_str()).execute().await?;
    for delete in [
        "DELETE FROM known WHERE user_id = $1",
        "DELETE FROM last_logins WHERE user_id = $1",
        "DELETE FROM api_keys WHERE user_id = $1",
        "DELETE FROM refresh_families WHERE user_id = $1",
        "DELETE FROM consents WHERE user_id = $1",
        "DELETE FROM identities WHERE user_id = $1",
    ] {
        database.query(delete).bind(user.id.0).execute().await?;
    }
    Ok(())
}

/// Whether an enabled user other than this one holds the scope. Users that leave at the same time
/// check one after the other: the next one sees that this one is gone. No transaction waits for a
/// user's row while holding the lock, so there is no deadlock.
pub(super) async fn has_another_holder(
    database: &mut Connection<'_>,
    username: &Username,
    scope: &ScopeName,
) -> Result<bool, sqlx::Error> {
    database.lock_one("bailiwick holders", scope.as_str()).await?;
    let holder = "SELECT EXISTS (SELECT 1 FROM user_scopes JOIN users USING (username)
         WHERE scope = $1 AND username <> $2 AND NOT disabled)";
    database.query(holder).bind(scope.as_str()).bind(username.as_str()).scalar().await
}
