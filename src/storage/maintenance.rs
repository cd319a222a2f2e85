//! Administration of whole databases: copy, check, back up.

use crate::domain::{AuditKey, RepositoryError, program};
use crate::settings::Settings;
use crate::storage::database::Database;
use crate::storage::part::Part;
use crate::storage::tables::TABLES;
use crate::storage::transfer::{Digest, Pages, Row, Transfer, digest, read_tables};
use crate::storage::{Missing, StorageError, create_folder};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why it failed; prints as one line.
#[derive(Debug, Error)]
pub enum MaintenanceError {
    /// A database could not be opened.
    #[error(transparent)]
    Open(#[from] StorageError),
    /// There is nothing to copy.
    #[error("database {0}: there is no such {1}, so nothing was copied")]
    NoSource(String, &'static str),
    /// The target of a copy already has users or clients.
    #[error(
        "database {0}: already holds users or clients; nothing was copied (the target must be empty)"
    )]
    NotEmpty(String),
    /// A newer version has changed one of the databases: the copy would be incomplete.
    #[error(
        "database {database}: a newer version of bailiwick has changed it (migration {migration}): copy \
         with that version; this one knows a part of it only"
    )]
    Newer {
        /// Which, without a password.
        database: String,
        /// The migration that this version does not know.
        migration: i64,
    },
    /// A database failed in the middle.
    #[error("database {database}: {cause}")]
    Failed {
        /// Which, without a password.
        database: String,
        /// Why.
        cause: RepositoryError,
    },
    /// The written data differ from those read.
    #[error("the copy differs from the original (count or checksum); nothing was copied")]
    Different,
    /// SQLite's findings about a damaged file.
    #[error("the database is damaged: {}", .0.join("; "))]
    Damaged(Vec<String>),
    /// PostgreSQL has its own tools.
    #[error(
        "the database is PostgreSQL: use `pg_dump --format=custom`, which is consistent while the server \
         runs"
    )]
    UsePgDump,
    /// PostgreSQL has its own tools.
    #[error(
        "the database is PostgreSQL: stop all servers and restore what `pg_dump` wrote with \
         `pg_restore`; the guide's chapter on maintenance has the commands"
    )]
    UsePgRestore,
    /// Another process has the database open that would be replaced.
    #[error(
        "database {0}: a server or another program uses it, or one in the same folder: stop that first \
         ({program} ctl stop); nothing was restored",
        program = program()
    )]
    InUse(String),
    /// The database cannot be replaced.
    #[error("database {}: cannot be replaced: {cause}", file.display())]
    Restore {
        /// Which.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The backup cannot be written.
    #[error("{}: cannot be written: {cause}", file.display())]
    Backup {
        /// Where.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

/// What was copied or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Users.
    pub users: u64,
    /// Their API keys.
    pub api_keys: u64,
    /// Clients of the authorization server.
    pub clients: u64,
    /// Over every field of every user, key and client; comparable within one version of this program.
    pub checksum: u64,
}

impl From<&Digest> for Summary {
    fn from(digest: &Digest) -> Self {
        let Digest { count: users, api_keys, clients, .. } = *digest;
        Self { users, api_keys, clients, checksum: digest.checksum() }
    }
}

/// Opens and migrates it as the server does.
async fn open(settings: &Settings, missing: Missing) -> Result<Database, StorageError> {
    let Settings { data_dir, database, .. } = settings;
    let is_there = settings.database_file().is_some_and(|file| file.starts_with(data_dir));
    if missing == Missing::Create && is_there {
        create_folder(data_dir)?;
    }
    Database::open(data_dir, database, missing).await
}

/// What this version does not know, it cannot copy.
fn refuse_newer(database: &Database) -> Result<(), MaintenanceError> {
    let Some(migration) = database.newer() else { return Ok(()) };
    Err(MaintenanceError::Newer { database: database.label().to_owned(), migration })
}

fn failed(database: &Database) -> impl Fn(RepositoryError) -> MaintenanceError {
    let database = database.label();
    move |cause| MaintenanceError::Failed { database: database.to_owned(), cause }
}

/// Copies all users, and what belongs to them, into a database that has none, in one transaction:
/// all of it or, on any error, nothing.
///
/// `progress` gets the number of written users and the total.
pub async fn copy(
    from: &Settings,
    to: &Settings,
    mut progress: impl FnMut(u64, u64),
) -> Result<Summary, MaintenanceError> {
    let from = open(from, Missing::Refuse).await.map_err(|error| match error {
        // The settings name another database.
        StorageError::NoFile { file } => {
            MaintenanceError::NoSource(file.display().to_string(), "file")
        }
        StorageError::NoTables { database } => MaintenanceError::NoSource(database, "table"),
        other => other.into(),
    })?;
    let to = open(to, Missing::Create).await?;
    refuse_newer(&from)?;
    refuse_newer(&to)?;
    let (read, write) = (failed(&from), failed(&to));
    let mut source = Transfer::reading(&from).await.map_err(&read)?;
    let mut target = Transfer::writing(&to).await.map_err(&write)?;
    let has_clients = !target.clients(None).await.map_err(&write)?.is_empty();
    if has_clients || target.count().await.map_err(&write)? > 0 {
        return Err(MaintenanceError::NotEmpty(to.label().to_owned()));
    }
    let total = source.count().await.map_err(&read)?;
    let (mut copied, mut pages) = (Digest::default(), Pages::of(&mut source));
    loop {
        progress(copied.count, total);
        let users = pages.next().await.map_err(&read)?;
        if users.is_empty() {
            break;
        }
        copied.add(&users);
        target.add(users).await.map_err(&write)?;
    }
    for table in &TABLES {
        let mut last = Row::default();
        loop {
            let rows = source.rows(table, last).await.map_err(&read)?;
            let Some(row) = rows.last() else { break };
            last = row.clone();
            target.add_rows(table, &rows).await.map_err(&write)?;
        }
    }
    let mut last = AuditKey::default();
    loop {
        let events = source.audit_events(last).await.map_err(&read)?;
        let Some(event) = events.last() else { break };
        last = event.key;
        copied.audit_events += events.len();
        target.add_audit_events(&events).await.map_err(&write)?;
    }
    let mut last = None;
    loop {
        let keys = source.api_keys(last).await.map_err(&read)?;
        let Some(key) = keys.last() else { break };
        last = Some(key.id);
        copied.add_api_keys(&keys);
        target.add_api_keys(keys).await.map_err(&write)?;
    }
    let mut last = None;
    loop {
        let clients = source.clients(last.as_ref()).await.map_err(&read)?;
        let Some(client) = clients.last() else { break };
        last = Some(client.id.clone());
        copied.add_clients(&clients);
        target.add_clients(clients).await.map_err(&write)?;
    }
    target.analyze().await.map_err(&write)?;
    let summary = Summary::from(&copied);
    let written = digest(&mut target).await.map_err(&write)?;
    // Commands on the target may have left events of their own there.
    let has_events = written.audit_events >= copied.audit_events;
    if !has_events || summary != Summary::from(&written) || summary.users != total {
        return Err(MaintenanceError::Different);
    }
    target.commit().await.map_err(&write)?;
    Ok(summary)
}

/// Reads everything in the configured database: the file's structure if it is one, and every row.
pub async fn check(settings: &Settings) -> Result<Summary, MaintenanceError> {
    let database = open(settings, Missing::Refuse).await?;
    if let Some(file) = database.file() {
        let faults = file.faults().await.map_err(failed(&database))?;
        if !faults.is_empty() {
            return Err(MaintenanceError::Damaged(faults));
        }
    }
    let mut reading = Transfer::reading(&database).await.map_err(failed(&database))?;
    let read = digest(&mut reading).await.map_err(failed(&database))?;
    read_tables(&mut reading).await.map_err(failed(&database))?;
    Ok(Summary::from(&read))
}

/// Writes a consistent copy of the configured SQLite file to a new one, while it is in use.
pub async fn back_up(settings: &Settings, file: &Path) -> Result<(), MaintenanceError> {
    if settings.database_file().is_none() {
        return Err(MaintenanceError::UsePgDump);
    }
    let database = open(settings, Missing::Refuse).await?;
    let Some(pools) = database.file() else { return Err(MaintenanceError::UsePgDump) };
    let fail = |cause| MaintenanceError::Backup { file: file.to_owned(), cause };
    if file.exists() {
        let line = "the file is there already, and is left as it is: name a new one";
        return Err(fail(io::Error::new(io::ErrorKind::AlreadyExists, line)));
    }
    // A half-written backup never has the final name.
    let part = Part::beside(file).map_err(fail)?;
    let name = part.path().to_str().ok_or_else(|| fail(io::ErrorKind::InvalidFilename.into()))?;
    pools.write_copy(name).await.map_err(failed(&database))?;
    part.publish(file).map_err(fail)
}
