//! One key: what it may hold, and how a value is read.

use crate::domain::program;
use crate::settings::bind::Bind;
use crate::settings::database_url::{DatabaseUrl, DatabaseUrlProblem, has_credentials};
use crate::settings::flag::Flag;
use crate::settings::keep::Keep;
use crate::settings::origin_regex::OriginRegex;
use crate::settings::secret_file::shown_path;
use crate::settings::units::Unit;
use config::{Map, Value, ValueKind};
use std::collections::BTreeMap;
use std::path::Path;

/// One key of the configuration; `settings!` creates them.
pub(super) struct Key {
    /// Its name in messages: `server.workers`.
    pub(super) name: &'static str,
    /// Its explanation, line by line.
    pub(super) text: &'static [&'static str],
    /// In TOML. Without one it is optional, and an empty text then means absent.
    pub(super) default: Option<&'static str>,
    /// In TOML, for a key without a default.
    pub(super) example: Option<&'static str>,
    pub(super) kind: Kind,
    pub(super) flag: Option<Flag>,
}

/// What a key holds.
pub(super) enum Kind {
    /// A whole number in this range.
    Whole(i64, i64),
    /// The same with a unit: a number, or a text such as `"30s"`.
    Amount(Unit, i64, i64),
    /// `true` or `false`.
    Switch,
    /// One of these words, in upper or lower case.
    Word(&'static [&'static str]),
    /// A text that passes the check; else the message says what is expected. Last a pattern for
    /// editors, which may accept more than the check; may be empty.
    Text(Check, &'static str, &'static str),
    /// Like `Text`, and never shown.
    Secret(Check, &'static str),
    /// The path of a file with a secret; a secret pasted here by mistake is not shown.
    SecretFile,
    /// A list of such paths; comma-separated in the environment and flags.
    SecretFiles,
    /// A list of texts that each pass the check; comma-separated in the environment and flags.
    List(Check, &'static str),
    /// A list of addresses to listen on; `true` if it must not be empty.
    Binds(bool),
    /// A database; its password is never shown, and nothing at all if it cannot be parsed.
    Database,
    /// A regular expression for origins.
    OriginRegex,
    /// `true`, `false`, or a share from 0 to 1.
    Share,
    /// A list of tables with these keys.
    Tables(&'static [Key]),
    /// A table with these keys.
    Table(&'static [Key]),
}

pub(super) type Check = fn(&str) -> bool;

/// The variable that sets the key of this name.
pub(super) fn variable(key: &str) -> String {
    format!("{}{}", program().prefix(), key.to_uppercase().replace('.', "__"))
}

/// A value that its key does not allow.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The rest of the key, for example `[0].methods`.
    pub(super) within: String,
    /// The value as it may be shown.
    pub(super) value: String,
    pub(super) expected: String,
}

impl Key {
    /// Whether it is optional.
    pub(super) fn is_optional(&self) -> bool {
        self.default.is_none()
    }

    /// The variable that sets it.
    pub(super) fn variable(&self) -> String {
        variable(self.name)
    }

    /// The value in the key's type.
    pub(super) fn read(&self, value: &Value) -> Result<ValueKind, Vec<Mismatch>> {
        let mismatch = || Mismatch {
            within: String::new(),
            value: match self.kind {
                Kind::Secret(..) | Kind::Database => "***".to_owned(),
                _ => match self.shown(&value.kind).to_string() {
                    text if has_credentials(&text) => "***".to_owned(),
                    text => text,
                },
            },
            expected: self.expected(&value.kind),
        };
        let text = match &value.kind {
            ValueKind::String(text) => Some(text.as_str()),
            _ => None,
        };
        if self.is_optional() && text == Some("") {
            return Ok(ValueKind::Nil);
        }
        if let (Kind::Database, Some(text)) = (&self.kind, text) {
            return DatabaseUrl::parse(text)
                .map(|_| text.into())
                .map_err(|problem| vec![Mismatch { expected: problem.to_string(), ..mismatch() }]);
        }
        let read = match (&self.kind, &value.kind) {
            (Kind::Whole(least, most), kind) => match kind {
                ValueKind::I64(number) => Some(*number),
                _ => text.filter(|text| !text.starts_with('+')).and_then(|text| text.parse().ok()),
            }
            .filter(|number| (least..=most).contains(&number))
            .map(ValueKind::I64),
            (Kind::Amount(unit, least, most), kind) => match kind {
                ValueKind::I64(number) => Some(*number),
                _ => text.and_then(|text| unit.read(text)),
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
                .and_then(|text| words.iter().find(|word| word.eq_ignore_ascii_case(text)))
                .map(|word| ValueKind::from(*word)),
            (Kind::Text(passes, ..) | Kind::Secret(passes, _), _) => {
                text.filter(|text| passes(text)).map(ValueKind::from)
            }
            (Kind::SecretFile, _) => text.filter(|text| !text.is_empty()).map(ValueKind::from),
            (Kind::SecretFiles, kind) => list(kind)
                .filter(|texts| texts.iter().all(|text| !text.is_empty()))
                .map(ValueKind::from),
            (Kind::List(passes, _), kind) => list(kind)
                .filter(|texts| texts.iter().all(|text| passes(text)))
                .map(ValueKind::from),
            (Kind::OriginRegex, _) => text
                .filter(|text| OriginRegex::try_from((*text).to_owned()).is_ok())
                .map(ValueKind::from),
            (Kind::Binds(needed), kind) => list(kind)
                .filter(|texts| texts.iter().all(|text| text.parse::<Bind>().is_ok()))
                .filter(|texts| !needed || !texts.is_empty())
                .map(ValueKind::from),
            (Kind::Tables(keys), ValueKind::Array(tables)) => return read_tables(keys, tables),
            (Kind::Table(keys), ValueKind::Table(table)) => {
                return read_table(keys, table, "").map(ValueKind::from);
            }
            (Kind::Share | Kind::Tables(_) | Kind::Table(_) | Kind::Database, _) => None,
        };
        read.ok_or_else(|| vec![mismatch()])
    }

    /// The value with its secrets masked.
    pub(super) fn shown(&self, value: &ValueKind) -> serde_json::Value {
        match (&self.kind, value) {
            (_, ValueKind::Nil) => serde_json::Value::Null,
            (Kind::Database, ValueKind::String(text)) => DatabaseUrl::masked(text).into(),
            (Kind::Secret(..) | Kind::Database, _) => "***".into(),
            (Kind::SecretFile, ValueKind::String(path)) => shown_path(Path::new(path)).into(),
            (Kind::SecretFiles, _) => match list(value) {
                Some(paths) => paths.iter().map(|path| shown_path(Path::new(path))).collect(),
                None => "***".into(),
            },
            (Kind::Table(keys), ValueKind::Table(table)) => {
                let shown = keys.iter().filter_map(|key| {
                    Some((key.name.to_owned(), key.shown(&table.get(key.name)?.kind)))
                });
                serde_json::Value::Object(shown.collect())
            }
            _ => json(value),
        }
    }

    /// What is allowed, with a hint at what is wrong with the value.
    pub(super) fn expected(&self, value: &ValueKind) -> String {
        match self.kind {
            Kind::Whole(least, i64::MAX) => format!("a whole number, {least} or more"),
            Kind::Whole(least, most) => format!("a whole number from {least} to {most}"),
            Kind::Amount(unit, least, most) => unit.expected(least, most),
            Kind::OriginRegex => match value {
                ValueKind::String(text) => {
                    let why = OriginRegex::try_from(text.clone()).err().unwrap_or_default();
                    format!("{}; {why}", OriginRegex::EXPECTED)
                }
                _ => OriginRegex::EXPECTED.to_owned(),
            },
            Kind::Binds(needed) => {
                let number = if needed { "at least one " } else { "" };
                let expected = format!("a list of {number}HOST:PORT, [IPv6]:PORT or unix:PATH");
                let errors = elements(value).into_iter().filter_map(|t| t.parse::<Bind>().err());
                let hints = errors.map(|error| error.hint().to_owned()).filter(|h| !h.is_empty());
                [expected].into_iter().chain(hints).collect::<Vec<_>>().join("; ")
            }
            Kind::Switch => "true or false".to_owned(),
            Kind::Word(words) => format!("one of {}", words.join(", ")),
            Kind::Text(_, text, _) | Kind::Secret(_, text) | Kind::List(_, text) => text.to_owned(),
            Kind::SecretFile => "a path".to_owned(),
            Kind::SecretFiles => "a list of paths".to_owned(),
            Kind::Database => DatabaseUrlProblem::Scheme.to_string(),
            Kind::Share => Keep::EXPECTED.to_owned(),
            Kind::Tables(_) => format!("a list of tables [[{}]]", self.name),
            Kind::Table(_) => format!("a table [{}.NAME]", self.name),
        }
    }
}

/// The elements of something that is not quite a list of texts: `bind = 8000`.
fn elements(kind: &ValueKind) -> Vec<String> {
    match kind {
        ValueKind::I64(number) => vec![number.to_string()],
        ValueKind::Array(values) => values.iter().flat_map(|value| elements(&value.kind)).collect(),
        ValueKind::String(text) if text.is_empty() => vec![String::new()],
        _ => list(kind).unwrap_or_default(),
    }
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

fn read_tables(keys: &[Key], given: &[Value]) -> Result<ValueKind, Vec<Mismatch>> {
    let (mut tables, mut wrong) = (Vec::new(), Vec::new());
    for (at, one) in given.iter().enumerate() {
        let ValueKind::Table(one) = &one.kind else {
            wrong.push(Mismatch {
                within: format!("[{at}]"),
                value: json(&one.kind).to_string(),
                expected: format!("a table with {}", names(keys)),
            });
            continue;
        };
        match read_table(keys, one, &format!("[{at}]")) {
            Ok(table) => tables.push(table),
            Err(all) => wrong.extend(all),
        }
    }
    if wrong.is_empty() { Ok(tables.into()) } else { Err(wrong) }
}

fn names(keys: &[Key]) -> String {
    keys.iter().map(|key| key.name).collect::<Vec<_>>().join(", ")
}

/// Reads a table, whose place in the key is given for messages.
fn read_table(
    keys: &[Key],
    given: &Map<String, Value>,
    place: &str,
) -> Result<Map<String, Value>, Vec<Mismatch>> {
    let (mut table, mut wrong) = (Map::new(), Vec::new());
    for (name, value) in given.iter().collect::<BTreeMap<_, _>>() {
        let within = format!("{place}.{name}");
        let Some(key) = keys.iter().find(|key| key.name == name) else {
            // What the key would be is not known: perhaps a secret, in the wrong place.
            let value = json(&value.kind).to_string();
            let value = if value.contains('"') { "***".to_owned() } else { value };
            let expected = format!("only the keys {}", names(keys));
            wrong.push(Mismatch { within, value, expected });
            continue;
        };
        match key.read(value) {
            // Absent conditions match everything; a null would not be read as absent.
            Ok(ValueKind::Nil) => {}
            Ok(kind) => {
                table.insert(name.clone(), Value::new(None, kind));
            }
            Err(all) => {
                wrong.extend(all.into_iter().map(|one| Mismatch { within: within.clone(), ..one }));
            }
        }
    }
    if wrong.is_empty() { Ok(table) } else { Err(wrong) }
}

pub(super) fn json(kind: &ValueKind) -> serde_json::Value {
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
