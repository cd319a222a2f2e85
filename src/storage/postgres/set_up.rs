//! Opening a database of PostgreSQL: waits for the server, checks what it is, migrates.

use crate::storage::StorageError;
use crate::storage::migrations::SetUpError;
use crate::storage::postgres::address::Address;
use crate::storage::postgres::migrations;
use sqlx::postgres::PgConnection;
use sqlx::{ConnectOptions as _, Connection as _};
use std::io;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// Between two attempts to reach a server that is about to start.
const RETRY: Duration = Duration::from_millis(100);

/// The longest that this and all other replicas that start may migrate.
const MIGRATION: Duration = Duration::from_mins(10);

/// Brings the database up to date.
pub(super) async fn set_up(address: &Address) -> Result<(), StorageError> {
    let mut connection = connect(address).await.map_err(|error| explain(address, &error.into()))?;
    match timeout(MIGRATION, prepare(&mut connection)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(explain(address, &error)),
        Err(_) => return Err(StorageError::unusable(&address.label, "is being migrated")),
    }
    // It has served; whether the goodbye arrives does not matter.
    let _ = timeout(address.connect_timeout, connection.close()).await;
    Ok(())
}

/// Servers that start, or have no connection free while all replicas start, are asked again.
async fn connect(address: &Address) -> Result<PgConnection, sqlx::Error> {
    let deadline = Instant::now() + address.connect_timeout;
    loop {
        let rest = deadline.saturating_duration_since(Instant::now());
        let error = match timeout(rest, address.options.connect()).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => error,
            Err(_) => io::Error::from(io::ErrorKind::TimedOut).into(),
        };
        if !is_passing(&error) || Instant::now() + RETRY >= deadline {
            return Err(error);
        }
        tokio::time::sleep(RETRY).await;
    }
}

fn is_passing(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => error.kind() == io::ErrorKind::ConnectionRefused,
        // too_many_connections, cannot_connect_now
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("53300" | "57P03")),
        _ => false,
    }
}

async fn prepare(connection: &mut PgConnection) -> Result<(), SetUpError> {
    let encoding: String =
        sqlx::query_scalar("SHOW server_encoding").fetch_one(&mut *connection).await?;
    if encoding != "UTF8" {
        let problem = format!("has the encoding {encoding}: expected UTF8");
        return Err(sqlx::Error::Configuration(problem.into()).into());
    }
    // Another replica's migration may take longer than any operation of a request.
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await?;
    migrations::run(connection).await
}

fn explain(address: &Address, error: &SetUpError) -> StorageError {
    let database = address.label.clone();
    match error {
        SetUpError::Newer(migration) => StorageError::Newer { database, migration: *migration },
        SetUpError::Altered(migration) => StorageError::Altered { database, migration: *migration },
        SetUpError::Foreign => {
            StorageError::unusable(database, "holds the tables of another program")
        }
        SetUpError::Sql(sqlx::Error::Io(error)) => {
            StorageError::unusable(database, format_args!("cannot be reached: {error}"))
        }
        SetUpError::Sql(sqlx::Error::Database(error)) => {
            StorageError::unusable(database, error.message())
        }
        SetUpError::Sql(sqlx::Error::Configuration(problem)) => {
            StorageError::unusable(database, problem)
        }
        SetUpError::Sql(error) => StorageError::unusable(database, error),
    }
}
