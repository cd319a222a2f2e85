//! What an application's author uses: the builder, and where routes go.

mod application;

pub use crate::http::Routes;
pub use application::Application;

use crate::logging::LogFilter;

/// The whole program, to which an application adds its routes.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     bailiwick::Server::new().run_from_args()
/// }
/// ```
#[derive(Debug, Default)]
pub struct Server {
    pub(crate) application: Application,
}

impl Server {
    /// The server without an application's routes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds routes beside the built-in ones; `mount` is called once in each worker.
    #[must_use]
    pub fn mount(mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) -> Self {
        self.application.mounts.add(mount);
        self
    }

    /// Adds a filter of the access log: a line is written if every filter keeps it. A filter is a
    /// function or a type, see [`LogFilter`].
    #[must_use]
    pub fn log_filter(mut self, filter: impl LogFilter) -> Self {
        self.application.log_filter(filter);
        self
    }
}
