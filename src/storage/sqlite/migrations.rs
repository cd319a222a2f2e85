//! The versions of the schema, embedded, applied in order and recorded with their checksums.

use crate::storage::migrations::{
    NEEDED, SetUpError, Standing, TABLE, Texts, allow, applied, compare, migrator,
};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnection;

pub(super) const TEXTS: [(&str, &str); 21] = [
    ("users", include_str!("migrations/0001_users.sql")),
    ("user ids", include_str!("migrations/0002_user_ids.sql")),
    ("users inserted", include_str!("migrations/0003_users_inserted.sql")),
    ("folded names", include_str!("migrations/0004_folded_names.sql")),
    ("schema needs", include_str!("migrations/0005_schema_needs.sql")),
    ("signers", include_str!("migrations/0006_signers.sql")),
    ("changed users", include_str!("migrations/0007_changed_users.sql")),
    ("identity", include_str!("migrations/0008_identity.sql")),
    ("displaced users", include_str!("migrations/0009_displaced_users.sql")),
    ("throttles", include_str!("migrations/0010_throttles.sql")),
    ("audit events", include_str!("migrations/0011_audit_events.sql")),
    ("api keys", include_str!("migrations/0012_api_keys.sql")),
    ("epochs", include_str!("migrations/0013_epochs.sql")),
    ("last logins", include_str!("migrations/0014_last_logins.sql")),
    ("revocations", include_str!("migrations/0015_revocations.sql")),
    ("keys", include_str!("migrations/0016_keys.sql")),
    ("clients", include_str!("migrations/0017_clients.sql")),
    ("refresh families", include_str!("migrations/0018_refresh_families.sql")),
    ("sessions", include_str!("migrations/0019_sessions.sql")),
    ("codes", include_str!("migrations/0020_codes.sql")),
    ("identities", include_str!("migrations/0021_identities.sql")),
];

/// Applies missing migrations: all of them or, on any error, none. Returns the newest migration, if
/// this version does not know it and can do without it.
///
/// A database that is up to date is only read, so that a program can start while another one
/// writes.
pub(super) async fn run(
    connection: &mut SqliteConnection,
    texts: &Texts,
) -> Result<Option<i64>, SetUpError> {
    let migrator = migrator(texts);
    if !is_recorded(connection).await? {
        refuse_foreign(connection).await?;
    }
    match stand(connection, &migrator).await? {
        Standing::Same => return Ok(None),
        Standing::Ahead(newest) => {
            return allow(newest, needed(connection).await?, &migrator).map(Some);
        }
        Standing::Behind => {}
    }
    // sqlx has no lock for migrations of SQLite; this makes a second process wait for the first and
    // then find everything done, perhaps by a newer version.
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    if let Standing::Ahead(newest) = stand(&mut transaction, &migrator).await? {
        return allow(newest, needed(&mut transaction).await?, &migrator).map(Some);
    }
    migrator.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(None)
}

async fn stand(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
) -> Result<Standing, SetUpError> {
    if !is_recorded(connection).await? {
        return Ok(Standing::Behind);
    }
    compare(&applied(connection).await?, migrator)
}

async fn needed(connection: &mut SqliteConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(NEEDED).fetch_optional(connection).await
}

async fn is_recorded(connection: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = ?1)")
        .bind(TABLE)
        .fetch_one(connection)
        .await
}

/// One statement, so that the tables of a process that starts at the same time are not mistaken for
/// another program's.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::contract::versions::{
        a_migration_that_breaks_off_has_not_begun, older_programs_use_what_they_can,
        users_of_every_version_stay,
    };
    use sqlx::sqlite::SqliteConnectOptions;
    use sqlx::{ConnectOptions as _, Row as _};
    use std::cell::Cell;

    #[tokio::test]
    async fn two_versions() {
        let folder = tempfile::tempdir().unwrap();
        let file = SqliteConnectOptions::new().filename(folder.path().join("a.db"));
        let file = file.create_if_missing(true);
        let migrate = async |texts: &Texts| run(&mut file.connect().await.unwrap(), texts).await;
        older_programs_use_what_they_can(&TEXTS, migrate).await;
    }

    #[tokio::test]
    async fn users_of_every_earlier_version() {
        let folder = tempfile::tempdir().unwrap();
        let count = Cell::new(0);
        let open = async || {
            count.set(count.get() + 1);
            let file = folder.path().join(format!("{}.db", count.get()));
            SqliteConnectOptions::new().filename(file).create_if_missing(true)
        };
        let migrate = async |file: &SqliteConnectOptions, texts: &Texts| {
            run(&mut file.connect().await.unwrap(), texts).await
        };
        let ask = async |file: &SqliteConnectOptions, sql: &'static str| {
            let mut connection = file.connect().await.unwrap();
            let rows = sqlx::raw_sql(sql).fetch_all(&mut connection).await.unwrap();
            rows.first().and_then(|row| row.get(0))
        };
        users_of_every_version_stay(&TEXTS, &open, &migrate, &ask).await;
        a_migration_that_breaks_off_has_not_begun(&TEXTS, open, migrate, ask).await;
    }

    #[tokio::test]
    async fn names_of_displaced_users_are_remembered() {
        let mut connection = SqliteConnection::connect("sqlite::memory:").await.unwrap();
        run(&mut connection, &TEXTS).await.ok().unwrap();
        let names = "SELECT coalesce(string_agg(name || id, ' ' ORDER BY name, id), '')
             FROM former_names";
        for (statement, remembered) in [
            (
                "INSERT INTO users (username, email, full_name, disabled, password_hash, created_at, updated_at, id) VALUES ('a', '', '', 0, '', 1, 1, 1), ('b', '', '', 0, '', 1, 1, 2)",
                "",
            ),
            // Gets its own id.
            (
                "INSERT INTO users (username, email, full_name, disabled, password_hash, created_at, updated_at, id) VALUES ('c', '', '', 0, '', 1, 1, 0)",
                "",
            ),
            (
                "REPLACE INTO users (username, email, full_name, disabled, password_hash, created_at, updated_at, id) VALUES ('a', '', '', 0, '', 1, 1, 3)",
                "a1",
            ),
            (
                "REPLACE INTO users (username, email, full_name, disabled, password_hash, created_at, updated_at, id) VALUES ('d', '', '', 0, '', 1, 1, 2)",
                "a1 b2",
            ),
            ("UPDATE OR REPLACE users SET id = 2 WHERE username = 'c'", "a1 b2 d2"),
            ("UPDATE OR REPLACE users SET username = 'a' WHERE username = 'c'", "a1 a3 b2 c2 d2"),
        ] {
            sqlx::query(statement).execute(&mut connection).await.unwrap();
            let now: String = sqlx::query_scalar(names).fetch_one(&mut connection).await.unwrap();
            assert_eq!(now, remembered, "{statement}");
        }
    }
}
