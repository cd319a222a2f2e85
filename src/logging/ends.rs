//! The destinations of handlers: the process's streams, and files.

use super::LoggingError;
use super::config::{HandlerConfig, LogConfig, Stream};
use super::rotating::{RotatingFile, Rotation};
use super::sink::{LogFile, Open, Sink, open_file};
use super::whole::WholeLines;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Gives handlers their sinks.
pub(super) trait Sinks {
    /// The sink of a stream; the same each time.
    fn stream(&mut self, stream: Stream) -> Result<Sink, LoggingError>;

    /// How files are opened.
    fn open(&self) -> Open {
        Arc::new(open_file)
    }
}

/// The process's own streams.
pub(super) struct OwnStreams {
    out: Option<Sink>,
    err: Option<Sink>,
    open: Open,
}

impl OwnStreams {
    pub(super) fn new(open: Open) -> Self {
        Self { out: None, err: None, open }
    }

    /// Opens files this way from now on.
    pub(super) fn open_files(&mut self, open: Open) {
        self.open = open;
    }
}

impl Sinks for OwnStreams {
    fn stream(&mut self, stream: Stream) -> Result<Sink, LoggingError> {
        let (place, sink): (_, fn() -> _) = match stream {
            Stream::Stdout => {
                (&mut self.out, || Sink::new("stdout", WholeLines::new(io::stdout())))
            }
            Stream::Stderr => {
                (&mut self.err, || Sink::new("stderr", WholeLines::new(io::stderr())))
            }
        };
        match place {
            Some(sink) => Ok(sink.clone()),
            None => Ok(place.insert(sink()?).clone()),
        }
    }

    fn open(&self) -> Open {
        Arc::clone(&self.open)
    }
}

/// A handler's file.
pub(super) fn open(
    (config, handler): (&LogConfig, &str),
    path: &Path,
    open: &Open,
) -> Result<LogFile, LoggingError> {
    LogFile::open(path, open).map_err(|error| {
        let allowed = format!("a file to write to ({error})");
        config.bad(&format!("handlers.{handler}.file"), &path.display().to_string(), allowed)
    })
}

/// The sink of a handler's file.
pub(super) fn file_sink(
    file: LogFile,
    (path, handler): (&Path, &HandlerConfig),
) -> Result<Sink, LoggingError> {
    let shown = path.display().to_string();
    match (handler.max_bytes, handler.backups) {
        (Some(max_bytes), Some(backups)) => {
            Sink::new(&shown, RotatingFile::new(path, file, Rotation { max_bytes, backups }))
        }
        _ => Sink::new(&shown, file),
    }
}
