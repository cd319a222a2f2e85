//! The versions of the schema in PostgreSQL, applied in order under an advisory lock.

use crate::storage::Missing;
use crate::storage::migrations::{SetUpError, applied, known, migrator};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

const TEXTS: [(&str, &str); 4] = [
    ("users", include_str!("migrations/0001_users.sql")),
    ("user ids", include_str!("migrations/0002_user_ids.sql")),
    ("users inserted", include_str!("migrations/0003_users_inserted.sql")),
    ("folded names", include_str!("migrations/0004_folded_names.sql")),
];

/// The lock that replicas take while they migrate: the bytes of `bailiwic`.
const LOCK: i64 = i64::from_be_bytes(*b"bailiwic");

/// Applies what is missing: all of it or, on any error, nothing.
///
/// A database that is up to date is only read. Replicas that start together wait for the first and
/// then find everything done.
pub(super) async fn run(connection: &mut PgConnection, missing: Missing) -> Result<(), SetUpError> {
    let migrator = migrator(&TEXTS);
    if is_recorded(connection).await? {
        if applied(connection).await? == known(&migrator) {
            return Ok(());
        }
    } else if missing == Missing::Refuse {
        return Err(SetUpError::Absent);
    }
    // Of the session, until it ends: a transaction that waited for the lock would not see for sure
    // which tables are there now.
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut *connection).await?;
    let mut transaction = connection.begin().await?;
    if !is_recorded(&mut transaction).await? && is_foreign(&mut transaction).await? {
        return Err(SetUpError::Foreign);
    }
    migrator.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

async fn is_recorded(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(connection)
        .await
}

async fn is_foreign(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('users') IS NOT NULL").fetch_one(connection).await
}
