//! The log: lines in Python logging's words; the access log goes to stdout, everything else to stderr.

mod escape;
mod filter;
mod format;
mod sink;

pub use escape::{escape, redact_query};
pub use filter::AccessFilter;

use crate::settings::Level;
use crate::settings::LoggingSettings;
use format::LineFormat;
use log::{LevelFilter, Log, Metadata, Record};
use sink::Sink;
use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

/// Target of the access log, one line a request; written to stdout.
pub const ACCESS: &str = "bailiwick.access";

/// Target of what the server says about itself; written to stderr.
pub const ERROR: &str = "bailiwick.error";

/// Target that turns an error into level `CRITICAL` of [`ERROR`]; `log` has no such level.
pub const CRITICAL: &str = "bailiwick.critical";

/// Crates below us whose normal course interests only who looks for a fault.
const QUIET: [&str; 6] = ["actix", "mio", "paperclip", "rustls", "sqlx", "tokio"];

/// Reports each malformed request as an error of ours, so that any client could fill the log.
const CLIENTS_FAULTS: &str = "actix_http::h1::dispatcher";

/// How long the end of the program waits for a reader of the log that does not read.
const LAST_FLUSH: Duration = Duration::from_secs(2);

/// The log cannot be set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoggingError {
    /// A setting has a value that means nothing.
    Setting {
        /// The setting, for example `logging.format`.
        key: String,
        /// Its value.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// The program has a log already.
    AlreadySet,
    /// The thread that writes cannot be started.
    Thread(String),
}

impl LoggingError {
    fn setting(key: impl Into<String>, value: &str, allowed: impl Into<String>) -> Self {
        Self::Setting { key: key.into(), value: value.to_owned(), allowed: allowed.into() }
    }
}

impl fmt::Display for LoggingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setting { key, value, allowed } => {
                let value = value.escape_debug();
                write!(f, "{key}: `{value}`: expected {allowed}")
            }
            Self::AlreadySet => f.write_str("the program has set up a log already"),
            Self::Thread(cause) => write!(f, "the log's thread cannot be started: {cause}"),
        }
    }
}

impl std::error::Error for LoggingError {}

/// Writes what is still in memory when it is dropped; keep it until the program ends.
#[must_use = "lines are lost at the end of the program when it is dropped at once"]
#[derive(Debug)]
pub struct LoggingGuard(());

impl Drop for LoggingGuard {
    fn drop(&mut self) {
        log::logger().flush();
    }
}

/// Sets the program's log up; to be called once.
pub fn init(settings: &LoggingSettings) -> Result<LoggingGuard, LoggingError> {
    check(settings)?;
    let router = Router::new(settings, Sink::new("stdout", io::stdout())?, stderr()?)?;
    log::set_max_level(router.access.filter().max(router.rest.filter()));
    log::set_boxed_logger(Box::new(router)).map_err(|_| LoggingError::AlreadySet)?;
    Ok(LoggingGuard(()))
}

/// Checks the settings without setting anything up.
pub fn check(settings: &LoggingSettings) -> Result<(), LoggingError> {
    LineFormat::parse(&settings.format)?;
    AccessFilter::new(&settings.access_filters)?;
    Ok(())
}

fn stderr() -> Result<Sink, LoggingError> {
    Sink::new("stderr", io::stderr())
}

/// Dispatches records by target.
struct Router {
    access: env_logger::Logger,
    rest: env_logger::Logger,
    sinks: [Sink; 2],
}

impl Router {
    fn new(settings: &LoggingSettings, out: Sink, err: Sink) -> Result<Self, LoggingError> {
        let level = level_filter(settings.level);
        let sinks = [out.clone(), err.clone()];
        let mut access = builder(settings, out)?;
        access.filter_level(if settings.access { level } else { LevelFilter::Off });
        let mut rest = builder(settings, err)?;
        if settings.level == Level::Critical {
            rest.filter_level(LevelFilter::Off).filter_module(CRITICAL, LevelFilter::Error);
        } else {
            rest.filter_level(level);
        }
        if level <= LevelFilter::Info {
            rest.filter_module(CLIENTS_FAULTS, LevelFilter::Off);
        }
        if level == LevelFilter::Info {
            for name in QUIET {
                rest.filter_module(name, LevelFilter::Warn);
            }
        }
        Ok(Self { access: access.build(), rest: rest.build(), sinks })
    }

    fn for_target(&self, target: &str) -> &env_logger::Logger {
        if target == ACCESS { &self.access } else { &self.rest }
    }
}

