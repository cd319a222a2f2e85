//! Inspects a file before anything is done to it: another program's stays as it is, to the byte.

use crate::storage::aside::with;
use crate::storage::migrations::{SetUpError, TABLE};
use crate::storage::sqlite::{BUSY, code};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::Path;

/// The tables of the first version, and of every one since.
const OURS: [&str; 4] = [TABLE, "users", "user_scopes", "user_changes"];

/// An inspected file, and the read-only connection to it.
pub(super) struct Inspected {
    pub(super) connection: SqliteConnection,
    pub(super) is_foreign: bool,
}

/// Refuses a file that is neither empty nor a database of this program.
pub(super) async fn refuse_foreign(path: &Path) -> Result<(), SetUpError> {
    let Inspected { connection, is_foreign } = reading(path).await?;
    connection.close().await?;
    if is_foreign { Err(SetUpError::Foreign) } else { Ok(()) }
}

/// Opens a file for reading.
pub(super) async fn reading(path: &Path) -> Result<Inspected, sqlx::Error> {
    let has_log = has_log(path);
    match read(path, has_log).await {
        // Without locks, it may have been read while being written.
        Err(error) if !has_log && matches!(code(&error), Some(11 | 26)) => read(path, true).await,
        found => found,
    }
}

/// Whether something was written that is not in the file itself yet.
pub(super) fn has_log(path: &Path) -> bool {
    with(path, "-wal").metadata().is_ok_and(|log| log.len() > 0)
}

/// Whether it is another program's. Only a file with a log is locked, which may leave the log's
/// index (`-shm`) behind, but changes neither of the two.
pub(super) async fn read(path: &Path, locked: bool) -> Result<Inspected, sqlx::Error> {
    let mut connection = SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(!locked)
        .busy_timeout(BUSY)
        .disable_statement_logging()
        .connect()
        .await?;
    match is_foreign(&mut connection).await {
        Ok(is_foreign) => Ok(Inspected { connection, is_foreign }),
        Err(error) => {
            connection.close().await?;
            Err(error)
        }
    }
}

async fn is_foreign(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema").fetch_all(&mut *connection).await?;
    if !tables.is_empty() {
        return Ok(!OURS.iter().all(|ours| tables.iter().any(|table| table == ours)));
    }
    // No tables yet, but marked by another program.
    let application: i32 =
        sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *connection).await?;
    let version: i32 = sqlx::query_scalar("PRAGMA user_version").fetch_one(connection).await?;
    Ok(application != 0 || version != 0)
}
