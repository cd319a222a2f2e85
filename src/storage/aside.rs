//! Names of files beside another one, and of the file that a restore replaces.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The first name for the file that a restore replaces. If it exists and the file does not, a
/// restore was interrupted: a start must not create a new database then.
pub(super) fn replaced(path: &Path) -> PathBuf {
    with(path, ".replaced")
}

/// The path with a suffix.
pub(super) fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
