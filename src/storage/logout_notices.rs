//! Notices of ended sessions for clients, in either database.

use crate::domain::{LogoutNotice, LogoutNotices, RepositoryError, SessionId, UserId};
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use std::sync::Arc;
#[cfg(test)]
use std::time::Duration;

/// The notices of one database.
pub(super) struct DatabaseLogoutNotices {
    database: Arc<Database>,
    freshness: Arc<Freshness>,
    /// Seconds that are added to the database's clock.
    offset: i64,
}

impl DatabaseLogoutNotices {
    pub(super) fn new(database: Arc<Database>, freshness: Arc<Freshness>) -> Self {
        Self { database, freshness, offset: 0 }
    }

    /// With a clock that goes ahead.
    #[cfg(test)]
    pub(super) fn later(&self, by: Duration) -> Self {
        let (database, freshness) = (Arc::clone(&self.database), Arc::clone(&self.freshness));
        let by = i64::try_from(by.as_secs()).unwrap();
        Self { database, freshness, offset: self.offset + by }
    }
}

#[async_trait]
impl LogoutNotices for DatabaseLogoutNotices {
    async fn take(&self, most: u32) -> Result<Vec<LogoutNotice>, RepositoryError> {
        let offset = self.offset;
        // Nearly always there is none, and nothing is written.
        let look = sql!(
            "SELECT sid FROM logout_notices
             WHERE due <= " [clock] " + $1 AND until > " [clock] " + $1 LIMIT 1"
        );
        let found = self.database.read(move |mut database| {
            Box::pin(async move { database.query(look).bind(offset).scalars::<String>().await })
        });
        if self.freshness.ask(found).await?.is_empty() {
            return Ok(Vec::new());
        }
        let take = sql!(
            "UPDATE logout_notices SET tries = tries + 1,
                 due = " [clock] " + $1
                     + CASE WHEN tries < 10 THEN 20 * (tries + 1) * (tries + 1) ELSE 2000 END
             WHERE (sid, client_id) IN (
                 SELECT sid, client_id FROM logout_notices
                 WHERE due <= " [clock] " + $1 AND until > " [clock] " + $1
                 ORDER BY due LIMIT CAST($2 AS bigint) " [skip locked] ")
             RETURNING sid, client_id, user_id"
        );
        let taken = self.database.write(None, move |mut database| {
            Box::pin(async move {
                let query = database.query(take).bind(offset).bind(i64::from(most));
                query.all::<(String, String, i64)>().await
            })
        });
        let taken = self.freshness.ask(Box::pin(taken)).await?;
        let notice = |(sid, client, user): (String, String, i64)| {
            let (session, client) = (sid.parse().ok()?, client.parse().ok()?);
            Some(LogoutNotice { session, user: UserId(user), client })
        };
        Ok(taken.into_iter().filter_map(notice).collect())
    }

    async fn done(&self, notice: &LogoutNotice) -> Result<(), RepositoryError> {
        let (sid, client) = (notice.session.to_string(), notice.client.clone());
        let forget = "DELETE FROM logout_notices WHERE sid = $1 AND client_id = $2";
        let forgotten = self.database.write(None, move |mut database| {
            Box::pin(async move {
                database.query(forget).bind(sid).bind(client.as_str()).execute().await
            })
        });
        self.freshness.ask(Box::pin(forgotten)).await
    }

    async fn clean_up(&self) -> Result<(), RepositoryError> {
        let offset = self.offset;
        let forget = sql!("DELETE FROM logout_notices WHERE until <= " [clock] " + $1");
        let forgotten = self.database.write_and_close(move |mut database| {
            Box::pin(async move { database.query(forget).bind(offset).execute().await })
        });
        forgotten.await
    }
}

/// Notes that a client is told when a session ends.
pub(super) async fn note_client(
    database: &mut Connection<'_>,
    session: SessionId,
    client: Option<&str>,
) -> Result<(), sqlx::Error> {
    let note = "INSERT INTO session_clients (sid, client_id)
         SELECT sid, $2 FROM sessions WHERE sid = $1 ON CONFLICT DO NOTHING";
    database.query(note).bind(session.to_string()).bind(client).execute().await
}
