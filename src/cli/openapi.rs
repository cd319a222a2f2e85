//! `bailiwick openapi`: the document of the API, for clients and generators.

use crate::cli::report::{self, CommandError};
use crate::http;
use crate::server::Application;
use crate::settings::Loaded;

/// Prints the document, with the application's own routes.
pub(super) fn run(application: &Application, loaded: &Loaded) -> Result<(), CommandError> {
    let document = http::document(&application.mounts, &loaded.settings)?;
    report::print(&format!("{document:#}\n"))
}
