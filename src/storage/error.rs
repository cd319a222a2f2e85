//! Why the database could not be opened, each in one line.

use crate::domain::{RepositoryError, program};
use crate::settings::shown_path;
use sqlx::sqlite::SqliteError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A hint for when the wrong database was opened.
fn named() -> String {
    format!(
        "database.url and data_dir name the database; see where they come from with: {} print-config",
        program()
    )
}

/// The database could not be opened or brought up to date.
#[derive(Debug, Error)]
pub enum StorageError {
    /// The file does not exist, and none may be created.
    #[error(
        "database {}: there is no such file, and this command creates none; {named}",
        file.display(), named = named()
    )]
    NoFile {
        /// The file.
        file: PathBuf,
    },
    /// The database has no tables, and none may be created.
    #[error("database {database}: there are no tables, and this command creates none; {named}", named = named())]
    NoTables {
        /// The database, without a password.
        database: String,
    },
    /// The data folder could not be created.
    #[error("data_dir {}: cannot be created: {cause}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// `database.password_file` cannot be read.
    #[error("database.password_file {}: cannot be read: {cause}", shown_path(file))]
    Password {
        /// The file.
        file: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A newer version of this program has changed the database, and this one cannot use it.
    #[error(
        "database {database}: a newer version of bailiwick has changed it in a way that this one cannot \
         use (migration {migration}); start that version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database, without a password.
        database: String,
        /// The migration that this version does not know.
        migration: i64,
    },
    /// A recorded migration differs from this version's text.
    #[error("database {database}: migration {migration} differs from the one of this version")]
    Altered {
        /// The database, without a password.
        database: String,
        /// The migration.
        migration: i64,
    },
    /// The database is unusable.
    #[error("database {database}: {problem}")]
    Unusable {
        /// The database, without a password.
        database: String,
        /// What is wrong, in one line.
        problem: String,
    },
}

impl StorageError {
    pub(super) fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::unusable(path.display(), problem)
    }

    pub(super) fn unusable(database: impl fmt::Display, problem: impl fmt::Display) -> Self {
        // The databases' own messages can contain line breaks.
        let problem = problem.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Unusable { database: database.to_string(), problem }
    }
}

/// Every driver error means that the database is unusable right now: the statements are fixed, and
/// their values are checked before.
pub(super) fn unavailable(cause: sqlx::Error) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(cause))
}

impl From<sqlx::Error> for RepositoryError {
    fn from(cause: sqlx::Error) -> Self {
        unavailable(cause)
    }
}

/// The same, if the database may find that the new name is taken.
pub(super) fn exists_or_unavailable(cause: sqlx::Error) -> RepositoryError {
    match cause.as_database_error() {
        Some(found) if found.is_unique_violation() => RepositoryError::Exists,
        _ => unavailable(cause),
    }
}

/// There was no connection: the operation has not even begun.
#[derive(Debug, Error)]
#[error("{0}")]
struct Unreached(sqlx::Error);

/// The error of a driver that gave no connection.
pub(super) fn unreached(cause: sqlx::Error) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(Unreached(cause)))
}

/// Whether certainly nothing was done.
pub(super) fn is_unreached(error: &RepositoryError) -> bool {
    matches!(error, RepositoryError::Unavailable(cause) if cause.is::<Unreached>())
}

/// Whether the database sent nothing, not even an error: no connection, or a broken one.
pub(super) fn is_unanswered(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    cause.is::<Unreached>() || matches!(cause.downcast_ref(), Some(sqlx::Error::Io(_)))
}

/// Whether the database responds, but takes no writes for now: it is full, read-only or locked.
pub(super) fn takes_no_writes(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    let cause = match cause.downcast_ref::<Unreached>() {
        Some(Unreached(cause)) => Some(cause),
        None => cause.downcast_ref(),
    };
    let Some(found) = cause.and_then(sqlx::Error::as_database_error) else { return false };
    let Some(code) = found.code() else { return false };
    if found.try_downcast_ref::<SqliteError>().is_some() {
        // The last byte says: busy, locked, read-only, an error of the disk, full.
        return code.parse().is_ok_and(|code: u32| [5, 6, 8, 10, 13].contains(&(code & 0xff)));
    }
    // A read-only transaction, a lock that others hold, a full disk. Not "too many connections": then
    // it responds to nobody.
    ["25006", "55P03", "53100"].contains(&&*code)
}

/// Whether the database reported this code.
pub(super) fn has_code(error: &RepositoryError, code: &str) -> bool {
    let RepositoryError::Unavailable(cause) = error else { return false };
    let cause = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    cause.is_some_and(|cause| cause.code().as_deref() == Some(code))
}
