//! Django's users: what `manage.py dumpdata auth.user` writes, as JSON or JSON lines, or a table of
//! them as CSV.

use crate::cli::users::import::Entries;
use crate::cli::users::import::line::{Line, Problem};
use crate::cli::users::import::lines::{LONGEST, Lines};
use crate::cli::users::import::table::{Table, truth};
use serde::Deserialize;
use serde_json::Value;
use std::io::{self, BufRead, Read as _};

/// The entries in any of the three formats, and what their numbers count.
pub(super) fn entries<'a, R: BufRead + 'a>(mut from: R) -> io::Result<(Entries<'a>, &'static str)> {
    skip_blank(&mut from)?;
    Ok(match from.fill_buf()?.first() {
        Some(b'[') => {
            from.consume(1);
            (Box::new(Array { from, number: 0, ended: false }), "entry")
        }
        Some(b'{') => (Box::new(Lines::new(from, line)), "line"),
        _ => (Box::new(Table::new(from, column, true)), "line"),
    })
}

fn skip_blank(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        let blank = buffer.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if blank == 0 {
            return Ok(());
        }
        from.consume(blank);
    }
}

/// `None` if it is not a user: dumps may hold other models, and a project may have a user model of its
/// own.
fn user(mut object: Value) -> Option<Result<Line, Problem>> {
    let is_djangos = object["model"] == "auth.user";
    let Some(Value::Object(fields)) = object.get_mut("fields") else {
        return Some(Err(Problem::new("", "expected a JSON object with `model` and `fields`")));
    };
    if !is_djangos && !["password", "last_login"].iter().all(|name| fields.contains_key(*name)) {
        return None;
    }
    let hashed_password = fields.remove("password").filter(|hash| hash != "");
    let mut take = |name: &str| fields.remove(name).unwrap_or_default();
    let mut line = Line {
        username: take("username"),
        email: take("email"),
        hashed_password,
        ..Line::default()
    };
    if line.email == "" {
        line.email = Value::Null;
    }
    match take("is_active") {
        Value::Bool(active) => line.disabled = (!active).into(),
        Value::Null => {}
        _ => return Some(Err(Problem::new("is_active", "expected true or false"))),
    }
    for (name, part) in ["first_name", "last_name"].into_iter().zip(&mut line.names) {
        if let Value::String(name) = take(name) {
            *part = name;
        }
    }
    Some(Ok(line))
}

/// A line of `dumpdata --format jsonl`.
fn line(bytes: &[u8]) -> Option<Result<Line, Problem>> {
    match serde_json::from_slice(bytes) {
        Ok(object) => user(object),
        Err(error) => Some(Err(Problem::json(&error))),
    }
}

/// A column of the table `auth_user`.
fn column(line: &mut Line, name: &str, value: &str) -> Option<Result<(), Problem>> {
    match name {
        "username" => line.username = value.into(),
        "password" => line.hashed_password = (!value.is_empty()).then(|| value.into()),
        "email" if value.is_empty() => {}
        "email" => line.email = value.into(),
        "first_name" => value.clone_into(&mut line.names[0]),
        "last_name" => value.clone_into(&mut line.names[1]),
        "is_active" => match truth(value) {
            Some(active) => line.disabled = (!active).into(),
            None => return Some(Err(Problem::new("is_active", "expected true or false"))),
        },
        _ => return None,
    }
    Some(Ok(()))
}

/// The objects of a JSON array, read one by one, with their numbers from 1.
struct Array<R> {
    from: R,
    number: u64,
    ended: bool,
}

impl<R: BufRead> Array<R> {
    /// Nothing after the last.
    fn object(&mut self) -> Result<Option<Value>, Problem> {
        let io = |error: io::Error| Problem::new("", error);
        skip_blank(&mut self.from).map_err(io)?;
        if self.number > 0 && self.from.fill_buf().map_err(io)?.first() == Some(&b',') {
            self.from.consume(1);
            skip_blank(&mut self.from).map_err(io)?;
        } else if self.from.fill_buf().map_err(io)?.first() == Some(&b']') {
            return Ok(None);
        } else if self.number > 0 {
            return Err(Problem::new("", "expected `,` or `]`"));
        }
        let mut one = (&mut self.from).take(LONGEST);
        let mut reader = serde_json::Deserializer::from_reader(&mut one);
        Value::deserialize(&mut reader).map(Some).map_err(|error| Problem::json(&error))
    }
}

impl<R: BufRead> Iterator for Array<R> {
    type Item = (u64, Result<Line, Problem>);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            let object = self.object();
            self.number += 1;
            match object {
                Ok(Some(object)) => {
                    if let Some(line) = user(object) {
                        return Some((self.number, line));
                    }
                }
                Ok(None) => self.ended = true,
                // Then the start of the next object is unknown.
                Err(problem) => {
                    self.ended = true;
                    return Some((self.number, Err(problem)));
                }
            }
        }
        None
    }
}
