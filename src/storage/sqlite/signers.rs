//! The fingerprints of signing secrets in SQLite.

use crate::domain::{Fingerprint, RepositoryError, Signers};
use crate::storage::error::unavailable;
use crate::storage::signers::{Rows, judge};
use crate::storage::sqlite::{Pools, SqliteUsers};
use async_trait::async_trait;
use std::sync::Arc;

struct SqliteSigners(Pools);

impl SqliteUsers {
    /// Where the servers on this file find each other.
    pub(in crate::storage) fn signers(&self) -> Arc<dyn Signers> {
        Arc::new(SqliteSigners(self.pools.clone()))
    }
}

#[async_trait]
impl Signers for SqliteSigners {
    async fn note(&self, own: Fingerprint) -> Result<Vec<Fingerprint>, RepositoryError> {
        let ages = sqlx::query_as("SELECT fingerprint, unixepoch() - noted FROM signers");
        let rows: Rows = ages.fetch_all(&self.0.readers).await.map_err(unavailable)?;
        let (others, is_due) = judge(rows, own);
        if is_due {
            let note = "INSERT INTO signers VALUES (?1, unixepoch())
                 ON CONFLICT (fingerprint) DO UPDATE SET noted = excluded.noted";
            let note = sqlx::query(note).bind(own.to_string());
            let mut connection = self.0.writer.acquire().await.map_err(unavailable)?;
            // A server that only reads keeps no connection that writes: should the file be read-only
            // one day, whoever writes next is to hear of it.
            connection.close_on_drop();
            note.execute(&mut *connection).await.map_err(unavailable)?;
            // What is a day old says nothing any more.
            let forget = sqlx::query("DELETE FROM signers WHERE noted < unixepoch() - 86400");
            forget.execute(&mut *connection).await.map_err(unavailable)?;
        }
        Ok(others)
    }
}
