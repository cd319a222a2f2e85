//! One line of an import: its fields, and what is wrong with it.

use crate::domain::{
    FieldError, NewUser, PasswordHash, ScopeName, ScopeTable, Scopes, Username, check_email,
    check_full_name,
};
use crate::services::Store;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use thiserror::Error;

/// All that is wrong with a line: `field: why`, or `why` about the whole line. It never repeats a
/// field's value, except for scopes.
#[derive(Debug, Default, Error)]
#[error("{}", .0.join("; "))]
pub(super) struct Problem(Vec<String>);

impl Problem {
    pub(super) fn new(field: &'static str, why: impl fmt::Display) -> Self {
        let colon = if field.is_empty() { "" } else { ": " };
        Self(vec![format!("{field}{colon}{why}")])
    }

    /// Takes what is wrong with a field.
    fn without<T>(&mut self, field: Result<T, Self>) -> Option<T> {
        field.map_err(|wrong| self.0.extend(wrong.0)).ok()
    }

    pub(super) fn json(error: &serde_json::Error) -> Self {
        // serde_json counts lines within its input: always 1.
        Self::new("", error.to_string().replace(" at line 1 column", " at column"))
    }
}

/// The field names of the Python application. Accepts every type, so that a wrong one is reported
/// with its field.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Line {
    pub(super) username: Value,
    pub(super) email: Value,
    pub(super) full_name: Value,
    pub(super) disabled: Value,
    /// `null` is a user without a password; nothing is a mistake.
    #[serde(deserialize_with = "given")]
    pub(super) hashed_password: Option<Value>,
    pub(super) scopes: Value,
    /// First and last name, where there is no full one.
    #[serde(skip)]
    pub(super) names: [String; 2],
}

/// Keeps `null`, which serde would treat as missing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Line {
    /// The user, once all fields are valid; gets `scopes` if the line has none.
    pub(super) fn user(self, store: &Store, default: &Scopes) -> Result<NewUser, Problem> {
        let names = self.names.each_ref().map(|name| name.trim()).into_iter();
        let names = names.filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" ");
        let full_name = match self.full_name {
            Value::Null if !names.is_empty() => Value::String(names),
            full_name => full_name,
        };
        let disabled = match self.disabled {
            Value::Null => Ok(false),
            Value::Bool(disabled) => Ok(disabled),
            _ => Err(Problem::new("disabled", "expected true, false or null")),
        };
        let scopes = match self.scopes {
            Value::Null => Ok(default.clone()),
            value => scopes(value, &store.scopes),
        };
        let mut wrong = Problem::default();
        let username = wrong.without(username(self.username));
        let hash = password_hash(self.hashed_password, store.passwords.highest_imported_cost());
        let hash = wrong.without(hash);
        let email = wrong.without(optional("email", self.email, check_email));
        let full_name = wrong.without(optional("full_name", full_name, check_full_name));
        let (disabled, scopes) = (wrong.without(disabled), wrong.without(scopes));
        match (username, hash, email, full_name, disabled, scopes) {
            (
                Some(username),
                Some(password_hash),
                Some(email),
                Some(full_name),
                Some(disabled),
                Some(scopes),
            ) => Ok(NewUser { username, email, full_name, disabled, password_hash, scopes }),
            _ => Err(wrong),
        }
    }

    /// A JSON object.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if !bytes.starts_with(b"{") {
            return Err(Problem::new("", "expected a JSON object"));
        }
        serde_json::from_slice(bytes).map_err(|error| Problem::json(&error))
    }
}

fn username(value: Value) -> Result<Username, Problem> {
    required("username", value)?.parse().map_err(|why| Problem::new("username", why))
}

fn password_hash(value: Option<Value>, highest_cost: u32) -> Result<PasswordHash, Problem> {
    let field = "hashed_password";
    let hash = match value {
        None => return Err(Problem::new(field, "is required; `!` stands for none")),
        Some(Value::Null) => PasswordHash::NoPassword,
        Some(value) => required(field, value)?.parse().map_err(|why| Problem::new(field, why))?,
    };
    affordable(hash, highest_cost)
}

/// Every login of its user would cost as much: each further unit doubles it.
fn affordable(hash: PasswordHash, highest_cost: u32) -> Result<PasswordHash, Problem> {
    if hash.cost() > highest_cost {
        let why = format!(
            "its cost of {} is too high: at most {highest_cost}, or two above passwords.bcrypt_cost",
            hash.cost()
        );
        return Err(Problem::new("hashed_password", why));
    }
    Ok(hash)
}

fn required(field: &'static str, value: Value) -> Result<String, Problem> {
    match value {
        Value::String(text) => Ok(text),
        Value::Null => Err(Problem::new(field, "is required")),
        _ => Err(Problem::new(field, "expected a string")),
    }
}

fn optional(
    field: &'static str,
    value: Value,
    check: fn(&str) -> Result<(), FieldError>,
) -> Result<Option<String>, Problem> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => {
            check(&text).map_err(|why| Problem::new(field, why))?;
            Ok(Some(text))
        }
        _ => Err(Problem::new(field, "expected a string or null")),
    }
}

fn scopes(value: Value, declared: &ScopeTable) -> Result<Scopes, Problem> {
    let Value::Array(values) = value else {
        return Err(Problem::new("scopes", "expected a list of strings"));
    };
    let mut wrong = Problem::default();
    let names = values.into_iter().map(|value| scope(value, declared));
    let names: Vec<_> = names.filter_map(|name| wrong.without(name)).collect();
    if wrong.0.is_empty() { Ok(names.into_iter().collect()) } else { Err(wrong) }
}

fn scope(value: Value, declared: &ScopeTable) -> Result<ScopeName, Problem> {
    let Value::String(text) = value else {
        return Err(Problem::new("scopes", "expected a list of strings"));
    };
    let name: ScopeName = text.parse().map_err(|why| Problem::new("scopes", why))?;
    if declared.contains(name.as_str()) {
        Ok(name)
    } else {
        Err(Problem::new("scopes", format_args!("`{name}` is not a declared scope")))
    }
}
