//! The SQLite file: created, opened, migrated.

mod damage;
mod look;
mod migrations;
mod place;
mod pools;
mod restore;
mod watch;

pub(super) use damage::refuse_damaged;
pub(super) use place::{ExclusiveUse, folder};
pub(super) use pools::Pools;
pub(super) use restore::{adopt, copy_sound, end_tokens};
pub(super) use watch::Watch;

use crate::domain::program;
use crate::storage::aside::replaced;
use crate::storage::migrations::{SetUpError, warn_of_newer};
use crate::storage::sqlite::damage::way_out;
use crate::storage::{Missing, StorageError};
use futures_util::future::BoxFuture;
use rustix::fs::{Access, CWD, FileType, Mode};
use rustix::io::Errno;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteSynchronous};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a statement waits for others' locks.
const BUSY: Duration = Duration::from_secs(5);
/// KiB of pages that each connection keeps, a quarter of SQLite's own default: the upper levels of
/// the trees of a million users. The others are in the system's memory, for all processes.
const PAGES: u32 = 512;
/// Between two attempts to set up a database that another process is setting up.
const RETRY: Duration = Duration::from_millis(20);

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(BUSY)
        .foreign_keys(true)
        .pragma("cache_size", format!("-{PAGES}"))
        .synchronous(SqliteSynchronous::Full)
        .disable_statement_logging()
}

/// Creates the file with mode 0600 if allowed, without opening it: closing a descriptor would drop
/// this process's locks on the file through SQLite (POSIX locks belong to the process).
fn find(path: &Path, missing: Missing) -> Result<(), StorageError> {
    let fail = |error: Errno| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        match folder {
            Some(folder) if error == Errno::NOENT => {
                let folder = folder.display();
                StorageError::file(path, format_args!("cannot be created: no folder {folder}"))
            }
            _ => StorageError::file(path, format_args!("cannot be created: {error}")),
        }
    };
    if !path.exists() && replaced(path).exists() {
        let problem = format!(
            "its restore was interrupted: run `{program} db restore FILE` again. The database from \
             before is {}, which can be restored, too; move it away to begin with an empty one",
            replaced(path).display(),
            program = program()
        );
        return Err(StorageError::file(path, problem));
    }
    if missing == Missing::Create {
        match rustix::fs::mknodat(CWD, path, FileType::RegularFile, Mode::RUSR | Mode::WUSR, 0) {
            Ok(()) => return Ok(()),
            Err(Errno::EXIST) => {}
            Err(error) => return Err(fail(error)),
        }
    }
    let kind = match path.metadata() {
        Ok(found) => found.file_type(),
        Err(error) if missing == Missing::Refuse && error.kind() == io::ErrorKind::NotFound => {
            let file = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            return Err(StorageError::NoFile { file });
        }
        Err(error) => {
            return Err(StorageError::file(path, format_args!("cannot be found: {error}")));
        }
    };
    if kind.is_dir() {
        return Err(StorageError::file(path, "is a folder, not a file"));
    }
    // Opening a pipe would block.
    if !kind.is_file() {
        return Err(StorageError::file(path, "is not a regular file"));
    }
    rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK).map_err(|error| {
        StorageError::file(path, format_args!("cannot be read and written: {error}"))
    })
}

/// Refuses another program's file, switches to WAL and migrates. SQLite does not wait for locks
/// while it switches, so this does when several processes start at once.
async fn set_up(path: &Path) -> Result<Option<i64>, StorageError> {
    let deadline = Instant::now() + 2 * BUSY;
    loop {
        let error = match attempt(path).await {
            Ok(newer) => {
                newer.inspect(|newest| warn_of_newer(path.display(), *newest));
                return Ok(newer);
            }
            Err(error) => error,
        };
        if !(is_busy(&error) && Instant::now() < deadline) {
            return Err(explain(path, &error));
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Runs an operation on a connection of its own.
pub(super) async fn apart<T, F>(path: &Path, operation: F) -> Result<T, StorageError>
where
    F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
{
    let done = async {
        let mut connection = options(path).connect().await?;
        let done = operation(&mut connection).await?;
        sqlx::Connection::close(connection).await?;
        Ok(done)
    };
    done.await.map_err(|error| explain(path, &SetUpError::Sql(error)))
}

async fn attempt(path: &Path) -> Result<Option<i64>, SetUpError> {
    look::refuse_foreign(path).await?;
    let mut connection = options(path).connect().await?;
    sqlx::query("PRAGMA journal_mode = WAL").execute(&mut connection).await?;
    let newer = migrations::run(&mut connection, &migrations::TEXTS).await?;
    sqlx::Connection::close(connection).await?;
    Ok(newer)
}

/// SQLite's primary result code (<https://www.sqlite.org/rescode.html>).
fn code(error: &sqlx::Error) -> Option<i32> {
    let extended: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(extended & 0xff)
}

fn is_busy(error: &SetUpError) -> bool {
    matches!(error, SetUpError::Sql(error) if matches!(code(error), Some(5 | 6)))
}

fn explain(path: &Path, error: &SetUpError) -> StorageError {
    let database = path.display().to_string();
    let problem = match error {
        SetUpError::Newer(migration) => {
            return StorageError::Newer { database, migration: *migration };
        }
        SetUpError::Altered(migration) => {
            return StorageError::Altered { database, migration: *migration };
        }
        SetUpError::Foreign => "belongs to another program; nothing was changed",
        #[cfg(feature = "postgres")]
        SetUpError::Absent => "has no tables",
        SetUpError::Sql(error) => match code(error) {
            Some(5 | 6) => "is locked by another process",
            Some(8) => "is read-only",
            Some(11) => return StorageError::file(path, format_args!("is damaged; {}", way_out())),
            Some(13) => "the disk is full",
            Some(14) => "cannot be opened; the folder around it must be writable as well",
            Some(26) => {
                let problem = "is not a SQLite database; if it was one, it is damaged:";
                return StorageError::file(path, format_args!("{problem} {}", way_out()));
            }
            _ => return StorageError::file(path, error),
        },
    };
    StorageError::file(path, problem)
}
