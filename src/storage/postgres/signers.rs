//! The fingerprints of signing secrets in PostgreSQL.

use crate::domain::{Fingerprint, RepositoryError, Signers};
use crate::storage::error::unavailable;
use crate::storage::postgres::PostgresUsers;
use crate::storage::postgres::driver::Driver;
use crate::storage::signers::{Rows, judge};
use async_trait::async_trait;
use sqlx::postgres::PgConnection;
use std::sync::Arc;

struct PostgresSigners(Arc<Driver>);

impl PostgresUsers {
    /// Where the servers on this database find each other.
    pub(in crate::storage) fn signers(&self) -> Arc<dyn Signers> {
        Arc::new(PostgresSigners(Arc::clone(&self.driver)))
    }
}

#[async_trait]
impl Signers for PostgresSigners {
    async fn note(&self, own: Fingerprint) -> Result<Vec<Fingerprint>, RepositoryError> {
        let rows = self.0.read(|connection| Box::pin(rows(connection))).await?;
        let (others, is_due) = judge(rows, own);
        if is_due {
            self.0.write(None, move |connection| Box::pin(write(connection, own))).await?;
        }
        Ok(others)
    }
}

async fn rows(connection: &mut PgConnection) -> Result<Rows, RepositoryError> {
    let ages = "SELECT fingerprint, extract(epoch FROM now())::bigint - noted FROM signers";
    sqlx::query_as(ages).fetch_all(connection).await.map_err(unavailable)
}

/// What is a day old says nothing any more.
async fn write(connection: &mut PgConnection, own: Fingerprint) -> Result<(), RepositoryError> {
    let note = "WITH gone AS (
             DELETE FROM signers
             WHERE noted < extract(epoch FROM now())::bigint - 86400 AND fingerprint <> $1)
         INSERT INTO signers VALUES ($1, extract(epoch FROM now())::bigint)
         ON CONFLICT (fingerprint) DO UPDATE SET noted = excluded.noted";
    let done = sqlx::query(note).bind(own.to_string()).execute(connection).await;
    done.map(drop).map_err(unavailable)
}
