//! The server's processes: master and workers, listeners, drain, and the middleware around every
//! route.

mod access_log;
mod admin;
mod app;
mod budget;
mod channel;
mod connection;
pub mod cores;
mod cors;
mod document;
mod drain;
mod error;
mod headers;
mod lateness;
mod limited;
mod limits;
mod listener;
mod master;
mod metrics;
mod panic;
mod root_files;
mod root_path;
mod slices;
mod state;
mod worker;

pub use crate::security::{ClientAddress, ClientHost};
pub use channel::Handover;
pub use document::document;
pub use error::ServeError;
pub use listener::find_hosts;
pub use master::{
    Answer, ProcessStatus, Program, Request, Restart, Status, Threads, ask, hold_files, run,
    start_log, take_name,
};
pub use worker::Worker;

use crate::logging;
use crate::logging::LogFilter;
use crate::security::TrustedProxies;
use crate::services::scope_table;
use crate::settings::Settings;
use std::fmt;
use std::sync::Arc;

/// Where an application puts its routes.
pub type Routes<'a> = paperclip::actix::web::ServiceConfig<'a>;

type Mount = Arc<dyn Fn(&mut Routes<'_>) + Send + Sync>;

/// The routes that are served beside the built-in ones.
#[derive(Clone, Default)]
pub struct Application {
    mounts: Vec<Mount>,
    log_filters: Vec<Arc<dyn LogFilter>>,
}

impl Application {
    /// Adds routes; `mount` is called once in each worker.
    pub fn mount(&mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) {
        self.mounts.push(Arc::new(mount));
    }

    /// Adds a filter of the access log.
    pub fn log_filter(&mut self, filter: impl LogFilter) {
        self.log_filters.push(Arc::new(filter));
    }

    /// Whether nothing is mounted.
    pub(super) fn is_empty(&self) -> bool {
        self.mounts.is_empty()
    }

    /// Puts all routes, in the order of their mounting.
    pub(super) fn configure(&self, routes: &mut Routes<'_>) {
        for mount in &self.mounts {
            mount(routes);
        }
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("mounts", &self.mounts.len())
            .field("log_filters", &self.log_filters.len())
            .finish()
    }
}

/// All that is wrong with the settings of the server and of the log; starts nothing.
#[must_use]
pub fn faults(settings: &Settings) -> Vec<ServeError> {
    let checks = [
        logging::check(&settings.logging).map_err(ServeError::from),
        TrustedProxies::new(&settings.server.forwarded_allow_ips).map(drop).map_err(Into::into),
        scope_table(settings).map(drop).map_err(ServeError::Services),
        cors::check(&settings.cors),
    ];
    checks.into_iter().filter_map(Result::err).chain(master::faults(settings)).collect()
}

/// The first of those.
pub fn check(settings: &Settings) -> Result<(), ServeError> {
    faults(settings).into_iter().next().map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests;
