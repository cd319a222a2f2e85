//! `bailiwick keys`: the keys that sign tokens, and those that seal data.

use crate::cli::report::{CommandError, note, print};
use crate::cli::users::keep_audit;
use crate::domain::{SHARED_SECRET, Secret, StoredKey, StoredKeys, Timestamp};
use crate::process;
use crate::services::{Discarded, Keeper, KeyError, Rotated, open_keys};
use crate::settings::Settings;
use clap::Subcommand;
use serde_json::json;
use std::fmt::Display;
use std::fs;
use std::path::PathBuf;

/// The keys that sign tokens. Running servers see every change within a second.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// List the keys that sign tokens, and when.
    List {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Publish the next key of tokens.algorithm; it signs from tomorrow.
    Rotate {
        /// Let it, or the one that is published already, sign from now on. Services that keep the
        /// published keys may refuse the tokens of a new key until they read them again.
        #[arg(long)]
        now: bool,
    },
    /// End a key at once, for example because it has leaked: its tokens are refused.
    ///
    /// If it signs, the next key does from now on. After a switch, HS256 stands for the shared secret.
    Retire {
        /// The key's name, as `keys list` shows it.
        #[arg(allow_hyphen_values = true)]
        kid: String,
    },
    /// Publish a private key of your own; it signs from tomorrow.
    ///
    /// The file is PEM (PKCS #8), unencrypted: Ed25519, EC on P-256, or RSA of 2048 to 4096 bits.
    Import {
        /// The file.
        file: PathBuf,
        /// Let it sign from now on.
        #[arg(long)]
        now: bool,
    },
    /// Seal the server keys with the signing secret, after it was changed.
    Rewrap,
    /// Replace the keys that the signing secret cannot open, because the one before it is lost or leaked.
    ///
    /// Signing keys that cannot be opened end with their tokens, and the next one signs. If the key of
    /// refresh tokens is replaced, all logins that they renew end. Reload all servers afterwards.
    Discard {
        /// Replace them; without this, only say what would be lost.
        #[arg(long)]
        yes: bool,
        /// Replace all keys, also those that can be opened.
        #[arg(long)]
        all: bool,
    },
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Runs one command.
pub(super) fn run(
    command: KeysCommand,
    settings: &Settings,
    demo: bool,
) -> Result<(), CommandError> {
    let failed = |error: &dyn Display| CommandError::Failed(error.to_string());
    let changes = !matches!(command, KeysCommand::List { .. });
    // Before the change: one that cannot be audited is not made.
    let _log = changes.then(|| process::start_audit_log(settings)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))?;
    let text = runtime.block_on(async {
        let keys = open_keys(settings, demo, &process::operator()).await;
        let keys = keys.map_err(|error| failed(&error))?;
        let done = done(command, &keys).await;
        keep_audit(keys.audit_log()).await;
        done
    })?;
    print(&text)
}

async fn done(command: KeysCommand, keys: &Keeper) -> Result<String, CommandError> {
    Ok(match command {
        KeysCommand::List { json } => {
            let stored = keys.list().await?;
            let signs = keys.active(&stored);
            if !keys.uses_pairs() {
                note("tokens.algorithm is HS256: the shared secret signs");
            }
            if json { as_json(&stored, signs) } else { as_table(&stored, signs) }
        }
        KeysCommand::Rotate { now } => {
            let key = keys.rotate(now).await?;
            let done = match (key.was_published, now) {
                (false, _) => "published, ",
                (true, false) => "is published already, ",
                (true, true) => "",
            };
            format!("{}: {done}{}\n", key.kid, signs(&key))
        }
        KeysCommand::Retire { kid } => match keys.retire(&kid).await? {
            Some(next) => format!("{kid}: retired; {next} signs now\n"),
            None => format!("{kid}: retired\n"),
        },
        KeysCommand::Import { file, now } => {
            let of =
                |cause: &dyn Display| CommandError::Failed(format!("{}: {cause}", file.display()));
            let bytes = fs::read(&file).map_err(|cause| of(&cause))?;
            let pem = Secret::new(String::from_utf8_lossy(&bytes).into_owned());
            let key = keys.import(pem.expose(), now).await.map_err(|cause| of(&cause))?;
            format!("{}: imported, {}\n", key.kid, signs(&key))
        }
        KeysCommand::Rewrap => match keys.rewrap().await? {
            (0, _) => "there are no server keys\n".to_owned(),
            (_, 0) => "the signing secret seals all server keys already\n".to_owned(),
            (all, changed) => format!("server keys sealed anew: {changed} of {all}\n"),
        },
        KeysCommand::Discard { yes: false, all } => {
            let lost = keys.lost(all).await?;
            if lost.is_nothing() {
                return Ok(NOTHING_LOST.to_owned());
            }
            let line = format!("nothing was changed; --yes does this: {}", discarded(&lost));
            return Err(CommandError::Failed(line));
        }
        KeysCommand::Discard { yes: true, all } => {
            let done = keys.discard(all).await?;
            if done.is_nothing() {
                return Ok(NOTHING_LOST.to_owned());
            }
            format!("{}. Reload every server now\n", discarded(&done))
        }
    })
}

