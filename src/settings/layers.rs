//! The layers of the configuration; a later one wins: default, file, env-file, environment, flags.

use crate::settings::checks;
use crate::settings::env_file;
use crate::settings::env_file::Variable;
use crate::settings::error::SettingsError;
use crate::settings::key::{Key, Kind};
use crate::settings::keys;
use crate::settings::loaded::{Loaded, Origin};
use config::{Config, ConfigError, File, FileFormat, Map, Source, Value, ValueKind};
use std::collections::BTreeMap;
use std::path::PathBuf;

const DEFAULT: &str = include_str!("../../config/default.toml");
const PREFIX: &str = "BAILIWICK__";
/// Scopes differ by capitals and hold colons, which names of variables do not.
const SCOPES: &str = "BAILIWICK__SCOPES";

/// What the user gave; [`Layers::load`] puts it over the compiled default.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The file of `--config`.
    pub file: Option<PathBuf>,
    /// What the file held when it was read; absent: [`Layers::load`] reads it.
    pub text: Option<String>,
    /// The file of `--env-file`.
    pub env_file: Option<PathBuf>,
    /// What that file held when it was read, like `text`.
    pub env_text: Option<String>,
    /// Variables by name; those without the prefix `BAILIWICK__` are ignored.
    pub environment: Vec<(String, String)>,
    /// Flags as keys such as `server.workers`, with their values.
    pub flags: Vec<(String, String)>,
}

/// The `BAILIWICK__…` variables of this process.
pub fn environment() -> Result<Vec<(String, String)>, SettingsError> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(SettingsError::NotUtf8 { variable: name }),
        })
        .collect()
}

impl Layers {
    /// The same layers with the files as they are now: whatever loads them later sees the same.
    pub fn read(mut self) -> Result<Self, SettingsError> {
        self.text = self.file.as_ref().map(read).transpose()?;
        self.env_text = self.env_file.as_ref().map(read).transpose()?;
        Ok(self)
    }

    /// Reads the layers, checks every key and value of each, and merges them.
    pub fn load(self) -> Result<Loaded, SettingsError> {
        let mut layers = vec![Layer::of_text(DEFAULT, Origin::Default)?];
        if let Some(file) = self.file {
            let text = self.text.map_or_else(|| read(&file), Ok)?;
            layers.push(Layer::of_text(&text, Origin::File(file))?);
        }
        if let Some(file) = self.env_file {
            let text = self.env_text.map_or_else(|| read(&file), Ok)?;
            for Variable { name, value, place } in env_file::parse(&file, &text)? {
                if name.starts_with(PREFIX) {
                    let origin = Origin::EnvFile { place, variable: name.clone() };
                    layers.push(Layer::of_variable(&name, &value, origin)?);
                }
            }
        }
        for (variable, value) in self.environment {
            if variable.starts_with(PREFIX) {
                let origin = Origin::Environment(variable.clone());
                layers.push(Layer::of_variable(&variable, &value, origin)?);
            }
        }
        for (name, value) in self.flags {
            let key = keys::find(&name).ok_or_else(|| unknown(&name, "flag".to_owned()))?;
            layers.push(Layer::of_key(key, &value, Origin::Flag(key.flag()))?);
        }
        merge(layers)
    }
}

fn read(file: &PathBuf) -> Result<String, SettingsError> {
    std::fs::read_to_string(file)
        .map_err(|cause| SettingsError::Unreadable { file: file.clone(), cause })
}

fn merge(layers: Vec<Layer>) -> Result<Loaded, SettingsError> {
    let mut values = BTreeMap::new();
    let mut builder = Config::builder();
    for layer in layers {
        for (name, value) in &layer.values {
            values.insert(name.clone(), (value.clone(), layer.origin.clone()));
        }
        builder = builder.add_source(layer);
    }
    let other = |error: ConfigError| SettingsError::Other(error.to_string());
    let settings = builder.build().and_then(Config::try_deserialize).map_err(other)?;
    let loaded = Loaded { settings, values };
    let password = checks::has_password(loaded.settings.database.url.expose());
    let url = loaded.set("database.url").filter(|_| password);
    for pair in [
        (loaded.set("tokens.secret"), loaded.set("tokens.secret_file")),
        (url.map(|url| format!("the password in {url}")), loaded.set("database.password_file")),
    ] {
        if let (Some(first), Some(second)) = pair {
            return Err(SettingsError::Contradiction { first, second });
        }
    }
    Ok(loaded)
}

/// One layer, its values checked and in their key's type.
#[derive(Clone, Debug)]
struct Layer {
    origin: Origin,
    /// By the name of the key; a list is one value.
    values: BTreeMap<String, ValueKind>,
}

