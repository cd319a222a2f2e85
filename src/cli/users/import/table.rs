//! Comma-separated values with a header: our own names of columns, or Django's.

use crate::cli::users::import::line::{Line, Problem};
use csv::{ReaderBuilder, StringRecord, StringRecordsIntoIter};
use serde_json::Value;
use std::io;

/// Sets a field from a column's value; `None` for an unknown column.
pub(super) type Fill = fn(&mut Line, &str, &str) -> Option<Result<(), Problem>>;

/// The rows of a table with the numbers of their lines.
pub(super) struct Table<R> {
    header: StringRecord,
    rows: StringRecordsIntoIter<R>,
    fill: Fill,
    /// What is wrong with the header, reported once.
    wrong: Option<Problem>,
    last: u64,
}

impl<R: io::Read> Table<R> {
    /// Columns that `fill` does not know are an error, unless `ignores` them.
    pub(super) fn new(from: R, fill: Fill, ignores: bool) -> Self {
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(from);
        let (header, mut wrong) = match reader.headers() {
            Ok(header) => (header.clone(), None),
            Err(error) => (StringRecord::new(), Some(Problem::new("", error))),
        };
        // Not named: in a file without a header there may be a hash.
        let column =
            |at: usize, why: &str| Problem::new("", format_args!("column {} {why}", at + 1));
        for (at, name) in header.iter().enumerate() {
            if !ignores && fill(&mut Line::default(), name, "").is_none() {
                let why = "of the header has an unknown name: expected username, email, full_name, \
                           hashed_password, disabled or scopes, and commas between them";
                wrong = wrong.or(Some(column(at, why)));
            } else if header.iter().take(at).any(|other| other == name) {
                wrong = wrong.or(Some(column(at, "has the name of one before")));
            }
        }
        Self { header, rows: reader.into_records(), fill, wrong, last: 1 }
    }

    fn line(&self, row: &StringRecord) -> Result<Line, Problem> {
        if row.len() != self.header.len() {
            let (expected, found) = (self.header.len(), row.len());
            return Err(Problem::new(
                "",
                format_args!("expected {expected} columns, found {found}"),
            ));
        }
        let mut line = Line::default();
        for (name, value) in self.header.iter().zip(row) {
            (self.fill)(&mut line, name, value).unwrap_or(Ok(()))?;
        }
        Ok(line)
    }
}

impl<R: io::Read> Iterator for Table<R> {
    type Item = (u64, Result<Line, Problem>);

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(wrong) = self.wrong.take() {
            return Some((1, Err(wrong)));
        }
        let row = self.rows.next()?;
        let position = match &row {
            Ok(row) => row.position(),
            Err(error) => error.position(),
        };
        // Where a row begins; an unknown position is after the last.
        self.last = position.map_or(self.last + 1, csv::Position::line);
        let line =
            row.map_err(|_| Problem::new("", "expected UTF-8")).and_then(|row| self.line(&row));
        Some((self.last, line))
    }
}

/// Our own columns, named like the fields of JSON lines.
pub(super) fn own(line: &mut Line, name: &str, value: &str) -> Option<Result<(), Problem>> {
    let given = (!value.is_empty()).then(|| Value::from(value));
    match name {
        "username" => line.username = value.into(),
        "email" => line.email = given.into(),
        "full_name" => line.full_name = given.into(),
        "hashed_password" => line.hashed_password = given,
        "scopes" if value.is_empty() => {}
        "scopes" => line.scopes = value.split_ascii_whitespace().collect(),
        "disabled" => match truth(value) {
            Some(disabled) => line.disabled = disabled.into(),
            None if value.is_empty() => {}
            None => return Some(Err(Problem::new("disabled", "expected true or false"))),
        },
        _ => return None,
    }
    Some(Ok(()))
}

/// Booleans as databases write them.
pub(super) fn truth(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" => Some(true),
        "false" | "f" | "0" => Some(false),
        _ => None,
    }
}
