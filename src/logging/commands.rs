//! The log of commands: their audit lines, in the files where a server with these settings has its own.

use super::config::LogConfig;
use super::ends::OwnStreams;
use super::router::{Router, is_within};
use super::sink::Open;
use super::{AUDIT, LoggingError, LoggingGuard};
use crate::settings::LoggingSettings;
use log::{Log, Metadata, Record};
use std::collections::BTreeSet;

/// Sets up the log of a command. Only the audit log's files are written, not the streams: what a
/// command prints is for whoever runs it.
pub fn init_audit(settings: &LoggingSettings, open: Open) -> Result<LoggingGuard, LoggingError> {
    let mut config = LogConfig::load(settings)?;
    keep_audit_files(&mut config);
    let (router, _) = Router::of(&config, settings, &mut OwnStreams::new(open))?;
    let level = router.max_level();
    log::set_boxed_logger(Box::new(AuditOnly(router))).map_err(|_| LoggingError::AlreadySet)?;
    log::set_max_level(level);
    Ok(LoggingGuard(()))
}

/// Keeps the loggers that audit lines reach, and of their handlers those with a file.
fn keep_audit_files(config: &mut LogConfig) {
    config.loggers.retain(|name, _| name == super::config::ROOT || is_within(AUDIT, name));
    let handlers = &mut config.handlers;
    let used: BTreeSet<_> =
        config.loggers.values().flat_map(|logger| &logger.handlers).cloned().collect();
    handlers.retain(|name, handler| handler.file.is_some() && used.contains(name));
    for logger in config.loggers.values_mut() {
        logger.handlers.retain(|name| handlers.contains_key(name));
    }
}

/// Writes audit lines and no others.
struct AuditOnly(Router);

impl Log for AuditOnly {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == AUDIT && self.0.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        if record.target() == AUDIT {
            self.0.log(record);
        }
    }

    fn flush(&self) {
        self.0.flush();
    }
}
