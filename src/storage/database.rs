//! One database, SQLite or PostgreSQL: its connections, its migrations, and its watcher.
//!
//! How to store something new, such as API keys ([`signers`](super::signers) is the smallest
//! example):
//! 1. A trait in `domain/`: each method is one atomic step, named for its rule.
//! 2. Its tables: a migration in `sqlite/migrations/` and one in `postgres/migrations/`.
//! 3. One file in this folder: a struct over an `Arc<Database>` that implements the trait with
//!    [`Database::read`] and [`Database::write`]. A statement is written once, as text or, where the
//!    databases differ, with [`sql!`]; a difference that has no name yet gets one there. A type
//!    of the domain is read from a row by a `FromRow` that is generic over rows, see
//!    [`row`](super::row); a tuple needs none.
//! 4. One suite in `contract/`, written against the trait, run on both databases.
//! 5. [`Opened`](super::Opened) hands it to `services`; `transfer` copies its tables.

mod connection;
mod session;
mod sql;

pub(super) use connection::{Connection, Operation};
pub(super) use session::Session;
pub(super) use sql::{Sql, differs, of, sql};

use crate::domain::{PoolUse, RepositoryError, Username};
use crate::settings::DatabaseSettings;
use crate::storage::cache::Freshness;
#[cfg(feature = "postgres")]
use crate::storage::postgres::{self, Address, Driver, Session as PostgresSession, set_up};
use crate::storage::revoked::Revoked;
use crate::storage::sqlite::{self, Pools, Watch};
use crate::storage::{Missing, StorageError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An open database.
pub(super) struct Database {
    engine: Engine,
    /// For messages; without a password.
    label: String,
    newer: Option<i64>,
    watch: Option<Watch>,
}

enum Engine {
    Sqlite(Arc<Pools>, PathBuf),
    #[cfg(feature = "postgres")]
    Postgres(Arc<Driver>, Box<Address>),
}

impl Database {
    /// Opens the database that the settings name; creates or migrates it if necessary.
    pub(super) async fn open(
        data_dir: &Path,
        settings: &DatabaseSettings,
        missing: Missing,
    ) -> Result<Self, StorageError> {
        #[cfg(feature = "postgres")]
        if let Some(address) = Address::of(settings)? {
            let newer = set_up(&address, missing).await?;
            let (label, driver) = (address.label().to_owned(), Driver::start(&address)?);
            let engine = Engine::Postgres(driver, Box::new(address));
            return Ok(Self { engine, label, newer, watch: None });
        }
        let path = settings.url.file(data_dir).unwrap_or_default();
        let (pools, newer) = Pools::open(&path, settings.pool_size, missing).await?;
        let label = path.display().to_string();
        let engine = Engine::Sqlite(Arc::new(pools), path);
        Ok(Self { engine, label, newer, watch: None })
    }

    /// For messages; without a password.
    pub(super) fn label(&self) -> &str {
        &self.label
    }

    /// The newest migration, if this version does not know it.
    pub(super) fn newer(&self) -> Option<i64> {
        self.newer
    }

    /// The SQLite file, if it is one.
    #[cfg_attr(
        not(feature = "postgres"),
        expect(clippy::unnecessary_wraps, reason = "SQLite is all")
    )]
    pub(super) fn file(&self) -> Option<&Pools> {
        match &self.engine {
            Engine::Sqlite(pools, _) => Some(pools),
            #[cfg(feature = "postgres")]
            Engine::Postgres(..) => None,
        }
    }

    /// Reports changes by others, as long as this exists.
    pub(super) fn watch(
        &mut self,
        freshness: Arc<Freshness>,
        revoked: Arc<Revoked>,
    ) -> Result<(), StorageError> {
        match &self.engine {
            Engine::Sqlite(_, path) => self.watch = Some(Watch::start(path, freshness, revoked)?),
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, address) => driver.watch(*address.clone(), freshness, revoked),
        }
        Ok(())
    }

    /// Prepares the tables for a setting, on a connection of its own: with many users it takes
    /// longer than any operation of a request may.
    pub(super) async fn prepare<T>(
        &self,
        preparation: impl Operation<T>,
    ) -> Result<T, StorageError> {
        match &self.engine {
            Engine::Sqlite(_, path) => {
                sqlite::apart(path, |connection| preparation(Connection::Sqlite(connection))).await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(_, address) => {
                postgres::apart(address, |connection| preparation(Connection::Postgres(connection)))
                    .await
            }
        }
    }

    /// Reads something.
    pub(super) async fn read<T, E>(
        &self,
        reading: impl Operation<T, E>,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: Into<RepositoryError> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(pools, _) => {
                pools.read(|connection| reading(Connection::Sqlite(connection))).await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => {
                driver.read(|connection| reading(Connection::Postgres(connection))).await
            }
        }
    }

    /// Makes a change in a transaction of its own: all of it or, on any error, nothing. Changes of
    /// one user happen one after the other.
    pub(super) async fn write<T, E>(
        &self,
        user: Option<&Username>,
        change: impl Operation<T, E>,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Into<RepositoryError> + Send + 'static,
    {
        #[cfg(not(feature = "postgres"))]
        let _ = user;
        match &self.engine {
            Engine::Sqlite(pools, _) => {
                pools.write(|connection| change(Connection::Sqlite(connection))).await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => {
                let write = driver.write(user, |connection| {
                    Box::pin(async { Connection::Postgres(connection).atomically(change).await })
                });
                write.await
            }
        }
    }

    /// Makes a change that is one statement, and so atomic by itself: it saves beginning and ending a
    /// transaction. What the statement returns must be read to its end, as only then it is stored.
    pub(super) async fn write_once<T, E>(
        &self,
        change: impl Operation<T, E>,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Into<RepositoryError> + Send + 'static,
    {
        match &self.engine {
            Engine::Sqlite(pools, _) => {
                pools.write_once(|connection| change(Connection::Sqlite(connection))).await
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => {
                driver.write(None, |connection| change(Connection::Postgres(connection))).await
            }
        }
    }

    /// `write` for servers that otherwise only read: SQLite's connection is not kept, so that the
    /// next write notices if the file has become read-only.
    pub(super) async fn write_and_close<T, E>(
        &self,
        change: impl Operation<T, E>,
    ) -> Result<T, RepositoryError>
    where
        T: Send + 'static,
        E: From<sqlx::Error> + Into<RepositoryError> + Send + 'static,
    {
        let result = self.write(None, change).await;
        if let Some(pools) = self.file() {
            pools.close_idle_writer().await;
        }
        result
    }

    /// Starts a large read: a snapshot as of the first read.
    pub(super) async fn snapshot(&self) -> Result<Session, RepositoryError> {
        match &self.engine {
            Engine::Sqlite(pools, _) => {
                Ok(Session::Sqlite(pools.snapshot().await?, Arc::clone(pools)))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => {
                Ok(Session::Postgres(PostgresSession::snapshot(driver).await?))
            }
        }
    }

    /// Starts a large write.
    pub(super) async fn session(&self) -> Result<Session, RepositoryError> {
        match &self.engine {
            Engine::Sqlite(pools, _) => {
                Ok(Session::Sqlite(pools.begin().await?, Arc::clone(pools)))
            }
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => {
                Ok(Session::Postgres(PostgresSession::begin(driver).await?))
            }
        }
    }

    /// How the connections are used.
    pub(super) fn condition(&self) -> [PoolUse; 2] {
        match &self.engine {
            Engine::Sqlite(pools, _) => pools.condition(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => driver.condition(),
        }
    }

    /// From now on keeps no idle connection.
    pub(super) fn give_back(&self) {
        match &self.engine {
            Engine::Sqlite(pools, _) => pools.give_back(),
            #[cfg(feature = "postgres")]
            Engine::Postgres(driver, _) => driver.give_back(),
        }
    }
}
