//! Typed settings, layered: compiled default, file, environment, flags.

mod bind;
mod checks;
mod error;
mod keys;
mod layers;
mod loaded;

pub use bind::{Bind, BindError};
pub use error::SettingsError;
pub use layers::{Layers, environment};
pub use loaded::{Effective, Loaded, Origin};

use crate::domain::{ScopeName, Secret};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64, NonZeroUsize};
use std::path::PathBuf;

/// Everything that can be configured; each field is a key of `config/default.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The folder for everything that the server keeps; created with mode 0700.
    pub data_dir: PathBuf,
    /// `[server]`
    pub server: ServerSettings,
    /// `[database]`
    pub database: DatabaseSettings,
    /// `[cache]`
    pub cache: CacheSettings,
    /// `[tokens]`
    pub tokens: TokenSettings,
    /// `[passwords]`
    pub passwords: PasswordSettings,
    /// `[oauth]`
    pub oauth: OauthSettings,
    /// `[security]`
    pub security: SecuritySettings,
    /// `[cors]`
    pub cors: CorsSettings,
    /// `[docs]`
    pub docs: DocsSettings,
    /// `[logging]`
    pub logging: LoggingSettings,
    /// `[scopes]`: names and descriptions beside the compiled ones.
    #[serde(default)]
    pub scopes: BTreeMap<ScopeName, String>,
}

impl Settings {
    /// The database to open: `database.url`, or `bailiwick.db` in the data folder.
    #[must_use]
    pub fn database_url(&self) -> Secret {
        if self.database.url.expose().is_empty() {
            Secret::new(format!("sqlite:{}", self.data_dir.join("bailiwick.db").display()))
        } else {
            self.database.url.clone()
        }
    }
}

/// How many workers serve when `server.workers` is absent: one for each core that this process
/// may use, by its CPU affinity and its cgroup's quota.
///
/// gunicorn's `2 * cores + 1` is for workers that block while a request waits for its database;
/// these never block, so a second worker on a core only takes turns with the first.
#[must_use]
pub fn default_workers() -> NonZeroUsize {
    std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// `[server]`: listeners, workers, limits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Where to listen; at least one.
    pub bind: Vec<Bind>,
    /// Worker threads; absent: one for each core this process may use.
    pub workers: Option<NonZeroUsize>,
    /// Connections waiting to be accepted, per listener.
    pub backlog: NonZeroU32,
    /// Connections served at once, per worker thread.
    pub worker_connections: NonZeroUsize,
    /// Seconds an idle connection is kept; 0 closes after each answer.
    pub keepalive: u64,
    /// Seconds that requests in flight may take after SIGTERM.
    pub graceful_timeout: u64,
    /// Seconds a client may take to send a request's head.
    pub client_header_timeout: NonZeroU64,
    /// Seconds a client may take to send a request's body.
    pub client_body_timeout: NonZeroU64,
    /// Longest path and query in bytes.
    pub limit_request_line: NonZeroUsize,
    /// Most header fields.
    pub limit_request_fields: NonZeroUsize,
    /// Longest header field in bytes, name and value.
    pub limit_request_field_size: NonZeroUsize,
    /// Largest body in bytes.
    pub limit_request_body: NonZeroUsize,
    /// Path prefix that the proxy in front strips, for example `/auth`; empty for none.
    pub root_path: RootPath,
    /// Peers whose `X-Forwarded-*` headers are believed: addresses, networks (CIDR), `unix`.
    pub forwarded_allow_ips: Vec<String>,
}

/// A path prefix: empty, or with a leading and without a trailing slash.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct RootPath(String);

impl RootPath {
    /// The prefix itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RootPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
        if text.is_empty()
            || text.starts_with('/')
                && !text.ends_with('/')
                && !text.contains("//")
                && text.bytes().all(plain)
        {
            Ok(Self(text))
        } else {
            Err(format!(
                "`{text}`: expected an empty string or a path such as `/auth`, without a slash at its end"
            ))
        }
    }
}

