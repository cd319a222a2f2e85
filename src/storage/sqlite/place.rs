//! Who uses a SQLite file: all processes that have it open, or one that replaces it.

use crate::storage::StorageError;
use crate::storage::sqlite::{BUSY, RETRY};
use rustix::fs::{FlockOperation, fcntl_lock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::time::Instant;

/// Held as long as this process may have connections to the file. The lock is on the folder: a lock
/// on the file would go with the file it was taken on, and closing a file drops SQLite's locks on
/// it.
pub(super) struct SharedUse {
    _folder: Option<File>,
}

impl SharedUse {
    /// Waits while the file is being replaced.
    pub(super) async fn of(path: &Path) -> Result<Self, StorageError> {
        // In a folder that cannot be listed, this user could not replace a file either.
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

/// Held while no other process may use the file.
pub(in crate::storage) struct ExclusiveUse {
    _folder: File,
    _file: Option<File>,
}

impl ExclusiveUse {
    /// `None` if another process uses the file, or a server uses another file in its folder.
    ///
    /// Other programs hold SQLite's locks on the file as long as they have it open (WAL), so none
    /// of its bytes can be locked.
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
