//! Messages between master and worker: JSON lines on a socket that is the worker's stdin.

use crate::domain::AuditFields;
use crate::http::monitoring::stats::StatsSnapshot;
use crate::settings::Contents;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{self, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as StdStream;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Marks a worker process; its value is the master's process id.
pub(super) const WORKER: &str = "BAILIWICK_WORKER";

/// Marks a master that takes over; its value is the old master's process id.
pub(super) const SUCCESSOR: &str = "BAILIWICK_SUCCESSOR";

/// Longest line in bytes; the longest holds the figures of all routes. A worker process of another
/// user must not fill the memory of a master that runs as root.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What a worker needs before it can start: JSON, after a line with its length in bytes.
#[derive(Serialize, Deserialize)]
pub struct Handover {
    /// Text of the `--config` file when the master accepted it: a worker started later must not see
    /// another one.
    pub config: Option<String>,
    /// The same for the `--env-file`.
    pub env_file: Option<String>,
    /// The same for the files that the settings name.
    pub files: Contents,
    /// Whether it first checks the database for damage: no process has served since the server
    /// started.
    pub(super) looks_for_damage: bool,
    /// Its worker threads.
    pub threads: usize,
    /// How many sockets it gets for the API.
    pub(super) sockets: usize,
    /// How many for health and metrics, after those.
    pub(super) admin_sockets: usize,
}

/// Leaves out what the files hold.
impl fmt::Debug for Handover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handover").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Handover {
    /// As sent.
    pub(super) fn packed(&self) -> io::Result<Vec<u8>> {
        let text = serde_json::to_vec(self)?;
        Ok([line(&text.len())?, text].concat())
    }

    /// Reads the one for this process, and the channel after it.
    pub(super) fn to_this_process() -> io::Result<(Self, StdStream)> {
        let (length, mut channel) = of_this_process::<u64>()?;
        let mut text = Vec::new();
        (&mut channel).take(length).read_to_end(&mut text)?;
        Ok((serde_json::from_slice(&text)?, channel))
    }
}

/// The master's orders to a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Order {
    /// Others have taken over: stop accepting, send clients away for so many seconds, then stop.
    Drain(u64),
    /// Nobody takes over: stop accepting, send clients away for so many seconds, then stop.
    Leave {
        /// The most it may take.
        seconds: u64,
        /// Whether to shut the sockets down for all processes, so that new connections are refused.
        refuse: bool,
    },
    /// Stop; requests in flight may finish within `graceful_timeout`.
    Stop,
    /// Stop; requests in flight may finish within so many seconds.
    Finish(u64),
    /// Stop at once.
    Quit,
    /// Reopen the log files.
    ReopenLogs,
    /// Report whether the database responds; the number comes back with the report.
    AskDatabase(u64),
    /// Report the figures that have changed; the number comes back with the report.
    TellFigures(u64),
}

/// A message from the master.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum FromMaster {
    Order(Order),
    /// The response to [`Report::AskFigures`].
    Figures {
        /// The number of the question.
        question: u64,
        /// In Prometheus's text format.
        figures: Arc<str>,
    },
    /// The master, which has no database, has told the audit log.
    Audited {
        /// The event.
        audited: AuditFields,
    },
}

/// A worker's reports to the master.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Report {
    /// It serves.
    Ready,
    /// It cannot start; the line says why.
    Failed(String),
    /// It is alive.
    Alive(StatsSnapshot),
    /// It no longer accepts, as [`Order::Leave`] ordered.
    Paused,
    /// It received SIGTERM and serves until another process does.
    Terminated,
    /// The response to [`Order::AskDatabase`].
    Database {
        /// The number of the question.
        question: u64,
        /// Whether the database responds.
        answers: bool,
        /// The fingerprint of the secret it signs with.
        secret: String,
        /// Those of other servers on the same database.
        other_secrets: Vec<String>,
    },
    /// Its figures.
    Figures {
        /// The number of the round, if [`Order::TellFigures`] asked.
        round: Option<u64>,
        /// What has changed since the last report, in Prometheus's text format.
        lines: String,
    },
    /// Asks for the figures of all processes; the number comes back with the response.
    AskFigures(u64),
}

/// The first line to a successor.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Inheritance {
    /// What each socket was bound for, in order; `None` for those of systemd.
    pub(super) binds: Vec<Option<String>>,
    /// The same for those of `admin.bind`, which follow them.
    #[serde(default)]
    pub(super) admin: Vec<Option<String>>,
}

/// A successor's message to the old master: it serves.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakenOver;

/// The channel this process was started with, after its first line.
pub(super) fn of_this_process<T: DeserializeOwned>() -> io::Result<(T, StdStream)> {
    let mut channel = StdStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut line = Vec::new();
    let mut byte = [0];
    // Only this line: the rest is read elsewhere.
    while line.last() != Some(&b'\n') {
        channel.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok((serde_json::from_slice(&line)?, channel))
}

/// One end of the channel.
pub(super) struct Channel {
    pub(super) reader: ChannelReader,
    pub(super) writer: ChannelWriter,
}

impl Channel {
    pub(super) fn new(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let (reader, writer) = UnixStream::from_std(stream)?.into_split();
        let reader = ChannelReader { lines: BufReader::new(reader) };
        Ok(Self { reader, writer: ChannelWriter { writer } })
    }
}

pub(super) struct ChannelReader {
    lines: BufReader<OwnedReadHalf>,
}

impl ChannelReader {
    /// The next message; `None` once the other end has closed, or after a malformed or overlong
    /// line.
    pub(super) async fn next<T: DeserializeOwned>(&mut self) -> Option<T> {
        let mut line = String::new();
        match (&mut self.lines).take(LONGEST).read_line(&mut line).await {
            Ok(length) if length > 0 => serde_json::from_str(&line).ok(),
            _ => None,
        }
    }
}

pub(super) struct ChannelWriter {
    writer: OwnedWriteHalf,
}

impl ChannelWriter {
    pub(super) async fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.put(&line(message)?).await
    }

    /// Sends an encoded message.
    pub(super) async fn put(&mut self, message: &[u8]) -> io::Result<()> {
        self.writer.write_all(message).await
    }
}

/// Encodes a message.
pub(super) fn line(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    #[actix_web::test]
    async fn an_endless_line_is_not_a_message() {
        for (length, is_message) in [(1000, true), (LONGEST, false)] {
            let (ours, mut theirs) = StdStream::pair().unwrap();
            let text = "a".repeat(length.try_into().unwrap());
            let sent = line(&text).unwrap();
            // The write fails once the reader has gone.
            let writing = std::thread::spawn(move || drop(theirs.write_all(&sent)));
            let mut reader = Channel::new(ours).unwrap().reader;
            assert_eq!(reader.next::<String>().await == Some(text), is_message, "{length}");
            drop(reader);
            writing.join().unwrap();
        }
    }
}
