//! The settings in force, and the origin of each value.

use crate::settings::bind::Bind;
use crate::settings::error::SettingsError;
use crate::settings::own::{OwnSection, OwnSettings};
use crate::settings::{DatabaseUrl, PublicUrl, SessionSettings, Settings, SslMode, keys};
use config::ValueKind;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use thiserror::Error;

/// The layer of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The compiled default.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// A variable, by its name.
    Environment(String),
    /// A variable in the file of `--env-file`.
    EnvFile {
        /// The file and line.
        place: String,
        /// Its name.
        variable: String,
    },
    /// A flag, by its name.
    Flag(&'static str),
}

impl Origin {
    /// The name of the variable, if it is one.
    pub(super) fn variable(&self) -> Option<&str> {
        match self {
            Self::Environment(variable) | Self::EnvFile { variable, .. } => Some(variable),
            Self::Default | Self::File(_) | Self::Flag(_) => None,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {}", path.display()),
            Self::Environment(variable) => write!(f, "environment {variable}"),
            Self::EnvFile { place, variable } => write!(f, "env-file {place} {variable}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// The settings in force.
pub struct Loaded {
    /// The settings themselves.
    pub settings: Settings,
    pub(super) values: BTreeMap<String, (ValueKind, Origin)>,
    /// The application's own.
    pub own: OwnSettings,
    pub(super) own_values: BTreeMap<String, (serde_json::Value, Origin)>,
    pub(super) sections: Vec<Arc<OwnSection>>,
    /// Allowed but possibly surprising settings, one line each.
    pub warnings: Vec<String>,
}

/// Secrets as `***`.
impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.effective().map(|one| (one.key, one.value))).finish()
    }
}

/// All errors of a configuration, at least one. `Display` is one line.
#[derive(Debug, Error)]
#[error("{}", self.lines().collect::<Vec<_>>().join("; "))]
pub struct SettingsErrors {
    pub(super) errors: Vec<SettingsError>,
    /// The valid part, as if nothing else had been given.
    pub(super) rest: Option<Box<Loaded>>,
}

impl SettingsErrors {
    /// Each error, one line each; none shows a secret.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.errors.iter().map(|error| one_line(&error.to_string()))
    }

    /// The settings without the invalid part, to look for more errors.
    #[must_use]
    pub fn rest(&self) -> Option<&Loaded> {
        self.rest.as_deref()
    }
}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self { errors: vec![error], rest: None }
    }
}

/// Names of files and keys are the user's: a line break in one must not make a second line.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

/// One key with its value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective<'a> {
    /// For example `server.workers`.
    pub key: &'a str,
    /// The value, secrets as `***`; null when the key is absent.
    pub value: serde_json::Value,
    /// Its layer.
    pub origin: &'a Origin,
}

