//! `bailiwick check-config`: whether the configuration is valid.

use crate::cli::report::{self, CommandError};
use crate::http::{self, ServeError};
use crate::logging;
use crate::process;
use crate::server::Application;
use crate::services;
use crate::settings::{Layers, Loaded, Settings};

/// Reports that it is valid, or all errors.
pub(super) fn run(
    application: &Application,
    layers: Layers,
    demo: bool,
) -> Result<(), CommandError> {
    let loaded = checked(layers, demo, process::find_hosts)?;
    http::document(&application.mounts, &loaded.settings)?;
    for warning in &loaded.warnings {
        report::note(&format!("warning: {warning}"));
    }
    let notes = logging::notes(&loaded.settings.logging);
    for note in notes.map_err(|error| CommandError::wrong_settings(loaded.located(&error)))? {
        let word = if note.is_warning { "warning: " } else { "" };
        report::note(&format!("{word}{note}"));
    }
    report::print("The configuration is valid.\n")
}

/// The settings, if a server can start with them; used by the start and by this command.
pub(super) fn checked(
    layers: Layers,
    demo: bool,
    more: impl Fn(&Settings) -> Vec<ServeError>,
) -> Result<Loaded, CommandError> {
    let found = layers.load();
    let (loaded, mut lines) = match &found {
        Ok(loaded) => (Some(loaded), Vec::new()),
        Err(errors) => (errors.rest(), errors.lines().collect()),
    };
    if let Some(loaded) = loaded {
        let faults = process::faults(&loaded.settings).into_iter().chain(more(&loaded.settings));
        let secret = services::check_secret(&loaded.settings, demo).err();
        let pepper = services::check_pepper(&loaded.settings).err();
        let clients = services::check_clients(&loaded.settings).err();
        let outgoing = services::check_outgoing(&loaded.settings).err();
        let providers = services::check_providers(&loaded.settings).err();
        let faults = faults.map(|error| loaded.located(&error));
        let secrets = secret.into_iter().chain(pepper).chain(clients);
        let secrets = secrets.chain(outgoing).chain(providers);
        let secrets = secrets.map(|error| loaded.located(&error));
        let all: Vec<_> = faults.chain(secrets).collect();
        // Whatever depends on a refused scope cannot be judged.
        let scopes_are_known = !lines.iter().any(|line| line.contains("scopes"));
        lines.extend(all.into_iter().filter(|line| scopes_are_known || !line.contains("scope")));
    }
    match found {
        Ok(loaded) if lines.is_empty() => Ok(loaded),
        _ => Err(CommandError::Settings(lines)),
    }
}
