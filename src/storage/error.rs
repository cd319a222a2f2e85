//! Why the database could not be opened, each in one line.

use crate::domain::RepositoryError;
use crate::settings::shown_path;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Where to look when the wrong database was opened.
const NAMED: &str = "database.url and data_dir name the database; see where they come from with: bailiwick \
     print-config";

/// The database could not be opened or brought up to date.
#[derive(Debug)]
pub enum StorageError {
    /// There is no such file, and none is to be made.
    NoFile {
        /// Which.
        file: PathBuf,
    },
    /// The database has no tables, and none are to be made.
    NoTables {
        /// The database, without a password.
        database: String,
    },
    /// The data folder could not be created.
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// `database.password_file` cannot be read.
    Password {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A newer version of this program has changed the database, and this one cannot use it.
    Newer {
        /// The database, without a password.
        database: String,
        /// The migration that this version does not know.
        migration: i64,
    },
    /// A migration was recorded with another text than this version has.
    Altered {
        /// The database, without a password.
        database: String,
        /// The migration.
        migration: i64,
    },
    /// The database cannot be used.
    Unusable {
        /// Which, without a password.
        database: String,
        /// What is wrong, in one line.
        problem: String,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFile { file } => write!(
                f,
                "database {}: there is no such file, and this command creates none; {NAMED}",
                file.display()
            ),
            Self::NoTables { database } => write!(
                f,
                "database {database}: there are no tables, and this command creates none; {NAMED}"
            ),
            Self::Folder { folder, cause } => {
                write!(f, "data_dir {}: cannot be created: {cause}", folder.display())
            }
            Self::Password { file, cause } => {
                write!(f, "database.password_file {}: cannot be read: {cause}", shown_path(file))
            }
            Self::Newer { database, migration } => write!(
                f,
                "database {database}: a newer version of bailiwick has changed it in a way that \
                 this one cannot use (migration {migration}); start that version, or restore a \
                 backup from before the upgrade",
            ),
            Self::Altered { database, migration } => write!(
                f,
                "database {database}: migration {migration} differs from the one of this version",
            ),
            Self::Unusable { database, problem } => write!(f, "database {database}: {problem}"),
        }
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { cause, .. } | Self::Password { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl StorageError {
    pub(super) fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::unusable(path.display(), problem)
    }

    pub(super) fn unusable(database: impl fmt::Display, problem: impl fmt::Display) -> Self {
        // The databases' own messages can hold line breaks.
        let problem = problem.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Unusable { database: database.to_string(), problem }
    }
}

/// Every error of the driver means that the database is unusable right now: the statements are
/// fixed, and what can be wrong with their values is checked before.
pub(super) fn unavailable(cause: sqlx::Error) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(cause))
}

/// There was no connection: whatever was to be done has not even begun.
#[derive(Debug)]
struct Unreached(sqlx::Error);

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unreached {}

/// The error of a driver that gave no connection.
pub(super) fn unreached(cause: sqlx::Error) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(Unreached(cause)))
}

/// Whether surely nothing was done.
pub(super) fn is_unreached(error: &RepositoryError) -> bool {
    matches!(error, RepositoryError::Unavailable(cause) if cause.is::<Unreached>())
}

/// Whether nothing came from the database, not even an error: no connection, or one that broke.
pub(super) fn is_unanswered(cause: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    cause.is::<Unreached>() || matches!(cause.downcast_ref(), Some(sqlx::Error::Io(_)))
}

/// Whether the database has given this code as the cause.
pub(super) fn has_code(error: &RepositoryError, code: &str) -> bool {
    let RepositoryError::Unavailable(cause) = error else { return false };
    let cause = cause.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error);
    cause.is_some_and(|cause| cause.code().as_deref() == Some(code))
}
