//! The control socket, both ends: one line of JSON in, one out.

use super::Event;
use super::signals::{Command, Threads};
use super::status::Status;
use crate::http::ServeError;
use crate::process::listener::{self, SocketFile};
use crate::process::root_files;
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use socket2::{Domain, SockAddr, Type};
use std::fs::DirBuilder;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixListener;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longest request in bytes.
const LONGEST: u64 = 1024;

/// Longest response in bytes: a line for each of 1024 processes.
const LONGEST_ANSWER: u64 = 1 << 20;

/// How long either end waits for the other.
const PATIENCE: Duration = Duration::from_secs(10);

/// The same for a health check, which is frequent and whose callers do not wait longer.
const QUICK: Duration = Duration::from_secs(4);

/// The same for the end of a reload. The master limits a reload itself (`server.timeout`); this
/// guards against a stalled master.
const LONG: Duration = Duration::from_mins(10);

/// Pause between two attempts to take the socket from another process.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// What `bailiwick ctl` can request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Request {
    /// Report the state of everything.
    Status,
    /// Report whether the server is alive.
    Health,
    /// Report whether it should get requests.
    Ready,
    /// Reload the configuration and replace all workers.
    Reload,
    /// The same, but respond once it is done or has failed.
    ReloadAndWait,
    /// Change the number of worker threads in each process.
    Workers(Threads),
    /// Reopen the log files.
    ReopenLogs,
    /// Start the program again and let it take over.
    Upgrade,
    /// Stop the workers, keep the master and its sockets.
    Rest,
    /// Start the workers again.
    Wake,
    /// Stop; requests in flight may finish.
    Stop,
}

impl Request {
    /// How long either end waits for the response.
    fn patience(self) -> Duration {
        match self {
            Self::Health | Self::Ready => QUICK,
            Self::ReloadAndWait => LONG,
            _ => PATIENCE,
        }
    }

    pub(super) fn command(self) -> Option<Command> {
        Some(match self {
            Self::Status | Self::Health | Self::Ready => return None,
            Self::Reload | Self::ReloadAndWait => Command::Reload,
            Self::Workers(threads) => Command::Workers(threads),
            Self::ReopenLogs => Command::ReopenLogs,
            Self::Upgrade => Command::Upgrade,
            Self::Rest => Command::Rest,
            Self::Wake => Command::Wake,
            Self::Stop => Command::Stop,
        })
    }
}

/// The master's response.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// The state of everything.
    Status(Status),
    /// Under way; the line says what.
    Accepted(String),
    /// Refused; the line says why.
    Refused(String),
}

/// Control sockets of root that cannot be in the data folder.
const ELSEWHERE: &str = "/run/bailiwick-control";

/// The control socket's path under these settings.
///
/// By default it is in the data folder, unless the worker processes' user can write there: root
/// must neither obey nor believe a socket in such a folder.
pub(super) fn path(settings: &Settings) -> PathBuf {
    let usual = settings.control_socket();
    let own = !root_files::is_root()
        || settings.server.control_socket.is_some()
        || settings.server.user.is_none() && root_files::check_place(&usual).is_ok();
    match std::path::absolute(&settings.data_dir) {
        Ok(data) if !own => Path::new(ELSEWHERE).join(root_files::flat(&data)),
        _ => usual,
    }
}

/// Sends a request to the master running with these settings.
///
/// Root may ask another user's master, whose socket is in the data folder: root acts on nothing it
/// hears there, and sends no secret.
pub fn ask(settings: &Settings, request: Request) -> Result<Response, ServeError> {
    let (roots, usual) = (path(settings), settings.control_socket());
    match ask_at(&roots, request) {
        Err(error) if roots != usual && is_absent(&error) => ask_at(&usual, request),
        asked => asked,
    }
    .map_err(|error| ServeError::File {
        cause: if is_absent(&error) {
            "no server listens here; is it running, with the same configuration and user?"
                .to_owned()
        } else {
            error.to_string()
        },
        path: usual,
        key: "server.control_socket",
    })
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
}

fn ask_at(path: &Path, request: Request) -> io::Result<Response> {
    let patience = request.patience();
    let asked = || -> io::Result<Response> {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        // Before connecting, which blocks while a stalled server's queue is full.
        socket.set_write_timeout(Some(patience))?;
        socket.set_read_timeout(Some(patience))?;
        socket.connect(&SockAddr::unix(path)?)?;
        let mut stream = UnixStream::from(OwnedFd::from(socket));
        stream.write_all(&crate::process::channel::line(&request)?)?;
        let mut line = String::new();
        if BufReader::new(stream.take(LONGEST_ANSWER)).read_line(&mut line)? == 0 {
            return Err(io::Error::other("the server has just stopped"));
        }
        Ok(serde_json::from_str(&line)?)
    };
    asked().map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => {
            io::Error::other(format!("the server has not answered in {} s", patience.as_secs()))
        }
        _ => error,
    })
}

/// The control socket of this master; dropping it closes the socket and removes its file.
pub(super) struct Control {
    file: SocketFile,
    asked: JoinHandle<()>,
}

impl Control {
    /// Whether this master responds at that path.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.file.path() == path && self.file.is_there()
    }

    /// Leaves the file to another process.
    pub(super) fn disown(&self) {
        self.file.disown();
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.asked.abort();
    }
}

/// Starts listening on the socket.
pub(super) fn listen(
    path: &Path,
    takes_over: bool,
    events: &UnboundedSender<Event>,
) -> io::Result<Control> {
    if path.starts_with(ELSEWHERE) {
        DirBuilder::new().recursive(true).mode(0o700).create(ELSEWHERE)?;
    }
    let (listener, file) = listener::control(path, takes_over)?;
    let listener = UnixListener::from_std(listener)?;
    let events = events.clone();
    let asked = actix_web::rt::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    actix_web::rt::spawn(serve(stream, events.clone()));
                }
                // Most likely out of descriptors.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    });
    Ok(Control { file, asked })
}

async fn serve(mut stream: tokio::net::UnixStream, events: UnboundedSender<Event>) {
    let (reader, mut writer) = stream.split();
    let mut line = String::new();
    let mut reader = tokio::io::BufReader::new(reader.take(LONGEST));
    let Ok(Ok(_)) = timeout(PATIENCE, reader.read_line(&mut line)).await else { return };
    let answer = match serde_json::from_str::<Request>(&line) {
        Ok(request) => {
            let (sender, answer) = oneshot::channel();
            // The master responds as long as it lives.
            let _ = events.send(Event::Asked(request, sender));
            let Ok(Ok(answer)) = timeout(request.patience(), answer).await else { return };
            answer
        }
        Err(error) => Response::Refused(format!("this is not a request: {error}")),
    };
    if let Ok(line) = crate::process::channel::line(&answer) {
        // A client that does not wait does not need the response.
        let _ = timeout(PATIENCE, writer.write_all(&line)).await;
    }
}
