//! Creating users in PostgreSQL: one or a million, by the same statements.

use crate::domain::{NewUser, RepositoryError, Taken, Timestamp, User, UserImport, Username};
use crate::settings::UserSettings;
use crate::storage::error::unavailable;
use crate::storage::postgres::driver::Session;
use crate::storage::postgres::unique;
use crate::storage::row::{created, rows, scopes_of_created};
use crate::storage::unique::{add as add_unique, folded_names};
use async_trait::async_trait;
use sqlx::postgres::PgConnection;

/// Imports wait for each other: two that hold names of each other would be a deadlock.
pub(super) const LOCK: &str = "SELECT pg_advisory_xact_lock(hashtext('bailiwick import'))";

/// An import under way; see [`UserImport`].
pub(super) struct PostgresImport {
    pub(super) session: Session,
    pub(super) now: Timestamp,
    pub(super) unique: UserSettings,
}

#[async_trait]
impl UserImport for PostgresImport {
    async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Taken>, RepositoryError> {
        let users = users.into_iter().map(|user| created(user, self.now)).collect();
        let unique = self.unique;
        self.session.run(move |connection| Box::pin(add_unique(connection, unique, users))).await
    }

    async fn commit(mut self: Box<Self>) -> Result<(), RepositoryError> {
        // The servers' plans are made for as many users as there are now.
        self.session.run(|connection| Box::pin(analyze(connection))).await?;
        self.session.commit().await
    }
}

pub(super) async fn add(
    connection: &mut PgConnection,
    users: Vec<User>,
) -> Result<Vec<Username>, RepositoryError> {
    insert(connection, users).await.map_err(unavailable)
}

/// Creates the users whose names are free and returns the other names.
pub(super) async fn insert(
    connection: &mut PgConnection,
    users: Vec<User>,
) -> Result<Vec<Username>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "INSERT INTO users
             (username, id, email, full_name, disabled, password_hash, created_at, updated_at)
         SELECT username, id, email, full_name, disabled, password_hash, created_at, updated_at
         FROM json_to_recordset($1::json) AS new (
             username text, id bigint, email text, full_name text, disabled boolean,
             password_hash text, created_at bigint, updated_at bigint)
         ON CONFLICT DO NOTHING
         RETURNING username",
    )
    .bind(rows(&users))
    .fetch_all(&mut *connection)
    .await?;
    if let Some(folded) = folded_names(&users, &names) {
        unique::insert(connection, folded).await?;
    }
    let (scopes, taken) = scopes_of_created(users, names);
    sqlx::query(
        "INSERT INTO user_scopes (username, position, scope)
         SELECT new ->> 0, scopes.position - 1, scopes.scope
         FROM json_array_elements($1::json) AS new,
             json_array_elements_text(new -> 1) WITH ORDINALITY AS scopes (scope, position)",
    )
    .bind(scopes)
    .execute(&mut *connection)
    .await?;
    Ok(taken)
}

/// For a role that does not own the tables this is a warning, which the server sends for nobody.
pub(super) async fn analyze(connection: &mut PgConnection) -> Result<(), RepositoryError> {
    let analyze = sqlx::raw_sql("ANALYZE users, user_scopes, folded_names").execute(connection);
    analyze.await.map(drop).map_err(unavailable)
}
