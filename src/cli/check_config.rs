//! `bailiwick check-config`: is the configuration right?

use crate::cli::report;
use crate::cli::report::Failure;
use crate::server;
use crate::settings::Loaded;

/// Says so; what is wrong has already stopped the loading, or stops here.
pub(super) fn run(loaded: &Loaded) -> Result<(), Failure> {
    server::check(&loaded.settings).map_err(Failure::wrong_settings)?;
    report::print("The configuration is valid.\n")
}
