//! The command line: arguments in, exit code out. One file for each command.

mod api_keys;
mod arguments;
mod audit;
mod check_config;
mod clients;
mod ctl;
mod db;
mod foreign;
mod health;
mod key_flags;
mod keys;
mod openapi;
mod print_config;
mod progress;
mod report;
mod serve;
mod users;

use crate::process::cores;
use crate::server::Server;
use crate::settings::{Layers, Loaded};
use arguments::{Arguments, Command};
use report::CommandError;
use std::ffi::OsString;
use std::process::ExitCode;

impl Server {
    /// Runs the command in this process's arguments; `bailiwick --help` lists them.
    ///
    /// Exit codes: 0 on success; 2 for wrong usage and an invalid configuration; 1 for any other
    /// failure. Each error is one line on standard error.
    #[must_use]
    pub fn run_from_args(self) -> ExitCode {
        cores::forbid();
        self.run(std::env::args_os()).unwrap_or_else(CommandError::report)
    }

    fn run(self, arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode, CommandError> {
        let Arguments { options, command } = Arguments::read(arguments)?;
        let demo = options.demo;
        match command.unwrap_or(Command::Serve) {
            Command::Serve => return serve::run(self.application, options.layers()?, demo),
            Command::CheckConfig => check_config::run(&self.application, options.layers()?, demo)?,
            Command::Health { ready } => health::run(options, ready)?,
            Command::Ctl { command } => ctl::run(command, &load(options.layers()?)?.settings)?,
            Command::Users { command } => users::run(command, &load(options.layers()?)?.settings)?,
            Command::Audit(command) => audit::run(&command, &load(options.layers()?)?.settings)?,
            Command::ApiKeys { command } => {
                api_keys::run(command, &load(options.layers()?)?.settings)?;
            }
            Command::Keys { command } => {
                keys::run(command, &load(options.layers()?)?.settings, demo)?;
            }
            Command::Clients { command } => {
                clients::run(command, &load(options.layers()?)?.settings)?;
            }
            Command::Db { command } => {
                let layers = options.layers()?;
                db::run(command, &layers, &load(layers.clone())?.settings)?;
            }
            Command::PrintConfig { form } => print_config::run(form, || load(options.layers()?))?,
            Command::Openapi => openapi::run(&self.application, &load(options.layers()?)?)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The settings, for all commands that do not start a server.
fn load(layers: Layers) -> Result<Loaded, CommandError> {
    let loaded = layers.load()?;
    cores::settle(loaded.settings.server.core_dumps);
    Ok(loaded)
}

#[cfg(test)]
mod tests;
