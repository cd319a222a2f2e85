//! The table of keys: which exist, what each may hold, and how a value is read.

use crate::domain::ScopeName;
use crate::settings::FileMode;
use crate::settings::Keep;
use crate::settings::RootPath;
use crate::settings::bind::Bind;
use crate::settings::checks;
use config::{Map, Value, ValueKind};

/// One key of the configuration.
pub(super) struct Key {
    /// As it stands in messages: `server.workers`.
    pub(super) name: &'static str,
    /// Whether it may be absent; an empty text then means absent.
    pub(super) optional: bool,
    pub(super) kind: Kind,
}

/// What a key holds.
pub(super) enum Kind {
    /// A whole number from the first to the second.
    Whole(i64, i64),
    /// `true` or `false`.
    Switch,
    /// One of these words, in upper or lower case.
    Word(&'static [&'static str]),
    /// A text that passes the check; else the message says what is expected.
    Text(Check, &'static str),
    /// Like `Text`, and never shown.
    Secret(Check, &'static str),
    /// A list of texts that each pass the check; from the environment and flags separated by commas.
    List(Check, &'static str),
    /// `true`, `false`, or a share from 0 to 1.
    Share,
    /// `[[logging.access_filters]]`
    Filters,
}

type Check = fn(&str) -> bool;

/// A value is not what its key may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The rest of the key, for example `[0].methods`.
    pub(super) within: String,
    /// The value as it may be shown.
    pub(super) value: String,
    pub(super) expected: String,
}

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
    key(
        "server.bind",
        Kind::List(
            |text| text.parse::<Bind>().is_ok(),
            "a list of at least one HOST:PORT, [IPv6]:PORT or unix:PATH",
        ),
    ),
    optional("server.workers", Kind::Whole(1, 1024)),
    key("server.processes", Kind::Whole(1, 1024)),
    key("server.backlog", Kind::Whole(1, 65_535)),
    key("server.worker_connections", Kind::Whole(1, 1_000_000)),
    key("server.keepalive", Kind::Whole(0, DAY)),
    key("server.graceful_timeout", Kind::Whole(0, DAY)),
    key("server.timeout", Kind::Whole(0, DAY)),
    key("server.max_requests", Kind::Whole(0, i64::MAX)),
    key("server.max_requests_jitter", Kind::Whole(0, 1 << 32)),
    key("server.max_memory", Kind::Whole(0, 1 << 32)),
    key("server.limit_concurrency", Kind::Whole(0, 1 << 32)),
    key("server.client_header_timeout", Kind::Whole(1, DAY)),
    key("server.client_body_timeout", Kind::Whole(1, DAY)),
    key("server.limit_request_line", Kind::Whole(1, 65_536)),
    key("server.limit_request_fields", Kind::Whole(1, 96)),
    key("server.limit_request_field_size", Kind::Whole(1, 65_536)),
    key("server.limit_request_body", Kind::Whole(1, 1 << 30)),
    key(
        "server.root_path",
        Kind::Text(
            |text| RootPath::try_from(text.to_owned()).is_ok(),
            "an empty text or a path such as \"/auth\", without a slash at its end",
        ),
    ),
    key(
        "server.forwarded_allow_ips",
        Kind::List(checks::is_peer, "a list of IP addresses, networks such as 10.0.0.0/8, or unix"),
    ),
    optional("server.pidfile", PATH),
    optional("server.umask", OCTAL),
    key("server.socket_mode", OCTAL),
    optional("server.user", NOT_EMPTY),
    optional("server.group", NOT_EMPTY),
    key("server.reload", Kind::Switch),
    key("server.reload_dirs", Kind::List(|text| !text.is_empty(), "a list of paths")),
    optional("server.reload_command", NOT_EMPTY),
    optional("server.control_socket", PATH),
    key(
        "admin.bind",
        Kind::List(
            |text| text.parse::<Bind>().is_ok(),
            "a list of HOST:PORT, [IPv6]:PORT or unix:PATH",
        ),
    ),
    key("admin.public", Kind::Switch),
    key("database.url", Kind::Text(checks::is_database_url, DATABASE)),
    optional("database.password_file", PATH),
    key("database.pool_size", Kind::Whole(1, 1000)),
    key("database.connect_timeout", Kind::Whole(1, 3600)),
    key("database.acquire_timeout", Kind::Whole(1, 3600)),
    key("database.statement_timeout", Kind::Whole(1, 3600)),
    key("cache.size", Kind::Whole(1, 10_000_000)),
    key("cache.max_age", Kind::Whole(1, DAY)),
    key("cache.stale_max", Kind::Whole(0, 3600)),
    optional("tokens.secret", Kind::Secret(|text| text.len() >= 32, "a text of at least 32 bytes")),
    optional("tokens.secret_file", PATH),
    key("tokens.access_token_expire_minutes", Kind::Whole(1, 366 * 24 * 60)),
    key("tokens.leeway", Kind::Whole(0, 3600)),
    optional("tokens.issuer", NOT_EMPTY),
    optional("tokens.audience", NOT_EMPTY),
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
    key("cors.credentials", Kind::Switch),
    key("cors.max_age", Kind::Whole(0, DAY)),
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
    key("logging.access_filters", Kind::Filters),
];

const DATABASE: &str = "sqlite:PATH, postgres://USER@HOST:PORT/NAME (behind ? sslmode, sslrootcert, \
                        sslcert, sslkey, application_name), or an empty text";
const SCOPE: &str =
    "a scope: 1 to 128 printable ASCII characters without spaces, quotes and backslashes";