impl Log for Router {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.for_target(metadata.target()).enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        self.for_target(record.target()).log(record);
    }

    fn flush(&self) {
        for sink in &self.sinks {
            sink.drain(LAST_FLUSH);
        }
    }
}

fn builder(settings: &LoggingSettings, sink: Sink) -> Result<env_logger::Builder, LoggingError> {
    let format = LineFormat::parse(&settings.format)?;
    let mut builder = env_logger::Builder::new();
    builder.target(env_logger::Target::Pipe(Box::new(sink))).format(move |line, record| {
        format.write(line, record, jiff::Timestamp::now())?;
        line.write_all(b"\n")
    });
    Ok(builder)
}

fn level_filter(level: Level) -> LevelFilter {
    match level {
        Level::Critical | Level::Error => LevelFilter::Error,
        Level::Warning => LevelFilter::Warn,
        Level::Info => LevelFilter::Info,
        Level::Debug => LevelFilter::Debug,
        Level::Trace => LevelFilter::Trace,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level as RecordLevel;
    use sink::testing::Pipe;

    fn settings(level: Level) -> LoggingSettings {
        LoggingSettings {
            level,
            access: true,
            format: "%(levelname)s %(name)s %(message)s".to_owned(),
            access_filters: Vec::new(),
        }
    }

    fn written(settings: &LoggingSettings, records: &[(RecordLevel, &str, &str)]) -> [String; 2] {
        let (out, err) = (Pipe::default(), Pipe::default());
        let sinks =
            (Sink::new("out", out.clone()).unwrap(), Sink::new("err", err.clone()).unwrap());
        let router = Router::new(settings, sinks.0, sinks.1).unwrap();
        for &(level, target, message) in records {
            let args = format_args!("{message}");
            router.log(&Record::builder().level(level).target(target).args(args).build());
        }
        router.flush();
        [out.text(), err.text()]
    }

    #[test]
    fn access_lines_go_to_stdout_and_all_others_to_stderr() {
        let lines = [
            (RecordLevel::Info, ACCESS, "GET"),
            (RecordLevel::Info, ERROR, "up"),
            (RecordLevel::Info, "orders::db", "found"),
        ];
        assert_eq!(
            written(&settings(Level::Info), &lines),
            ["INFO bailiwick.access GET\n", "INFO bailiwick.error up\nINFO orders.db found\n"]
        );
    }

    #[test]
    fn the_level_applies_to_both() {
        let lines = [
            (RecordLevel::Info, ACCESS, "GET"),
            (RecordLevel::Info, ERROR, "up"),
            (RecordLevel::Warn, ERROR, "odd"),
            (RecordLevel::Error, CRITICAL, "gone"),
        ];
        assert_eq!(
            written(&settings(Level::Warning), &lines),
            ["", "WARNING bailiwick.error odd\nCRITICAL bailiwick.error gone\n"]
        );
        assert_eq!(
            written(&settings(Level::Critical), &lines),
            ["", "CRITICAL bailiwick.error gone\n"]
        );
    }

    #[test]
    fn crates_below_speak_when_something_is_odd_or_sought() {
        let lines = [
            (RecordLevel::Info, "actix_server::builder", "starting"),
            (RecordLevel::Warn, "sqlx::query", "slow"),
        ];
        assert_eq!(written(&settings(Level::Info), &lines)[1], "WARNING sqlx.query slow\n");
        assert_eq!(written(&settings(Level::Debug), &lines)[1].lines().count(), 2);
    }

    #[test]
    fn malformed_requests_are_no_errors_of_ours() {
        let lines = [(RecordLevel::Error, CLIENTS_FAULTS, "stream error")];
        for level in [Level::Critical, Level::Error, Level::Warning, Level::Info] {
            assert_eq!(written(&settings(level), &lines)[1], "");
        }
        assert!(written(&settings(Level::Debug), &lines)[1].ends_with("stream error\n"));
    }

    #[test]
    fn the_access_log_can_be_off() {
        let off = LoggingSettings { access: false, ..settings(Level::Info) };
        assert_eq!(written(&off, &[(RecordLevel::Info, ACCESS, "GET")])[0], "");
    }

    #[test]
    fn a_message_cannot_forge_a_line() {
        let lines = [(RecordLevel::Info, ERROR, "a\nINFO bailiwick.error forged\u{2028}\u{9b}é")];
        assert_eq!(
            written(&settings(Level::Info), &lines)[1],
            "INFO bailiwick.error a\\x0AINFO bailiwick.error forged\\xE2\\x80\\xA8\\xC2\\x9Bé\n"
        );
    }
}