impl Layer {
    fn of_text(text: &str, origin: Origin) -> Result<Self, SettingsError> {
        let place = match &origin {
            Origin::File(path) => path.display().to_string(),
            _ => "config/default.toml".to_owned(),
        };
        let table = File::from_str(text, FileFormat::Toml)
            .collect()
            .map_err(|error| unparsable(&place, text, &error))?;
        let reader = Reader { place, text };
        let mut values = BTreeMap::new();
        for (name, value) in table {
            reader.read(name, &value, &mut values)?;
        }
        Ok(Self { origin, values })
    }

    fn of_variable(variable: &str, value: &str, origin: Origin) -> Result<Self, SettingsError> {
        match keys::KEYS.iter().find(|key| key.variable() == variable) {
            Some(key) if !matches!(key.kind, Kind::Tables(_)) => Self::of_key(key, value, origin),
            None if !variable.starts_with(SCOPES) => Err(SettingsError::UnknownKey {
                place: match origin {
                    Origin::EnvFile { place, .. } => place,
                    _ => "environment".to_owned(),
                },
                nearest: nearest(variable, keys::KEYS.iter().map(Key::variable)),
                key: variable.to_owned(),
            }),
            _ => Err(SettingsError::OnlyInFile { origin: origin.to_string() }),
        }
    }

    fn of_key(key: &Key, value: &str, origin: Origin) -> Result<Self, SettingsError> {
        let kind = key.read(&value.into()).map_err(|mismatch| SettingsError::BadValue {
            place: origin.to_string(),
            value: mismatch.value,
            expected: mismatch.expected,
        })?;
        Ok(Self { origin, values: BTreeMap::from([(key.name.to_owned(), kind)]) })
    }
}

/// The keys as the tables that the settings' types are read from.
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
}

impl Reader<'_> {
    fn read(
        &self,
        name: String,
        value: &Value,
        into: &mut BTreeMap<String, ValueKind>,
    ) -> Result<(), SettingsError> {
        if let (ValueKind::Table(table), true) = (&value.kind, keys::is_section(&name)) {
            return table
                .iter()
                .try_for_each(|(inner, value)| self.read(format!("{name}.{inner}"), value, into));
        }
        let bad = |within: &str, value: String, expected: String| SettingsError::BadValue {
            place: format!("{}: {name}{within}", self.place_of(&name)),
            value,
            expected,
        };
        if keys::is_section(&name) {
            return Err(bad("", "…".to_owned(), format!("a section: [{name}]")));
        }
        let key = keys::find(&name).ok_or_else(|| unknown(&name, self.place_of(&name)))?;
        if let Some(scope) = name.strip_prefix("scopes.") {
            keys::scope_name(scope).map_err(|expected| {
                bad("", "…".to_owned(), format!("its name to be {expected}"))
            })?;
        }
        let kind = key
            .read(value)
            .map_err(|mismatch| bad(&mismatch.within, mismatch.value, mismatch.expected))?;
        into.insert(name, kind);
        Ok(())
    }

    /// The file with the key's line, where the key stands on a line of its own.
    fn place_of(&self, name: &str) -> String {
        let mut section = "";
        for (line, number) in self.text.lines().map(str::trim).zip(1..) {
            if let Some(header) = line.strip_prefix('[') {
                let header = header.trim_start_matches('[').split(']').next().unwrap_or_default();
                section = header.trim();
                if section == name {
                    return format!("{}:{number}", self.place);
                }
            } else if let Some((key, _)) = line.split_once('=') {
                let key = key.trim().trim_matches(['"', '\'']);
                let dot = if section.is_empty() { "" } else { "." };
                if format!("{section}{dot}{key}") == name {
                    return format!("{}:{number}", self.place);
                }
            }
        }
        self.place.clone()
    }
}

fn unknown(name: &str, place: String) -> SettingsError {
    let known = keys::KEYS.iter().map(|key| key.name).chain(keys::sections());
    SettingsError::UnknownKey {
        place,
        nearest: nearest(name, known.map(str::to_owned)),
        key: name.to_owned(),
    }
}

/// The names that `wrong` may have been meant to be: misspelt, or without its section.
fn nearest(wrong: &str, known: impl Iterator<Item = String>) -> Vec<String> {
    let last = |name: &str| name.rsplit("__").next()?.rsplit('.').next().map(str::to_owned);
    let last = |name: &str| last(name).unwrap_or_default();
    let wrong = wrong.to_lowercase();
    let mut near: Vec<_> = known
        .filter_map(|name| {
            let right = name.to_lowercase();
            let whole = strsim::damerau_levenshtein(&wrong, &right);
            let part = strsim::damerau_levenshtein(&last(&wrong), &last(&right)) + 1;
            let distance = whole.min(part);
            (distance <= 2.max(last(&wrong).len() / 3)).then_some((distance, name))
        })
        .collect();
    near.sort();
    near.dedup();
    let best = near.first().map_or(0, |(distance, _)| *distance);
    near.into_iter().filter(|(distance, _)| *distance <= best + 1).take(3).map(|(_, n)| n).collect()
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

/// A number beyond TOML's 64 bits, for which the parser tells no line.
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

#[cfg(test)]
mod tests;