impl Loaded {
    /// Each key in the order of `config/default.toml`, then each of `[scopes]`, `[clients]` and
    /// `[providers]`, then the application's own.
    pub fn effective(&self) -> impl Iterator<Item = Effective<'_>> {
        let declared = self.values.keys().map(String::as_str);
        let named = keys::NAMED.into_iter().flat_map(move |section| {
            let is_in = move |name: &str| name.split_once('.').is_some_and(|it| it.0 == section);
            declared.clone().filter(move |name| is_in(name))
        });
        let own = self.sections.iter().flat_map(|section| &section.keys).map(|key| {
            let (value, origin) = match self.own_values.get(&key.name) {
                Some((value, origin)) => (value, origin),
                None => (&key.default, &Origin::Default),
            };
            Effective { key: &key.name, value: key.shown(value), origin }
        });
        let shipped = keys::KEYS.iter().map(|key| key.name).chain(named).map(|name| {
            let (value, origin) = match self.values.get(name) {
                Some((value, origin)) => (value, origin),
                None => (&ValueKind::Nil, &Origin::Default),
            };
            let value = keys::find(name).map_or(serde_json::Value::Null, |key| key.shown(value));
            Effective { key: name, value, origin }
        });
        shipped.chain(own)
    }

    /// One key's value for display, unless it is absent.
    pub(super) fn value(&self, name: &str) -> Option<serde_json::Value> {
        Some(keys::find(name)?.shown(&self.values.get(name)?.0))
    }

    /// A complaint about a key, `server.user: …`, after the origin of the key's value.
    #[must_use]
    pub fn located(&self, complaint: &dyn fmt::Display) -> String {
        let line = complaint.to_string();
        let bare = line.replace('"', "");
        let is_about = |name: &str| {
            bare.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', '[', ' ', '.']))
        };
        match self.values.iter().find(|(name, _)| is_about(name)) {
            Some((_, (_, Origin::File(path)))) => format!("{}: {line}", path.display()),
            Some((_, (_, origin))) if *origin != Origin::Default => format!("{origin}: {line}"),
            _ => line,
        }
    }

    /// Keys that exclude each other, and duplicate addresses.
    pub(super) fn contradictions(&self) -> Vec<SettingsError> {
        let password = self.settings.database.url.has_password();
        let url = self.set("database.url").filter(|_| password);
        let pairs = [
            (self.set("tokens.secret"), self.set("tokens.secret_file")),
            (url.map(|url| format!("the password in {url}")), self.set("database.password_file")),
        ];
        let both = pairs.into_iter().filter_map(|(first, second)| first.zip(second));
        let both = both.map(|(first, second)| SettingsError::Contradiction { first, second });
        let (url, issuer) = (&self.settings.server.public_url, &self.settings.tokens.issuer);
        let differs = |url: &PublicUrl| issuer.as_ref().is_some_and(|it| it != url.as_str());
        let issuers = url.as_ref().filter(|url| differs(url)).and_then(|_| {
            let (first, second) = (self.set("server.public_url")?, self.set("tokens.issuer")?);
            Some(SettingsError::TwoIssuers { first, second })
        });

        let clients = self.settings.clients.keys().map(|id| format!("clients.{id}"));
        let providers = self.settings.providers.keys().map(|name| format!("providers.{name}"));
        let asks = self.settings.oauth.require_client.then(|| "oauth.require_client".to_owned());
        let homeless = clients.chain(providers).chain(asks).filter(|_| url.is_none());
        let homeless =
            homeless.filter_map(|name| Some(SettingsError::NeedsUrl { key: self.set(&name)? }));

        let (server, admin) = (&self.settings.server.bind, &self.settings.admin.bind);
        let binds = server.iter().map(|bind| ("server.bind", bind));
        let binds: Vec<_> = binds.chain(admin.iter().map(|bind| ("admin.bind", bind))).collect();
        let named = |(key, bind): &(&str, &Bind)| {
            let origin = self.values.get(*key).map(|(_, origin)| origin.to_string());
            format!("{key} {bind} ({})", origin.unwrap_or_default())
        };
        let twice = binds.iter().enumerate().flat_map(|(at, one)| {
            let others = binds[at + 1..].iter().filter(|(_, other)| one.1.conflicts_with(other));
            others.map(|other| (named(one), named(other)))
        });
        let twice = twice.map(|(first, second)| SettingsError::SameAddress { first, second });
        let algorithm = self.settings.tokens.algorithm.asymmetric().filter(|_| url.is_none());
        let no_url = algorithm.and_then(|_| self.set("tokens.algorithm"));
        let no_url = no_url.map(|algorithm| SettingsError::NoPublicUrl { algorithm });
        let idle = self.idle_beyond_life();
        both.chain(issuers).chain(no_url).chain(homeless).chain(twice).chain(idle).collect()
    }

    /// The default of `sessions.idle` gives way to a shorter life; what somebody has set does not.
    fn idle_beyond_life(&self) -> Option<SettingsError> {
        let (_, origin) = self.values.get("sessions.idle")?;
        let SessionSettings { idle, lifetime, .. } = self.settings.sessions;
        let (idle_seconds, seconds) = (idle.get(), lifetime.get());
        if *origin == Origin::Default || idle_seconds <= seconds {
            return None;
        }
        let (idle, lifetime) = (self.set("sessions.idle")?, self.set("sessions.lifetime")?);
        Some(SettingsError::IdleBeyondLife { idle, idle_seconds, lifetime, seconds })
    }

    /// What is wrong with `PGSSLMODE`, if it counts.
    pub(super) fn wrong_ssl_mode(&self, word: &str) -> Option<SettingsError> {
        let url = &self.settings.database.url;
        let counts = matches!(url, DatabaseUrl::Postgres(url) if url.written_ssl_mode.is_none());
        (counts && !word.is_empty() && SslMode::named(word).is_none()).then(|| {
            SettingsError::BadValue {
                place: "environment PGSSLMODE".to_owned(),
                value: format!("{word:?}"),
                expected: "disable, allow, prefer, require, verify-ca or verify-full".to_owned(),
            }
        })
    }

    /// Adds warnings about allowed but surprising settings.
    pub(super) fn add_warnings(&mut self) {
        if self.settings.server.forwarded_allow_ips.iter().any(|peer| peer == "*") {
            let key = self.set("server.forwarded_allow_ips").unwrap_or_default();
            self.warnings.push(format!(
                "{key} is `*`: whoever connects is believed about where a request comes from; name \
                 the proxies, unless nobody but them can reach this server"
            ));
        }
        let server = &self.settings.server;
        let (url, prefix) = (server.public_url.as_ref(), server.root_path.as_str());
        if let Some(url) = url.filter(|url| url.path() != prefix) {
            let key = self.set("server.public_url").unwrap_or_default();
            let root_path = self.set("server.root_path").unwrap_or_default();
            self.warnings.push(format!(
                "{key} has the path `{}`, and {root_path} is `{prefix}`: expected the same, the path below \
                 which the proxy passes requests on; with server.strip_root_path if it does not strip it",
                url.path()
            ));
        }
    }

    /// The key with its origin, unless it is absent.
    pub(super) fn set(&self, name: &str) -> Option<String> {
        let (value, origin) = self.values.get(name)?;
        (*value != ValueKind::Nil).then(|| format!("{name} ({origin})"))
    }
}
