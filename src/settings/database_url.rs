//! `database.url`, parsed only here. A refused URL is never repeated: it may contain a password.

mod parameters;
mod postgres;
mod problem;
mod servers;
#[cfg(test)]
mod tests;

pub use postgres::{PostgresUrl, SslMode, SslRoot};
pub use problem::DatabaseUrlProblem;
#[cfg(feature = "postgres")]
pub use servers::{Host, PostgresServer, TargetSession};

use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Drivers in `SQLAlchemy`'s URLs; here there is one per database.
const DRIVERS: [&str; 7] =
    ["aiosqlite", "pysqlite", "asyncpg", "pg8000", "psycopg", "psycopg2", "psycopg_async"];

/// Which database to open.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(try_from = "String")]
pub enum DatabaseUrl {
    /// `bailiwick.db` in the data folder.
    #[default]
    InDataFolder,
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PostgresUrl>),
}

impl DatabaseUrl {
    /// Reads a URL, or an empty text.
    pub fn parse(text: &str) -> Result<Self, DatabaseUrlProblem> {
        const AROUND: [char; 4] = ['"', '\'', '`', ' '];
        if text.is_empty() {
            return Ok(Self::InDataFolder);
        }
        if text.starts_with(AROUND) || text.ends_with(AROUND) {
            return Err(DatabaseUrlProblem::Quoted);
        }
        if text.chars().any(char::is_control) {
            return Err(DatabaseUrlProblem::Control);
        }
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let scheme = scheme.to_ascii_lowercase();
        let (engine, driver) = match scheme.split_once('+') {
            Some((engine, driver)) => (engine, Some(driver)),
            None => (scheme.as_str(), None),
        };
        if driver.is_some_and(|name| !DRIVERS.contains(&name)) {
            return Err(DatabaseUrlProblem::Scheme);
        }
        match engine {
            "sqlite" => sqlite(rest, driver.is_some()).map(Self::Sqlite),
            "postgres" | "postgresql" if cfg!(not(feature = "postgres")) => {
                Err(DatabaseUrlProblem::NoPostgres)
            }
            "postgres" | "postgresql" => Ok(Self::Postgres(Box::new(PostgresUrl::parse(rest)?))),
            "jdbc" => Err(DatabaseUrlProblem::Jdbc),
            _ if is_list_of_pairs(text) => Err(DatabaseUrlProblem::Pairs),
            _ => Err(DatabaseUrlProblem::Scheme),
        }
    }

    /// The file, unless it is a server's database.
    #[must_use]
    pub fn file(&self, data_dir: &Path) -> Option<PathBuf> {
        match self {
            Self::InDataFolder => Some(data_dir.join("bailiwick.db")),
            Self::Sqlite(path) => Some(path.clone()),
            Self::Postgres(_) => None,
        }
    }

    /// Whether it contains a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        matches!(self, Self::Postgres(url) if url.password.is_some())
    }

    /// The text with `***` for a password, or for everything if it cannot be parsed.
    pub(super) fn masked(text: &str) -> String {
        match Self::parse(text) {
            Ok(Self::Postgres(_)) => postgres::masked(text),
            Ok(_) => text.to_owned(),
            Err(_) => "***".to_owned(),
        }
    }
}

impl TryFrom<String> for DatabaseUrl {
    type Error = DatabaseUrlProblem;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

/// The path after `sqlite:`, literally; after three slashes as in `SQLAlchemy`, where a fourth
/// makes it absolute.
fn sqlite(rest: &str, names_driver: bool) -> Result<PathBuf, DatabaseUrlProblem> {
    let path = match rest.strip_prefix("///") {
        Some(path) => path,
        None if rest == "//" => "",
        None if rest.starts_with("//") || names_driver => {
            return Err(DatabaseUrlProblem::SqliteSlashes);
        }
        None => rest,
    };
    if path.is_empty() || path.starts_with(":memory:") {
        return Err(DatabaseUrlProblem::Memory);
    }
    if path.contains('?') || path.starts_with("file:") {
        return Err(DatabaseUrlProblem::SqliteOptions);
    }
    Ok(path.into())
}

/// Whether a misplaced text may be a URL with a password, and must not be repeated.
#[must_use]
pub fn has_credentials(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let named = text.contains("pass") || text.contains("pwd");
    text.contains("://") && text.contains('@') || named && text.contains('=')
}

/// `host=db user=app password=…`, another form libpq accepts.
fn is_list_of_pairs(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    ["host", "hostaddr", "dbname", "user", "password", "service", "server", "database"].iter().any(
        |name| {
            text.split_whitespace()
                .any(|word| word.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
        },
    )
}
