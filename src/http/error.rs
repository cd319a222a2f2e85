//! Why the server does not serve.

use crate::logging::LoggingError;
use crate::security::BadPeer;
use crate::services::StartError;
use crate::settings::Bind;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Somebody listens there already.
pub(crate) const IN_USE: &str = "address already in use";

/// The server cannot start or go on; each is one line for whoever started it.
#[derive(Debug)]
pub enum ServeError {
    /// An address cannot be listened on.
    Bind {
        /// The setting that names it.
        key: &'static str,
        /// The address as configured.
        bind: Bind,
        /// What is wrong with it.
        cause: String,
    },
    /// A setting has a value that means nothing.
    Setting {
        /// The setting, for example `cors.origins[0]`.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// A setting of the log has a value that means nothing.
    Logging(LoggingError),
    /// Database, keys or users are not to be had.
    Services(StartError),
    /// The workers did not start; the cause is in the log.
    Workers(io::Error),
    /// The first worker process did not start; the line is its own.
    Worker(String),
    /// Another server runs with this pidfile.
    Running {
        /// The pidfile.
        pidfile: PathBuf,
        /// The other's process id, as far as the file tells it.
        pid: Option<i32>,
    },
    /// A route of the application that could never answer.
    HiddenRoute {
        /// Its method and path.
        route: String,
        /// The server's own route that answers in its place.
        hidden_by: String,
    },
    /// A file cannot be read or written, or a socket cannot be reached.
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: String,
        /// The setting that names it.
        key: &'static str,
    },
    /// The operating system refused something that every server needs.
    Runtime(io::Error),
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { key, bind, cause } if cause == IN_USE => {
                write!(
                    f,
                    "{bind}: {cause} ({key}); `bailiwick ctl status` tells whether bailiwick is \
                     using it"
                )
            }
            Self::Bind { key, bind, cause } => write!(f, "{bind}: {cause} ({key})"),
            Self::Setting { key, value, allowed } => {
                write!(f, "{key}: `{}`: expected {allowed}", value.escape_debug())
            }
            Self::Logging(error) => error.fmt(f),
            Self::Services(error) => error.fmt(f),
            Self::Workers(error) => write!(f, "the workers cannot start: {error}"),
            Self::Worker(line) => f.write_str(line),
            Self::Running { pidfile, pid } => {
                write!(f, "{}: a server is already running", pidfile.display())?;
                if let Some(pid) = pid {
                    write!(f, ", process {pid}")?;
                }
                f.write_str(" (server.pidfile)")
            }
            Self::HiddenRoute { route, hidden_by } => {
                write!(f, "{route}: hidden by the server's own route {hidden_by}")
            }
            Self::File { path, cause, key } => write!(f, "{}: {cause} ({key})", path.display()),
            Self::Runtime(error) => write!(f, "the server cannot run: {error}"),
        }
    }
}

impl std::error::Error for ServeError {}

impl From<BadPeer> for ServeError {
    fn from(BadPeer { index, text }: BadPeer) -> Self {
        Self::Setting {
            key: format!("server.forwarded_allow_ips[{index}]"),
            value: text,
            allowed: "an address, a network such as 10.0.0.0/8, or unix",
        }
    }
}

impl From<LoggingError> for ServeError {
    fn from(error: LoggingError) -> Self {
        Self::Logging(error)
    }
}
