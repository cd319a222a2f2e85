//! `bailiwick ctl`: queries and commands the server that runs with the same configuration.

use crate::cli::report::{self, CommandError};
use crate::process::{self, Request, Response, Threads};
use crate::settings::Settings;
use clap::Subcommand;

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
    Reload {
        /// Return when all are replaced; fail if they are not.
        #[arg(long)]
        wait: bool,
    },
    /// Change the number of worker threads in each process (SIGTTIN, SIGTTOU).
    Workers {
        /// 4 for so many, +1 or -1 for one more or fewer.
        #[arg(value_name = "NUMBER", allow_hyphen_values = true, value_parser = threads)]
        threads: Threads,
    },
    /// Reopen the log files (SIGUSR1).
    ReopenLogs,
    /// Start the program again and let it take over (SIGUSR2).
    Upgrade,
    /// Stop the workers but keep the master and its sockets, so clients wait (SIGWINCH without a terminal).
    Rest,
    /// Start the workers again after `rest`.
    Wake,
    /// Stop gracefully: requests in flight may finish (SIGTERM).
    Stop,
}

fn threads(text: &str) -> Result<Threads, &'static str> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = if digits.len() == text.len() {
        text.parse().map(Threads::Be)
    } else {
        text.parse().map(Threads::By)
    };
    parsed.ok().filter(|_| is_number).ok_or("expected a number, or a change such as +1 or -1")
}

/// Sends the request and prints the response.
pub(super) fn run(command: CtlCommand, settings: &Settings) -> Result<(), CommandError> {
    let request = match command {
        CtlCommand::Status { .. } => Request::Status,
        CtlCommand::Reload { wait: false } => Request::Reload,
        CtlCommand::Reload { wait: true } => Request::ReloadAndWait,
        CtlCommand::Workers { threads } => Request::Workers(threads),
        CtlCommand::ReopenLogs => Request::ReopenLogs,
        CtlCommand::Upgrade => Request::Upgrade,
        CtlCommand::Rest => Request::Rest,
        CtlCommand::Wake => Request::Wake,
        CtlCommand::Stop => Request::Stop,
    };
    match (process::ask(settings, request)?, command) {
        (Response::Status(status), CtlCommand::Status { json: true }) => {
            let text = serde_json::to_string_pretty(&status)
                .map_err(|error| CommandError::Failed(error.to_string()))?;
            report::print(&format!("{text}\n"))
        }
        // Root may query another user's server, which must not write to root's terminal.
        (Response::Status(status), _) => {
            let lines = status.to_string();
            let lines = lines.lines().map(|line| report::escaped(line) + "\n");
            report::print(&lines.collect::<String>())
        }
        (Response::Accepted(line), _) => report::print(&(report::escaped(&line) + "\n")),
        (Response::Refused(line), _) => Err(CommandError::Failed(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_of_threads_is_absolute_without_a_sign() {
        assert_eq!(threads("4"), Ok(Threads::Be(4)));
        assert_eq!((threads("+2"), threads("-1")), (Ok(Threads::By(2)), Ok(Threads::By(-1))));
        for wrong in ["", "+", "-", "1.5", "two", "+-1", "--1", "+ 1", "99999999999999999999"] {
            assert!(threads(wrong).is_err(), "{wrong}");
        }
    }
}
