//! Creating users in SQLite: one or a million, by the same statements.

use crate::domain::{NewUser, RepositoryError, Timestamp, UserImport, Username};
use crate::storage::error::unavailable;
use async_trait::async_trait;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};
use std::collections::HashSet;

/// An import under way; see [`UserImport`].
pub(super) struct SqliteImport {
    pub(super) transaction: Transaction<'static, Sqlite>,
    pub(super) now: Timestamp,
}

#[async_trait]
impl UserImport for SqliteImport {
    async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Username>, RepositoryError> {
        insert(&mut self.transaction, users, self.now).await.map_err(unavailable)
    }

    async fn commit(self: Box<Self>) -> Result<(), RepositoryError> {
        self.transaction.commit().await.map_err(unavailable)
    }
}

/// Creates the users whose names are free and returns the other names.
///
/// The rows travel as one JSON text: a statement per row would cost a switch to the driver's thread
/// and back for each, several times what SQLite needs for the row.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    users: Vec<NewUser>,
    now: Timestamp,
) -> Result<Vec<Username>, sqlx::Error> {
    let rows: Vec<_> = users.iter().map(row).collect();
    let created: Vec<String> = sqlx::query_scalar(
        "INSERT INTO users
             (username, email, full_name, disabled, password_hash, created_at, updated_at)
         SELECT value ->> 'username', value ->> 'email', value ->> 'full_name',
             value ->> 'disabled', value ->> 'password_hash', ?2, ?2
         FROM json_each(?1) WHERE true
         ON CONFLICT DO NOTHING
         RETURNING username",
    )
    .bind(json!(rows).to_string())
    .bind(now.seconds())
    .fetch_all(&mut *connection)
    .await?;

    let mut created: HashSet<String> = created.into_iter().collect();
    let (mut scopes, mut taken) = (Vec::new(), Vec::new());
    for user in users {
        if created.remove(user.username.as_str()) {
            scopes.push(json!([user.username.as_str(), user.scopes]));
        } else {
            taken.push(user.username);
        }
    }
    sqlx::query(
        "INSERT INTO user_scopes (username, position, scope)
         SELECT user.value ->> 0, scope.key, scope.value
         FROM json_each(?1) AS user, json_each(user.value, '$[1]') AS scope",
    )
    .bind(json!(scopes).to_string())
    .execute(&mut *connection)
    .await?;
    Ok(taken)
}

fn row(user: &NewUser) -> serde_json::Value {
    json!({
        "username": user.username.as_str(),
        "email": user.email,
        "full_name": user.full_name,
        "disabled": user.disabled,
        "password_hash": user.password_hash.expose(),
    })
}
