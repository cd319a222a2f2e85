//! Typed settings, layered: compiled default, file, environment, flags.

mod bind;
mod checks;
mod cors;
mod data_dir;
mod database_url;
mod env_file;
mod error;
mod file_mode;
mod filter_rule;
mod key;
mod keys;
mod layer;
mod layers;
mod loaded;
mod named_file;
mod nearest;
mod secret_file;
mod units;
mod until;
mod upgrade;
mod users;
mod variables;

pub use bind::{Bind, BindError};
pub use cors::{CorsSettings, OriginRegex};
pub use data_dir::make_data_dir;
pub use database_url::{
    DatabaseUrl, DatabaseUrlProblem, Host, PostgresUrl, SslMode, SslRoot, has_credentials,
};
pub use error::{SettingsError, SettingsErrors};
pub use file_mode::FileMode;
pub use filter_rule::{FilterRule, Keep};
pub use layers::{Layers, environment};
pub use loaded::{Effective, Loaded, Origin};
pub use named_file::{Content, Contents, NamedFile, Unreadable, open as open_file};
pub use secret_file::shown_path;
pub use until::{Until, UntilError};
pub use upgrade::Upgrade;
pub use users::UserSettings;

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
    /// `[admin]`
    pub admin: AdminSettings,
    /// `[database]`
    pub database: DatabaseSettings,
    /// `[users]`
    pub users: UserSettings,
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
    /// `[demo]`
    pub demo: DemoSettings,
    /// `[docs]`
    pub docs: DocsSettings,
    /// `[logging]`
    pub logging: LoggingSettings,
    /// `[scopes]`: names and descriptions beside the compiled ones.
    #[serde(default)]
    pub scopes: BTreeMap<ScopeName, String>,
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
    /// Worker threads of each process; absent: one for each core this process may use.
    pub workers: Option<NonZeroUsize>,
    /// Worker processes.
    pub processes: NonZeroUsize,
    /// Connections waiting to be accepted, per listener.
    pub backlog: NonZeroU32,
    /// Connections served at once, per worker thread.
    pub worker_connections: NonZeroUsize,
    /// Connections that one address keeps when all are taken; 0: any number.
    pub connections_per_address: usize,
    /// Seconds an idle connection is kept; 0 closes after each answer.
    pub keepalive: u64,
    /// Seconds that requests in flight may take after SIGTERM.
    pub graceful_timeout: u64,
    /// Seconds that a worker thread may stand still before its process is replaced; 0: for ever.
    pub timeout: u64,
    /// Requests after which a process is replaced; 0: never.
    pub max_requests: u64,
    /// Up to so many requests are added to `max_requests`, at random for each process.
    pub max_requests_jitter: u64,
    /// Resident memory in MiB above which a process is replaced; 0: any.
    pub max_memory: u64,
    /// Requests in flight in one process above which 503 is answered at once; 0: any number.
    pub limit_concurrency: usize,
    /// Seconds a client may take to send a request's head.
    pub client_header_timeout: NonZeroU64,
    /// Seconds a client may take to send a request's body.
    pub client_body_timeout: NonZeroU64,
    /// Seconds a client may take to read anything of a response.
    pub send_timeout: NonZeroU64,
    /// Longest path and query in bytes.
    pub limit_request_line: NonZeroUsize,
    /// Most header fields.
    pub limit_request_fields: NonZeroUsize,
    /// Longest header field in bytes, name and value.
    pub limit_request_field_size: NonZeroUsize,
    /// Largest body in bytes.
    pub limit_request_body: NonZeroUsize,
    /// Bytes of bodies in one process's memory; 0: any number.
    pub limit_buffered: usize,
    /// Path prefix that the proxy in front strips, for example `/auth`; empty for none.
    pub root_path: RootPath,
    /// Whether the server takes that prefix off itself.
    #[serde(default)]
    pub strip_root_path: bool,
    /// Peers whose `X-Forwarded-*` headers are believed: addresses, networks (CIDR), `unix`.
    pub forwarded_allow_ips: Vec<String>,
    /// The file that holds the master's process id while it runs.
    pub pidfile: Option<PathBuf>,
    /// The permissions that new files do not get, in octal.
    pub umask: Option<FileMode>,
    /// The permissions of unix sockets.
    pub socket_mode: FileMode,
    /// The user that worker processes run as, by name or number.
    pub user: Option<String>,
    /// The group that worker processes run as, by name or number.
    pub group: Option<String>,
    /// Whether USR2 may replace the master by another process.
    pub upgrade: Upgrade,
    /// Whether processes may leave core dumps.
    pub core_dumps: bool,
    /// Whether workers are replaced when their files change.
    pub reload: bool,
    /// Folders and files with the program's sources, watched with `reload`.
    pub reload_dirs: Vec<PathBuf>,
    /// What builds the program when its sources have changed.
    pub reload_command: Option<String>,
    /// The socket of `bailiwick ctl`; absent: `control.sock` in the data folder.
    pub control_socket: Option<PathBuf>,
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

/// `[admin]`: health and metrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    /// Where `/healthz`, `/readyz` and `/metrics` are served; may be empty.
    pub bind: Vec<Bind>,
    /// Whether they are served beside the API, too.
    pub public: bool,
}

impl AdminSettings {
    /// Whether they are served anywhere.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.public || !self.bind.is_empty()
    }
}

/// `[database]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    /// `sqlite:PATH` or `postgres://…`; empty: `bailiwick.db` in the data folder.
    pub url: DatabaseUrl,
    /// A file that holds the password for PostgreSQL.
    pub password_file: Option<NamedFile>,
    /// Connections in the pool.
    pub pool_size: NonZeroU32,
    /// PostgreSQL: connections in a pool of their own for writes.
    pub write_pool_size: NonZeroU32,
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
    pub secret_file: Option<NamedFile>,
    /// Minutes until a token expires.
    pub access_token_expire_minutes: NonZeroU32,
    /// Seconds that clocks may differ.
    pub leeway: u64,
    /// `iss` to write and to require.
    pub issuer: Option<String>,
    /// `aud` to write and to require.
    pub audience: Option<String>,
    /// When tokens of other applications end; absent: by themselves.
    pub accept_foreign_until: Option<Until>,
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

/// `[demo]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoSettings {
    /// Whether the routes that only show something are served: `/users/me/items`, `/status` and
    /// `/basic/users/me`.
    pub routes: bool,
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
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoggingSettings {
    /// The least level that is written.
    pub level: Level,
    /// Whether the access log is written.
    pub access: bool,
    /// The line, in the words of Python's logging.
    pub format: String,
    /// A file with loggers, handlers, formatters and filters; absent: two streams.
    #[serde(default)]
    pub config: Option<NamedFile>,
    /// Rules that drop or keep lines of the access log; the first that matches decides.
    #[serde(default)]
    pub access_filters: Vec<FilterRule>,
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