/// `[database]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite:PATH` or `postgres://…`; empty: `bailiwick.db` in the data folder.
    pub url: Secret,
    /// A file that holds the password for PostgreSQL.
    pub password_file: Option<PathBuf>,
    /// Connections in the pool.
    pub pool_size: NonZeroU32,
    /// PostgreSQL: seconds to reach the server at the start.
    pub connect_timeout: NonZeroU32,
    /// PostgreSQL: seconds that a request may wait for a connection.
    pub acquire_timeout: NonZeroU32,
    /// PostgreSQL: seconds that one operation may take.
    pub statement_timeout: NonZeroU32,
}

/// `[cache]`: users in memory.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheSettings {
    /// Users kept.
    pub size: NonZeroUsize,
    /// Seconds after which a user is read again in any case.
    pub max_age: NonZeroU32,
    /// Seconds that cached users are still believed when the database is away.
    pub stale_max: u32,
}

/// `[tokens]`: access tokens.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// The HS256 signing secret, at least 32 bytes; better from the environment or `secret_file`.
    pub secret: Option<Secret>,
    /// A file that holds the secret.
    pub secret_file: Option<PathBuf>,
    /// Minutes until a token expires.
    pub access_token_expire_minutes: NonZeroU32,
    /// Seconds that clocks may differ.
    pub leeway: u64,
    /// `iss` to write and to require.
    pub issuer: Option<String>,
    /// `aud` to write and to require.
    pub audience: Option<String>,
}

/// `[passwords]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// bcrypt's cost, 4 to 31: 2 to its power rounds.
    pub bcrypt_cost: u32,
    /// Threads that hash; absent: one for each core.
    pub hash_threads: Option<NonZeroUsize>,
    /// Logins that may wait for a thread; more get 503.
    pub hash_queue: NonZeroUsize,
    /// Whether new passwords must meet the policy.
    pub policy: bool,
}

/// `[oauth]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthSettings {
    /// Whether `POST /token` demands `grant_type`.
    pub require_grant_type: bool,
}

/// `[security]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecuritySettings {
    /// Whose answers to give.
    pub profile: Profile,
    /// The realm in challenges; the `fastapi` profile sends it only when it is not empty.
    pub realm: String,
}

/// Whose answers to give when a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// What a FastAPI application answers.
    Fastapi,
    /// What the RFCs say.
    Strict,
}

/// `[cors]`: off while `origins` is empty.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorsSettings {
    /// Exact origins, for example `https://app.example.com`.
    pub origins: Vec<String>,
    /// Whether cookies and Authorization may be sent along.
    pub credentials: bool,
    /// Seconds a preflight's answer may be kept.
    pub max_age: usize,
}

/// `[docs]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DocsSettings {
    /// Whether `/docs`, `/redoc` and `/openapi.json` are served.
    pub enabled: bool,
    /// A scope that callers need to see them, by HTTP Basic; absent: everybody may.
    pub scope: Option<ScopeName>,
    /// The document's title.
    pub title: String,
}

/// `[logging]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingSettings {
    /// The least level that is written.
    pub level: Level,
    /// Whether the access log is written.
    pub access: bool,
    /// The line, in the words of Python's logging.
    pub format: String,
    /// Rules that drop or keep lines of the access log; the first that matches decides.
    #[serde(default)]
    pub access_filters: Vec<AccessFilterSettings>,
}

/// A level of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Nothing works.
    Critical,
    /// Something failed.
    Error,
    /// Something is odd.
    #[serde(alias = "warn")]
    Warning,
    /// The normal course.
    Info,
    /// For finding faults.
    Debug,
    /// Everything.
    Trace,
}

/// `[[logging.access_filters]]`: all given conditions must match.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccessFilterSettings {
    /// Methods, for example `["GET", "HEAD"]`; empty: all.
    pub methods: Vec<String>,
    /// A glob on the path, for example `/static/**`.
    pub path: Option<String>,
    /// A status or class: `200`, `2xx`.
    pub status: Option<String>,
    /// Whether lines that match are kept; `false` drops them.
    pub keep: bool,
}
