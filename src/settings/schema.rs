//! The JSON schema of the configuration, generated from the declarations, so that editors complete
//! and check it.
//!
//! It refuses nothing that the program accepts; what it cannot express, it allows.

use crate::domain::ScopeName;
use crate::settings::Settings;
use crate::settings::declaration::HasKind as _;
use crate::settings::key::{Key, Kind};
use crate::settings::keys::{CLIENT, DESCRIPTION, PROVIDER};
use crate::settings::layers::defaults;
use serde_json::{Map, Value, json};

/// The schema, `config/schema.json`, in draft 7, which editors know.
#[must_use]
pub fn schema() -> Value {
    let mut root = Map::new();
    for section in Settings::SECTIONS {
        let keys = properties(section);
        match section[0].name.split_once('.') {
            Some((name, _)) => root.extend([(name.to_owned(), object(keys))]),
            None => root.extend(keys),
        }
    }
    let scopes = json!({
        "type": "object",
        "description": "Scopes beside the compiled ones: a name and what it allows.",
        "propertyNames": ScopeName::KIND.schema(),
        "additionalProperties": DESCRIPTION.kind.schema(),
    });
    let clients = json!({
        "type": "object",
        "description": "Clients of the authorization server, by their ids.",
        "propertyNames": { "pattern": "^[A-Za-z0-9][A-Za-z0-9._~-]{0,127}$" },
        "additionalProperties": CLIENT.kind.schema(),
    });
    let providers = json!({
        "type": "object",
        "description": "Other providers that users log in at, by their names.",
        "propertyNames": { "pattern": "^[a-z0-9][a-z0-9-]{0,31}$" },
        "additionalProperties": PROVIDER.kind.schema(),
    });
    let named = [("scopes", scopes), ("clients", clients), ("providers", providers)];
    root.extend(named.map(|(name, schema)| (name.to_owned(), schema)));
    let mut schema = object(root);
    schema["$schema"] = "http://json-schema.org/draft-07/schema#".into();
    schema["title"] = "bailiwick's configuration".into();
    schema
}

fn object(properties: Map<String, Value>) -> Value {
    let properties = Value::Object(properties);
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn properties(keys: &[Key]) -> Map<String, Value> {
    let name = |key: &Key| key.name.rsplit('.').next().unwrap_or_default().to_owned();
    keys.iter().map(|key| (name(key), key.schema())).collect()
}

impl Key {
    fn schema(&self) -> Value {
        let mut schema = self.kind.schema();
        if self.is_optional() {
            // An empty text means absent.
            schema = json!({ "anyOf": [schema, { "const": "" }] });
        }
        schema["description"] = format!("{}\n\n{}", self.markdown(), self.rule()).into();
        if let Some(default) = defaults().value(self.name) {
            schema["default"] = default;
        }
        schema
    }
}

impl Kind {
    fn schema(&self) -> Value {
        match self {
            Self::Whole(least, most) => json!({
                "type": ["integer", "string"],
                "minimum": least, "maximum": most, "pattern": "^-?[0-9]+$",
            }),
            Self::Amount(unit, least, most) => json!({
                "type": ["integer", "string"],
                "minimum": least, "maximum": most, "pattern": unit.pattern(),
            }),
            Self::Switch => json!({ "type": ["boolean", "string"], "pattern": "^(true|false)$" }),
            Self::Word(words) => {
                json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": any_case(words) }] })
            }
            Self::Text(passes, _, pattern) => {
                let mut schema = json!({ "type": "string" });
                if !passes("") {
                    schema["minLength"] = 1.into();
                }
                if !pattern.is_empty() {
                    schema["pattern"] = (*pattern).into();
                }
                schema
            }
            Self::SecretFile | Self::Secret(..) => json!({ "type": "string", "minLength": 1 }),
            Self::List(passes, _) => list(false, !passes("")),
            Self::SecretFiles => list(false, true),
            Self::Binds(needed) => list(*needed, true),
            Self::Database => json!({ "type": "string" }),
            Self::OriginRegex => json!({ "type": "string", "minLength": 1, "maxLength": 1024 }),
            Self::Share => json!({ "type": ["boolean", "number"], "minimum": 0, "maximum": 1 }),
            Self::Table(keys) => object(properties(keys)),
            Self::Tables(keys) => json!({ "type": "array", "items": object(properties(keys)) }),
        }
    }
}

/// An array of texts, or one comma-separated text.
fn list(is_needed: bool, each_is_needed: bool) -> Value {
    json!({
        "type": ["array", "string"],
        "minItems": i32::from(is_needed),
        "minLength": i32::from(is_needed),
        "items": { "type": "string", "minLength": i32::from(each_is_needed) },
    })
}

/// JSON schema's patterns are case-sensitive.
fn any_case(words: &[&str]) -> String {
    let letter = |c: char| format!("[{}{}]", c.to_ascii_uppercase(), c.to_ascii_lowercase());
    let word = |word: &&str| word.chars().map(letter).collect::<String>();
    format!("^({})$", words.iter().map(word).collect::<Vec<_>>().join("|"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_schema_is_that_of_the_declarations() {
        let shipped = include_str!("../../config/schema.json");
        let out_of_date = "config/schema.json is out of date: `make settings`";
        assert!(shipped == format!("{:#}\n", schema()), "{out_of_date}");
    }
}
