//! One key: what it may hold, and how a value is read.

use crate::settings::Keep;
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
    /// A list of tables with these keys.
    Tables(&'static [Key]),
}

pub(super) type Check = fn(&str) -> bool;

/// A value is not what its key may hold.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// The rest of the key, for example `[0].methods`.
    pub(super) within: String,
    /// The value as it may be shown.
    pub(super) value: String,
    pub(super) expected: String,
}

impl Key {
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
            (Kind::Tables(keys), ValueKind::Array(tables)) => return read_tables(keys, tables),
            (Kind::Share | Kind::Tables(_), _) => None,
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
            Kind::Tables(_) => format!("a list of tables [[{}]]", self.name),
        }
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

fn read_tables(keys: &[Key], given: &[Value]) -> Result<ValueKind, Mismatch> {
    let names: Vec<_> = keys.iter().map(|key| key.name).collect();
    let mut tables = Vec::new();
    for (at, one) in given.iter().enumerate() {
        let ValueKind::Table(one) = &one.kind else {
            return Err(Mismatch {
                within: format!("[{at}]"),
                value: json(&one.kind).to_string(),
                expected: format!("a table with {}", names.join(", ")),
            });
        };
        let mut table = Map::new();
        for (name, value) in one {
            let within = format!("[{at}].{name}");
            let Some(key) = keys.iter().find(|key| key.name == name) else {
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
