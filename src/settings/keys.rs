//! The table of keys: which exist, and what each may hold.

use crate::domain::ScopeName;
use crate::settings::FileMode;
use crate::settings::RootPath;
use crate::settings::Until;
use crate::settings::checks;
use crate::settings::key::{Key, Kind};
use crate::settings::units::Unit;

const DAY: i64 = 24 * 60 * 60;
const PATH: Kind = Kind::Text(|text| !text.is_empty(), "a path");
const OCTAL: Kind = Kind::Text(
    |text| FileMode::try_from(text.to_owned()).is_ok(),
    "a text of octal digits up to 777, for example \"027\"",
);
const NOT_EMPTY: Kind = Kind::Text(|text| !text.is_empty(), "a text that is not empty");

/// Every key but those of `[scopes]`, in the order of `config/default.toml`.
pub(super) const KEYS: &[Key] = &[
    key("data_dir", PATH),
    key("server.bind", Kind::Binds(true)),
    optional("server.workers", Kind::Whole(1, 1024)),
    key("server.processes", Kind::Whole(1, 1024)),
    key("server.backlog", Kind::Whole(1, 65_535)),
    key("server.worker_connections", Kind::Whole(1, 1_000_000)),
    key("server.connections_per_address", Kind::Whole(0, 1_000_000)),
    key("server.keepalive", Kind::Amount(Unit::Seconds, 0, DAY)),
    key("server.graceful_timeout", Kind::Amount(Unit::Seconds, 0, DAY)),
    key("server.timeout", Kind::Amount(Unit::Seconds, 0, DAY)),
    key("server.max_requests", Kind::Whole(0, i64::MAX)),
    key("server.max_requests_jitter", Kind::Whole(0, 1 << 32)),
    key("server.max_memory", Kind::Amount(Unit::Mebibytes, 0, 1 << 32)),
    key("server.limit_concurrency", Kind::Whole(0, 1 << 32)),
    key("server.client_header_timeout", Kind::Amount(Unit::Seconds, 1, DAY)),
    key("server.client_body_timeout", Kind::Amount(Unit::Seconds, 1, DAY)),
    key("server.send_timeout", Kind::Amount(Unit::Seconds, 1, DAY)),
    key("server.limit_request_line", Kind::Amount(Unit::Bytes, 1, 65_536)),
    key("server.limit_request_fields", Kind::Whole(1, 96)),
    key("server.limit_request_field_size", Kind::Amount(Unit::Bytes, 1, 65_536)),
    key("server.limit_request_body", Kind::Amount(Unit::Bytes, 1, 1 << 30)),
    key("server.limit_buffered", Kind::Amount(Unit::Bytes, 0, 1 << 40)),
    key(
        "server.root_path",
        Kind::Text(
            |text| RootPath::try_from(text.to_owned()).is_ok(),
            "an empty text or a path such as \"/auth\", without a slash at its end",
        ),
    ),
    key("server.strip_root_path", Kind::Switch),
    key(
        "server.forwarded_allow_ips",
        Kind::List(
            checks::is_peer,
            "a list of IP addresses, networks such as 10.0.0.0/8, or unix; * for everybody",
        ),
    ),
    optional("server.pidfile", PATH),
    optional("server.umask", OCTAL),
    key("server.socket_mode", OCTAL),
    optional("server.user", NOT_EMPTY),
    optional("server.group", NOT_EMPTY),
    key("server.upgrade", Kind::Word(&["auto", "always", "never"])),
    key("server.core_dumps", Kind::Switch),
    key("server.reload", Kind::Switch),
    key("server.reload_dirs", Kind::List(|text| !text.is_empty(), "a list of paths")),
    optional("server.reload_command", NOT_EMPTY),
    optional("server.control_socket", PATH),
    key("admin.bind", Kind::Binds(false)),
    key("admin.public", Kind::Switch),
    key("database.url", Kind::Database),
    optional("database.password_file", PATH),
    key("database.pool_size", Kind::Whole(1, 1000)),
    key("database.write_pool_size", Kind::Whole(1, 1000)),
    key("database.connect_timeout", Kind::Amount(Unit::Seconds, 1, 3600)),
    key("database.acquire_timeout", Kind::Amount(Unit::Seconds, 1, 3600)),
    key("database.statement_timeout", Kind::Amount(Unit::Seconds, 1, 3600)),
    key("users.case_insensitive", Kind::Switch),
    key("users.unique_email", Kind::Switch),
    key("cache.size", Kind::Whole(1, 10_000_000)),
    key("cache.max_age", Kind::Amount(Unit::Seconds, 1, DAY)),
    key("cache.stale_max", Kind::Amount(Unit::Seconds, 0, 3600)),
    optional("tokens.secret", Kind::Secret(|text| text.len() >= 32, "a text of at least 32 bytes")),
    optional("tokens.secret_file", PATH),
    key("tokens.access_token_expire_minutes", Kind::Amount(Unit::Minutes, 1, 366 * 24 * 60)),
    key("tokens.leeway", Kind::Amount(Unit::Seconds, 0, 3600)),
    optional("tokens.issuer", NOT_EMPTY),
    optional("tokens.audience", NOT_EMPTY),
    optional(
        "tokens.accept_foreign_until",
        Kind::Text(|text| Until::try_from(text.to_owned()).is_ok(), Until::EXPECTED),
    ),
    key("passwords.bcrypt_cost", Kind::Whole(4, 31)),
    optional("passwords.hash_threads", Kind::Whole(1, 1024)),
    key("passwords.hash_queue", Kind::Whole(1, 1_000_000)),
    key("passwords.policy", Kind::Switch),
    key("oauth.require_grant_type", Kind::Switch),
    key("security.profile", Kind::Word(&["fastapi", "strict"])),
    key(
        "security.realm",
        Kind::Text(
            checks::is_realm,
            "a text of printable ASCII characters without quotes and backslashes",
        ),
    ),
    key(
        "cors.origins",
        Kind::List(
            checks::is_origin,
            "a list of exact origins SCHEME://HOST or SCHEME://HOST:PORT, in lower case, without a path and without *",
        ),
    ),
    optional("cors.origin_regex", Kind::OriginRegex),
    key("cors.credentials", Kind::Switch),
    key("cors.expose_headers", Kind::List(checks::is_header, "a list of names of headers")),
    key("cors.max_age", Kind::Amount(Unit::Seconds, 0, DAY)),
    key("demo.routes", Kind::Switch),
    key("docs.enabled", Kind::Switch),
    optional("docs.scope", Kind::Text(ScopeName::is_valid, SCOPE)),
    key("docs.title", NOT_EMPTY),
    key(
        "logging.level",
        Kind::Word(&["critical", "error", "warning", "warn", "info", "debug", "trace"]),
    ),
    key("logging.access", Kind::Switch),
    key("logging.format", NOT_EMPTY),
    optional("logging.config", PATH),
    key("logging.access_filters", Kind::Tables(FILTER_KEYS)),
];

