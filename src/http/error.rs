//! Why the server cannot start or continue.

use crate::domain::program;
use crate::logging::LoggingError;
use crate::security::BadPeer;
use crate::services::StartError;
use crate::settings::Bind;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// Another socket already listens there.
pub(crate) const IN_USE: &str = "address already in use";

/// The server cannot start or continue; each prints as one line.
#[derive(Debug, Error)]
pub enum ServeError {
    /// An address cannot be bound.
    #[error("{bind}: {cause} ({key}){}", hint(cause))]
    Bind {
        /// The setting that names it.
        key: &'static str,
        /// The address as configured.
        bind: Bind,
        /// What is wrong with it.
        cause: String,
    },
    /// A setting has an invalid value.
    #[error("{key}: `{}`: expected {allowed}", value.escape_debug())]
    Setting {
        /// The setting, for example `cors.origins[0]`.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A log setting has an invalid value.
    #[error(transparent)]
    Logging(#[from] LoggingError),
    /// Database, keys or users are not available.
    #[error(transparent)]
    Services(StartError),
    /// The worker threads did not start; the cause is in the log.
    #[error("the workers cannot start: {0}")]
    Workers(io::Error),
    /// The first worker process did not start; the line is its own.
    #[error("{0}")]
    Worker(String),
    /// Another server runs with this pidfile.
    #[error("{}: a server is already running{} (server.pidfile)", pidfile.display(), process(*pid))]
    Running {
        /// The pidfile.
        pidfile: PathBuf,
        /// The other's process id, if the file tells it.
        pid: Option<i32>,
    },
    /// The application itself cannot start.
    #[error("{0}")]
    Application(String),
    /// A route of the application that would never be reached.
    #[error("{route}: hidden by the server's own route {hidden_by}")]
    HiddenRoute {
        /// Its method and path.
        route: String,
        /// The server's own route that is reached instead.
        hidden_by: String,
    },
    /// A file cannot be read or written, or a socket cannot be reached.
    #[error("{}: {cause} ({key})", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
        /// The setting that names it.
        key: &'static str,
    },
    /// The operating system refused something every server needs.
    #[error("the server cannot run: {0}")]
    Runtime(io::Error),
}

impl From<BadPeer> for ServeError {
    fn from(BadPeer { index, text }: BadPeer) -> Self {
        Self::Setting {
            key: format!("server.forwarded_allow_ips[{index}]"),
            value: text,
            allowed: "an address, a network such as 10.0.0.0/8, or unix",
        }
    }
}

/// The usual reason for an address in use.
fn hint(cause: &str) -> String {
    let program = program();
    match cause {
        IN_USE => format!("; `{program} ctl status` tells whether {program} is using it"),
        _ => String::new(),
    }
}

fn process(pid: Option<i32>) -> String {
    pid.map(|pid| format!(", process {pid}")).unwrap_or_default()
}
