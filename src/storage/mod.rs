//! Storage of users: repositories in SQL, one folder per database, below one cache.

mod admission;
mod api_keys;
mod aside;
mod audit_events;
mod cache;
mod change;
mod clients;
mod codes;
#[cfg(test)]
mod contract;
mod database;
mod error;
mod give_back;
mod identities;
mod last_logins;
mod logout_notices;
mod maintenance;
mod migrations;
mod part;
#[cfg(feature = "postgres")]
mod postgres;
mod refresh_families;
mod restore;
mod revocations;
mod revoked;
mod row;
mod seen;
mod server_keys;
mod sessions;
mod signers;
mod sqlite;
mod statements;
mod tables;
mod throttles;
mod transfer;
mod underway;
mod unique;
mod users;

pub use error::StorageError;
pub use maintenance::{MaintenanceError, Summary, back_up, check, copy};
pub use restore::{Keep, Restored, restore};

use crate::domain::{
    ApiKeyRepository, AuditEvents, AuthorizationCodes, ClientRepository, Consents, Identities,
    LastLogins, LogoutNotices, RefreshFamilies, Revocations, Seen, ServerKeys, Sessions, Signers,
    SigningKeys, Throttles, UserRepository,
};
use crate::settings::{CacheSettings, DatabaseSettings, Settings, UserSettings, make_data_dir};
use crate::storage::api_keys::ApiKeys;
use crate::storage::audit_events::DatabaseAuditEvents;
use crate::storage::cache::{CachedApiKeys, CachedClients, CachedUsers, Freshness};
use crate::storage::clients::Clients;
use crate::storage::codes::DatabaseCodes;
use crate::storage::database::Database;
use crate::storage::identities::DatabaseIdentities;
use crate::storage::last_logins::DatabaseLastLogins;
use crate::storage::logout_notices::DatabaseLogoutNotices;
use crate::storage::refresh_families::DatabaseRefreshFamilies;
use crate::storage::revocations::DatabaseRevocations;
use crate::storage::revoked::Revoked;
use crate::storage::seen::DatabaseSeen;
use crate::storage::server_keys::DatabaseKeys;
use crate::storage::sessions::DatabaseSessions;
use crate::storage::signers::DatabaseSigners;
use crate::storage::sqlite::refuse_damaged;
use crate::storage::throttles::DatabaseThrottles;
use crate::storage::users::Users;
use std::path::Path;
use std::sync::Arc;

/// What to do about a missing database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    /// Create it.
    Create,
    /// Refuse: for a command that only reads, the settings must be wrong.
    Refuse,
}

/// An open database.
pub struct Opened {
    /// Its users, with the cache above them.
    pub users: Arc<dyn UserRepository>,
    /// Their API keys, with the same cache above them.
    pub api_keys: Arc<dyn ApiKeyRepository>,
    /// The clients of the authorization server, with the same cache above them.
    pub clients: Arc<dyn ClientRepository>,
    /// What counts once.
    pub seen: Arc<dyn Seen>,
    /// Where servers find each other's secrets.
    pub signers: Arc<dyn Signers>,
    /// The keys that seal data.
    pub server_keys: Arc<dyn ServerKeys>,
    /// The keys that sign tokens.
    pub signing_keys: Arc<dyn SigningKeys>,
    /// Where tries at passwords are counted.
    pub throttles: Arc<dyn Throttles>,
    /// Tokens that have ended before they expire.
    pub revocations: Arc<dyn Revocations>,
    /// The families of refresh tokens.
    pub refresh_families: Arc<dyn RefreshFamilies>,
    /// The sessions of browsers.
    pub sessions: Arc<dyn Sessions>,
    /// What clients are still to be told of ended sessions.
    pub logout_notices: Arc<dyn LogoutNotices>,
    /// Where authorization codes are kept.
    pub codes: Arc<dyn AuthorizationCodes>,
    /// What users have allowed clients.
    pub consents: Arc<dyn Consents>,
    /// Who users are at other providers.
    pub identities: Arc<dyn Identities>,
    /// Where the audit log's events are kept.
    pub audit_events: Arc<dyn AuditEvents>,
    /// The days of users' last logins.
    pub last_logins: Arc<dyn LastLogins>,
}

/// Opens the configured database, creates or migrates it if necessary, and adds the cache.
pub async fn open(settings: &Settings) -> Result<Opened, StorageError> {
    let Settings { data_dir, database, cache, users, .. } = settings;
    let is_there = settings.database_file().is_some_and(|file| file.starts_with(data_dir));
    match create_folder(data_dir) {
        Err(error) if is_there => return Err(error),
        // Whatever else is kept there reports it itself.
        Err(error) => log::debug!("{error}"),
        Ok(()) => {}
    }
    open_unique(data_dir, database, cache, Missing::Create, *users).await
}

/// The same for an existing database; creates nothing.
pub async fn open_existing(settings: &Settings) -> Result<Opened, StorageError> {
    let Settings { data_dir, database, cache, users, .. } = settings;
    open_unique(data_dir, database, cache, Missing::Refuse, *users).await
}

/// Refuses a damaged SQLite file: serving it would damage it more.
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
    let held = Arc::new(Revoked::default());
    opened.watch(Arc::clone(&freshness), Arc::clone(&held))?;
    let opened = Arc::new(opened);
    let users = Users::of(Arc::clone(&opened)).requiring(unique, missing).await?;
    let keys = ApiKeys::of(Arc::clone(&opened));
    let api_keys = Arc::new(CachedApiKeys::new(keys, cache, Arc::clone(&freshness)));
    let clients = Clients::of(Arc::clone(&opened));
    let clients = Arc::new(CachedClients::new(clients, cache, Arc::clone(&freshness)));
    let users = Arc::new(CachedUsers::new(users, cache, Arc::clone(&freshness)));
    let revocations = DatabaseRevocations {
        database: Arc::clone(&opened),
        freshness: Arc::clone(&freshness),
        held: Arc::clone(&held),
    };
    let keys = Arc::new(DatabaseKeys(Arc::clone(&opened)));
    let refresh_families =
        DatabaseRefreshFamilies::new(Arc::clone(&opened), Arc::clone(&freshness), held);
    let codes = Arc::new(DatabaseCodes::new(Arc::clone(&opened), Arc::clone(&freshness)));
    Ok(Opened {
        users,
        api_keys,
        revocations: Arc::new(revocations),
        clients,
        seen: Arc::new(DatabaseSeen::new(Arc::clone(&opened), Arc::clone(&freshness))),
        refresh_families: Arc::new(refresh_families),
        sessions: Arc::new(DatabaseSessions::new(Arc::clone(&opened), Arc::clone(&freshness))),
        logout_notices: Arc::new(DatabaseLogoutNotices::new(
            Arc::clone(&opened),
            Arc::clone(&freshness),
        )),
        codes: codes.clone(),
        consents: codes,
        identities: Arc::new(DatabaseIdentities::new(
            Arc::clone(&opened),
            Arc::clone(&freshness),
            unique,
        )),
        signers: Arc::new(DatabaseSigners(Arc::clone(&opened))),
        server_keys: keys.clone(),
        signing_keys: keys,
        throttles: Arc::new(DatabaseThrottles::new(Arc::clone(&opened), Arc::clone(&freshness))),
        last_logins: Arc::new(DatabaseLastLogins::new(Arc::clone(&opened), freshness)),
        audit_events: Arc::new(DatabaseAuditEvents(opened)),
    })
}

/// Without uniqueness beyond exact names.
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
