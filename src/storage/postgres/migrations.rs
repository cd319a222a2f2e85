//! The versions of the schema in PostgreSQL, applied in order under an advisory lock.

use crate::storage::Missing;
use crate::storage::migrations::{
    NEEDED, SetUpError, Standing, Texts, allow, applied, compare, migrator,
};
use sqlx::Connection as _;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnection;

pub(super) const TEXTS: [(&str, &str); 20] = [
    ("users", include_str!("migrations/0001_users.sql")),
    ("user ids", include_str!("migrations/0002_user_ids.sql")),
    ("users inserted", include_str!("migrations/0003_users_inserted.sql")),
    ("folded names", include_str!("migrations/0004_folded_names.sql")),
    ("schema needs", include_str!("migrations/0005_schema_needs.sql")),
    ("signers", include_str!("migrations/0006_signers.sql")),
    ("changed users", include_str!("migrations/0007_changed_users.sql")),
    ("identity", include_str!("migrations/0008_identity.sql")),
    ("throttles", include_str!("migrations/0009_throttles.sql")),
    ("audit events", include_str!("migrations/0010_audit_events.sql")),
    ("api keys", include_str!("migrations/0011_api_keys.sql")),
    ("epochs", include_str!("migrations/0012_epochs.sql")),
    ("last logins", include_str!("migrations/0013_last_logins.sql")),
    ("revocations", include_str!("migrations/0014_revocations.sql")),
    ("keys", include_str!("migrations/0015_keys.sql")),
    ("clients", include_str!("migrations/0016_clients.sql")),
    ("refresh families", include_str!("migrations/0017_refresh_families.sql")),
    ("sessions", include_str!("migrations/0018_sessions.sql")),
    ("codes", include_str!("migrations/0019_codes.sql")),
    ("identities", include_str!("migrations/0020_identities.sql")),
];

/// The lock that replicas hold while they migrate: the bytes of `bailiwic`.
const LOCK: i64 = i64::from_be_bytes(*b"bailiwic");

/// Applies missing migrations: all of them or, on any error, none. Returns the newest migration, if
/// this version does not know it and can do without it.
///
/// A database that is up to date is only read. Replicas that start together wait for the first and
/// then find everything done.
pub(super) async fn run(
    connection: &mut PgConnection,
    texts: &Texts,
    missing: Missing,
) -> Result<Option<i64>, SetUpError> {
    let migrator = migrator(texts);
    if missing == Missing::Refuse && !is_recorded(connection).await? {
        return Err(SetUpError::Absent);
    }
    match stand(connection, &migrator).await? {
        Standing::Same => return Ok(None),
        Standing::Ahead(newest) => {
            return allow(newest, needed(connection).await?, &migrator).map(Some);
        }
        Standing::Behind => {}
    }
    // Held by the session until it ends: a transaction that waited for the lock might not see which
    // tables exist now.
    sqlx::query("SELECT pg_advisory_lock($1)").bind(LOCK).execute(&mut *connection).await?;
    let mut transaction = connection.begin().await?;
    if !is_recorded(&mut transaction).await? && is_foreign(&mut transaction).await? {
        return Err(SetUpError::Foreign);
    }
    // A newer version may have been first.
    if let Standing::Ahead(newest) = stand(&mut transaction, &migrator).await? {
        return allow(newest, needed(&mut transaction).await?, &migrator).map(Some);
    }
    migrator.run(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(None)
}

async fn stand(connection: &mut PgConnection, migrator: &Migrator) -> Result<Standing, SetUpError> {
    if !is_recorded(connection).await? {
        return Ok(Standing::Behind);
    }
    compare(&applied(connection).await?, migrator)
}

async fn needed(connection: &mut PgConnection) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar(NEEDED).fetch_optional(connection).await
}

async fn is_recorded(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL")
        .fetch_one(connection)
        .await
}

async fn is_foreign(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('users') IS NOT NULL").fetch_one(connection).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::contract::versions::{
        a_migration_that_breaks_off_has_not_begun, older_programs_use_what_they_can,
        users_of_every_version_stay,
    };
    use crate::storage::postgres::tests::server::shared;

    #[tokio::test]
    async fn two_versions() {
        let url = shared().url(&shared().database());
        let migrate = async |texts: &Texts| {
            run(&mut PgConnection::connect(&url).await.unwrap(), texts, Missing::Create).await
        };
        older_programs_use_what_they_can(&TEXTS, migrate).await;
    }

    #[tokio::test]
    async fn users_of_every_earlier_version() {
        let migrate = async |database: &String, texts: &Texts| {
            let mut connection = PgConnection::connect(&shared().url(database)).await.unwrap();
            run(&mut connection, texts, Missing::Create).await
        };
        let ask = async |database: &String, sql: &'static str| Some(shared().sql(database, sql));
        let open = async || shared().database();
        users_of_every_version_stay(&TEXTS, &open, &migrate, &ask).await;
        a_migration_that_breaks_off_has_not_begun(&TEXTS, open, migrate, ask).await;
    }
}
