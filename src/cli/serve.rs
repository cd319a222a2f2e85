//! `bailiwick serve`: the master, or a worker process started by a master.

use crate::cli::check_config;
use crate::cli::report::CommandError;
use crate::logging::{self, ERROR, LoggingGuard};
use crate::process::{self, Worker, cores};
use crate::server::Application;
use crate::settings::{Layers, OwnSettings, Settings, why_demo_has_no_url};
use std::process::ExitCode;
use std::sync::Arc;

/// Serves until a signal ends it.
pub(super) fn run(
    application: Application,
    layers: Layers,
    demo: bool,
) -> Result<ExitCode, CommandError> {
    // Before anything else: a file replaced later must not change the program that was started.
    let program = process::Program::of_this_process()?;
    if let Some(worker) = Worker::of_this_process()? {
        process::take_name();
        return Ok(work(worker, application, (layers, demo)));
    }
    let layers = layers.read()?;
    let mut loaded = check_config::checked(layers.clone(), demo, |_| Vec::new())?;
    process::hold_files(&mut loaded.settings)?;
    cores::settle(loaded.settings.server.core_dumps);
    // Held to the end: dropping it writes the buffered lines.
    let _log = process::start_log(&loaded.settings)?;
    if demo {
        log::warn!(
            target: ERROR,
            "--demo: the passwords of johndoe and alice are public; not for production"
        );
        match &loaded.settings.server.public_url {
            Some(url) => {
                log::info!(target: ERROR, "--demo: sign in at {}/auth/account", url.as_str());
            }
            None => log::info!(
                target: ERROR,
                "--demo: no pages to sign in at, for {}; server.public_url says where browsers reach this \
                 server",
                why_demo_has_no_url(&loaded.settings)
            ),
        }
    }
    process::run(program, (layers, loaded))?;
    Ok(ExitCode::SUCCESS)
}

/// The master prints the errors that occur here, in its own way.
fn work(mut worker: Worker, application: Application, (layers, demo): (Layers, bool)) -> ExitCode {
    let handover = &mut worker.handover;
    let (text, env_text) = (handover.config.take(), handover.env_file.take());
    let files = std::mem::take(&mut handover.files);
    let layers = Layers { text, env_text, ..layers };
    let started = || -> Result<(Settings, OwnSettings, LoggingGuard), CommandError> {
        let loaded = layers.load()?;
        let (settings, own) = (worker.settings(loaded.settings.with(files)), loaded.own);
        cores::settle(settings.server.core_dumps);
        process::check(&settings).map_err(CommandError::wrong_settings)?;
        let log = logging::init(&settings.logging);
        Ok((settings, own, log.map_err(|error| CommandError::Failed(error.to_string()))?))
    };
    let served = match started() {
        Ok((settings, own, _log)) => {
            logging::filter_by(application.log_filters);
            let application = (application.mounts, application.life, own);
            worker.run(application, Arc::new(settings), demo)
        }
        Err(failure) => {
            worker.fail(&failure);
            false
        }
    };
    if served { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
