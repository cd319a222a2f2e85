//! `bailiwick users`: the users of the configured database, even while the server runs.

mod import;
mod input;
mod output;

use crate::accounts::{AccountChange, AccountError, Audit, Author, NewAccount};
use crate::cli::report::{CommandError, note};
use crate::domain::{
    AuditAction, RepositoryError, ScopeName, Scopes, User, Username, check_email, check_full_name,
    check_new_name,
};
use crate::process::{self, Host, Life};
use crate::services::Store;
use crate::settings::{OwnSettings, Settings, read_duration};
use clap::{Args, Subcommand};
use std::fmt;
use std::io::{self, BufRead, BufWriter, IsTerminal as _, Write};
use std::path::Path;

/// Show and change users. A running server sees every change within a second.
#[derive(Debug, Subcommand)]
pub(super) enum UsersCommand {
    /// Add a user; prompts for the password twice, unless it gets none.
    Add(Add),
    /// List users in the order of their names.
    List(List),
    /// Show a user.
    Show {
        /// The user's name.
        name: Username,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Replace a user's password, which ends the user's tokens; prompts for it twice.
    SetPassword {
        /// The user's name.
        name: Username,
        /// Read the password from the first line of standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Replace all scopes of a user; without SCOPE, remove them all.
    SetScopes {
        /// The user's name.
        name: Username,
        /// The scopes; each must be declared.
        #[arg(value_name = "SCOPE")]
        scopes: Vec<ScopeName>,
    },
    /// Rename a user; tokens already issued stay valid.
    Rename {
        /// The user's name.
        name: Username,
        /// The new name: 1 to 128 characters.
        #[arg(value_parser = new_name)]
        new_name: Username,
    },
    /// Disable a user; tokens already issued are refused too.
    Disable {
        /// The user's name.
        name: Username,
    },
    /// Enable a disabled user.
    Enable {
        /// The user's name.
        name: Username,
    },
    /// Forget a user's wrong passwords: whoever was refused for them may try again.
    Unlock {
        /// The user's name.
        name: Username,
    },
    /// End all tokens of a user; the password stays.
    SignOut {
        /// The user's name.
        name: Username,
    },
    /// Delete a user; asks for confirmation.
    Delete {
        /// The user's name.
        name: Username,
        /// Do not ask for confirmation.
        #[arg(long)]
        yes: bool,
    },
    /// Add users of other applications with their hashes: all of them or, on any error, none.
    #[command(after_help = import::HELP)]
    Import(import::Import),
}

/// `users add`
#[derive(Debug, Args)]
pub(super) struct Add {
    /// The user's name: 1 to 128 characters.
    #[arg(value_parser = new_name)]
    name: Username,
    /// The e-mail address.
    #[arg(long, value_parser = email)]
    email: Option<String>,
    /// The full name.
    #[arg(long, value_parser = full_name)]
    full_name: Option<String>,
    /// A scope for the user; may be repeated.
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<ScopeName>,
    /// Add the user as disabled.
    #[arg(long)]
    disabled: bool,
    /// Read the password from the first line of standard input.
    #[arg(long, conflicts_with = "no_password")]
    password_stdin: bool,
    /// Add the user without a password: a service account, which has API keys only.
    #[arg(long)]
    no_password: bool,
}

/// `users list`
#[derive(Debug, Args)]
pub(super) struct List {
    /// Print a JSON array.
    #[arg(long)]
    json: bool,
    /// Start after this name.
    #[arg(long, value_name = "NAME")]
    after: Option<Username>,
    /// List at most this many. Default: all.
    #[arg(long)]
    limit: Option<u64>,
    /// Only users whose last login is more than this long ago, such as `90d`. Users who have never
    /// logged in count from their creation.
    #[arg(long, value_name = "DAYS", value_parser = days)]
    inactive: Option<i64>,
}

fn days(text: &str) -> Result<i64, String> {
    const DAY: i64 = 24 * 60 * 60;
    let seconds = read_duration(text).filter(|seconds| *seconds >= DAY && seconds % DAY == 0);
    seconds.map(|seconds| seconds / DAY).ok_or_else(|| "expected days, such as `90d`".to_owned())
}

fn new_name(text: &str) -> Result<Username, crate::domain::FieldError> {
    let name: Username = text.parse()?;
    check_new_name(&name)?;
    Ok(name)
}

fn email(text: &str) -> Result<String, crate::domain::FieldError> {
    check_email(text).map(|()| text.to_owned())
}

fn full_name(text: &str) -> Result<String, crate::domain::FieldError> {
    check_full_name(text).map(|()| text.to_owned())
}

/// Why a command failed.
#[derive(Debug)]
enum UsersError {
    /// Wrong usage.
    Use(String),
    /// Any other failure.
    Failed(String),
    /// The output cannot be written, or its reader has gone.
    Output(io::Error),
}

impl From<io::Error> for UsersError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl UsersError {
    fn failed(cause: impl fmt::Display) -> Self {
        Self::Failed(cause.to_string())
    }

    /// The failure of an operation on one user.
    fn of<E: Into<AccountError>>(name: &Username) -> impl FnOnce(E) -> Self {
        move |error| match error.into() {
            // Not about this user: hashing, and the database.
            error @ (AccountError::Password(_)
            | AccountError::Repository(RepositoryError::Unavailable(_))) => Self::failed(error),
            error => Self::Failed(format!("{name}: {error}")),
        }
    }
}

/// Runs one command.
pub(super) fn run(
    command: UsersCommand,
    (hooks, own): (&Life, &OwnSettings),
    settings: &Settings,
) -> Result<(), CommandError> {
    let changes = !matches!(command, UsersCommand::List(_) | UsersCommand::Show { .. });
    // Before the change: one that cannot be audited is not made.
    let _log = changes.then(|| process::start_audit_log(settings)).transpose()?;
    let creates = matches!(command, UsersCommand::Add(_) | UsersCommand::Import(_));
    let nobody = Life::default();
    let hooks = if creates { hooks } else { &nobody };
    let result = hooks
        .accompany(own, async |host| open_and_execute(command, host, settings).await)
        .unwrap_or_else(|error| Err(UsersError::failed(error)));
    result.or_else(|error| match error {
        UsersError::Use(line) => Err(CommandError::Use(line)),
        UsersError::Failed(line) => Err(CommandError::Failed(line)),
        // `bailiwick users list | head` is not a failure.
        UsersError::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        UsersError::Output(error) => Err(CommandError::Failed(format!("standard output: {error}"))),
    })
}

async fn open_and_execute(
    command: UsersCommand,
    host: Host,
    settings: &Settings,
) -> Result<(), UsersError> {
    // Adding the first user creates the database; the others would only see a new, empty one.
    let store = match command {
        UsersCommand::Add(_) | UsersCommand::Import(_) => Store::open(settings).await,
        _ => Store::open_existing(settings).await,
    };
    let mut store = store.map_err(UsersError::failed)?;
    store.accounts = store.accounts.of_operator(&process::operator());
    host.receive(store.accounts.newcomers());
    let mut session = Session {
        store: &store,
        data_dir: &settings.data_dir,
        is_terminal: io::stdin().is_terminal(),
        input: &mut io::stdin().lock(),
        out: &mut BufWriter::new(io::stdout().lock()),
        errors: &mut io::stderr(),
    };
    let done = session.execute(command).await;
    let flushed = session.out.flush();
    keep_audit(store.accounts.audit_log()).await;
    done?;
    Ok(flushed?)
}

/// The change is made and logged, whatever comes of this.
pub(super) async fn keep_audit(audit: &Audit) {
    if let Err(cause) = audit.flush().await {
        note(&format!("the audit event is not in the database, only in the log: {cause}"));
    }
}

/// What a command works with.
struct Session<'a> {
    store: &'a Store,
    data_dir: &'a Path,
    /// Whether a user can be prompted.
    is_terminal: bool,
    input: &'a mut dyn BufRead,
    out: &'a mut dyn Write,
    errors: &'a mut dyn Write,
}

impl Session<'_> {
    async fn execute(&mut self, command: UsersCommand) -> Result<(), UsersError> {
        match command {
            UsersCommand::Add(add) => self.add(add).await,
            UsersCommand::List(list) => self.list(list).await,
            UsersCommand::Show { name, json } => self.show(&name, json).await,
            UsersCommand::SetPassword { name, password_stdin } => {
                self.find_for(AuditAction::PasswordSet, &name).await?;
                let password = self.new_password(password_stdin)?;
                let accounts = &self.store.accounts;
                let set = accounts.set_password(&name, password, &Author::Operator).await;
                self.report(&name, set, "password changed")
            }
            UsersCommand::SetScopes { name, scopes } => {
                let scopes = self.declared(scopes)?;
                let done = if scopes.is_empty() {
                    "now has no scopes".to_owned()
                } else {
                    format!("now has the scopes {scopes}")
                };
                let change = AccountChange { scopes: Some(scopes), ..AccountChange::default() };
                let set = self.store.accounts.change(&name, change, &Author::Operator).await;
                self.report(&name, set, &done)
            }
            UsersCommand::Rename { name, new_name } => self.rename(&name, new_name).await,
            UsersCommand::Disable { name } => {
                let disabled = self.store.accounts.disable(&name, &Author::Operator).await;
                self.report(&name, disabled, "disabled")
            }
            UsersCommand::Enable { name } => {
                let enabled = self.store.accounts.enable(&name, &Author::Operator).await;
                self.report(&name, enabled, "enabled")
            }
            UsersCommand::Unlock { name } => {
                self.find_for(AuditAction::UserUnlock, &name).await?;
                let unlocked = self.store.accounts.unlock(&name, &Author::Operator).await;
                self.report(&name, unlocked, "unlocked")
            }
            UsersCommand::SignOut { name } => {
                let ended = self.store.accounts.sign_out(&name, &Author::Operator).await;
                self.report(&name, ended, "signed out everywhere")
            }
            UsersCommand::Delete { name, yes } => self.delete(&name, yes).await,
            UsersCommand::Import(import) => self.import(import).await,
        }
    }

