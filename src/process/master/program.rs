//! The program that this server runs, even after its file was replaced.

use crate::http::ServeError;
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::thread::set_name;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program of this process, and how it was called.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    /// The file itself: it stays the same when another takes its name, or when it has none.
    file: OwnedFd,
    arguments: Vec<OsString>,
}

impl Program {
    /// Call this at the very start: later the path may lead to another program.
    pub fn of_this_process() -> Result<Self, ServeError> {
        let found = || -> io::Result<Self> {
            let flags = OFlags::PATH | OFlags::CLOEXEC;
            Ok(Self {
                path: std::env::current_exe()?,
                // Opened so, it need not be readable.
                file: openat(CWD, "/proc/self/exe", flags, Mode::empty())?,
                arguments: std::env::args_os().collect(),
            })
        };
        found().map_err(ServeError::Runtime)
    }

    /// Its path when it was started, where its successor is found.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts this program again, called in the same way.
    pub(super) fn again(&self) -> Command {
        // The child's own descriptor, closed once the program has been started from it.
        self.called(Command::new(format!("/proc/self/fd/{}", self.file.as_raw_fd())))
    }

    /// Starts the program now at its path, called in the same way.
    pub(super) fn successor(&self) -> Command {
        self.called(Command::new(&self.path))
    }

    fn called(&self, mut command: Command) -> Command {
        if let Some((name, others)) = self.arguments.split_first() {
            command.arg0(name).args(others);
        }
        command
    }
}

/// Names this process as the program was called: one started from a descriptor is named after that.
pub fn take_name() {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().map_or(&b"bailiwick"[..], OsStr::as_bytes);
    // Cosmetic: everything works without it.
    let _ = CString::new(name).map(|name| set_name(&name));
}
