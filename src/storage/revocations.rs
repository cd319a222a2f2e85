//! Tokens that have ended, in either database.

use crate::domain::{Ended, RepositoryError, Revocations, Timestamp, TokenId};
use crate::storage::cache::Freshness;
use crate::storage::database::{Connection, Database, sql};
use crate::storage::revoked::Revoked;
use async_trait::async_trait;
use std::sync::Arc;

/// Rows removed at once.
const BATCH: usize = 1_000;

/// The ended tokens of one database. Its watcher keeps `held` up to date.
pub(super) struct DatabaseRevocations {
    pub(super) database: Arc<Database>,
    pub(super) freshness: Arc<Freshness>,
    pub(super) held: Arc<Revoked>,
}

#[cfg(test)]
impl DatabaseRevocations {
    /// Those of a process that watches the database.
    pub(super) fn watching(mut database: Database) -> Self {
        let (freshness, held) = (Arc::<Freshness>::default(), Arc::<Revoked>::default());
        database.watch(Arc::clone(&freshness), Arc::clone(&held)).unwrap();
        Self { database: Arc::new(database), freshness, held }
    }
}

#[async_trait]
impl Revocations for DatabaseRevocations {
    async fn revoke(&self, token: TokenId, until: Timestamp) -> Result<bool, RepositoryError> {
        let revoked = self.database.write(None, move |mut database| {
            Box::pin(async move { revoke(&mut database, token, until).await })
        });
        let is_new = self.freshness.ask(Box::pin(revoked)).await?;
        self.held.add(Ended::Token(token), until);
        Ok(is_new)
    }

    fn holds(&self, what: Ended) -> bool {
        self.held.holds(what)
    }

    async fn finds(&self, what: Ended) -> Result<bool, RepositoryError> {
        // First: the watcher reads what has ended before it confirms.
        let is_fresh = self.freshness.is_fresh();
        if self.held.holds(what) || is_fresh {
            return Ok(self.held.holds(what));
        }
        let found = self
            .database
            .read(move |mut database| Box::pin(async move { finds(&mut database, what).await }));
        self.freshness.ask(found).await
    }

    async fn forget_expired(&self) -> Result<(), RepositoryError> {
        let now = self.database.read(|mut database| {
            Box::pin(async move { database.query(sql!("SELECT "[now])).scalar().await })
        });
        self.held.forget(Timestamp(self.freshness.ask(now).await?));
        Ok(())
    }

    async fn clean_up(&self) -> Result<(), RepositoryError> {
        let forget = sql!(
            "DELETE FROM revocations WHERE seq IN (
                 SELECT seq FROM revocations WHERE until < " [now] " LIMIT 1000 " [skip locked] ")
             RETURNING id"
        );
        loop {
            let removed = self.database.write_and_close(move |mut database| {
                Box::pin(async move { database.query(forget).scalars::<String>().await })
            });
            if removed.await?.len() < BATCH {
                return Ok(());
            }
        }
    }
}

async fn revoke(
    database: &mut Connection<'_>,
    token: TokenId,
    until: Timestamp,
) -> Result<bool, sqlx::Error> {
    let revoke = "INSERT INTO revocations (kind, id, until) VALUES ('token', $1, $2)
         ON CONFLICT (kind, id) DO NOTHING RETURNING id";
    let query = database.query(revoke).bind(token.to_string()).bind(until.seconds());
    Ok(!query.scalars::<String>().await?.is_empty())
}

async fn finds(database: &mut Connection<'_>, what: Ended) -> Result<bool, sqlx::Error> {
    let find = "SELECT EXISTS (SELECT 1 FROM revocations WHERE kind = $1 AND id = $2)";
    let (kind, id) = what.parts();
    database.query(find).bind(kind).bind(id).scalar().await
}
