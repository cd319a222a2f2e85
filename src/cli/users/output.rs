//! Prints users: as a table, one by one, as JSON. Never their hashes.

use crate::cli::users::{List, Session, UsersError};
use crate::domain::{Page, Scopes, User, Username};
use serde::Serialize;
use std::io;

/// Users read at once.
const PAGE: u32 = 1_000;

/// A user in JSON, with the field names of the HTTP API.
#[derive(Serialize)]
struct Shown<'a> {
    username: &'a str,
    email: Option<&'a str>,
    full_name: Option<&'a str>,
    disabled: bool,
    scopes: &'a Scopes,
    created_at: String,
    updated_at: String,
}

impl<'a> From<&'a User> for Shown<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            username: user.username.as_str(),
            email: user.email.as_deref(),
            full_name: user.full_name.as_deref(),
            disabled: user.disabled,
            scopes: &user.scopes,
            created_at: user.created_at.to_string(),
            updated_at: user.updated_at.to_string(),
        }
    }
}

fn json(user: &User) -> Result<String, io::Error> {
    Ok(serde_json::to_string(&Shown::from(user))?)
}

fn state(user: &User) -> &'static str {
    if user.disabled { "disabled" } else { "active" }
}

impl Session<'_> {
    pub(super) async fn show(&mut self, name: &Username, as_json: bool) -> Result<(), UsersError> {
        let user = self.find(name).await?;
        if as_json {
            return Ok(writeln!(self.out, "{}", json(&user)?)?);
        }
        for (label, value) in [
            ("username", user.username.as_str()),
            ("email", user.email.as_deref().unwrap_or("-")),
            ("full name", user.full_name.as_deref().unwrap_or("-")),
            ("state", state(&user)),
            ("scopes", &or_dash(user.scopes.to_string())),
            ("created", &user.created_at.to_string()),
            ("updated", &user.updated_at.to_string()),
        ] {
            writeln!(self.out, "{label:10} {value}")?;
        }
        Ok(())
    }

    /// Page by page, so that a million users need no more memory than a thousand.
    pub(super) async fn list(&mut self, list: List) -> Result<(), UsersError> {
        let mut left = list.limit.unwrap_or(u64::MAX);
        let mut after = list.after;
        let mut table = Table::default();
        let mut separator = "[";
        while left > 0 {
            let limit = u32::try_from(left).unwrap_or(PAGE).min(PAGE);
            let page = Page { after, limit };
            let users = self.store.users.list(&page).await.map_err(UsersError::failed)?;
            if list.json {
                for user in &users {
                    write!(self.out, "{separator}\n{}", json(user)?)?;
                    separator = ",";
                }
            } else {
                table.write(self.out, &users)?;
            }
            left -= users.len() as u64;
            if users.len() < limit as usize {
                break;
            }
            after = users.last().map(|user| user.username.clone());
        }
        if list.json {
            writeln!(self.out, "{}", if separator == "[" { "[]" } else { "\n]" })?;
        }
        Ok(())
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

const HEAD: [&str; 6] = ["USERNAME", "STATE", "FULL NAME", "EMAIL", "CREATED", "SCOPES"];

/// A table that is written in parts; its columns only ever get wider.
#[derive(Default)]
struct Table {
    has_head: bool,
    widths: [usize; 6],
}

impl Table {
    fn write(&mut self, out: &mut dyn io::Write, users: &[User]) -> io::Result<()> {
        let mut rows: Vec<[String; 6]> = Vec::with_capacity(users.len() + 1);
        if !self.has_head {
            self.has_head = true;
            rows.push(HEAD.map(str::to_owned));
        }
        rows.extend(users.iter().map(|user| {
            [
                user.username.to_string(),
                state(user).to_owned(),
                or_dash(user.full_name.as_deref().unwrap_or_default().to_owned()),
                or_dash(user.email.as_deref().unwrap_or_default().to_owned()),
                user.created_at.to_string(),
                or_dash(user.scopes.to_string()),
            ]
        }));
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        for row in &rows {
            let cells = self.widths.iter().zip(row).map(|(&width, cell)| format!("{cell:width$}"));
            let line = cells.collect::<Vec<_>>().join("  ");
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}
