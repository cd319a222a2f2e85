//! The connections to a SQLite file.

use crate::domain::{PoolUse, RepositoryError};
use crate::storage::error::{unavailable, unreached};
use crate::storage::give_back::give_back;
use crate::storage::sqlite::damage::faults;
use crate::storage::sqlite::place::SharedUse;
use crate::storage::sqlite::{BUSY, find, options, set_up};
use crate::storage::underway::Underway;
use crate::storage::{Missing, StorageError};
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{Sqlite, Transaction};
use std::num::NonZeroU32;
use std::path::Path;

/// The pools for one file. SQLite has one writer at a time, so there is one connection for writing:
/// writers queue for it, and never take readers' connections while they wait.
pub(in crate::storage) struct Pools {
    readers: SqlitePool,
    writer: SqlitePool,
    reads: Underway,
    writes: Underway,
    _in_use: SharedUse,
}

impl Pools {
    /// Opens the file and migrates it if necessary. Also returns its newest migration, if this
    /// version does not know it.
    pub(in crate::storage) async fn open(
        path: &Path,
        readers: NonZeroU32,
        missing: Missing,
    ) -> Result<(Self, Option<i64>), StorageError> {
        // Before looking for the file: it may be missing while it is replaced.
        let in_use = SharedUse::of(path).await?;
        find(path, missing)?;
        let newer = set_up(path).await?;
        // Connections to a file do not go stale: no tests, no maximal age.
        let pool = |size| {
            SqlitePoolOptions::new()
                .max_connections(size)
                .acquire_timeout(BUSY)
                .idle_timeout(None)
                .max_lifetime(None)
                .test_before_acquire(false)
                .connect_lazy_with(options(path))
        };
        let pools = Self {
            readers: pool(readers.get()),
            writer: pool(1),
            reads: Underway::default(),
            writes: Underway::default(),
            _in_use: in_use,
        };
        Ok((pools, newer))
    }

    /// Reads something.
    pub(in crate::storage) async fn read<T, E, F>(&self, operation: F) -> Result<T, RepositoryError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>>,
        E: Into<RepositoryError>,
    {
        let _read = self.reads.begin();
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        operation(&mut connection).await.map_err(Into::into)
    }

    /// Makes a change in a transaction of its own: all of it or, on any error, nothing.
    pub(in crate::storage) async fn write<T, E, F>(&self, change: F) -> Result<T, RepositoryError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>>,
        E: Into<RepositoryError>,
    {
        let _write = self.writes.begin();
        let mut transaction = self.begin().await?;
        let result = match change(&mut transaction).await {
            Ok(done) => transaction.commit().await.map(|()| done).map_err(unavailable),
            Err(error) => {
                drop(transaction);
                Err(error.into())
            }
        };
        self.kept(result).await
    }

    /// Makes a change that is one statement, and so a transaction by itself.
    pub(in crate::storage) async fn write_once<T, E, F>(
        &self,
        change: F,
    ) -> Result<T, RepositoryError>
    where
        F: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<T, E>>,
        E: Into<RepositoryError>,
    {
        let _write = self.writes.begin();
        let mut connection = self.writer.acquire().await.map_err(unreached)?;
        let result = change(&mut connection).await.map_err(Into::into);
        drop(connection);
        self.kept(result).await
    }

    /// Keeps the writer's connection unless a write has failed.
    async fn kept<T>(&self, result: Result<T, RepositoryError>) -> Result<T, RepositoryError> {
        if matches!(result, Err(RepositoryError::Unavailable(_))) {
            self.close_writer().await;
        }
        result
    }

    /// A transaction that has the write lock from its beginning: one that took it later could fail
    /// because of others' writes since then.
    pub(in crate::storage) async fn begin(
        &self,
    ) -> Result<Transaction<'static, Sqlite>, RepositoryError> {
        let begun = self.writer.begin_with("BEGIN IMMEDIATE").await;
        if matches!(begun, Err(sqlx::Error::Database(_))) {
            self.close_writer().await;
        }
        begun.map_err(unreached)
    }

    /// A transaction that reads a snapshot as of its first read.
    pub(in crate::storage) async fn snapshot(
        &self,
    ) -> Result<Transaction<'static, Sqlite>, RepositoryError> {
        self.readers.begin().await.map_err(unavailable)
    }

    /// Makes the next writer open a new connection. A connection keeps its state: one opened while
    /// the file was read-only cannot write later, and after SQLite itself has rolled back a
    /// transaction because the disk was full, sqlx believes it is still in it.
    pub(in crate::storage) async fn close_writer(&self) {
        if let Ok(mut connection) = self.writer.acquire().await {
            connection.close_on_drop();
        }
    }

    /// The same, unless another write is under way, which goes on with the connection.
    pub(in crate::storage) async fn close_idle_writer(&self) {
        if self.writes.is_empty() {
            self.close_writer().await;
        }
    }

    /// Empties the write-ahead log: one of several hundred MiB would delay the next program that
    /// opens the database. Written data are safe, whatever the outcome.
    pub(in crate::storage) async fn empty_log(&self) {
        let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.writer).await;
        if let Err(cause) = emptied {
            log::debug!("the write-ahead log stays as it is: {cause}");
        }
    }

    /// SQLite's findings about the file.
    pub(in crate::storage) async fn faults(&self) -> Result<Vec<String>, RepositoryError> {
        let mut connection = self.readers.acquire().await.map_err(unavailable)?;
        let found = faults(&mut connection, "PRAGMA integrity_check").await;
        let mut faults = found.map_err(unavailable)?;
        if !faults.is_empty() {
            return Ok(faults);
        }
        let orphans = sqlx::query("PRAGMA foreign_key_check")
            .fetch_all(&mut *connection)
            .await
            .map_err(unavailable)?;
        if !orphans.is_empty() {
            faults.push(format!("{} scopes belong to no user", orphans.len()));
        }
        Ok(faults)
    }

    /// Writes a consistent copy into an empty file.
    pub(in crate::storage) async fn write_copy(&self, file: &str) -> Result<(), RepositoryError> {
        let done = sqlx::query("VACUUM INTO ?1").bind(file).execute(&self.readers).await;
        done.map(drop).map_err(unavailable)
    }

    /// How the connections are used.
    pub(in crate::storage) fn condition(&self) -> [PoolUse; 2] {
        [
            self.reads.condition("readers", &self.readers),
            self.writes.condition("writers", &self.writer),
        ]
    }

    /// From now on keeps no idle connection.
    pub(in crate::storage) fn give_back(&self) {
        for pool in [&self.readers, &self.writer] {
            tokio::spawn(give_back(pool.clone()));
        }
    }
}