const NOTHING_LOST: &str = "the configured secrets open all keys: nothing to discard\n";

/// What was discarded, or would be.
fn discarded(what: &Discarded) -> String {
    let Discarded { server_keys, signing_keys, next, ends_logins, logins } = what;
    let mut parts = Vec::new();
    if !server_keys.is_empty() {
        parts.push(format!("server keys replaced: {}", server_keys.join(", ")));
    }
    if !signing_keys.is_empty() {
        let kids = signing_keys.join(", ");
        parts.push(format!("signing keys ended, with their tokens: {kids}"));
    }
    if let Some(next) = next {
        parts.push(format!("{next} signs now"));
    }
    match logins {
        Some(logins) => parts.push(format!("logins with refresh tokens ended: {logins}")),
        None if *ends_logins => parts.push("all logins with refresh tokens ended".to_owned()),
        None => {}
    }
    parts.join("; ")
}

fn signs(key: &Rotated) -> String {
    match key.active_from {
        Some(from) => format!("signs from {from}"),
        None => format!("verifies; it signs only with tokens.algorithm = \"{}\"", key.algorithm),
    }
}

/// What a key does now.
fn state(stored: &StoredKeys, key: &StoredKey, signs: Option<&str>) -> &'static str {
    if key.retired_at.is_some_and(|end| end <= stored.now) {
        "ended"
    } else if key.retired_at.is_none() && key.active_from > stored.now {
        "next"
    } else if signs == Some(&*key.kid) {
        "signs"
    } else {
        "verifies"
    }
}

/// When it began; nobody knows of the shared secret.
fn from(key: &StoredKey) -> Option<String> {
    (key.kid != SHARED_SECRET).then(|| key.active_from.to_string())
}

fn as_table(stored: &StoredKeys, signs: Option<&str>) -> String {
    let line = |kid: &str, rest: [&str; 4]| {
        let [alg, state, from, until] = rest;
        format!("{kid:43}  {alg:5}  {state:8}  {from:20}  {until}\n")
    };
    let rows = stored.keys.iter().map(|key| {
        let from = from(key).unwrap_or_else(|| "-".to_owned());
        let until = key.retired_at.map_or_else(|| "-".to_owned(), |end: Timestamp| end.to_string());
        line(&key.kid, [&key.alg, state(stored, key, signs), &from, &until])
    });
    [line("KID", ["ALG", "STATE", "FROM", "UNTIL"])].into_iter().chain(rows).collect()
}

fn as_json(stored: &StoredKeys, signs: Option<&str>) -> String {
    let keys = stored.keys.iter().map(|key| {
        json!({
            "kid": key.kid, "alg": key.alg, "state": state(stored, key, signs),
            "active_from": from(key),
            "retired_at": key.retired_at.map(|end| end.to_string()),
        })
    });
    format!("{:#}\n", json!(keys.collect::<Vec<_>>()))
}
