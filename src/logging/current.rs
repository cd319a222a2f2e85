//! The current log: fixed in a worker process, replaced with the settings in a master.

use super::LoggingError;
use super::ends::OwnStreams;
use super::router::Router;
use super::sink::Open;
use crate::settings::LoggingSettings;
use log::{Log, Metadata, Record};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};

/// The program's log.
static LOG: OnceLock<Current> = OnceLock::new();

enum Current {
    /// Records reach it without a lock.
    Fixed(&'static Router),
    Exchanged(&'static Exchanged),
}

/// Sets up a permanent log.
pub(super) fn fix(settings: &LoggingSettings, open: Open) -> Result<(), LoggingError> {
    let router = Box::leak(Box::new(router(settings, &mut OwnStreams::new(open))?));
    install(router, Current::Fixed(router))?;
    log::set_max_level(router.max_level());
    Ok(())
}

/// Sets up a replaceable log.
pub(super) fn begin(settings: &LoggingSettings, open: Open) -> Result<(), LoggingError> {
    let mut streams = OwnStreams::new(open);
    let router = router(settings, &mut streams)?;
    let level = router.max_level();
    let log = Exchanged { router: RwLock::new(Arc::new(router)), streams: Mutex::new(streams) };
    let log = Box::leak(Box::new(log));
    install(log, Current::Exchanged(log))?;
    log::set_max_level(level);
    Ok(())
}

/// Replaces it. On error the old one stays.
pub(super) fn exchange(settings: &LoggingSettings, open: Open) -> Result<(), LoggingError> {
    let Some(Current::Exchanged(log)) = LOG.get() else { return Err(LoggingError::AlreadySet) };
    let mut streams = log.streams.lock().unwrap_or_else(PoisonError::into_inner);
    streams.open_files(open);
    let router = router(settings, &mut streams)?;
    let level = router.max_level();
    *log.router.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(router);
    log::set_max_level(level);
    Ok(())
}

/// Reopens its files.
pub(super) fn reopen() {
    match LOG.get() {
        Some(Current::Fixed(router)) => router.reopen(),
        Some(Current::Exchanged(log)) => log.router().reopen(),
        None => {}
    }
}

fn router(settings: &LoggingSettings, streams: &mut OwnStreams) -> Result<Router, LoggingError> {
    let (router, headers) = Router::new(settings, streams)?;
    headers.want();
    Ok(router)
}

fn install(log: &'static dyn Log, current: Current) -> Result<(), LoggingError> {
    log::set_logger(log).map_err(|_| LoggingError::AlreadySet)?;
    LOG.get_or_init(|| current);
    Ok(())
}

/// A replaceable log. Its streams stay, so their lines keep their order.
struct Exchanged {
    router: RwLock<Arc<Router>>,
    streams: Mutex<OwnStreams>,
}

impl Exchanged {
    /// A clone, not a guard: formatting a record may log another one.
    fn router(&self) -> Arc<Router> {
        Arc::clone(&self.router.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Log for Exchanged {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.router().enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.router().log(record);
    }

    fn flush(&self) {
        self.router().flush();
    }
}
