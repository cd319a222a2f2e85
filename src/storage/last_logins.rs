//! The days of users' last logins.

use crate::domain::{Day, LastLogins, RepositoryError, UserId};
use crate::storage::cache::Freshness;
use crate::storage::database::{Database, sql};
use async_trait::async_trait;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;

/// Where the days are kept.
pub(super) struct DatabaseLastLogins {
    database: Arc<Database>,
    freshness: Arc<Freshness>,
}

impl DatabaseLastLogins {
    pub(super) fn new(database: Arc<Database>, freshness: Arc<Freshness>) -> Self {
        Self { database, freshness }
    }
}

#[async_trait]
impl LastLogins for DatabaseLastLogins {
    async fn note(&self, logins: &[(UserId, Day)]) -> Result<(), RepositoryError> {
        let mut logins: Vec<_> = logins.iter().map(|(user, day)| (user.0, day.0)).collect();
        // All lock rows in one order, so there is no deadlock.
        logins.sort_unstable();
        let logins = json!(logins).to_string();
        let note = sql!(
            "INSERT INTO last_logins (user_id, day)
             SELECT users.id, CAST(value ->> 1 AS bigint)
             FROM " [records "$1"] " JOIN users ON users.id = CAST(value ->> 0 AS bigint)
             WHERE true ORDER BY users.id
             ON CONFLICT (user_id) DO UPDATE SET day = excluded.day
             WHERE last_logins.day < excluded.day"
        );
        let noted = self.database.write_and_close(move |mut database| {
            Box::pin(async move { database.query(note).bind(logins).execute().await })
        });
        noted.await
    }

    async fn of(&self, users: &[UserId]) -> Result<HashMap<UserId, Day>, RepositoryError> {
        let users = json!(users).to_string();
        let of = sql!("SELECT user_id, day FROM last_logins WHERE user_id " [among "$1"]);
        let rows = self.database.read(move |mut database| {
            Box::pin(async move { database.query(of).bind(users).all::<(i64, i64)>().await })
        });
        let rows = self.freshness.ask(rows).await?;
        Ok(rows.into_iter().map(|(user, day)| (UserId(user), Day(day))).collect())
    }
}
