//! `bailiwick check-config`: is the configuration right?

use crate::cli::report;
use crate::cli::report::Failure;
use crate::server;
use crate::server::Application;
use crate::services;
use crate::settings::Loaded;
use std::fmt;

/// Says so; what is wrong has already stopped the loading, or stops here.
pub(super) fn run(application: &Application, loaded: &Loaded, demo: bool) -> Result<(), Failure> {
    let located = |error: &dyn fmt::Display| Failure::wrong_settings(loaded.located(error));
    server::check(&loaded.settings).map_err(|error| located(&error))?;
    services::check_secret(&loaded.settings, demo).map_err(|error| located(&error))?;
    server::document(application, &loaded.settings)?;
    report::print("The configuration is valid.\n")
}
