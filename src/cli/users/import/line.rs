//! One line of an import: its fields, and what is wrong with it.

use crate::domain::{
    FieldError, NewUser, PasswordHash, ScopeName, ScopeTable, Scopes, check_email, check_full_name,
};
use crate::services::Store;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::fmt;
use thiserror::Error;

/// What is wrong with a line: `field: why`, or `why` about the whole line. It never repeats a
/// field's value, except for scopes.
#[derive(Debug, Error)]
#[error("{field}{}{why}", if field.is_empty() { "" } else { ": " })]
pub(super) struct Problem {
    field: &'static str,
    why: String,
}

impl Problem {
    pub(super) fn new(field: &'static str, why: impl fmt::Display) -> Self {
        Self { field, why: why.to_string() }
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
}

/// Keeps `null`, which serde would treat as missing.
fn given<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

impl Line {
    /// The user, once all fields are valid; gets `scopes` if the line has none.
    pub(super) fn user(self, store: &Store, default: &Scopes) -> Result<NewUser, Problem> {
        let username = required("username", self.username)?;
        let hash = match self.hashed_password {
            None => {
                return Err(Problem::new("hashed_password", "is required; `!` stands for none"));
            }
            Some(Value::Null) => PasswordHash::NoPassword,
            Some(value) => required("hashed_password", value)?
                .parse()
                .map_err(|why| Problem::new("hashed_password", why))?,
        };
        Ok(NewUser {
            username: username.parse().map_err(|why| Problem::new("username", why))?,
            email: optional("email", self.email, check_email)?,
            full_name: optional("full_name", self.full_name, check_full_name)?,
            disabled: match self.disabled {
                Value::Null => false,
                Value::Bool(disabled) => disabled,
                _ => return Err(Problem::new("disabled", "expected true, false or null")),
            },
            password_hash: affordable(hash, store.passwords.highest_imported_cost())?,
            scopes: match self.scopes {
                Value::Null => default.clone(),
                value => scopes(value, &store.scopes)?,
            },
        })
    }

    /// A JSON object.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Problem> {
        if !bytes.starts_with(b"{") {
            return Err(Problem::new("", "expected a JSON object"));
        }
        serde_json::from_slice(bytes).map_err(|error| Problem::json(&error))
    }
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
    let one = |value| {
        let Value::String(text) = value else {
            return Err(Problem::new("scopes", "expected a list of strings"));
        };
        let name: ScopeName = text.parse().map_err(|why| Problem::new("scopes", why))?;
        if declared.contains(name.as_str()) {
            Ok(name)
        } else {
            Err(Problem::new("scopes", format_args!("`{name}` is not a declared scope")))
        }
    };
    values.into_iter().map(one).collect()
}
