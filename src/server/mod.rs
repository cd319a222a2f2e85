//! The server's process: listeners, workers, signals, drain, and the middleware around every route.

mod access_log;
mod admin;
mod app;
mod client_address;
mod cors;
mod drain;
mod error;
mod headers;
mod limits;
mod listener;
mod metrics;
mod panic;
mod signals;
mod state;
mod worker;

pub use client_address::{ClientAddress, ClientHost};
pub use error::ServeError;

use crate::logging;
use crate::logging::{AccessFilter, ERROR};
use crate::security::openapi;
use crate::services::Services;
use crate::services::scope_table;
use crate::settings::Settings;
use actix_web::web::Data;
use client_address::TrustedProxies;
use listener::Listeners;
use serde_json::Value;
use state::AppState;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Where an application puts its routes.
pub type Routes<'a> = paperclip::actix::web::ServiceConfig<'a>;

type Mount = Arc<dyn Fn(&mut Routes<'_>) + Send + Sync>;

/// The routes that are served beside the built-in ones.
#[derive(Clone, Default)]
pub struct Application {
    mounts: Vec<Mount>,
}

impl Application {
    /// Adds routes; `mount` is called once in each worker.
    pub fn mount(&mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) {
        self.mounts.push(Arc::new(mount));
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
        f.debug_struct("Application").field("mounts", &self.mounts.len()).finish()
    }
}

/// Serves until a signal ends it; `demo` opens the services with the demo users.
///
/// SIGTERM, SIGINT and SIGQUIT stop accepting and let what is in flight finish within
/// `server.graceful_timeout`; a second signal ends at once.
pub fn run(
    application: Application,
    settings: Arc<Settings>,
    demo: bool,
) -> Result<(), ServeError> {
    panic::log_panics();
    worker::raise_descriptor_limit();
    actix_web::rt::System::new().block_on(serve(application, settings, demo))
}

/// The finished `OpenAPI` document of the built-in routes and the application's.
pub fn document(application: &Application, settings: &Settings) -> Result<Value, ServeError> {
    let scopes = scope_table(settings).map_err(ServeError::Services)?;
    let found = catch_unwind(AssertUnwindSafe(|| app::gather(application)));
    // The cause is in the log: the hook of `panic.rs` wrote it.
    let found = found.map_err(|_| ServeError::Workers(io::Error::other("mounting panicked")))?;
    Ok(openapi::finish(found, settings, &scopes))
}

/// Checks the settings of the server and of the log without starting anything.
pub fn check(settings: &Settings) -> Result<(), ServeError> {
    logging::check(&settings.logging)?;
    TrustedProxies::new(&settings.server.forwarded_allow_ips)?;
    scope_table(settings).map_err(ServeError::Services)?;
    cors::check(&settings.cors)
}

async fn serve(
    application: Application,
    settings: Arc<Settings>,
    demo: bool,
) -> Result<(), ServeError> {
    check(&settings)?;
    let signals = signals::listen().map_err(ServeError::Runtime)?;
    log::info!(target: ERROR, "Starting bailiwick {}", env!("CARGO_PKG_VERSION"));
    let listeners = Listeners::bind(&settings.server)?;
    let admin_listeners = Listeners::bind_admin(&settings.admin)?;
    let services =
        Services::open(Arc::clone(&settings), demo).await.map_err(ServeError::Services)?;
    let state = Data::new(AppState::new(application, services, settings)?);
    // Held to the end: it tells that the server drains.
    let _admin = admin::start(&state, admin_listeners).map_err(ServeError::Runtime)?;
    worker::start(state, listeners).await?.until(signals).await
}

#[cfg(test)]
mod tests;
