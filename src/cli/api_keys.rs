//! `bailiwick api-keys`: the API keys of the configured database, even while the server runs.

use crate::accounts::{ApiKeys, Author, NewKey};
use crate::cli::report::{CommandError, print};
use crate::cli::users::keep_audit;
use crate::domain::{ApiKey, KEY_PREFIX, KeyId, NoKeyId, ScopeName, Username};
use crate::process;
use crate::services::Store;
use crate::settings::{Settings, Until};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, Write as _};

/// Make, list and revoke API keys. A running server sees every change within a second.
#[derive(Debug, Subcommand)]
pub(super) enum ApiKeysCommand {
    /// Make a key for a user; prints the key, which is shown nowhere else.
    Add(Add),
    /// List the keys of a user, or of all.
    List {
        /// The user's name.
        user: Option<Username>,
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Revoke a key.
    Revoke {
        /// The key's id, which `list` shows; in the key it follows `bwk_`. Or the whole key.
        #[arg(value_parser = key_id)]
        id: KeyId,
    },
}

/// `api-keys add`
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The owner's name.
    user: Username,
    /// What to call the key: 1 to 100 characters.
    #[arg(value_parser = key_name)]
    name: String,
    /// A scope for the key, which the owner must hold; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<ScopeName>,
    /// When the key ends: a date, which counts to its end in UTC, or a time with its zone. Default: never.
    #[arg(long, value_name = "WHEN", value_parser = until)]
    expires_at: Option<Until>,
    /// Print JSON, with the key's id.
    #[arg(long)]
    json: bool,
}

fn key_name(text: &str) -> Result<String, String> {
    let is_good = (1..=ApiKey::LONGEST_NAME).contains(&text.chars().count());
    if is_good && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(format!("expected 1 to {} characters, no control characters", ApiKey::LONGEST_NAME))
}

/// A whole key does as well: it is at hand when it has leaked.
fn key_id(text: &str) -> Result<KeyId, NoKeyId> {
    let id = text.strip_prefix(KEY_PREFIX).and_then(|key| key.get(..KeyId::LENGTH));
    id.unwrap_or(text).parse()
}

fn until(text: &str) -> Result<Until, String> {
    Until::try_from(text.to_owned()).map_err(|error| error.to_string())
}

/// Runs one command.
pub(super) fn run(command: ApiKeysCommand, settings: &Settings) -> Result<(), CommandError> {
    let changes = !matches!(command, ApiKeysCommand::List { .. });
    // Before the change: one that cannot be audited is not made.
    let _log = changes.then(|| process::start_audit_log(settings)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    print(&runtime.map_err(failed)?.block_on(execute(command, settings))?)
}

async fn execute(command: ApiKeysCommand, settings: &Settings) -> Result<String, CommandError> {
    let store = Store::open_existing(settings).await.map_err(failed)?;
    let keys = store.api_keys.of_operator(&process::operator());
    let done = done(command, &keys).await;
    keep_audit(keys.audit_log()).await;
    done
}

async fn done(command: ApiKeysCommand, keys: &ApiKeys) -> Result<String, CommandError> {
    match command {
        ApiKeysCommand::Add(Add { user: owner, name, scopes, expires_at, json: as_json }) => {
            let of = of(&owner);
            let scopes = scopes.into_iter().collect();
            let expires_at = expires_at.map(Into::into);
            let new = NewKey { owner: owner.clone(), name, scopes, among: None, expires_at };
            let (key, secret) = keys.make(new, &Author::Operator).await.map_err(of)?;
            if as_json {
                let mut shown = shown(&key);
                shown["key"] = json!(secret.expose());
                return Ok(format!("{shown}\n"));
            }
            // Beside the key, so that a script can take standard output as it is.
            let _ = writeln!(io::stderr(), "{owner}: made the API key {}", key.id);
            Ok(format!("{}\n", secret.expose()))
        }
        ApiKeysCommand::List { user, json: as_json } => {
            let listed = keys.list(user.as_ref()).await;
            let listed = match &user {
                Some(user) => listed.map_err(of(user))?,
                None => listed.map_err(failed)?,
            };
            if as_json {
                return Ok(format!("{}\n", listed.iter().map(shown).collect::<Value>()));
            }
            Ok(table(&listed))
        }
        ApiKeysCommand::Revoke { id } => {
            let revoked = keys.revoke(id, None, &Author::Operator).await;
            let key = revoked.map_err(|error| CommandError::Failed(format!("{id}: {error}")))?;
            Ok(format!("{}: revoked the API key {id}\n", key.owner))
        }
    }
}

fn failed(cause: impl fmt::Display) -> CommandError {
    CommandError::Failed(cause.to_string())
}

fn of<E: fmt::Display>(owner: &Username) -> impl FnOnce(E) -> CommandError {
    move |error| CommandError::Failed(format!("{owner}: {error}"))
}

/// With the field names of the HTTP API.
fn shown(key: &ApiKey) -> Value {
    json!({
        "id": key.id,
        "username": key.owner.as_str(),
        "name": key.name,
        "scopes": key.scopes,
        "created_at": key.created_at.to_string(),
        "expires_at": key.expires_at.map(|end| end.to_string()),
        "last_used": key.last_used.day().map(|day| day.to_string()),
    })
}

const HEAD: [&str; 7] = ["ID", "USERNAME", "NAME", "CREATED", "EXPIRES", "LAST USED", "SCOPES"];

fn table(keys: &[ApiKey]) -> String {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(keys.iter().map(|key| {
        [
            key.id.to_string(),
            key.owner.to_string(),
            key.name.to_string(),
            key.created_at.to_string(),
            or_dash(key.expires_at.map(|end| end.to_string())),
            or_dash(key.last_used.day().map(|day| day.to_string())),
            or_dash(Some(key.scopes.to_string()).filter(|scopes| !scopes.is_empty())),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 7] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
