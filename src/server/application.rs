//! What an application adds to the server.

use crate::http::Mounts;
use crate::logging::LogFilter;
use crate::process::Life;
use crate::server::command::OwnCommand;
use crate::settings::OwnSection;
use std::fmt;
use std::sync::Arc;

/// An application's routes, settings, state and commands, and its filters of the access log.
#[derive(Clone, Default)]
pub struct Application {
    /// The routes, and the middleware around all.
    pub(crate) mounts: Mounts,
    /// The filters.
    pub(crate) log_filters: Vec<Arc<dyn LogFilter>>,
    /// The sections of its settings.
    pub(crate) sections: Vec<Arc<OwnSection>>,
    /// Its state, and what it does at the start and the end of a process.
    pub(crate) life: Life,
    /// The commands.
    pub(crate) commands: Vec<OwnCommand>,
    /// What is wrong with it.
    pub(crate) faults: Vec<String>,
}

impl Application {
    /// Adds a filter of the access log.
    pub(crate) fn log_filter(&mut self, filter: impl LogFilter) {
        self.log_filters.push(Arc::new(filter));
    }
}

impl fmt::Debug for Application {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Application")
            .field("mounts", &self.mounts)
            .field("sections", &self.sections)
            .field("life", &self.life)
            .field("commands", &self.commands)
            .finish_non_exhaustive()
    }
}
