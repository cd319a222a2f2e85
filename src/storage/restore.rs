//! Replaces the SQLite file with a backup: completely or not at all, while no other process uses
//! it.

use crate::settings::Settings;
use crate::storage::aside::{replaced, with};
use crate::storage::maintenance::MaintenanceError;
use crate::storage::part::Part;
use crate::storage::sqlite::{ExclusiveUse, adopt, copy_sound, end_tokens};
use crate::storage::{StorageError, create_folder};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::process::geteuid;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What of a backup comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// The users; all tokens have ended.
    Users,
    /// Tokens that were out count again, even those that were ended since.
    Sessions,
}

/// A restored database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The file.
    pub file: PathBuf,
    /// Its users.
    pub users: u64,
    /// The path of the previous file.
    pub replaced: Option<PathBuf>,
}

/// Replaces the configured SQLite file with the content of a backup, and keeps the previous file,
/// with its log.
pub async fn restore(
    settings: &Settings,
    backup: &Path,
    keep: Keep,
) -> Result<Restored, MaintenanceError> {
    let Some(path) = settings.database_file() else { return Err(MaintenanceError::UsePgRestore) };
    if path.starts_with(&settings.data_dir) {
        create_folder(&settings.data_dir)?;
    }
    // A link stays a link.
    let path = path.canonicalize().unwrap_or(path);
    let fail = |cause| MaintenanceError::Restore { file: path.clone(), cause };
    let kind = backup.metadata().map_err(|cause| unread(backup, &cause))?;
    if !kind.is_file() {
        return Err(StorageError::file(backup, "is not a regular file").into());
    }
    let present = match path.metadata() {
        Ok(found) => Some(found),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(fail(error)),
    };
    if present.as_ref().is_some_and(|it| (it.dev(), it.ino()) == (kind.dev(), kind.ino())) {
        return Err(StorageError::file(backup, "is the database itself").into());
    }
    let alone = || match ExclusiveUse::with(&path) {
        Ok(Some(alone)) => Ok(alone),
        Ok(None) => Err(MaintenanceError::InUse(path.display().to_string())),
        Err(cause) => Err(fail(cause)),
    };
    // Checked before the backup is read, which may take long.
    drop(alone()?);
    let part = Part::beside(&path).map_err(fail)?;
    let name = part.path().to_str().ok_or_else(|| fail(io::ErrorKind::InvalidFilename.into()))?;
    copy_sound(backup, name).await?;
    let users = adopt(part.path()).await?;
    if keep == Keep::Users {
        end_tokens(part.path()).await?;
    }
    let owner = match present {
        Some(found) => Some(found),
        // Root restores for the folder's owner.
        None if geteuid().is_root() => crate::storage::sqlite::folder(&path).metadata().ok(),
        None => None,
    };
    if let Some(owner) = owner {
        part.belong_like(&owner).map_err(fail)?;
    }
    let _alone = alone()?;
    let replaced = set_aside(&path).map_err(fail)?;
    if let Err(cause) = part.publish(&path) {
        if let Some(replaced) = replaced {
            put_back(&replaced, &path).map_err(fail)?;
        }
        return Err(fail(cause));
    }
    Ok(Restored { file: path, users, replaced })
}

fn unread(backup: &Path, cause: &io::Error) -> StorageError {
    StorageError::file(backup, format_args!("cannot be read: {cause}"))
}

/// Renames the file together with its log, so that they remain a complete database.
fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    if !path.try_exists()? {
        return Ok(None);
    }
    for number in 1..=u16::MAX {
        let aside = match number {
            1 => replaced(path),
            _ => with(path, &format!(".replaced.{number}")),
        };
        let (log, its_log) = (with(path, "-wal"), with(&aside, "-wal"));
        if aside.try_exists()? || its_log.try_exists()? {
            continue;
        }
        // First a second name: neither of the two is ever without the other.
        if log.try_exists()? {
            fs::hard_link(&log, &its_log)?;
        }
        renameat_with(CWD, path, CWD, &aside, RenameFlags::NOREPLACE)?;
        return Ok(Some(aside));
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

fn put_back(aside: &Path, path: &Path) -> io::Result<()> {
    let (log, its_log) = (with(path, "-wal"), with(aside, "-wal"));
    if its_log.try_exists()? {
        if !log.try_exists()? {
            fs::hard_link(&its_log, &log)?;
        }
        fs::remove_file(&its_log)?;
    }
    Ok(renameat_with(CWD, aside, CWD, path, RenameFlags::NOREPLACE)?)
}
