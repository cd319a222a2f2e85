//! The versions of the schema, embedded, applied in order and recorded with their checksums.

use crate::storage::migrations::{SetUpError, TABLE, applied, known, migrator};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

const TEXTS: [(&str, &str); 4] = [
    ("users", include_str!("migrations/0001_users.sql")),
    ("user ids", include_str!("migrations/0002_user_ids.sql")),
    ("users inserted", include_str!("migrations/0003_users_inserted.sql")),
    ("folded names", include_str!("migrations/0004_folded_names.sql")),
];

/// Applies what is missing: all of it or, on any error, nothing.
///
/// A database that is up to date is only read, so that a program starts while another one writes.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), SetUpError> {
    let migrator = migrator(&TEXTS);
    if !is_recorded(connection).await? {
        refuse_foreign(connection).await?;
    } else if applied(connection).await? == known(&migrator) {
        return Ok(());
    }
    // sqlx has no lock for migrations of SQLite; this makes a second process wait for the first
    // and then find everything done.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrator.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

async fn is_recorded(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")
        .bind(TABLE)
        .fetch_one(connection)
        .await
}

/// One statement, so that the tables of a process that starts at the same time are not mistaken
/// for another program's.
async fn refuse_foreign(connection: &mut SqliteConnection) -> Result<(), SetUpError> {
    let foreign: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema)
         AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)",
    )
    .bind(TABLE)
    .fetch_one(connection)
    .await?;
    if foreign { Err(SetUpError::Foreign) } else { Ok(()) }
}
