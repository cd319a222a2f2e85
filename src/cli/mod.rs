//! The command line: arguments in, exit code out. One file for each command.

mod arguments;
mod check_config;
mod ctl;
mod db;
mod foreign;
mod health;
mod openapi;
mod print_config;
mod report;
mod serve;
mod users;

use crate::logging::LogFilter;
use crate::server::Application;
use crate::server::Routes;
use crate::server::cores;
use arguments::{Arguments, Command};
use report::Failure;
use std::ffi::OsString;
use std::process::ExitCode;

/// The whole program, to which an application adds its routes.
///
/// ```no_run
/// use std::process::ExitCode;
///
/// fn main() -> ExitCode {
///     bailiwick::Server::new().run_from_args()
/// }
/// ```
#[derive(Debug, Default)]
pub struct Server {
    application: Application,
}

impl Server {
    /// The server without routes of an application.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds routes beside the built-in ones; `mount` is called once in each worker.
    #[must_use]
    pub fn mount(mut self, mount: impl Fn(&mut Routes<'_>) + Send + Sync + 'static) -> Self {
        self.application.mount(mount);
        self
    }

    /// Adds a filter of the access log: a line is written where all of them keep it. A function or a
    /// type, see [`LogFilter`].
    #[must_use]
    pub fn log_filter(mut self, filter: impl LogFilter) -> Self {
        self.application.log_filter(filter);
        self
    }

    /// Does what this process's arguments say; `bailiwick --help` lists them.
    ///
    /// Exit codes: 0 when it was done; 2 for wrong use and a wrong configuration; 1 when it could
    /// not be done for another reason. Whatever went wrong is one line on standard error.
    #[must_use]
    pub fn run_from_args(self) -> ExitCode {
        cores::forbid();
        self.run(std::env::args_os()).unwrap_or_else(Failure::report)
    }

    fn run(self, arguments: impl IntoIterator<Item = OsString>) -> Result<ExitCode, Failure> {
        let arguments = Arguments::read(arguments)?;
        if let Some(Command::Health { ready }) = arguments.command {
            health::run(&arguments.options, ready)?;
            return Ok(ExitCode::SUCCESS);
        }
        let layers = arguments.options.layers()?;
        let command = arguments.command.unwrap_or(Command::Serve);
        let demo = arguments.options.demo;
        match command {
            Command::Serve => return serve::run(self.application, layers, demo),
            Command::CheckConfig => {
                check_config::run(&self.application, layers, demo)?;
                return Ok(ExitCode::SUCCESS);
            }
            _ => {}
        }
        let loaded = layers.load()?;
        cores::settle(loaded.settings.server.core_dumps);
        match command {
            Command::Serve | Command::CheckConfig | Command::Health { .. } => {}
            Command::Ctl { command } => ctl::run(command, &loaded.settings)?,
            Command::Users { command } => return Ok(users::run(command, &loaded.settings)),
            Command::Db { command } => db::run(command, &arguments.options, &loaded.settings)?,
            Command::PrintConfig { json } => print_config::run(&loaded, json)?,
            Command::Openapi => openapi::run(&self.application, &loaded)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(test)]
mod tests;
