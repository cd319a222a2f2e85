//! What an application adds to the server.

use crate::http::Mounts;
use crate::logging::LogFilter;
use std::fmt;
use std::sync::Arc;

/// An application's routes, and its filters of the access log.
#[derive(Clone, Default)]
pub struct Application {
    /// The routes.
    pub(crate) mounts: Mounts,
    /// The filters.
    pub(crate) log_filters: Vec<Arc<dyn LogFilter>>,
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
            .field("log_filters", &self.log_filters.len())
            .finish()
    }
}
