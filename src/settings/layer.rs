//! One layer of the configuration: a file's keys, a variable, or a flag.

use crate::settings::error::SettingsError;
use crate::settings::key::{self, Key, Kind, Mismatch};
use crate::settings::keys;
use crate::settings::loaded::Origin;
use crate::settings::nearest::nearest;
use crate::settings::own::{OwnSection, Values};
use config::{ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// Scopes and names of clients are case-sensitive and contain colons or dots, which names of variables
/// cannot.
const ONLY_IN_FILES: [&str; 3] = ["scopes", "clients", "providers"];

/// One layer, its values checked and in their key's type.
#[derive(Clone)]
pub(super) struct Layer {
    pub(super) origin: Origin,
    /// By the name of the key; a list is one value.
    pub(super) values: BTreeMap<String, ValueKind>,
    /// Those of the application's own sections.
    pub(super) own: Values,
}

/// Leaves out the values, which may be secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl Layer {
    /// The valid part of the text, and the errors.
    pub(super) fn of_text(
        text: &str,
        origin: Origin,
        own: &[Arc<OwnSection>],
    ) -> Result<(Self, Vec<SettingsError>), SettingsError> {
        let place = match &origin {
            Origin::File(path) => path.display().to_string(),
            _ => "config/default.toml".to_owned(),
        };
        let table = File::from_str(text, FileFormat::Toml).collect().map_err(|error| {
            match Path::new(&place).extension() {
                Some(python) if python == "py" => SettingsError::Python { place: place.clone() },
                _ => unparsable(&place, text, &error),
            }
        })?;
        let (values, errors) = (BTreeMap::new(), Vec::new());
        let mut reader = Reader { place, text, own, values, own_values: Values::new(), errors };
        for (name, value) in table.into_iter().collect::<BTreeMap<_, _>>() {
            reader.read(name, &value);
        }
        let Reader { values, own_values: own, mut errors, .. } = reader;
        errors.sort_by_key(|(line, _)| *line);
        Ok((Self { origin, values, own }, errors.into_iter().map(|(_, error)| error).collect()))
    }

    pub(super) fn of_variable(
        variable: &str,
        value: &str,
        origin: Origin,
        own: &[Arc<OwnSection>],
    ) -> Result<Self, Vec<SettingsError>> {
        for section in own {
            if let Some(key) = section.key_of_variable(variable) {
                let own = section.read_text(key, value, &origin.to_string())?;
                return Ok(Self { origin, values: BTreeMap::new(), own });
            }
        }
        match keys::KEYS.iter().find(|key| key.variable() == variable) {
            Some(key) if !matches!(key.kind, Kind::Tables(_)) => Self::of_key(key, value, origin),
            None if !ONLY_IN_FILES
                .iter()
                .any(|section| variable.starts_with(&key::variable(section))) =>
            {
                Err(vec![SettingsError::UnknownKey {
                    place: match origin {
                        Origin::EnvFile { place, .. } => place,
                        _ => "environment".to_owned(),
                    },
                    nearest: {
                        let own = own.iter().flat_map(|section| &section.keys);
                        let own = own.map(|key| key::variable(&key.name));
                        nearest(variable, keys::KEYS.iter().map(|key| key.variable()).chain(own))
                    },
                    key: variable.to_owned(),
                }])
            }
            _ => Err(vec![SettingsError::OnlyInFile { origin: origin.to_string() }]),
        }
    }

    pub(super) fn of_key(
        key: &Key,
        value: &str,
        origin: Origin,
    ) -> Result<Self, Vec<SettingsError>> {
        let bad = |mismatch: Mismatch| SettingsError::BadValue {
            place: origin.to_string(),
            value: mismatch.value,
            expected: mismatch.expected,
        };
        let kind = key.read(&value.into());
        let kind = kind.map_err(|wrong| wrong.into_iter().map(bad).collect::<Vec<_>>())?;
        let values = BTreeMap::from([(key.name.to_owned(), kind)]);
        Ok(Self { origin, values, own: Values::new() })
    }
}

/// The keys as tables, from which the settings' types are read.
impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let mut root: Map<String, Value> = Map::new();
        for (name, kind) in &self.values {
            let value = Value::new(None, kind.clone());
            let Some((section, name)) = name.split_once('.') else {
                root.insert(name.clone(), value);
                continue;
            };
            let section = root
                .entry(section.to_owned())
                .or_insert_with(|| Map::<String, Value>::new().into());
            if let ValueKind::Table(table) = &mut section.kind {
                table.insert(name.to_owned(), value);
            }
        }
        Ok(root)
    }
}

/// Reads the keys of one file.
struct Reader<'a> {
    place: String,
    text: &'a str,
    own: &'a [Arc<OwnSection>],
    values: BTreeMap<String, ValueKind>,
    own_values: Values,
    /// With their lines.
    errors: Vec<(usize, SettingsError)>,
}

