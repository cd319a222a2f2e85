//! Sections of an application's own. Their keys, checks and defaults come from a type, which is read
//! by whoever knows it.

use crate::domain::program;
use crate::settings::database_url::has_credentials;
use crate::settings::error::SettingsError;
use crate::settings::key::{self, json};
use crate::settings::nearest::nearest;
use config::{Map, ValueKind};
use serde_json::Value;
use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// The longest value that an error shows.
const LONGEST: usize = 200;

/// A section, such as `[shop]`.
pub struct OwnSection {
    /// Its name.
    pub name: &'static str,
    /// Its keys, in order; those of tables below it as well: `shop.mail.host`.
    pub keys: Vec<OwnKey>,
    /// For editors.
    pub schema: Value,
    /// Reads it.
    pub reader: Box<dyn OwnReader>,
}

/// One key of such a section.
#[derive(Clone, Debug, Default)]
pub struct OwnKey {
    /// Its name, from the section on.
    pub name: String,
    /// Its explanation.
    pub text: String,
    /// Its default; null without one.
    pub default: Value,
    /// Whether there must be a value.
    pub is_required: bool,
    /// Whether its value is never shown.
    pub is_secret: bool,
    /// What it holds.
    pub shape: OwnShape,
}

/// What a key holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnShape {
    /// One value.
    #[default]
    One,
    /// A list: commas separate its items in variables.
    List,
    /// A table with names of its own, which no variable can hold.
    Table,
}

/// Reads a section from its values, which are one JSON object.
pub trait OwnReader: Send + Sync {
    /// The values in their types, and what is wrong with them. Texts are those of variables: `"5"` is a
    /// number, too.
    fn check(&self, values: Value, are_texts: bool) -> (Value, Vec<Wrong>);

    /// The section in its type.
    fn read(&self, values: Value) -> Result<(TypeId, Shared), Vec<Wrong>>;
}

/// Settings of some type.
pub type Shared = Arc<dyn Any + Send + Sync>;

/// What is wrong with a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Where: names below the section, and numbers of items.
    pub path: Vec<String>,
    /// Whether there is no value.
    pub is_missing: bool,
    /// Why, without the value.
    pub why: String,
}

/// The sections in their types.
#[derive(Clone, Default)]
pub struct OwnSettings(HashMap<TypeId, Shared>);

impl OwnSettings {
    /// All of them, by type.
    pub fn all(&self) -> impl Iterator<Item = (TypeId, &Shared)> {
        self.0.iter().map(|(id, settings)| (*id, settings))
    }
}

/// May hold secrets.
impl fmt::Debug for OwnSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSettings").field("sections", &self.0.len()).finish_non_exhaustive()
    }
}

/// Values by the names of their keys.
pub(super) type Values = BTreeMap<String, Value>;

impl OwnKey {
    /// The value as it may be shown.
    pub(super) fn shown(&self, value: &Value) -> Value {
        match value {
            Value::Null => Value::Null,
            _ if self.is_secret || has_credentials(&value.to_string()) => "***".into(),
            value => value.clone(),
        }
    }

    fn shortly(&self, value: &Value) -> String {
        let text = self.shown(value).to_string();
        match text.char_indices().nth(LONGEST) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }
}

impl OwnSection {
    fn key(&self, name: &str) -> Option<&OwnKey> {
        self.keys.iter().find(|key| key.name == name)
    }

    /// The key that a variable sets.
    pub(super) fn key_of_variable(&self, variable: &str) -> Option<&OwnKey> {
        self.keys.iter().find(|one| key::variable(&one.name) == variable)
    }

    /// Reads the section of a file; `place` is that of a key. Each error comes with its key.
    pub(super) fn read_table(
        &self,
        table: &Map<String, config::Value>,
        place: &dyn Fn(&str) -> String,
    ) -> (Values, Vec<(String, SettingsError)>) {
        let (mut values, mut errors) = (Values::new(), Vec::new());
        self.flatten(self.name, table, place, (&mut values, &mut errors));
        let (values, wrong) =
            self.checked(values, false, &|name| format!("{}: {name}", place(name)));
        errors.extend(wrong);
        (values, errors)
    }

    fn flatten(
        &self,
        above: &str,
        table: &Map<String, config::Value>,
        place: &dyn Fn(&str) -> String,
        (values, errors): (&mut Values, &mut Vec<(String, SettingsError)>),
    ) {
        for (inner, value) in table.iter().collect::<BTreeMap<_, _>>() {
            let name = format!("{above}.{inner}");
            let is_above = |key: &OwnKey| {
                key.name.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.'))
            };
            let is_group = self.keys.iter().any(is_above);
            match &value.kind {
                ValueKind::Table(table) if is_group => {
                    self.flatten(&name, table, place, (&mut *values, &mut *errors));
                }
                other if is_group => {
                    let (place, value) =
                        (format!("{}: {name}", place(&name)), json(other).to_string());
                    let expected = format!("a table [{name}]");
                    errors.push((name, SettingsError::BadValue { place, value, expected }));
                }
                other if self.key(&name).is_some() => {
                    values.insert(name, json(other));
                }
                _ => {
                    let known = self.keys.iter().map(|key| key.name.clone());
                    let nearest = nearest(&name, known);
                    let (place, key) = (place(&name), name.clone());
                    errors.push((name, SettingsError::UnknownKey { place, key, nearest }));
                }
            }
        }
    }

