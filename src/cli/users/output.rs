//! Prints users: as a table, one by one, as JSON. Never their hashes.

use crate::cli::users::{List, Session, UsersError};
use crate::domain::{Day, Page, Scopes, User, Username};
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
    last_login: Option<String>,
    created_at: String,
    updated_at: String,
}

impl<'a> Shown<'a> {
    fn of(user: &'a User, last_login: Option<Day>) -> Self {
        Self {
            last_login: last_login.map(|day| day.to_string()),
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

fn json(user: &User, last_login: Option<Day>) -> Result<String, io::Error> {
    Ok(serde_json::to_string(&Shown::of(user, last_login))?)
}

fn or_never(last_login: Option<Day>) -> String {
    last_login.map_or_else(|| "-".to_owned(), |day| day.to_string())
}

fn state(user: &User) -> &'static str {
    if user.disabled { "disabled" } else { "active" }
}

impl Session<'_> {
    pub(super) async fn show(&mut self, name: &Username, as_json: bool) -> Result<(), UsersError> {
        let user = self.find(name).await?;
        let days = self.store.last_logins.of(&[user.id]).await.map_err(UsersError::failed)?;
        let last_login = days.get(&user.id).copied();
        if as_json {
            return Ok(writeln!(self.out, "{}", json(&user, last_login)?)?);
        }
        for (label, value) in [
            ("username", user.username.as_str()),
            ("email", user.email.as_deref().unwrap_or("-")),
            ("full name", user.full_name.as_deref().unwrap_or("-")),
            ("state", state(&user)),
            ("scopes", &or_dash(user.scopes.to_string())),
            ("last login", &or_never(last_login)),
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
        let today = Day::from(self.store.clock.now());
        let before = list.inactive.map(|days| today.before(days));
        let mut table = Table::default();
        let mut separator = "[";
        while left > 0 {
            // Of many users only a few may be shown.
            let limit = match before {
                None => u32::try_from(left).unwrap_or(PAGE).min(PAGE),
                Some(_) => PAGE,
            };
            let page = Page { after, limit };
            let users = self.store.users.list(&page).await.map_err(UsersError::failed)?;
            let is_last = users.len() < limit as usize;
            after = users.last().map(|user| user.username.clone());
            let shown = self.with_last_logins(users, before, left).await?;
            left -= shown.len() as u64;
            if list.json {
                for (user, last_login) in &shown {
                    write!(self.out, "{separator}\n{}", json(user, *last_login)?)?;
                    separator = ",";
                }
            } else {
                table.write(self.out, &shown)?;
            }
            if is_last {
                break;
            }
        }
        if list.json {
            writeln!(self.out, "{}", if separator == "[" { "[]" } else { "\n]" })?;
        }
        Ok(())
    }
}

impl Session<'_> {
    /// The users with the days of their last logins; with `before`, only those who have not logged in
    /// since that day and were not created since.
    async fn with_last_logins(
        &self,
        users: Vec<User>,
        before: Option<Day>,
        most: u64,
    ) -> Result<Vec<(User, Option<Day>)>, UsersError> {
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let days = self.store.last_logins.of(&ids).await.map_err(UsersError::failed)?;
        let users = users.into_iter().map(|user| (days.get(&user.id).copied(), user));
        let is_shown = |last_login: Option<Day>, user: &User| {
            let active = last_login.unwrap_or_else(|| Day::from(user.created_at));
            before.is_none_or(|before| active < before)
        };
        let shown = users.filter(|(day, user)| is_shown(*day, user)).map(|(day, user)| (user, day));
        Ok(shown.take(usize::try_from(most).unwrap_or(usize::MAX)).collect())
    }
}

fn or_dash(text: String) -> String {
    if text.is_empty() { "-".to_owned() } else { text }
}

const HEAD: [&str; 7] =
    ["USERNAME", "STATE", "FULL NAME", "EMAIL", "CREATED", "LAST LOGIN", "SCOPES"];

/// A table that is written in parts; its columns only ever get wider.
#[derive(Default)]
struct Table {
    has_head: bool,
    widths: [usize; 7],
}

impl Table {
    fn write(&mut self, out: &mut dyn io::Write, users: &[(User, Option<Day>)]) -> io::Result<()> {
        let mut rows: Vec<[String; 7]> = Vec::with_capacity(users.len() + 1);
        if !self.has_head {
            self.has_head = true;
            rows.push(HEAD.map(str::to_owned));
        }
        rows.extend(users.iter().map(|(user, last_login)| {
            [
                user.username.to_string(),
                state(user).to_owned(),
                or_dash(user.full_name.as_deref().unwrap_or_default().to_owned()),
                or_dash(user.email.as_deref().unwrap_or_default().to_owned()),
                user.created_at.to_string(),
                or_never(*last_login),
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
