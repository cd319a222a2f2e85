//! Opens a PostgreSQL database: waits for the server, checks it, migrates.

use crate::storage::migrations::{SetUpError, warn_of_newer};
use crate::storage::postgres::address::Address;
use crate::storage::postgres::migrations;
use crate::storage::postgres::pooler::{self, shares_sessions};
use crate::storage::postgres::servers::is_passing;
use crate::storage::postgres::trouble::explain;
use crate::storage::{Missing, StorageError};
use futures_util::future::BoxFuture;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use std::io;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Pause between two attempts to reach a starting server.
const RETRY: Duration = Duration::from_millis(100);

/// Lifts the limits of requests for a session.
const UNLIMITED: &str = "SET statement_timeout = 0; SET lock_timeout = 0";

/// The longest time in which all starting replicas may migrate.
const MIGRATION: Duration = Duration::from_mins(10);

/// Brings the database up to date; one without tables gets them, or is refused. Returns its newest
/// migration, if this version does not know it.
pub(in crate::storage) async fn set_up(
    address: &Address,
    missing: Missing,
) -> Result<Option<i64>, StorageError> {
    let fail = |error: sqlx::Error| explain(address, &error.into());
    let mut connection = connect(address).await.map_err(fail)?;
    refuse_pooler(address, &mut connection).await?;
    let newer = match timeout(MIGRATION, prepare(address, &mut connection, missing)).await {
        Ok(Ok(newer)) => newer,
        Ok(Err(error)) => return Err(explain(address, &error)),
        Err(_) => return Err(StorageError::unusable(&address.label, "is being migrated")),
    };
    if let Some(newest) = newer {
        warn_of_newer(&address.label, newest);
    }
    // Its work is done; closing it properly is optional.
    let _ = timeout(address.connect_timeout, connection.close()).await;
    Ok(newer)
}

/// Runs an operation on a connection of its own, without the limits of requests.
pub(in crate::storage) async fn apart<T, F>(
    address: &Address,
    operation: F,
) -> Result<T, StorageError>
where
    F: for<'c> FnOnce(&'c mut PgConnection) -> BoxFuture<'c, Result<T, sqlx::Error>>,
{
    let done = async {
        let mut connection = connect(address).await?;
        address.prepare(&mut connection).await?;
        sqlx::raw_sql(UNLIMITED).execute(&mut connection).await?;
        let done = operation(&mut connection).await?;
        let _ = timeout(address.connect_timeout, connection.close()).await;
        Ok(done)
    };
    match timeout(MIGRATION, done).await {
        Ok(done) => done.map_err(|error| explain(address, &SetUpError::Sql(error))),
        Err(_) => Err(StorageError::unusable(&address.label, "is being indexed")),
    }
}

/// A pooler that shares sessions would work by luck, for a while.
async fn refuse_pooler(
    address: &Address,
    connection: &mut PgConnection,
) -> Result<(), StorageError> {
    let look = async {
        let mut second = connect(address).await?;
        let shares = shares_sessions(connection, &mut second).await?;
        let _ = second.close().await;
        Ok(shares)
    };
    let problem = match timeout(address.connect_timeout, look).await {
        Ok(Ok(false)) => return Ok(()),
        Ok(Ok(true)) => pooler::ADVICE,
        Ok(Err(error)) => return Err(explain(address, &SetUpError::Sql(error))),
        Err(_) => {
            "gave no second session in time: each process needs database.pool_size + \
             database.write_pool_size + 1 of them (PgBouncer: default_pool_size)"
        }
    };
    Err(StorageError::unusable(&address.label, problem))
}

/// Retries while the server is starting, or has no free connection because all replicas start.
async fn connect(address: &Address) -> Result<PgConnection, sqlx::Error> {
    let deadline = Instant::now() + address.connect_timeout;
    let each = address.connect_timeout / address.servers.count();
    let mut told = None;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let error = match timeout(rest, address.servers.connect(each)).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => told.unwrap_or_else(|| io::Error::from(io::ErrorKind::TimedOut).into()),
        };
        if !is_passing(&error) || Instant::now() + RETRY >= deadline {
            return Err(error);
        }
        told = Some(error);
        tokio::time::sleep(RETRY).await;
    }
}

async fn prepare(
    address: &Address,
    connection: &mut PgConnection,
    missing: Missing,
) -> Result<Option<i64>, SetUpError> {
    address.prepare(connection).await?;
    let encoding: String =
        sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut *connection).await?;
    if encoding != "UTF8" {
        let problem = format!("has the encoding {encoding}: expected UTF8");
        return Err(sqlx::Error::Configuration(problem.into()).into());
    }
    // Another replica's migration may take longer than any operation of a request.
    sqlx::raw_sql(UNLIMITED).execute(&mut *connection).await?;
    migrations::run(connection, &migrations::TEXTS, missing).await
}
