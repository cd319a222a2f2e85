//! Creating users in SQLite: one or a million, by the same statements.

use crate::domain::{NewUser, RepositoryError, Taken, Timestamp, User, UserImport, Username};
use crate::settings::UserSettings;
use crate::storage::error::unavailable;
use crate::storage::row::{created, rows, scopes_of_created};
use crate::storage::sqlite::unique;
use crate::storage::unique::{add, folded_names};
use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, SqlitePool, Transaction};

/// An import under way; see [`UserImport`].
pub(super) struct SqliteImport {
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) now: Timestamp,
    pub(super) writer: SqlitePool,
    pub(super) unique: UserSettings,
}

#[async_trait]
impl UserImport for SqliteImport {
    async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Taken>, RepositoryError> {
        let users = users.into_iter().map(|user| created(user, self.now)).collect();
        add(&mut *self.transaction, self.unique, users).await
    }

    async fn commit(self: Box<Self>) -> Result<(), RepositoryError> {
        self.transaction.commit().await.map_err(unavailable)?;
        // A log of some hundred MiB would wait for the next program that opens the database, and
        // keep it from serving. The users are there, whatever becomes of this.
        let written = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await;
        if let Err(cause) = written {
            log::debug!("the write-ahead log stays as it is: {cause}");
        }
        Ok(())
    }
}

/// Creates the users whose names are free and returns the other names.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    users: Vec<User>,
) -> Result<Vec<Username>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "INSERT INTO users
             (username, id, email, full_name, disabled, password_hash, created_at, updated_at)
         SELECT value ->> 'username', value ->> 'id', value ->> 'email',
             value ->> 'full_name', value ->> 'disabled', value ->> 'password_hash', value ->> 'created_at',
             value ->> 'updated_at'
         FROM json_each(?1) WHERE true
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
         SELECT user.value ->> 0, scope.key, scope.value
         FROM json_each(?1) AS user, json_each(user.value, '$[1]') AS scope",
    )
    .bind(scopes)
    .execute(&mut *connection)
    .await?;
    Ok(taken)
}
