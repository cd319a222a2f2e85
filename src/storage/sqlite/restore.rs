//! What a backup is worth, and a copy of it.

use crate::storage::migrations::SetUpError;
use crate::storage::sqlite::damage::faults;
use crate::storage::sqlite::look::{Inspected, reading};
use crate::storage::sqlite::{SqliteUsers, explain};
use crate::storage::{Missing, StorageError};
use sqlx::Connection as _;
use std::num::NonZeroU32;
use std::path::Path;

/// Writes what a file of this program holds into an empty file, if it is whole. The file itself may
/// be in use, and stays as it is.
pub(in crate::storage) async fn copy_sound(from: &Path, to: &str) -> Result<(), StorageError> {
    let copy = async {
        let Inspected { mut connection, is_foreign } = reading(from).await?;
        if is_foreign {
            return Err(SetUpError::Foreign);
        }
        let found = faults(&mut connection, "PRAGMA integrity_check").await?;
        if found.is_empty() {
            sqlx::query("VACUUM INTO ?1").bind(to).execute(&mut connection).await?;
        }
        connection.close().await?;
        Ok(found)
    };
    match copy.await {
        Ok(found) if found.is_empty() => Ok(()),
        Ok(found) => {
            Err(StorageError::file(from, format_args!("is damaged ({})", found.join("; "))))
        }
        Err(error) => Err(explain(from, &error)),
    }
}

/// Brings the file to this version's schema; the number of its users.
pub(in crate::storage) async fn adopt(path: &Path) -> Result<u64, StorageError> {
    let users = SqliteUsers::open(path, NonZeroU32::MIN, Missing::Refuse).await?;
    let count = sqlx::query_scalar("SELECT count(*) FROM users");
    let count: Result<i64, _> = count.fetch_one(&users.pools.readers).await;
    // The last connection that closes takes the log with it.
    users.pools.readers.close().await;
    users.pools.writer.close().await;
    let count = count.map_err(|error| explain(path, &error.into()))?;
    Ok(count.unsigned_abs())
}
