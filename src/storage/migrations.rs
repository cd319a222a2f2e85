//! What the migrations of all databases share; each has its own texts.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};

/// Where applied migrations are recorded.
pub(super) const TABLE: &str = "_sqlx_migrations";

/// A migration's number and checksum.
pub(super) type Version = (i64, Vec<u8>);

/// The migrations of one database, in their order; the callers hold a lock while they run.
pub(super) fn migrator(texts: &[(&'static str, &'static str)]) -> Migrator {
    let migrations = (1..).zip(texts).map(|(version, (name, text))| {
        let kind = MigrationType::Simple;
        Migration::new(version, (*name).into(), kind, text.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.collect());
    migrator.set_locking(false);
    migrator
}

/// What this version of the program knows.
pub(super) fn known(migrator: &Migrator) -> Vec<Version> {
    migrator.iter().map(|one| (one.version, one.checksum.to_vec())).collect()
}

/// What the database has.
pub(super) async fn applied<C: Migrate>(connection: &mut C) -> Result<Vec<Version>, SetUpError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied.into_iter().map(|one| (one.version, one.checksum.into_owned())).collect())
}

/// Why a database could not be set up.
pub(super) enum SetUpError {
    /// The database said so.
    Sql(sqlx::Error),
    /// This migration is not known.
    Newer(i64),
    /// This migration is known with another text.
    Altered(i64),
    /// The tables are those of another program.
    Foreign,
    /// There are no tables, and none are to be made.
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
