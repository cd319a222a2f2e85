//! Why the database could not be opened, each in one line.

use crate::domain::RepositoryError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The database could not be opened or brought up to date.
#[derive(Debug)]
pub enum StorageError {
    /// `database.url` names no database. The value is not repeated: it may hold a password.
    Url,
    /// The data folder could not be created.
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// A newer version of this program has changed the database.
    Newer {
        /// The database.
        path: PathBuf,
        /// The migration that this version does not know.
        migration: i64,
    },
    /// A migration was recorded with another text than this version has.
    Altered {
        /// The database.
        path: PathBuf,
        /// The migration.
        migration: i64,
    },
    /// The file cannot be used.
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, in one line.
        problem: String,
    },
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str(
                "database.url: expected `sqlite:PATH` (a file, without options), or an empty value \
                 for `bailiwick.db` in data_dir",
            ),
            Self::Folder { folder, cause } => {
                write!(f, "data_dir {}: cannot be created: {cause}", folder.display())
            }
            Self::Newer { path, migration } => write!(
                f,
                "database {}: written by a newer version of bailiwick (migration {migration} is \
                 unknown to this one); start that version",
                path.display(),
            ),
            Self::Altered { path, migration } => write!(
                f,
                "database {}: migration {migration} differs from the one of this version",
                path.display(),
            ),
            Self::File { path, problem } => write!(f, "database {}: {problem}", path.display()),
        }
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

impl StorageError {
    pub(super) fn file(path: &Path, problem: impl fmt::Display) -> Self {
        // SQLite's own messages can hold line breaks.
        let problem = problem.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::File { path: path.to_owned(), problem }
    }
}

/// Every error of the driver means that the database is unusable right now: the statements are
/// fixed, and what can be wrong with their values is checked before.
pub(super) fn unavailable(cause: sqlx::Error) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(cause))
}
