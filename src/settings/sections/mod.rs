//! The declarations of all settings; `settings!` in `declaration.rs` says how each reads.

mod admin;
mod audit;
mod cache;
mod clients;
mod cors;
mod database;
mod docs;
mod logging;
mod logins;
mod oauth;
mod outgoing;
mod pages;
mod passwords;
mod providers;
mod registration;
mod security;
mod server;
mod sessions;
mod tokens;
mod users;

pub use admin::AdminSettings;
pub use audit::AuditSettings;
pub use cache::CacheSettings;
pub use clients::ClientSettings;
pub use cors::CorsSettings;
pub use database::DatabaseSettings;
pub use docs::{DemoSettings, DocsSettings};
pub use logging::{Level, LoggingSettings};
pub use logins::LoginSettings;
pub use oauth::OauthSettings;
pub use outgoing::OutgoingSettings;
pub use pages::{PageLanguage, PageSettings};
pub use passwords::{HashAlgorithm, PasswordSettings};
pub use providers::{ProviderPreset, ProviderSettings, SignUp};
pub use registration::RegistrationSettings;
pub use security::{SecurityProfile, SecuritySettings};
pub use server::{ServerSettings, Upgrade};
pub use sessions::SessionSettings;
pub use tokens::TokenSettings;
pub use users::UserSettings;

use crate::settings::declaration::settings;
use std::path::PathBuf;

settings! {
    /// Everything that can be configured; each field is a key of `config/default.toml`.
    pub struct Settings with sections {
        server: ServerSettings,
        admin: AdminSettings,
        database: DatabaseSettings,
        users: UserSettings,
        cache: CacheSettings,
        tokens: TokenSettings,
        passwords: PasswordSettings,
        logins: LoginSettings,
        registration: RegistrationSettings,
        oauth: OauthSettings,
        outgoing: OutgoingSettings,
        sessions: SessionSettings,
        pages: PageSettings,
        security: SecuritySettings,
        cors: CorsSettings,
        demo: DemoSettings,
        docs: DocsSettings,
        logging: LoggingSettings,
        audit: AuditSettings,
    } and clients {
        ClientSettings
    } and providers {
        ProviderSettings
    } and {
        /// The folder for everything the server keeps: database and generated secret. Created with
        /// mode 0700. A relative path starts in the folder that bailiwick is started in, so run
        /// `bailiwick users` in the same one.
        data_dir: PathBuf = "data";
    }
}

impl Settings {
    /// Where `bailiwick ctl` finds the master: `server.control_socket`, or `control.sock` in the
    /// data folder.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.server.control_socket.clone().unwrap_or_else(|| self.data_dir.join("control.sock"))
    }

    /// The file of the database, unless `database.url` names one at a server.
    #[must_use]
    pub fn database_file(&self) -> Option<PathBuf> {
        self.database.url.file(&self.data_dir)
    }
}
