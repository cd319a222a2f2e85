//! `bailiwick db`: copies, checks, backs up and restores whole databases.

use crate::accounts::Audit;
use crate::cli::progress::bar;
use crate::cli::report::{CommandError, note, print};
use crate::domain::{AuditAction, AuditEntry, AuditReason, program};
use crate::process::{self, Request};
use crate::services::{
    Keep, MaintenanceError, Restored, Store, Summary, back_up, check, copy, restore,
};
use crate::settings::{DatabaseUrl, Layers, Settings};
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// Copies, checks, backs up and restores databases.
#[derive(Debug, Subcommand)]
pub(super) enum DbCommand {
    /// Copy everything into an empty database: users, API keys, clients, logins and sessions, signing keys
    /// and audit events; all of it or, on any error, nothing.
    ///
    /// The password for PostgreSQL comes from `database.password_file`, the variable PGPASSWORD,
    /// or ~/.pgpass. Everyone on this machine can see one in a URL here.
    Copy {
        /// The source: sqlite:PATH or postgres://USER@HOST:PORT/NAME.
        #[arg(long, value_name = "URL")]
        from: String,
        /// The target, in the same form.
        #[arg(long, value_name = "URL")]
        to: String,
    },
    /// Read everything in the configured database and report what is wrong.
    Check,
    /// Write a consistent copy of the configured SQLite database to a new file: users, API keys, clients,
    /// logins and sessions, signing keys and audit events.
    Backup {
        /// The file; it must not exist yet.
        file: PathBuf,
    },
    /// Replace the configured SQLite database with a backup, while no server runs.
    ///
    /// The backup is checked first and left as it is; the old database is kept beside the new one.
    /// All tokens end, since those that were ended after the backup would count again.
    Restore {
        /// The backup.
        file: PathBuf,
        /// Leave the tokens as they are in the backup.
        #[arg(long)]
        keep_sessions: bool,
    },
}

/// Refuses while a server runs, even if its workers rest: its control socket responds.
fn refuse_server(settings: &Settings) -> Result<(), CommandError> {
    if process::ask(settings, Request::Status).is_ok() {
        return Err(CommandError::Failed(format!(
            "a server is running with this configuration: stop it first ({} ctl stop); nothing was restored",
            program()
        )));
    }
    Ok(())
}

/// The restored database keeps it, too; one that was not restored is not touched.
async fn audit_restore(settings: &Settings, backup: &Path, failure: Option<&MaintenanceError>) {
    let entry = AuditEntry::of(AuditAction::DatabaseRestore)
        .because(failure.map(|_| AuditReason::Invalid))
        .detail("backup", backup.display().to_string());
    let restored = match (failure, settings.audit.retain_days) {
        (None, 1..) => Store::open_existing(settings).await.ok(),
        _ => None,
    };
    let audit = restored.map_or_else(Audit::default, |store| store.accounts.audit_log().clone());
    let audit = audit.of_operator(&process::operator());
    audit.tell(match failure {
        Some(failure) => entry.detail("fault", failure.to_string()),
        None => entry,
    });
    if let Err(cause) = audit.flush().await {
        note(&format!("the audit event is not in the database, only in the log: {cause}"));
    }
}

/// Runs one command.
pub(super) fn run(
    command: DbCommand,
    layers: &Layers,
    settings: &Settings,
) -> Result<(), CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    let line = runtime.block_on(async {
        match command {
            DbCommand::Copy { from, to } => {
                let (from, to) = (at(layers, "from", from)?, at(layers, "to", to)?);
                let bar = bar("{wide_bar} {pos} of {len} users, {eta} left");
                let progress = |done, total| {
                    bar.set_length(total);
                    bar.set_position(done);
                };
                let done = copy(&from, &to, progress).await;
                bar.finish_and_clear();
                let done = done?;
                Ok(format!("{} copied, checksum {:016x}", counted(&done), done.checksum))
            }
            DbCommand::Check => {
                let sound = check(settings).await?;
                Ok(format!("{}, checksum {:016x}: sound", counted(&sound), sound.checksum))
            }
            DbCommand::Backup { file } => {
                back_up(settings, &file).await?;
                Ok(format!("{}: written", file.display()))
            }
            DbCommand::Restore { file, keep_sessions } => {
                let keep = if keep_sessions { Keep::Sessions } else { Keep::Users };
                refuse_server(settings)?;
                let _log = process::start_audit_log(settings)?;
                let restored = restore(settings, &file, keep).await;
                audit_restore(settings, &file, restored.as_ref().err()).await;
                let Restored { file, users, replaced } = restored?;
                let before = replaced.map_or_else(String::new, |replaced| {
                    format!("; the database from before is {}", replaced.display())
                });
                Ok(format!("{}: restored, {users} users{before}", file.display()))
            }
        }
    });
    line.and_then(|line: String| print(&format!("{line}\n")))
}

fn counted(summary: &Summary) -> String {
    let Summary { users, api_keys, clients, .. } = summary;
    match (api_keys, clients) {
        (0, 0) => format!("{users} users"),
        (keys, 0) => format!("{users} users and {keys} API keys"),
        (keys, clients) => format!("{users} users, {keys} API keys and {clients} clients"),
    }
}

/// The settings with the database of this flag.
fn at(layers: &Layers, flag: &str, url: String) -> Result<Settings, CommandError> {
    DatabaseUrl::parse(&url)
        .map_err(|problem| CommandError::Use(format!("flag --{flag}: expected {problem}")))?;
    let mut layers = layers.clone();
    layers.flags.push((flag.to_owned(), url));
    Ok(layers.load()?.settings)
}

impl From<MaintenanceError> for CommandError {
    fn from(error: MaintenanceError) -> Self {
        match error {
            MaintenanceError::UsePgDump | MaintenanceError::UsePgRestore => {
                Self::Use(error.to_string())
            }
            _ => Self::Failed(error.to_string()),
        }
    }
}
