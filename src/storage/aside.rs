//! Names of files beside another one, and of the file that a restore replaces.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The first name for what a restore replaces. While it is there and the file is not, a restore was
/// interrupted: a start must not take that for a database that is yet to be made.
pub(super) fn replaced(path: &Path) -> PathBuf {
    with(path, ".replaced")
}

/// The path with something behind it.
pub(super) fn with(path: &Path, end: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(end);
    name.into()
}
