//! A transaction of an administrator's command, over several calls.

use crate::domain::RepositoryError;
use crate::storage::database::connection::{Connection, Operation};
use crate::storage::error::unavailable;
#[cfg(feature = "postgres")]
use crate::storage::postgres::Session as PostgresSession;
use crate::storage::sqlite::Pools;
use sqlx::{Sqlite, Transaction};
use std::sync::Arc;

/// A transaction without time limits; dropped without a commit, it leaves nothing behind.
pub(in crate::storage) enum Session {
    Sqlite(Transaction<'static, Sqlite>, Arc<Pools>),
    #[cfg(feature = "postgres")]
    Postgres(PostgresSession),
}

impl Session {
    /// Runs an operation in the transaction.
    pub(in crate::storage) async fn run<T, E>(
        &mut self,
        operation: impl Operation<T, E>,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: Into<RepositoryError> + Send + 'static,
    {
        match self {
            Self::Sqlite(transaction, _) => {
                operation(Connection::Sqlite(transaction)).await.map_err(Into::into)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => {
                session.run(|connection| operation(Connection::Postgres(connection))).await
            }
        }
    }

    /// Makes it durable.
    pub(in crate::storage) async fn commit(self) -> Result<(), RepositoryError> {
        match self {
            Self::Sqlite(transaction, pools) => {
                transaction.commit().await.map_err(unavailable)?;
                pools.empty_log().await;
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.commit().await,
        }
    }
}
