//! The program that this server runs, whatever takes the place of its file.

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

/// The program that this process runs, and how it was called.
#[derive(Debug)]
pub struct Program {
    path: PathBuf,
    /// The file itself: it stays this one when another gets its name, and when it has none.
    file: OwnedFd,
    arguments: Vec<OsString>,
}

impl Program {
    /// To be asked for at the very start: the path may lead to another program later.
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

    /// Where it was when it was started, and where its successor is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Starts this program again, called in the same way.
    pub(super) fn again(&self) -> Command {
        // The child's own descriptor: it is closed when the program has been started from it.
        self.called(Command::new(format!("/proc/self/fd/{}", self.file.as_raw_fd())))
    }

    /// Starts what is at its path now, called in the same way.
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

/// Gives this process the name that the program was called by: one that was started from a descriptor
/// is named after that.
pub fn take_name() {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_name().map_or(&b"bailiwick"[..], OsStr::as_bytes);
    // For people only: without it all works.
    let _ = CString::new(name).map(|name| set_name(&name));
}
