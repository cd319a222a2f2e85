//! `bailiwick ctl`: asks and commands the server that runs with the same configuration.

use crate::cli::report;
use crate::cli::report::Failure;
use crate::server;
use crate::server::{Answer, Request};
use crate::settings::Settings;
use clap::{Subcommand, ValueEnum};

/// What to ask the running server.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(super) enum CtlCommand {
    /// Show processes, threads, requests, memory.
    Status {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Read the configuration again and replace all workers (SIGHUP).
    Reload,
    /// One worker thread more or fewer in each process (SIGTTIN, SIGTTOU).
    Workers {
        /// +1 or -1.
        #[arg(allow_hyphen_values = true)]
        change: Change,
    },
    /// Reopen the log's files (SIGUSR1).
    ReopenLogs,
    /// Start the program anew, and let it take over (SIGUSR2).
    Upgrade,
    /// Stop the workers, keep the master and its sockets: clients wait (SIGWINCH without a terminal).
    Rest,
    /// Start the workers again after `rest`.
    Wake,
    /// Stop; requests in flight may finish (SIGTERM).
    Stop,
}

/// One thread more or fewer.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Change {
    #[value(name = "+1")]
    More,
    #[value(name = "-1")]
    Fewer,
}

/// Asks, and prints the answer.
pub(super) fn run(command: CtlCommand, settings: &Settings) -> Result<(), Failure> {
    let request = match command {
        CtlCommand::Status { .. } => Request::Status,
        CtlCommand::Reload => Request::Reload,
        CtlCommand::Workers { change: Change::More } => Request::More,
        CtlCommand::Workers { change: Change::Fewer } => Request::Fewer,
        CtlCommand::ReopenLogs => Request::ReopenLogs,
        CtlCommand::Upgrade => Request::Upgrade,
        CtlCommand::Rest => Request::Rest,
        CtlCommand::Wake => Request::Wake,
        CtlCommand::Stop => Request::Stop,
    };
    match (server::ask(settings, request)?, command) {
        (Answer::Status(status), CtlCommand::Status { json: true }) => {
            let text = serde_json::to_string_pretty(&status)
                .map_err(|error| Failure::Failed(error.to_string()))?;
            report::print(&format!("{text}\n"))
        }
        // Root may ask a server of another user's, who must not write to root's terminal.
        (Answer::Status(status), _) => {
            let lines = status.to_string();
            let lines = lines.lines().map(|line| report::escaped(line) + "\n");
            report::print(&lines.collect::<String>())
        }
        (Answer::Accepted(line), _) => report::print(&(report::escaped(&line) + "\n")),
        (Answer::Refused(line), _) => Err(Failure::Failed(line)),
    }
}
