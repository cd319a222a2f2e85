//! The log, in the terms of Python's logging: loggers, handlers, formatters and filters on top of
//! `log` and `env_logger`; every request leaves a line on `bailiwick.access`.

mod access;
mod audit;
mod code_filter;
mod commands;
mod config;
mod current;
mod ends;
mod escape;
mod filter;
mod format;
mod json;
mod placeholders;
mod request_id;
mod rotating;
mod router;
mod shorten;
mod sink;
mod timestamp;
mod whole;

pub use self::config::Note;
pub use access::{Access, Headers, Host, name_caller, name_client};
pub use audit::{shown_value, write_audit};
pub use code_filter::{LogFilter, filter_by};
pub use commands::init_audit;
pub use escape::{escape, redact_query, shown_header};
pub use request_id::RequestId;
pub use sink::{Open, dropped, open_file};

use crate::settings::LoggingSettings;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

/// Target of the access log, one line per request; by default written to stdout.
pub const ACCESS: &str = "bailiwick.access";

/// Target of the server's own messages; by default written to stderr.
pub const ERROR: &str = "bailiwick.error";

/// Target of the audit log: who did what to whom. Without a file, written to stderr.
pub const AUDIT: &str = "bailiwick.audit";

/// Target that turns an error into level `CRITICAL` of [`ERROR`]; `log` has no such level.
pub const CRITICAL: &str = "bailiwick.critical";

/// The log cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum LoggingError {
    /// A setting, or a key of the log's file, has an invalid value.
    #[error("{key}: `{}`: expected {allowed}", value.escape_debug())]
    Setting {
        /// The setting, for example `logging.format`, or `FILE:LINE: KEY`.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// The file in `logging.config` does not have its format.
    #[error("{}: {}", place.escape_debug(), reason.escape_debug())]
    Syntax {
        /// `FILE:LINE: column N`
        place: String,
        /// What was expected.
        reason: String,
    },
    /// The file in `logging.config` cannot be read.
    #[error("{}: cannot be read: {cause} (logging.config)", file.escape_debug())]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        cause: String,
    },
    /// The program has a log already.
    #[error("the program has already set up a log")]
    AlreadySet,
    /// The writer thread cannot be started.
    #[error("the log's thread cannot be started: {0}")]
    Thread(String),
}

impl LoggingError {
    fn setting(key: impl Into<String>, value: &str, allowed: impl Into<String>) -> Self {
        Self::Setting { key: key.into(), value: value.to_owned(), allowed: allowed.into() }
    }
}

/// Writes buffered lines on drop; keep it until the program ends.
#[must_use = "dropped at once, it loses lines when the program ends"]
#[derive(Debug)]
pub struct LoggingGuard(());

impl Drop for LoggingGuard {
    fn drop(&mut self) {
        log::logger().flush();
    }
}

/// Sets up the program's log; call it once.
pub fn init(settings: &LoggingSettings) -> Result<LoggingGuard, LoggingError> {
    placeholders::start();
    current::fix(settings, Arc::new(open_file))?;
    Ok(LoggingGuard(()))
}

/// The same for a log that [`exchange`] can replace; `open` opens its files.
pub fn init_with(settings: &LoggingSettings, open: Open) -> Result<LoggingGuard, LoggingError> {
    placeholders::start();
    current::begin(settings, open)?;
    Ok(LoggingGuard(()))
}

/// Replaces the log that [`init_with`] set up; on error the old one stays.
pub fn exchange(settings: &LoggingSettings, open: Open) -> Result<(), LoggingError> {
    current::exchange(settings, open)
}

/// Checks the settings, and the file they name, without setting anything up.
pub fn check(settings: &LoggingSettings) -> Result<(), LoggingError> {
    router::check(settings)
}

/// Opens every file of these settings once, so that it exists for the process that opens it next;
/// returns their paths.
pub fn make_files(settings: &LoggingSettings, open: &Open) -> Result<Vec<PathBuf>, LoggingError> {
    router::make_files(settings, open)
}

/// Refuses files that are rotated when full, in a folder where `user` cannot write.
pub fn check_folders(
    settings: &LoggingSettings,
    user: u32,
    may_write: impl Fn(&Path) -> bool,
) -> Result<(), LoggingError> {
    router::check_folders(settings, user, may_write)
}

/// Notes on the file that the settings name: foreign names for our loggers, and parts without
/// effect.
pub fn notes(settings: &LoggingSettings) -> Result<Vec<Note>, LoggingError> {
    router::notes(settings)
}

/// Reopens every log file by its path, after log rotation; returns at once.
///
/// Earlier lines go to the old file. If a file cannot be opened, that is logged, and the old file
/// stays in use.
pub fn reopen() {
    current::reopen();
}
