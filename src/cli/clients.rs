//! `bailiwick clients`: the clients of the authorization server, even while it runs.

mod metadata;

use crate::accounts::{Author, Clients, Registrar, Registration};
use crate::cli::report::{CommandError, note, print};
use crate::cli::users::keep_audit;
use crate::domain::{Client, ClientGrant, ClientId, ClientMetadata, Secret, program};
use crate::process;
use crate::services::Store;
use crate::settings::{Settings, read_duration};
use clap::{Args, Subcommand};
use metadata::Metadata;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, BufRead as _, Read as _, Write as _};
use std::time::Duration;

/// Register, list, change and delete clients. A running server sees every change within a second; those
/// in the configuration are changed there.
#[derive(Debug, Subcommand)]
pub(super) enum ClientsCommand {
    /// Register a client; prints its secret, which is shown nowhere else.
    Add(Add),
    /// List the clients in the order of their ids.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Show a client in the words of RFC 7591.
    Show {
        /// The client's id.
        id: ClientId,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Change what is registered of a client: what is given replaces what was.
    Set {
        /// The client's id.
        id: ClientId,
        #[command(flatten)]
        metadata: Metadata,
    },
    /// Delete a client; its tokens are refused from then on.
    Delete {
        /// The client's id.
        id: ClientId,
    },
    /// Give a client another secret; prints it.
    RotateSecret(RotateSecret),
}

/// `clients add`
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The client's id. Default: a random one.
    id: Option<ClientId>,
    #[command(flatten)]
    metadata: Metadata,
    /// Read a secret that was made elsewhere from the first line of standard input: at least 32 bytes.
    #[arg(long)]
    secret_stdin: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// `clients rotate-secret`
#[derive(Debug, Args)]
pub(super) struct RotateSecret {
    /// The client's id.
    id: ClientId,
    /// How long the secret before it counts, for example 12h.
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = duration)]
    keep: Duration,
    /// End the secrets before it and all tokens of the client at once.
    #[arg(long, conflicts_with = "keep")]
    at_once: bool,
    /// Read a secret that was made elsewhere from the first line of standard input: at least 32 bytes.
    #[arg(long)]
    secret_stdin: bool,
}

fn duration(text: &str) -> Result<Duration, String> {
    let seconds = read_duration(text).and_then(|seconds| u64::try_from(seconds).ok());
    let duration = seconds.map(Duration::from_secs);
    duration.ok_or_else(|| "expected seconds, or a number with a unit: 12h, 1d".to_owned())
}

