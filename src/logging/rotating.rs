//! Log files that are rotated when full, like Python's `RotatingFileHandler`, by all processes that
//! write to the same file.

use super::ERROR;
use super::sink::{LogFile, Output};
use super::whole::Unwritten;
use rustix::fs::{FlockOperation, flock};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// How large a file may become, and how many are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    pub(super) max_bytes: u64,
    /// `a.log.1` is the newest.
    pub(super) backups: u32,
}

/// A file with a size limit.
pub(super) struct RotatingFile {
    path: PathBuf,
    log: LogFile,
    rotation: Rotation,
    /// Rotation has failed, which was reported.
    is_stuck: bool,
}

impl RotatingFile {
    pub(super) fn new(path: &Path, log: LogFile, rotation: Rotation) -> Self {
        Self { path: path.to_owned(), log, rotation, is_stuck: false }
    }

    /// Whether the path still leads to the open file: another process may have rotated it.
    fn is_current(&self) -> io::Result<bool> {
        let open = self.log.file().metadata()?;
        Ok(fs::metadata(&self.path)
            .is_ok_and(|there| (there.dev(), there.ino()) == (open.dev(), open.ino())))
    }

    /// Rotates the file, unless another process has just done so.
    fn rotate(&mut self) -> io::Result<()> {
        // On the old file, which the others have open too; closing it releases the lock.
        flock(self.log.file(), FlockOperation::LockExclusive)?;
        if self.is_current()? {
            for number in (1..self.rotation.backups).rev() {
                match fs::rename(self.moved(number), self.moved(number + 1)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::rename(&self.path, self.moved(1))?;
        }
        self.log.reopen()
    }

    fn moved(&self, number: u32) -> PathBuf {
        let mut name = OsString::from(&self.path);
        name.push(format!(".{number}"));
        name.into()
    }
}

impl Output for RotatingFile {
    fn reopen(&mut self) -> io::Result<()> {
        self.is_stuck = false;
        self.log.reopen()
    }

    fn put(&mut self, lines: &[u8]) -> Result<(), Unwritten> {
        let unwritten = |error| Unwritten::new(lines, error);
        if !self.is_stuck && !self.is_current().map_err(unwritten)? {
            self.log.reopen().map_err(unwritten)?;
        }
        let mut rest = lines;
        while !rest.is_empty() {
            let metadata = self.log.file().metadata();
            let size = metadata.map_err(|error| Unwritten::new(rest, error))?.len();
            let fitting = if self.is_stuck {
                rest.len()
            } else {
                fitting(rest, size, self.rotation.max_bytes)
            };
            let (now, later) = rest.split_at(fitting);
            self.log.put(now).map_err(|failed| failed.before(later))?;
            rest = later;
            if rest.is_empty() {
                break;
            }
            if let Err(error) = self.rotate() {
                self.is_stuck = true;
                // The lock is released with the file, or here.
                let _ = flock(self.log.file(), FlockOperation::Unlock);
                let path = self.path.display();
                log::error!(target: ERROR, "the log continues in a full file: {path} cannot be \
                                            rotated: {error}");
            }
        }
        Ok(())
    }
}

/// Bytes of the whole lines that fit, by Python's rule: a file stays below `max_bytes`, except for
/// a single longer line.
fn fitting(lines: &[u8], size: u64, max_bytes: u64) -> usize {
    let mut fitting = 0;
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        let after = (fitting + line.len()) as u64 + size;
        if after >= max_bytes && fitting as u64 + size > 0 {
            break;
        }
        fitting += line.len();
    }
    fitting
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn plain() -> crate::logging::Open {
        std::sync::Arc::new(crate::logging::open_file)
    }

    fn file(folder: &TempDir, max_bytes: u64, backups: u32) -> RotatingFile {
        let path = folder.path().join("a.log");
        let log = LogFile::open(&path, &plain()).unwrap();
        RotatingFile::new(&path, log, Rotation { max_bytes, backups })
    }

    fn contents(folder: &TempDir) -> Vec<(String, String)> {
        let entries = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        let mut contents: Vec<_> = entries
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        contents.sort();
        contents
    }

    fn expect(folder: &TempDir, expected: &[(&str, &str)]) {
        let expected: Vec<_> =
            expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        assert_eq!(contents(folder), expected);
    }

    #[test]
    fn a_full_file_is_rotated_between_two_lines() {
        let folder = TempDir::new().unwrap();
        let mut file = file(&folder, 8, 2);
        file.put(b"one\n").unwrap();
        expect(&folder, &[("a.log", "one\n")]);
        // As in Python, 8 bytes are one too many.
        file.put(b"two\nthree and more\n").unwrap();
        let moved = [("a.log", "three and more\n"), ("a.log.1", "two\n"), ("a.log.2", "one\n")];
        expect(&folder, &moved);
        file.put(b"4\n5\n6\n7\n").unwrap();
        let moved = [("a.log", "7\n"), ("a.log.1", "4\n5\n6\n"), ("a.log.2", "three and more\n")];
        expect(&folder, &moved);
    }

    #[test]
    fn several_writers_rotate_it_once() {
        let folder = TempDir::new().unwrap();
        let mut files = [(); 2].map(|()| file(&folder, 8, 3));
        for line in ["1\n", "2\n", "3\n", "4\n", "5\n", "6\n", "7\n"] {
            for file in &mut files {
                file.put(line.as_bytes()).unwrap();
            }
        }
        expect(
            &folder,
            &[
                ("a.log", "7\n7\n"),
                ("a.log.1", "5\n6\n6\n"),
                ("a.log.2", "4\n4\n5\n"),
                ("a.log.3", "2\n3\n3\n"),
            ],
        );
    }

    #[test]
    fn no_line_is_lost_while_many_write() {
        let folder = TempDir::new().unwrap();
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let mut file = file(&folder, 2_000, 1_000);
                scope.spawn(move || {
                    for number in 0..500 {
                        file.put(format!("{writer} {number}\n").as_bytes()).unwrap();
                    }
                });
            }
        });
        let all: String = contents(&folder).into_iter().map(|(_, text)| text).collect();
        let mut lines: Vec<_> = all.lines().collect();
        lines.sort_unstable();
        lines.dedup();
        assert_eq!(lines.len(), 2_000);
        assert!(contents(&folder).len() > 5);
    }

    #[test]
    fn a_file_that_cannot_be_rotated_stays_in_use() {
        let folder = TempDir::new().unwrap();
        // Even root cannot replace a folder with a file.
        fs::create_dir(folder.path().join("a.log.1")).unwrap();
        let mut file = file(&folder, 4, 1);
        file.put(b"1\n2\n3\n").unwrap();
        file.put(b"4\n").unwrap();
        assert_eq!(fs::read_to_string(folder.path().join("a.log")).unwrap(), "1\n2\n3\n4\n");
    }
}
