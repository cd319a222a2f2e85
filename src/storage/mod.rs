//! Where users are kept: repositories in SQL, one folder per database, below one cache.

mod aside;
mod cache;
mod change;
#[cfg(test)]
mod contract;
mod database;
mod error;
mod give_back;
mod maintenance;
mod migrations;
mod part;
#[cfg(feature = "postgres")]
mod postgres;
mod restore;
mod row;
mod signers;
mod sqlite;
mod statements;
mod transfer;
mod underway;
mod unique;
mod users;

pub use error::StorageError;
pub use maintenance::{MaintenanceError, back_up, check, copy};
pub use restore::{Restored, restore};

use crate::domain::{Signers, UserRepository};
use crate::settings::{CacheSettings, DatabaseSettings, Settings, UserSettings, make_data_dir};
use crate::storage::cache::{CachedUsers, Freshness};
use crate::storage::database::Database;
use crate::storage::signers::DatabaseSigners;
use crate::storage::sqlite::refuse_damaged;
use crate::storage::users::Users;
use std::path::Path;
use std::sync::Arc;

/// What to do about a database that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Make it.
    Create,
    /// Say so: whoever only looks has got the settings wrong.
    Refuse,
}

/// A database that is open.
pub struct Opened {
    /// Its users, with the cache above them.
    pub users: Arc<dyn UserRepository>,
    /// Where servers find each other's secrets.
    pub signers: Arc<dyn Signers>,
}

/// Opens the configured database, creates or migrates it if need be, and puts the cache above it.
pub async fn open(settings: &Settings) -> Result<Opened, StorageError> {
    let Settings { data_dir, database, cache, users, .. } = settings;
    let is_there = settings.database_file().is_some_and(|file| file.starts_with(data_dir));
    match create_folder(data_dir) {
        Err(error) if is_there => return Err(error),
        // Whatever else may be kept there says so itself.
        Err(error) => log::debug!("{error}"),
        Ok(()) => {}
    }
    open_unique(data_dir, database, cache, Missing::Create, *users).await
}

/// The same for a database that is there; nothing is created.
pub async fn open_existing(settings: &Settings) -> Result<Opened, StorageError> {
    let Settings { data_dir, database, cache, users, .. } = settings;
    open_unique(data_dir, database, cache, Missing::Refuse, *users).await
}

/// Refuses a SQLite file that is damaged: to serve it would damage it more.
pub async fn refuse_damage(settings: &Settings) -> Result<(), StorageError> {
    match settings.database_file() {
        Some(file) => refuse_damaged(&file).await,
        None => Ok(()),
    }
}

async fn open_unique(
    data_dir: &Path,
    database: &DatabaseSettings,
    cache: &CacheSettings,
    missing: Missing,
    unique: UserSettings,
) -> Result<Opened, StorageError> {
    let freshness = Arc::new(Freshness::default());
    let mut opened = Database::open(data_dir, database, missing).await?;
    opened.watch(Arc::clone(&freshness))?;
    let opened = Arc::new(opened);
    let users = Users::of(Arc::clone(&opened)).requiring(unique, missing).await?;
    let users = Arc::new(CachedUsers::new(users, cache, freshness));
    Ok(Opened { users, signers: Arc::new(DatabaseSigners(opened)) })
}

/// With nothing unique but exact names.
#[cfg(test)]
async fn open_in(
    data_dir: &Path,
    database: &DatabaseSettings,
    cache: &CacheSettings,
    missing: Missing,
) -> Result<Arc<dyn UserRepository>, StorageError> {
    let opened = open_unique(data_dir, database, cache, missing, UserSettings::default()).await?;
    Ok(opened.users)
}

fn create_folder(folder: &Path) -> Result<(), StorageError> {
    make_data_dir(folder).map_err(|cause| StorageError::Folder { folder: folder.to_owned(), cause })
}

#[cfg(test)]
mod tests;
