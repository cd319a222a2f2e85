//! The settings in force, and where each value came from.

use crate::settings::Settings;
use crate::settings::keys;
use config::ValueKind;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The layer that a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The default that is compiled in.
    Default,
    /// A configuration file.
    File(PathBuf),
    /// A variable, by its name.
    Environment(String),
    /// A variable of the file of `--env-file`.
    EnvFile {
        /// The file and line.
        place: String,
        /// Its name.
        variable: String,
    },
    /// A flag, by its name.
    Flag(&'static str),
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
#[derive(Debug)]
pub struct Loaded {
    /// The settings themselves.
    pub settings: Settings,
    pub(super) values: BTreeMap<String, (ValueKind, Origin)>,
}

/// One key with its value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effective<'a> {
    /// For example `server.workers`.
    pub key: &'a str,
    /// The value, secrets as `***`; null when the key is absent.
    pub value: serde_json::Value,
    /// Where it came from.
    pub origin: &'a Origin,
}

impl Loaded {
    /// Each key in the order of `config/default.toml`, then each of `[scopes]`.
    pub fn effective(&self) -> impl Iterator<Item = Effective<'_>> {
        let declared = self.values.keys().map(String::as_str);
        let scopes = declared.filter(|name| name.starts_with("scopes."));
        keys::KEYS.iter().map(|key| key.name).chain(scopes).map(|name| {
            let (value, origin) = match self.values.get(name) {
                Some((value, origin)) => (value, origin),
                None => (&ValueKind::Nil, &Origin::Default),
            };
            let value = keys::find(name).map_or(serde_json::Value::Null, |key| key.shown(value));
            Effective { key: name, value, origin }
        })
    }

    /// A complaint about a key, `server.user: …`, behind the place where the key's value came from.
    #[must_use]
    pub fn located(&self, complaint: &dyn fmt::Display) -> String {
        let line = complaint.to_string();
        let bare = line.replace('"', "");
        let is_about = |name: &str| {
            bare.strip_prefix(name).is_some_and(|rest| rest.starts_with([':', '[', ' ']))
        };
        match self.values.iter().find(|(name, _)| is_about(name)) {
            Some((_, (_, Origin::File(path)))) => format!("{}: {line}", path.display()),
            Some((_, (_, origin))) if *origin != Origin::Default => format!("{origin}: {line}"),
            _ => line,
        }
    }

    /// The key with where its value came from, unless it is absent.
    pub(super) fn set(&self, name: &str) -> Option<String> {
        let (value, origin) = self.values.get(name)?;
        (*value != ValueKind::Nil).then(|| format!("{name} ({origin})"))
    }
}
