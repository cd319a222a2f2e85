//! What the migrations of both databases share; each has its own texts.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use std::fmt;

/// Where applied migrations are recorded.
pub(super) const TABLE: &str = "_sqlx_migrations";

/// The last migration that a program must know to use the database, whatever came later.
pub(super) const NEEDED: &str = "SELECT migration FROM schema_needs";

/// The names and texts of migrations, in their order.
pub(super) type Texts = [(&'static str, &'static str)];

/// A migration's number and checksum.
pub(super) type Version = (i64, Vec<u8>);

/// The migrations of one database, in their order; the callers hold a lock while they run.
pub(super) fn migrator(texts: &Texts) -> Migrator {
    let migrations = (1..).zip(texts).map(|(version, (name, text))| {
        let kind = MigrationType::Simple;
        Migration::new(version, (*name).into(), kind, text.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_locking(false);
    migrator
}

/// How a database relates to this version of the program.
pub(super) enum Standing {
    /// It has exactly what this version knows.
    Same,
    /// It lacks migrations.
    Behind,
    /// It has all of them and more, up to this one.
    Ahead(i64),
}

/// Compares the database's migrations with this version's.
pub(super) fn compare(applied: &[Version], migrator: &Migrator) -> Result<Standing, SetUpError> {
    let known: Vec<Version> =
        migrator.iter().map(|one| (one.version, one.checksum.to_vec())).collect();
    let mut newest = None;
    for (version, checksum) in applied {
        match known.iter().find(|(ours, _)| ours == version) {
            Some((_, ours)) if ours == checksum => {}
            Some(_) => return Err(SetUpError::Altered(*version)),
            None => newest = newest.max(Some(*version)),
        }
    }
    let is_whole = known.iter().all(|one| applied.contains(one));
    match newest {
        None if is_whole => Ok(Standing::Same),
        None => Ok(Standing::Behind),
        Some(newest) if is_whole => Ok(Standing::Ahead(newest)),
        Some(newest) => Err(SetUpError::Newer(newest)),
    }
}

/// Decides by [`NEEDED`], which the database records, whether this version may use it despite
/// unknown migrations.
pub(super) fn allow(
    newest: i64,
    needed: Option<i64>,
    migrator: &Migrator,
) -> Result<i64, SetUpError> {
    match needed {
        Some(needed) if migrator.version_exists(needed) => Ok(newest),
        _ => Err(SetUpError::Newer(newest)),
    }
}

/// The migrations recorded in the database.
pub(super) async fn applied<C: Migrate>(connection: &mut C) -> Result<Vec<Version>, SetUpError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied.into_iter().map(|one| (one.version, one.checksum.into_owned())).collect())
}

/// Logs that a newer version uses this database as well.
pub(super) fn warn_of_newer(database: impl fmt::Display, newest: i64) {
    log::warn!(
        target: "bailiwick.error",
        "database {database}: a newer version of bailiwick has changed it (migration {newest}); this \
         version can still use it: finish the upgrade, or go back everywhere"
    );
}

/// Why a database could not be set up.
pub(super) enum SetUpError {
    /// The database reported an error.
    Sql(sqlx::Error),
    /// This unknown migration is required to use the database.
    Newer(i64),
    /// This migration differs from the one known here.
    Altered(i64),
    /// The tables are those of another program.
    Foreign,
    /// There are no tables, and none may be created.
    #[cfg(feature = "postgres")]
    Absent,
}

impl From<sqlx::Error> for SetUpError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<MigrateError> for SetUpError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(version) => Self::Newer(version),
            MigrateError::VersionMismatch(version) => Self::Altered(version),
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                Self::Sql(error)
            }
            other => Self::Sql(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}