const SCOPE: &str =
    "a scope: 1 to 128 printable ASCII characters without spaces, quotes and backslashes";

/// The keys of one `[[logging.access_filters]]`.
const FILTER_KEYS: &[Key] = &[
    optional("message", NOT_EMPTY),
    optional("methods", Kind::List(|text| !text.is_empty(), "a list of methods")),
    optional("path", NOT_EMPTY),
    optional("status", NOT_EMPTY),
    optional("user_agent", NOT_EMPTY),
    optional("slower_than", Kind::Amount(Unit::Milliseconds, 0, DAY * 1000)),
    optional("keep", Kind::Share),
];

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, optional: false, kind }
}

const fn optional(name: &'static str, kind: Kind) -> Key {
    Key { name, optional: true, kind }
}

impl Key {
    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        format!("BAILIWICK__{}", self.name.to_uppercase().replace('.', "__"))
    }

    /// The flag that sets it, as it is typed.
    pub(super) fn flag(&self) -> &'static str {
        match self.name {
            "server.workers" => "--workers",
            "server.processes" => "--processes",
            "server.bind" => "--bind",
            "server.backlog" => "--backlog",
            "server.worker_connections" => "--worker-connections",
            "server.keepalive" => "--keep-alive",
            "server.graceful_timeout" => "--graceful-timeout",
            "server.timeout" => "--timeout",
            "server.max_requests" => "--max-requests",
            "server.max_requests_jitter" => "--max-requests-jitter",
            "server.limit_concurrency" => "--limit-concurrency",
            "server.root_path" => "--root-path",
            "server.forwarded_allow_ips" => "--forwarded-allow-ips",
            "server.pidfile" => "--pid",
            "server.umask" => "--umask",
            "server.user" => "--user",
            "server.group" => "--group",
            "server.reload" => "--reload",
            "server.reload_dirs" => "--reload-dir",
            "server.reload_command" => "--reload-command",
            "logging.level" => "--log-level",
            "logging.config" => "--log-config",
            "database.url" => "--from or --to",
            _ => "flag",
        }
    }
}

/// The row of a key that stands in a file, also for `scopes.NAME`.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    const DESCRIPTION: &Key = &key(
        "scopes",
        Kind::Text(
            |text| !text.trim().is_empty(),
            "a text that says what the scope allows (a name with a dot or colon stands in quotes)",
        ),
    );
    if name.starts_with("scopes.") {
        return Some(DESCRIPTION);
    }
    KEYS.iter().find(|key| key.name == name)
}

/// Whether `name` is a scope that `[scopes]` may declare, with what is expected if not.
pub(super) fn scope_name(name: &str) -> Result<(), &'static str> {
    if ScopeName::is_valid(name) { Ok(()) } else { Err(SCOPE) }
}

/// Whether `name` is a section: the part before the dot of some key.
pub(super) fn is_section(name: &str) -> bool {
    name == "scopes" || sections().any(|section| section == name)
}

/// Each section, with repetitions.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    KEYS.iter().filter_map(|key| key.name.split_once('.').map(|(section, _)| section))
}
