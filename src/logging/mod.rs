//! Shim, replaced at the merge.

use crate::settings::LoggingSettings;
use std::fmt;

/// Writes what is left when it is dropped.
#[derive(Debug)]
pub struct LoggingGuard(());

/// The log cannot be written.
#[derive(Debug)]
pub struct LoggingError;

impl fmt::Display for LoggingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("shim")
    }
}

/// Starts the log.
pub fn init(_settings: &LoggingSettings) -> Result<LoggingGuard, LoggingError> {
    Ok(LoggingGuard(()))
}