    async fn find(&self, name: &Username) -> Result<std::sync::Arc<User>, UsersError> {
        let found = self.store.users.find(name).await.map_err(UsersError::of(name))?;
        found.ok_or_else(|| UsersError::of(name)(RepositoryError::NotFound))
    }

    /// Finds the user whom a change is about.
    async fn find_for(&self, action: AuditAction, name: &Username) -> Result<(), UsersError> {
        match self.store.users.find(name).await.map_err(UsersError::of(name))? {
            Some(_) => Ok(()),
            None => Err(self.refused(action, name, RepositoryError::NotFound)),
        }
    }

    /// The failure of a change that is not tried, which the audit log is told of.
    fn refused(&self, action: AuditAction, name: &Username, error: RepositoryError) -> UsersError {
        self.store.accounts.audit_refused(action, name, &error);
        UsersError::of(name)(error)
    }

    async fn add(&mut self, add: Add) -> Result<(), UsersError> {
        let scopes = self.declared(add.scopes)?;
        // Checked first, so that no password is typed in vain.
        if self.store.users.find(&add.name).await.map_err(UsersError::of(&add.name))?.is_some() {
            return Err(self.refused(AuditAction::UserCreate, &add.name, RepositoryError::Exists));
        }
        let has_password = !add.no_password;
        let password = has_password.then(|| self.new_password(add.password_stdin)).transpose()?;
        let Add { name, email, full_name, disabled, .. } = add;
        let account =
            NewAccount { username: name.clone(), password, email, full_name, disabled, scopes };
        let added = self.store.accounts.create(account, &Author::Operator).await;
        self.report(&name, added, "added")
    }

