//! Where users are kept: repositories in SQL, one folder per database, below one cache.

mod cache;
mod change;
#[cfg(test)]
mod contract;
mod error;
mod maintenance;
mod migrations;
mod postgres;
mod row;
mod sqlite;
mod statements;
mod transfer;

pub use error::StorageError;
pub use maintenance::{MaintenanceError, Summary, back_up, check, copy};

use crate::domain::UserRepository;
use crate::settings::CacheSettings;
use crate::settings::DatabaseSettings;
use crate::settings::Settings;
use crate::storage::cache::{CachedUsers, Freshness};
use crate::storage::postgres::{Address, PostgresUsers};
use crate::storage::sqlite::{SqliteUsers, Watch};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Opens the configured database, creates or migrates it if need be, and puts the cache above it.
pub async fn open(settings: &Settings) -> Result<Arc<dyn UserRepository>, StorageError> {
    create_folder(&settings.data_dir)?;
    open_in(&settings.data_dir, &settings.database, &settings.cache).await
}

async fn open_in(
    data_dir: &Path,
    database: &DatabaseSettings,
    cache: &CacheSettings,
) -> Result<Arc<dyn UserRepository>, StorageError> {
    let freshness = Arc::new(Freshness::default());
    if let Some(address) = Address::of(database)? {
        let users = PostgresUsers::open(address).await?;
        users.watch(Arc::clone(&freshness));
        return Ok(Arc::new(CachedUsers::new(users, cache, freshness)));
    }
    let path = database_path(data_dir, database)?;
    let users = SqliteUsers::open(&path, database.pool_size).await?;
    let watch = Watch::start(&path, Arc::clone(&freshness))?;
    Ok(Arc::new(CachedUsers::new(users, cache, freshness).owning(watch)))
}

fn create_folder(folder: &Path) -> Result<(), StorageError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|cause| StorageError::Folder { folder: folder.to_owned(), cause })
}

/// `sqlite:PATH` or `sqlite://PATH`, taken literally; empty: `bailiwick.db` in the data folder.
fn database_path(data_dir: &Path, settings: &DatabaseSettings) -> Result<PathBuf, StorageError> {
    let url = settings.url.expose();
    if url.is_empty() {
        return Ok(data_dir.join("bailiwick.db"));
    }
    let path = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match path {
        // A database in memory could not be shared by the connections of the pool.
        Some(path)
            if !path.is_empty()
                && !path.contains('?')
                && path != ":memory:"
                && !path.starts_with("file:") =>
        {
            Ok(path.into())
        }
        _ => Err(StorageError::Url),
    }
}

#[cfg(test)]
mod tests;
