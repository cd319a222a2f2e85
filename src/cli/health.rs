//! `bailiwick health`: for health checks of containers, which have no shell and no curl.

use crate::cli::report::{self, CommandError};
use crate::process::{self, Request, Response};
use crate::settings::Layers;
use std::fmt;

/// One line; exit code 0 or 1 for any failure, since Docker knows no other.
pub(super) fn run(layers: Result<Layers, CommandError>, ready: bool) -> Result<(), CommandError> {
    let failed = |error: &dyn fmt::Display| CommandError::Failed(error.to_string());
    let layers = layers.map_err(|error| failed(&error))?;
    let loaded = layers.load().map_err(|error| failed(&error))?;
    let request = if ready { Request::Ready } else { Request::Health };
    let answer = process::ask(&loaded.settings, request).map_err(|error| failed(&error))?;
    match answer {
        Response::Accepted(line) => report::print(&(report::escaped(&line) + "\n")),
        Response::Refused(line) => Err(CommandError::Failed(line)),
        Response::Status(_) => {
            Err(CommandError::Failed("the server gave an unexpected response".to_owned()))
        }
    }
}