    /// Reads the text of a variable, named in errors by its origin.
    pub(super) fn read_text(
        &self,
        key: &OwnKey,
        text: &str,
        origin: &str,
    ) -> Result<Values, Vec<SettingsError>> {
        if key.shape == OwnShape::Table {
            return Err(vec![SettingsError::OnlyInFile { origin: origin.to_owned() }]);
        }
        let items = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let value = match text {
            "" if !key.is_required && key.default.is_null() => Value::Null,
            _ if key.shape == OwnShape::List => items().collect(),
            text => text.into(),
        };
        let values = Values::from([(key.name.clone(), value)]);
        if values.values().all(Value::is_null) {
            return Ok(values);
        }
        let (values, wrong) = self.checked(values, true, &|_| origin.to_owned());
        if wrong.is_empty() { Ok(values) } else { Err(wrong.into_iter().map(|(_, e)| e).collect()) }
    }

    /// The values in their types, without those that are wrong.
    fn checked(
        &self,
        mut values: Values,
        are_texts: bool,
        place: &dyn Fn(&str) -> String,
    ) -> (Values, Vec<(String, SettingsError)>) {
        let (converted, wrong) = self.reader.check(self.nested(&values), are_texts);
        let mut errors = Vec::new();
        for wrong in wrong {
            let Some((name, within)) = self.located(&values, &wrong.path) else { continue };
            let (Some(key), Some(value)) = (self.key(&name), values.get(&name)) else { continue };
            let (place, value) = (format!("{}{within}", place(&name)), key.shortly(value));
            let error = SettingsError::BadValue { place, value, expected: wrong.why };
            errors.push((name, error));
        }
        for (name, _) in &errors {
            values.remove(name);
        }
        for (name, value) in &mut values {
            let mut steps = name.split('.').skip(1);
            if let Some(found) = steps.try_fold(&converted, |value, step| value.get(step)) {
                *value = found.clone();
            }
        }
        (values, errors)
    }

    /// The key among the values that a path leads to or into, and the rest of the path.
    fn located(&self, values: &Values, path: &[String]) -> Option<(String, String)> {
        let mut name = self.name.to_owned();
        for (at, step) in path.iter().enumerate() {
            name = format!("{name}.{step}");
            if values.contains_key(&name) {
                let rest = path[at + 1..].iter().map(|step| match step.parse::<usize>() {
                    Ok(number) => format!("[{number}]"),
                    Err(_) => format!(".{step}"),
                });
                return Some((name, rest.collect()));
            }
        }
        None
    }

    /// The values as one object.
    fn nested(&self, values: &Values) -> Value {
        let mut root = Value::Object(serde_json::Map::new());
        for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
            let rest = name.strip_prefix(self.name).and_then(|rest| rest.strip_prefix('.'));
            let Some(rest) = rest else { continue };
            let mut at = &mut root;
            for step in rest.split('.') {
                at = &mut at[step];
            }
            *at = value.clone();
        }
        root
    }

    /// The section in its type, from the values of all layers.
    pub(super) fn read(&self, values: &Values) -> Result<(TypeId, Shared), Vec<SettingsError>> {
        let wrong = match self.reader.read(self.nested(values)) {
            Ok(read) => return Ok(read),
            Err(wrong) => wrong,
        };
        let error = |Wrong { path, is_missing, why }: Wrong| {
            let key = [self.name.to_owned()].into_iter().chain(path).collect::<Vec<_>>().join(".");
            if is_missing {
                let variable = key::variable(&key);
                return SettingsError::NotSet { section: self.name.to_owned(), key, variable };
            }
            SettingsError::Other(format!("{key}: expected {why}"))
        };
        Err(wrong.into_iter().map(error).collect())
    }

    /// Its part of the file with every default.
    #[must_use]
    pub fn default_file(&self) -> String {
        let mut text = format!("\n[{}]\n", self.name);
        for key in &self.keys {
            text.push('\n');
            text.extend(key.text.lines().map(|line| format!("# {line}\n")));
            let name = key.name.split_once('.').map_or(key.name.as_str(), |(_, rest)| rest);
            match &key.default {
                Value::Null => text.extend(["# ", name, " =\n"]),
                default => text.extend([name, " = ", &key.shown(default).to_string(), "\n"]),
            }
        }
        text
    }
}

/// May hold secrets as defaults.
impl fmt::Debug for OwnSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnSection").field("name", &self.name).finish_non_exhaustive()
    }
}

impl FromIterator<(TypeId, Shared)> for OwnSettings {
    fn from_iter<I: IntoIterator<Item = (TypeId, Shared)>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

/// Whether a section may have this name; if not, why.
pub fn check_section(name: &str) -> Result<(), String> {
    let mut letters = name.bytes();
    let is_name = letters.next().is_some_and(|first| first.is_ascii_lowercase())
        && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && !name.contains("__");
    if !is_name {
        return Err("expected lower-case letters, digits and underscores".to_owned());
    }
    if crate::settings::keys::is_known(name) {
        return Err(format!("{} has a section or key of this name already", program()));
    }
    Ok(())
}
