//! The file with the master's process id. Its lock, not its number, says whether that master lives.

use crate::http::ServeError;
use crate::process::root_files;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Longest pidfile that is read, in bytes.
const LONGEST: u64 = 32;

/// The locked file with this process's id; dropping it removes the file, unless another process has
/// replaced it.
#[derive(Debug)]
pub(super) struct Pidfile {
    path: PathBuf,
    /// The lock belongs to the descriptor: it ends with this process, however that ends.
    file: File,
}

/// What exists at the path.
enum Found {
    Nothing,
    /// Left by an ended process, and locked now; no other process can replace it.
    Stale {
        _lock: File,
    },
    /// Locked by this process id, if it can be read.
    Living(Option<i32>),
}

impl Pidfile {
    /// Refuses a pidfile whose process lives, unless that is this master's predecessor.
    pub(super) fn check(path: &Path, predecessor: Option<i32>) -> Result<(), ServeError> {
        match look(path).map_err(|error| failed(path, &error))? {
            Found::Living(pid) if predecessor.is_none() || pid != predecessor => {
                Err(ServeError::Running { pidfile: path.to_owned(), pid })
            }
            _ => Ok(()),
        }
    }

    /// Makes the file this process's; of many that try at once, one succeeds. A living predecessor
    /// is replaced.
    pub(super) fn claim(path: &Path, predecessor: Option<i32>) -> Result<Self, ServeError> {
        let failed = |error: io::Error| failed(path, &error);
        loop {
            let found = look(path).map_err(failed)?;
            if let Found::Living(pid) = found
                && (predecessor.is_none() || pid != predecessor)
            {
                return Err(ServeError::Running { pidfile: path.to_owned(), pid });
            }
            let (file, draft) = written(path).map_err(failed)?;
            let put = match found {
                // `link(2)` fails if the path exists.
                Found::Nothing => {
                    let linked = fs::hard_link(&draft, path);
                    fs::remove_file(&draft).and(linked)
                }
                // Meanwhile, this process or the predecessor holds the lock on what is replaced.
                Found::Stale { .. } | Found::Living(_) => fs::rename(&draft, path),
            };
            match put {
                Ok(()) => return Ok(Self { path: path.to_owned(), file }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(error)),
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Pidfile {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path).unwrap_or(false) {
            // Nothing can be done about a folder that has become read-only.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// A complete file: no reader ever sees a partial one.
fn written(path: &Path) -> io::Result<(File, PathBuf)> {
    let (mut file, draft) = root_files::draft(path, 0o644)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    writeln!(file, "{}", std::process::id())?;
    Ok((file, draft))
}

fn look(path: &Path) -> io::Result<Found> {
    root_files::check_place(path)?;
    loop {
        // Follows no link, and does not block on a pipe without a writer.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).map_err(io::Error::other)?;
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
            opened => opened?,
        };
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("exists and is not a regular file"));
        }
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => {
                let mut text = String::new();
                (&file).take(LONGEST).read_to_string(&mut text)?;
                return Ok(Found::Living(text.trim().parse().ok()));
            }
            locked => locked?,
        }
        // Otherwise it was replaced or removed between the opening and the lock.
        if is_at(&file, path)? {
            return Ok(Found::Stale { _lock: file });
        }
    }
}

fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn failed(path: &Path, error: &io::Error) -> ServeError {
    ServeError::File {
        path: path.to_owned(),
        cause: crate::process::listener::cause(error),
        key: "server.pidfile",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn a_pidfile_lives_as_long_as_its_process() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        let file = Pidfile::claim(&path, None).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        drop(file);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_unlocked_pidfile_is_stale_whatever_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        let own = std::process::id().to_string();
        for stale in ["", "x", "-1", "1\n", "2147483647", &own, &"9".repeat(1000)] {
            fs::write(&path, stale).unwrap();
            Pidfile::check(&path, None).unwrap();
            drop(Pidfile::claim(&path, None).unwrap());
        }
    }

    #[test]
    fn a_living_server_is_respected_and_replaced_by_its_successor_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        let pid = i32::try_from(std::process::id()).unwrap();
        let first = Pidfile::claim(&path, None).unwrap();
        for predecessor in [None, Some(1)] {
            let refused = Pidfile::check(&path, predecessor).unwrap_err().to_string();
            assert!(refused.contains(&format!("process {pid} (server.pidfile)")), "{refused}");
            Pidfile::claim(&path, predecessor).unwrap_err();
        }
        Pidfile::check(&path, Some(pid)).unwrap();
        let second = Pidfile::claim(&path, Some(pid)).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        const MANY: usize = 8;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        for round in 0..50 {
            if round % 2 == 1 {
                fs::write(&path, "1\n").unwrap();
            }
            let start = Barrier::new(MANY);
            let claim = || {
                start.wait();
                Pidfile::claim(&path, None)
            };
            let claimed = std::thread::scope(|scope| {
                let all: Vec<_> = (0..MANY).map(|_| scope.spawn(claim)).collect();
                // Held until all have tried.
                all.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(claimed.iter().filter(|one| one.is_ok()).count(), 1);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left");
        }
    }

    #[test]
    fn anything_but_a_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.pid");
        let target = folder.path().join("target");
        std::os::unix::fs::symlink(&target, &path).unwrap();
        Pidfile::claim(&path, None).unwrap_err();
        assert!(!target.exists());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let refused = Pidfile::claim(&path, None).unwrap_err().to_string();
        assert!(refused.contains("not a regular file"), "{refused}");
    }
}
