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
mod new;
mod openapi;
mod own;
mod print_config;
mod progress;
mod report;
mod serve;
mod shell;
mod users;

use crate::domain::program;
use crate::process::cores;
use crate::server::Server;
use crate::settings::{Layers, Loaded};
use arguments::{Arguments, Command, Options};
use clap::FromArgMatches as _;
use new::New;
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
        if self.program.is_valid() {
            self.program.clone().introduce();
        }
        self.check(&Arguments::definition())?;
        let application = self.application;
        let own = application.commands.iter().map(own::definition);
        // Only of the server itself: an application begins no other.
        let is_server = program().name == "bailiwick";
        let begins = is_server.then(new::definition);
        let definition = Arguments::definition().subcommands(own.chain(begins));
        let matches = definition.clone().try_get_matches_from(arguments)?;
        let called = matches.subcommand().and_then(|(name, arguments)| {
            let command = application.commands.iter().find(|command| command.name == name)?;
            Some((command, arguments))
        });
        if let Some(("new", arguments)) = matches.subcommand().filter(|_| is_server) {
            new::run(New::from_arg_matches(arguments)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        if let Some(command) = called {
            let options = Options::from_arg_matches(&matches)?;
            own::run(&application, command, own::layers(options, &application)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        let Arguments { options, command } = Arguments::from_arg_matches(&matches)?;
        let demo = options.demo;
        let layers = |options| own::layers(options, &application);
        match command.unwrap_or(Command::Serve) {
            Command::Serve => return serve::run(application.clone(), layers(options)?, demo),
            Command::CheckConfig => check_config::run(&application, layers(options)?, demo)?,
            Command::Health { ready } => health::run(layers(options), ready)?,
            Command::Ctl { command } => ctl::run(command, &load(layers(options)?)?.settings)?,
            Command::Users { command } => {
                let loaded = load(layers(options)?)?;
                users::run(command, (&application.life, &loaded.own), &loaded.settings)?;
            }
            Command::Audit(command) => audit::run(&command, &load(layers(options)?)?.settings)?,
            Command::ApiKeys { command } => {
                api_keys::run(command, &load(layers(options)?)?.settings)?;
            }
            Command::Keys { command } => {
                keys::run(command, &load(layers(options)?)?.settings, demo)?;
            }
            Command::Clients { command } => {
                clients::run(command, &load(layers(options)?)?.settings)?;
            }
            Command::Db { command } => {
                let given = layers(options)?;
                db::run(command, &given, &load(given.clone())?.settings)?;
            }
            Command::PrintConfig { form } => {
                print_config::run(form, &application.sections, || load(layers(options)?))?;
            }
            Command::Completions { shell } => shell::completions(shell, definition)?,
            Command::Man(pages) => shell::man(pages, definition)?,
            Command::Openapi => openapi::run(&application, &load(layers(options)?)?)?,
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
