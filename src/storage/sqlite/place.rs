//! Who uses a SQLite file: every process that has it open, or the one that puts another in its place.

use crate::storage::StorageError;
use crate::storage::sqlite::{BUSY, RETRY};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Instant;

/// Held as long as this process may have connections to the file. The lock is one on the folder: a
/// lock on the file would go with the file that it was taken on, and closing a file drops the locks
/// that SQLite has on it.
pub(super) struct SharedUse {
    _folder: Option<File>,
}

impl SharedUse {
    /// Waits while the file is being replaced.
    pub(super) async fn of(path: &Path) -> Result<Self, StorageError> {
        // One that cannot be listed is no place where this user could replace a file.
        let target = path.canonicalize();
        let Ok(folder) = File::open(folder(target.as_deref().unwrap_or(path))) else {
            return Ok(Self { _folder: None });
        };
        let deadline = Instant::now() + 2 * BUSY;
        while let Err(TryLockError::WouldBlock) = folder.try_lock_shared() {
            if Instant::now() > deadline {
                return Err(StorageError::file(path, "is being restored by another process"));
            }
            tokio::time::sleep(RETRY).await;
        }
        Ok(Self { _folder: Some(folder) })
    }
}

/// Held while nobody else may use the file.
pub(in crate::storage) struct ExclusiveUse {
    _folder: File,
    _file: Option<File>,
}

impl ExclusiveUse {
    /// Nothing if another process uses the file, or a server another one in its folder.
    ///
    /// Programs that are not this one have SQLite's locks on the file as long as they have it open
    /// (WAL), so none of its bytes can be locked.
    pub(in crate::storage) fn with(path: &Path) -> io::Result<Option<Self>> {
        let folder = File::open(folder(path))?;
        match folder.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let file = match OpenOptions::new().read(true).write(true).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Some(Self { _folder: folder, _file: None }));
            }
            Err(error) => return Err(error),
        };
        match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _folder: folder, _file: Some(file) })),
            Err(Errno::AGAIN | Errno::ACCESS) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

pub(in crate::storage) fn folder(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}
