//! A file in progress: it gets its name when it is complete, and leftovers do no harm.

use crate::storage::aside::with;
use crate::storage::sqlite::folder;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

/// The names of these files: this, a number, and [`END`]. Nothing else uses such names, so an
/// unlocked one was left by a killed process.
const BEGINNING: &str = "bailiwick-backup-";
const END: &str = ".part";

/// Files that SQLite may have left beside another one.
const COMPANIONS: [&str; 3] = ["-journal", "-wal", "-shm"];

/// An empty file beside its final place, locked while this value lives, then removed.
pub(super) struct Part {
    file: File,
    path: PathBuf,
    is_done: bool,
}

impl Part {
    /// Removes leftovers of others, and creates a new one.
    pub(super) fn beside(file: &Path) -> io::Result<Self> {
        let folder = folder(file);
        sweep(folder);
        for number in 1..=u16::MAX {
            let path = folder.join(format!("{BEGINNING}{number}{END}"));
            match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
                Ok(file) if is_locked(&file)? => return Ok(Self { file, path, is_done: false }),
                // Another process took it for a leftover before it was locked.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it another file's owner and mode.
    pub(super) fn belong_like(&self, other: &Metadata) -> io::Result<()> {
        let own = self.file.metadata()?;
        if (own.uid(), own.gid()) != (other.uid(), other.gid()) {
            fchown(&self.file, Some(other.uid()), Some(other.gid()))?;
        }
        self.file.set_permissions(Permissions::from_mode(other.mode() & 0o666))
    }

    /// Makes it durable under its name, which must be free.
    pub(super) fn publish(mut self, file: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        if !file.try_exists()? {
            // SQLite would apply the log of an earlier file with this name to this one.
            remove_companions(file);
        }
        renameat_with(CWD, &self.path, CWD, file, RenameFlags::NOREPLACE)?;
        self.is_done = true;
        File::open(folder(file))?.sync_all()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_done {
            remove(&self.path);
        }
    }
}

/// Removes leftovers. Only disk space depends on it.
fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| is_ours(&entry.file_name())) {
        // Opening a pipe would block.
        if !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let path = entry.path();
        let Ok(left) = OpenOptions::new().write(true).open(&path) else { continue };
        if is_locked(&left).is_ok_and(|locked| locked) {
            remove(&path);
        }
    }
}

fn is_ours(name: &OsString) -> bool {
    let number = name.to_str().and_then(|name| name.strip_prefix(BEGINNING)?.strip_suffix(END));
    number.is_some_and(|number| number.parse::<u16>().is_ok())
}

/// Locks it, unless another process has; a file is locked before it is removed.
fn is_locked(file: &File) -> io::Result<bool> {
    match file.try_lock() {
        Ok(()) => Ok(file.metadata()?.nlink() > 0),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// As far as possible: the error that led here is the one that counts.
fn remove(path: &Path) {
    remove_companions(path);
    let _ = fs::remove_file(path);
}

fn remove_companions(path: &Path) {
    for companion in COMPANIONS {
        let _ = fs::remove_file(with(path, companion));
    }
}