    async fn rename(&mut self, name: &Username, to: Username) -> Result<(), UsersError> {
        let renamed = self.store.accounts.rename(name, to.clone(), &Author::Operator).await;
        let taken = matches!(&renamed, Err(AccountError::Repository(RepositoryError::Exists)));
        let about = if taken { &to } else { name };
        self.report(about, renamed, &format!("renamed to {to}"))
    }

    /// Reports what was done.
    fn report<T>(
        &mut self,
        name: &Username,
        result: Result<T, AccountError>,
        done: &str,
    ) -> Result<(), UsersError> {
        result.map_err(UsersError::of(name))?;
        Ok(writeln!(self.out, "{name}: {done}")?)
    }

    async fn delete(&mut self, name: &Username, yes: bool) -> Result<(), UsersError> {
        self.find_for(AuditAction::UserDelete, name).await?;
        if !yes && !self.confirm(&format!("Delete {name}?"))? {
            return Err(UsersError::Failed(format!("{name}: not deleted")));
        }
        let deleted = self.store.accounts.delete(name, &Author::Operator).await;
        self.report(name, deleted, "deleted")
    }

    /// Users can hold declared scopes only.
    fn declared(&self, names: Vec<ScopeName>) -> Result<Scopes, UsersError> {
        match names.iter().find(|name| !self.store.scopes.contains(name.as_str())) {
            None => Ok(names.into_iter().collect()),
            Some(name) => {
                let known: Vec<_> = self
                    .store
                    .scopes
                    .iter()
                    .map(|(name, description)| {
                        format!("{name} ({})", description.trim_end_matches('.'))
                    })
                    .collect();
                Err(UsersError::Use(format!(
                    "`{name}` is not a declared scope; declared are: {}",
                    known.join(", ")
                )))
            }
        }
    }
}

#[cfg(test)]
mod tests;
