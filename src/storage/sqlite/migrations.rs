//! The versions of the schema, embedded, applied in order and recorded with their checksums.

use crate::storage::sqlite::SetUpError;
use sqlx::migrate::{Migrate as _, MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, SqlSafeStr as _};

/// Where applied migrations are recorded.
const TABLE: &str = "_sqlx_migrations";

fn migrator() -> Migrator {
    let users = include_str!("migrations/0001_users.sql");
    Migrator::with_migrations(vec![Migration::new(
        1,
        "users".into(),
        MigrationType::Simple,
        users.into_sql_str(),
        false,
    )])
}

/// Applies what is missing: all of it or, on any error, nothing.
///
/// A database that is up to date is only read, so that a program starts while another one writes.
pub(super) async fn run(connection: &mut SqliteConnection) -> Result<(), SetUpError> {
    let migrator = migrator();
    if !is_recorded(connection).await? {
        refuse_foreign(connection).await?;
    } else if applied(connection).await? == migrator.iter().map(of).collect::<Vec<_>>() {
        return Ok(());
    }
    // sqlx has no lock for migrations of SQLite; this makes a second process wait for the first
    // and then find everything done.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    migrator.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(())
}

type Version = (i64, Vec<u8>);

fn of(migration: &Migration) -> Version {
    (migration.version, migration.checksum.to_vec())
}

async fn applied(connection: &mut SqliteConnection) -> Result<Vec<Version>, SetUpError> {
    let applied = connection.list_applied_migrations(TABLE).await?;
    Ok(applied.into_iter().map(|one| (one.version, one.checksum.into_owned())).collect())
}

async fn is_recorded(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")
        .bind(TABLE)
        .fetch_one(connection)
        .await
}

/// One statement, so that the tables of a process that starts at the same time are not mistaken
/// for another program's.
async fn refuse_foreign(connection: &mut SqliteConnection) -> Result<(), SetUpError> {
    let foreign: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema)
         AND NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)",
    )
    .bind(TABLE)
    .fetch_one(connection)
    .await?;
    if foreign { Err(SetUpError::Foreign) } else { Ok(()) }
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
