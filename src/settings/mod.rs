//! Typed settings, layered: compiled default, file, environment, flags.
//!
//! The files of `sections` declare each setting; everything else here reads those declarations.

mod bind;
mod checks;
mod data_dir;
mod database_url;
mod declaration;
mod default_file;
mod demo;
mod env_file;
mod error;
mod file_mode;
mod filter_rule;
mod flag;
mod held_files;
mod keep;
mod key;
mod keys;
mod layer;
mod layers;
mod loaded;
mod named_file;
mod nearest;
mod origin_regex;
mod own;
mod public_url;
mod root_path;
mod schema;
mod secret_file;
mod sections;
mod units;
mod until;
mod variables;

pub use bind::Bind;
pub use data_dir::make_data_dir;
pub use database_url::{DatabaseUrl, SslMode, has_credentials};
#[cfg(feature = "postgres")]
pub use database_url::{Host, PostgresServer, PostgresUrl, SslRoot, TargetSession};
pub use default_file::default_file;
pub use demo::why_demo_has_no_url;
pub use filter_rule::FilterRule;
pub use flag::FlagPlace;
pub use held_files::{Contents, Unreadable};
pub use keep::Keep;
pub use keys::{KeyFlag, flags};
pub use layers::{Layers, environment};
pub use loaded::{Effective, Loaded, SettingsErrors};
pub use named_file::{NamedFile, open as open_file};
pub use own::{OwnKey, OwnReader, OwnSection, OwnSettings, OwnShape, Shared, Wrong, check_section};
pub use public_url::PublicUrl;
pub use root_path::RootPath;
pub use schema::schema;
pub use secret_file::shown_path;
pub use sections::{
    CacheSettings, ClientSettings, CorsSettings, DatabaseSettings, HashAlgorithm, Level,
    LoggingSettings, OutgoingSettings, PageLanguage, PageSettings, PasswordSettings,
    ProviderPreset, ProviderSettings, SecurityProfile, ServerSettings, SessionSettings, Settings,
    SignUp, TokenSettings, Upgrade, UserSettings,
};
pub use units::read_duration;
pub use until::Until;

#[cfg(test)]
pub use sections::{DemoSettings, DocsSettings};

use std::num::NonZeroUsize;

/// The number of workers when `server.workers` is absent: one for each core that this process may
/// use, by its CPU affinity and its cgroup's quota.
///
/// gunicorn's `2 * cores + 1` is for workers that block while a request waits for its database;
/// these never block, so a second worker on a core only takes turns with the first.
#[must_use]
pub fn default_workers() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}
