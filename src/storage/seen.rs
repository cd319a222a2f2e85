//! What counts once, on whichever server it is shown.

use crate::domain::{KeyHash, RepositoryError, Seen, Timestamp};
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, sql};
use async_trait::async_trait;
use std::sync::Arc;

/// What was seen, in one database.
pub(super) struct DatabaseSeen {
    database: Arc<Database>,
    freshness: Arc<Freshness>,
}

impl DatabaseSeen {
    pub(super) fn new(database: Arc<Database>, freshness: Arc<Freshness>) -> Self {
        Self { database, freshness }
    }
}

#[async_trait]
impl Seen for DatabaseSeen {
    async fn is_first(&self, what: KeyHash, until: Timestamp) -> Result<bool, RepositoryError> {
        let taken = self.database.write(None, move |mut database| {
            Box::pin(async move { take(&mut database, what, until).await })
        });
        Box::pin(self.freshness.ask(taken)).await
    }
}

async fn take(
    database: &mut Connection<'_>,
    what: KeyHash,
    until: Timestamp,
) -> Result<bool, sqlx::Error> {
    let take = "INSERT INTO seen (hash, until) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1";
    let taken: Vec<i32> =
        database.query(take).bind(what.expose()).bind(until.seconds()).scalars().await?;
    // More than is added: the table stays as small as what could be shown again.
    let forget = sql!(
        "DELETE FROM seen WHERE hash IN
             (SELECT hash FROM seen WHERE until < " [now] " - 60 ORDER BY until LIMIT 10 "
        [skip locked] ")"
    );
    database.query(forget).execute().await?;
    Ok(!taken.is_empty())
}
