//! One line of an import: what it may hold, and what is wrong with it.

use crate::domain::{
    FieldError, NewUser, PasswordHash, ScopeName, ScopeTable, Scopes, check_email, check_full_name,
};
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::io::{BufRead, Read as _};
use thiserror::Error;

/// Longest line in bytes.
const LONGEST: u64 = 64 * 1024;

/// What is wrong with a line: `field: why`, or about all of it `why`. It never repeats what a field holds, except for scopes.
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
}

/// The field names of the Python application. Every type is taken here, so that a wrong one is
/// reported with its field.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    #[serde(default)]
    username: Value,
    #[serde(default)]
    email: Value,
    #[serde(default)]
    full_name: Value,
    #[serde(default)]
    disabled: Value,
    #[serde(default)]
    hashed_password: Value,
    #[serde(default)]
    scopes: Value,
}

impl Line {
    /// The user, once every field has been found right.
    pub(super) fn user(self, declared: &ScopeTable, highest_cost: u32) -> Result<NewUser, Problem> {
        let username = required("username", self.username)?;
        let hash = required("hashed_password", self.hashed_password)?;
        let hash = hash.parse().map_err(|why| Problem::new("hashed_password", why))?;
        Ok(NewUser {
            username: username.parse().map_err(|why| Problem::new("username", why))?,
            email: optional("email", self.email, check_email)?,
            full_name: optional("full_name", self.full_name, check_full_name)?,
            disabled: match self.disabled {
                Value::Null => false,
                Value::Bool(disabled) => disabled,
                _ => return Err(Problem::new("disabled", "expected true, false or null")),
            },
            password_hash: affordable(hash, highest_cost)?,
            scopes: scopes(self.scopes, declared)?,
        })
    }
}

/// Each login of its user would cost as much: one more doubles it.
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
        return match value {
            Value::Null => Ok(Scopes::default()),
            _ => Err(Problem::new("scopes", "expected a list of strings")),
        };
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

/// The lines of an import with their numbers, from 1; blank ones are left out.
pub(super) struct Lines<R> {
    from: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, number: 0, buffer: Vec::new() }
    }

    fn parse(&mut self) -> Result<Line, Problem> {
        if self.buffer.len() as u64 > LONGEST && self.buffer.last() != Some(&b'\n') {
            self.from.skip_until(b'\n').map_err(|error| Problem::new("", error))?;
            return Err(Problem::new("", format_args!("is longer than {LONGEST} bytes")));
        }
        if !self.buffer.trim_ascii_start().starts_with(b"{") {
            return Err(Problem::new("", "expected a JSON object"));
        }
        serde_json::from_slice(self.buffer.trim_ascii_end()).map_err(|error| {
            // serde_json counts lines within what it was given: always 1.
            let text = error.to_string();
            Problem::new("", text.replace(" at line 1 column", " at column"))
        })
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = (u64, Result<Line, Problem>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.number += 1;
            self.buffer.clear();
            let read = (&mut self.from).take(LONGEST + 1).read_until(b'\n', &mut self.buffer);
            match read {
                Ok(0) => return None,
                Ok(_) if self.buffer.trim_ascii().is_empty() => {}
                Ok(_) => return Some((self.number, self.parse())),
                Err(error) => return Some((self.number, Err(Problem::new("", error)))),
            }
        }
    }
}