impl Reader<'_> {
    fn read(&mut self, name: String, value: &Value) {
        if let (ValueKind::Table(table), true) = (&value.kind, keys::is_section(&name)) {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            return sorted
                .into_iter()
                .for_each(|(inner, value)| self.read(format!("{name}.{inner}"), value));
        }
        if let (ValueKind::Table(table), Some(section)) = (&value.kind, self.own_section(&name)) {
            let (values, errors) = section.read_table(table, &|key| self.place_of(key));
            self.own_values.extend(values);
            let line = |key: &str| self.line_of(key).unwrap_or(usize::MAX);
            let errors: Vec<_> = errors.into_iter().map(|(key, e)| (line(&key), e)).collect();
            return self.errors.extend(errors);
        }
        match self.value(&name, value) {
            Ok(kind) => {
                self.values.insert(name, kind);
            }
            Err(errors) => {
                let line = self.line_of(&name).unwrap_or(usize::MAX);
                self.errors.extend(errors.into_iter().map(|error| (line, error)));
            }
        }
    }

    fn own_section(&self, name: &str) -> Option<&'_ Arc<OwnSection>> {
        self.own.iter().find(|section| section.name == name)
    }

    fn value(&self, name: &str, value: &Value) -> Result<ValueKind, Vec<SettingsError>> {
        let bad = |Mismatch { within, value, expected }: Mismatch| SettingsError::BadValue {
            place: format!("{}: {name}{within}", self.place_of(name)),
            value,
            expected,
        };
        let not_shown = |expected: String| {
            vec![bad(Mismatch { within: String::new(), value: "…".to_owned(), expected })]
        };
        if keys::is_section(name) || self.own_section(name).is_some() {
            return Err(not_shown(format!("a section: [{name}]")));
        }
        let unknown = || vec![unknown(name, self.place_of(name), self.own)];
        let key = keys::find(name).ok_or_else(unknown)?;
        if let Some(client) = name.strip_prefix("clients.") {
            keys::client_name(client)
                .map_err(|expected| not_shown(format!("its name to be one: {expected}")))?;
        }
        if let Some(provider) = name.strip_prefix("providers.") {
            keys::provider_name(provider)
                .map_err(|expected| not_shown(format!("its name to be {expected}")))?;
        }
        if let Some(scope) = name.strip_prefix("scopes.") {
            keys::scope_name(scope)
                .map_err(|expected| not_shown(format!("its name to be {expected}")))?;
        }
        key.read(value).map_err(|wrong| wrong.into_iter().map(bad).collect())
    }

    /// The file with the key's line, if the key has a line of its own.
    fn place_of(&self, name: &str) -> String {
        match self.line_of(name) {
            Some(line) => format!("{}:{line}", self.place),
            None => self.place.clone(),
        }
    }

    fn line_of(&self, name: &str) -> Option<usize> {
        let mut section = "";
        for (line, number) in self.text.lines().map(str::trim).zip(1..) {
            if let Some(header) = line.strip_prefix('[') {
                let header = header.trim_start_matches('[').split(']').next().unwrap_or_default();
                section = header.trim();
                if section == name {
                    return Some(number);
                }
            } else if let Some((key, _)) = line.split_once('=') {
                let key = key.trim().trim_matches(['"', '\'']);
                let dot = if section.is_empty() { "" } else { "." };
                if format!("{section}{dot}{key}") == name {
                    return Some(number);
                }
            }
        }
        None
    }
}

pub(super) fn unknown(name: &str, place: String, own: &[Arc<OwnSection>]) -> SettingsError {
    let sections = own.iter().map(|section| section.name);
    let own = own.iter().flat_map(|section| &section.keys).map(|key| key.name.clone());
    let known = keys::KEYS.iter().map(|key| key.name).chain(keys::sections()).chain(sections);
    SettingsError::UnknownKey {
        place,
        nearest: nearest(name, known.map(str::to_owned).chain(own)),
        key: name.to_owned(),
    }
}

/// One line from the parser's several, without the excerpt: it may hold a secret.
fn unparsable(file: &str, text: &str, error: &ConfigError) -> SettingsError {
    let cause = match error {
        ConfigError::FileParse { cause, .. } => cause.to_string(),
        other => other.to_string(),
    };
    let position = cause.lines().next().unwrap_or_default().split_once("at line ");
    let Some((line, column)) = position.and_then(|(_, rest)| rest.split_once(", column ")) else {
        let line = text.lines().position(has_large_number);
        let place = line.map_or_else(|| file.to_owned(), |line| format!("{file}:{}", line + 1));
        return SettingsError::Unparsable { place, cause: cause.replace('\n', " ") };
    };
    let reason: Vec<_> = cause.lines().skip(1).filter(|line| !is_excerpt(line)).collect();
    SettingsError::Unparsable { place: format!("{file}:{line}:{column}"), cause: reason.join(", ") }
}

/// A number beyond TOML's 64 bits, for which the parser reports no line.
fn has_large_number(line: &str) -> bool {
    let value = line.split('#').next().unwrap_or_default().split_once('=');
    let number = value.map_or(String::new(), |(_, value)| value.trim().replace('_', ""));
    let digits = number.trim_start_matches(['+', '-']);
    !digits.is_empty()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && number.parse::<i64>().is_err()
}

fn is_excerpt(line: &str) -> bool {
    line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|')
}