/// Runs one command.
pub(super) fn run(command: ClientsCommand, settings: &Settings) -> Result<(), CommandError> {
    let changes = !matches!(command, ClientsCommand::List { .. } | ClientsCommand::Show { .. });
    let is_service = command.asks_for_service();
    // Before the change: one that cannot be audited is not made.
    let _log = changes.then(|| process::start_audit_log(settings)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (done, has_pages) = runtime.map_err(failed)?.block_on(execute(command, settings))?;
    // A server with other settings than these may have them, such as one with `--demo`.
    if changes && settings.server.public_url.is_none() && !has_pages {
        note("warning: server.public_url is not set, and clients count only where it is");
    } else if is_service && settings.tokens.algorithm.asymmetric().is_none() {
        note("warning: client_credentials needs tokens.algorithm EdDSA, ES256 or RS256");
    }
    print(&done)
}

impl ClientsCommand {
    /// Whether it gives a client tokens of its own.
    fn asks_for_service(&self) -> bool {
        match self {
            Self::Add(Add { metadata, .. }) | Self::Set { metadata, .. } => {
                metadata.grant_types.contains(&ClientGrant::ClientCredentials)
            }
            _ => false,
        }
    }
}

/// What to print, and whether clients count with a server on this database.
async fn execute(
    command: ClientsCommand,
    settings: &Settings,
) -> Result<(String, bool), CommandError> {
    let store = Store::open_existing(settings).await.map_err(failed)?;
    let clients = store.clients.clone().of_operator(&process::operator());
    let done = done(command, &clients).await;
    keep_audit(clients.audit_log()).await;
    Ok((done?, store.has_had_pages().await.map_err(failed)?))
}

const BY: Registrar<'static> = Registrar { author: &Author::Operator, among: None };

async fn done(command: ClientsCommand, clients: &Clients) -> Result<String, CommandError> {
    match command {
        ClientsCommand::Add(Add { id, metadata, secret_stdin, json: as_json }) => {
            let metadata = metadata.edit()?(ClientMetadata::default());
            let secret = secret_stdin.then(secret_of_input).transpose()?;
            let name = id.as_ref().map_or("the client", ClientId::as_str).to_owned();
            let added = clients.add(Registration { id, metadata, secret }, BY).await;
            let (client, secret) = added.map_err(of(&name))?;
            if as_json {
                let mut shown = shown(&client);
                if let Some(secret) = secret {
                    shown["client_secret"] = json!(secret.expose());
                }
                return Ok(format!("{shown}\n"));
            }
            Ok(told(&client, secret, "registered"))
        }
        ClientsCommand::List { json: as_json } => {
            let mut all = Vec::new();
            loop {
                let after = all.last().map(|client: &Client| client.id.clone());
                let page = clients.list(after.as_ref(), 1_000).await.map_err(failed)?;
                if page.is_empty() {
                    break;
                }
                all.extend(page);
            }
            if as_json {
                return Ok(format!("{}\n", all.iter().map(shown).collect::<Value>()));
            }
            Ok(table(&all))
        }
        ClientsCommand::Show { id, json: as_json } => {
            let client = clients.find(id.as_str()).await.map_err(failed)?;
            let client = client.ok_or_else(|| failed(format_args!("{id}: no such client")))?;
            let shown = shown(&client);
            if as_json {
                return Ok(format!("{shown}\n"));
            }
            let members = shown.as_object().into_iter().flatten();
            Ok(members
                .fold(String::new(), |text, (name, value)| text + &format!("{name}: {value}\n")))
        }
        ClientsCommand::Set { id, metadata } => {
            let changed = clients.change(&id, metadata.edit()?, BY).await;
            let client = changed.map_err(of(id.as_str()))?;
            if client.metadata.has_secret() && client.secrets.is_empty() {
                note(&format!("{id} has no secret yet: {} clients rotate-secret {id}", program()));
            }
            Ok(format!("{id}: changed\n"))
        }
        ClientsCommand::Delete { id } => {
            clients.delete(&id, BY).await.map_err(of(id.as_str()))?;
            Ok(format!("{id}: deleted\n"))
        }
        ClientsCommand::RotateSecret(RotateSecret { id, keep, at_once, secret_stdin }) => {
            let secret = secret_stdin.then(secret_of_input).transpose()?;
            let keep = (!at_once && !keep.is_zero()).then_some(keep);
            let rotated = clients.rotate_secret(&id, secret, keep, BY).await;
            let (client, secret) = rotated.map_err(of(id.as_str()))?;
            Ok(told(&client, secret, "has another secret"))
        }
    }
}

/// The secret alone on standard output, so that a script can take it as it is.
fn told(client: &Client, secret: Option<Secret>, what: &str) -> String {
    let _ = writeln!(io::stderr(), "{}: {what}", client.id);
    secret.map_or_else(String::new, |secret| format!("{}\n", secret.expose()))
}

/// The first line of standard input.
fn secret_of_input() -> Result<Secret, CommandError> {
    let mut line = String::new();
    let read = io::stdin().lock().take(4096).read_line(&mut line);
    read.map_err(|cause| failed(format_args!("standard input: {cause}")))?;
    line.truncate(line.trim_end_matches(['\r', '\n']).len());
    Ok(Secret::new(line))
}

fn failed(cause: impl fmt::Display) -> CommandError {
    CommandError::Failed(cause.to_string())
}

fn of<E: fmt::Display>(client: &str) -> impl FnOnce(E) -> CommandError {
    move |error| CommandError::Failed(format!("{client}: {error}"))
}

/// In the words of RFC 7591, without the secrets.
fn shown(client: &Client) -> Value {
    let mut shown = json!({ "client_id": client.id });
    if let (Value::Object(shown), Value::Object(metadata)) = (&mut shown, json!(client.metadata)) {
        shown.extend(metadata);
    }
    if !client.is_configured {
        shown["client_id_issued_at"] = json!(client.created_at);
        let secrets = client.secrets.iter().map(|secret| {
            json!({
                "created_at": secret.created_at.to_string(),
                "expires_at": secret.expires_at.map(|end| end.to_string()),
            })
        });
        shown["secrets"] = secrets.collect();
    }
    shown["source"] = json!(client.source());
    shown
}

const HEAD: [&str; 6] = ["CLIENT", "SOURCE", "AUTHENTICATION", "GRANT TYPES", "SCOPES", "NAME"];

fn table(clients: &[Client]) -> String {
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let mut rows = vec![HEAD.map(str::to_owned)];
    rows.extend(clients.iter().map(|client| {
        let metadata = &client.metadata;
        let grants: Vec<_> = metadata.grant_types.iter().map(|grant| grant.as_str()).collect();
        [
            client.id.to_string(),
            client.source().to_owned(),
            metadata.token_endpoint_auth_method.to_string(),
            grants.join(" "),
            or_dash(metadata.scope.to_string()),
            or_dash(metadata.client_name.clone().unwrap_or_default()),
        ]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: [usize; 6] = std::array::from_fn(|column| width(column).unwrap_or_default());
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
