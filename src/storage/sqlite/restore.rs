//! Checks and copies a backup.

use crate::storage::migrations::SetUpError;
use crate::storage::sqlite::damage::faults;
use crate::storage::sqlite::look::{Inspected, reading};
use crate::storage::sqlite::{Pools, apart, explain};
use crate::storage::{Missing, StorageError};
use sqlx::Connection as _;
use std::num::NonZeroU32;
use std::path::Path;

/// Copies a file of this program into an empty file, if it is intact. The file itself may be in
/// use, and stays as it is.
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

/// Migrates the file to this version's schema; returns the number of its users.
pub(in crate::storage) async fn adopt(path: &Path) -> Result<u64, StorageError> {
    drop(Pools::open(path, NonZeroU32::MIN, Missing::Refuse).await?);
    // The last connection to close removes the log.
    let count = apart(path, |connection| {
        Box::pin(sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(connection))
    });
    let count: i64 = count.await?;
    Ok(count.unsigned_abs())
}

/// What was ended since the backup must not count again: every epoch becomes one that no
/// token has, not even one issued after the backup. The keys that sign tokens end as well: somebody
/// may hold one that was retired since.
const END_TOKENS: &str = "UPDATE users SET signed_out_at = unixepoch(),
    epoch = max(epoch + 1, CAST(unixepoch('subsec') * 1000 AS INTEGER));
    UPDATE signing_keys SET retired_at = unixepoch()
    WHERE kid <> 'HS256' AND (retired_at IS NULL OR retired_at > unixepoch());
    DELETE FROM codes;
    UPDATE clients SET epoch = abs(random() % 9007199254740991) + 1";

/// Ends all tokens of all users and clients.
pub(in crate::storage) async fn end_tokens(path: &Path) -> Result<(), StorageError> {
    let end = apart(path, |connection| Box::pin(sqlx::raw_sql(END_TOKENS).execute(connection)));
    end.await.map(drop)
}