/// The keys of one `[[logging.access_filters]]`.
const FILTER_KEYS: &[Key] = &[
    optional("message", NOT_EMPTY),
    optional("methods", Kind::List(|text| !text.is_empty(), "a list of methods")),
    optional("path", NOT_EMPTY),
    optional("status", NOT_EMPTY),
    optional("user_agent", NOT_EMPTY),
    optional("slower_than", Kind::Whole(0, DAY * 1000)),
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

    /// The value in the type that the key wants.
    pub(super) fn read(&self, value: &Value) -> Result<ValueKind, Mismatch> {
        let mismatch = || Mismatch {
            within: String::new(),
            value: match self.kind {
                Kind::Secret(..) => "***".to_owned(),
                _ => self.shown(&value.kind).to_string(),
            },
            expected: self.expected(),
        };
        let text = match &value.kind {
            ValueKind::String(text) => Some(text.as_str()),
            _ => None,
        };
        if self.optional && text == Some("") {
            return Ok(ValueKind::Nil);
        }
        let read = match (&self.kind, &value.kind) {
            (Kind::Whole(least, most), kind) => match kind {
                ValueKind::I64(number) => Some(*number),
                _ => text.filter(|text| !text.starts_with('+')).and_then(|text| text.parse().ok()),
            }
            .filter(|number| (least..=most).contains(&number))
            .map(ValueKind::I64),
            (Kind::Switch | Kind::Share, ValueKind::Boolean(switch)) => {
                Some(ValueKind::Boolean(*switch))
            }
            (Kind::Switch, _) => match text {
                Some("true") => Some(ValueKind::Boolean(true)),
                Some("false") => Some(ValueKind::Boolean(false)),
                _ => None,
            },
            (Kind::Share, ValueKind::Float(share)) => {
                Keep::of_share(*share).map(|_| ValueKind::Float(*share))
            }
            (Kind::Share, ValueKind::I64(share @ (0 | 1))) => Some(ValueKind::I64(*share)),
            (Kind::Word(words), _) => text
                .map(str::to_lowercase)
                .filter(|text| words.contains(&text.as_str()))
                .map(ValueKind::String),
            (Kind::Text(passes, _) | Kind::Secret(passes, _), _) => {
                text.filter(|text| passes(text)).map(ValueKind::from)
            }
            (Kind::List(passes, _), kind) => list(kind)
                .filter(|texts| texts.iter().all(|text| passes(text)))
                .filter(|texts| self.name != "server.bind" || !texts.is_empty())
                .map(ValueKind::from),
            (Kind::Filters, ValueKind::Array(filters)) => return read_filters(filters),
            (Kind::Share | Kind::Filters, _) => None,
        };
        read.ok_or_else(mismatch)
    }

    /// The value with its secrets masked.
    pub(super) fn shown(&self, value: &ValueKind) -> serde_json::Value {
        match (&self.kind, value) {
            (_, ValueKind::Nil) => serde_json::Value::Null,
            (Kind::Secret(..), _) => "***".into(),
            (_, ValueKind::String(text)) if self.name == "database.url" => {
                checks::masked_url(text).into()
            }
            _ => json(value),
        }
    }

    fn expected(&self) -> String {
        match self.kind {
            Kind::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Switch => "true or false".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::Text(_, text) | Kind::Secret(_, text) | Kind::List(_, text) => text.to_owned(),
            Kind::Share => Keep::EXPECTED.to_owned(),
            Kind::Filters => "a list of tables [[logging.access_filters]]".to_owned(),
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

fn list(kind: &ValueKind) -> Option<Vec<String>> {
    match kind {
        ValueKind::String(text) => Some(
            text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect(),
        ),
        ValueKind::Array(values) => values
            .iter()
            .map(|value| match &value.kind {
                ValueKind::String(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn read_filters(filters: &[Value]) -> Result<ValueKind, Mismatch> {
    let names: Vec<_> = FILTER_KEYS.iter().map(|key| key.name).collect();
    let mut tables = Vec::new();
    for (at, filter) in filters.iter().enumerate() {
        let ValueKind::Table(filter) = &filter.kind else {
            return Err(Mismatch {
                within: format!("[{at}]"),
                value: json(&filter.kind).to_string(),
                expected: format!("a table with {}", names.join(", ")),
            });
        };
        let mut table = Map::new();
        for (name, value) in filter {
            let within = format!("[{at}].{name}");
            let Some(key) = FILTER_KEYS.iter().find(|key| key.name == name) else {
                let value = json(&value.kind).to_string();
                let expected = format!("only the keys {}", names.join(", "));
                return Err(Mismatch { within, value, expected });
            };
            match key.read(value) {
                Ok(kind) => table.insert(name.clone(), Value::new(None, kind)),
                Err(mismatch) => return Err(Mismatch { within, ..mismatch }),
            };
        }
        // Absent conditions match everything; a null would not be read as absent.
        table.retain(|_, value| value.kind != ValueKind::Nil);
        tables.push(table);
    }
    Ok(tables.into())
}

fn json(kind: &ValueKind) -> serde_json::Value {
    match kind {
        ValueKind::Nil => serde_json::Value::Null,
        ValueKind::Boolean(switch) => (*switch).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => text.clone().into(),
        ValueKind::Array(values) => values.iter().map(|value| json(&value.kind)).collect(),
        ValueKind::Table(table) => {
            table.iter().map(|(name, value)| (name.clone(), json(&value.kind))).collect()
        }
        other => other.to_string().into(),
    }
}
