//! `bailiwick serve`: the server itself.

use crate::cli::report::Failure;
use crate::logging;
use crate::server;
use crate::server::Application;
use crate::settings::Loaded;
use std::sync::Arc;

/// Serves until a signal ends it.
pub(super) fn run(application: Application, loaded: Loaded, demo: bool) -> Result<(), Failure> {
    server::check(&loaded.settings).map_err(Failure::wrong_settings)?;
    // Held to the end: dropping it writes the lines that are still in memory.
    let _log = logging::init(&loaded.settings.logging)
        .map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(server::run(application, Arc::new(loaded.settings), demo)?)
}
