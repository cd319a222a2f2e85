//! Dispatches each record by its target: loggers, their filters, their handlers.

use super::access::{Headers, with_current};
use super::config::{FormatterConfig, HandlerConfig, LogConfig, Note, ROOT, Stream};
use super::ends::{Sinks, file_sink, open};
use super::filter::{Candidate, Filter};
use super::format::{FormatSetting, LineFormat};
use super::json::JsonFormat;
use super::placeholders::severity;
use super::sink::{Open, Sink};
use super::{ACCESS, CRITICAL, LoggingError};
use crate::settings::{Level, LoggingSettings};
use log::{LevelFilter, Log, Metadata, Record};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Our dependencies, whose routine messages matter only when debugging.
const QUIET: [&str; 6] = ["actix", "mio", "paperclip", "rustls", "sqlx", "tokio"];

/// It logs each malformed request as an error of ours, so any client could flood the log.
const CLIENTS_FAULTS: &str = "actix_http::h1::dispatcher";

/// How long the end of the program waits for a blocked reader of the log.
const LAST_FLUSH: Duration = Duration::from_secs(2);

/// Above every severity: nothing passes.
const OFF: u8 = u8::MAX;

/// The log: every record passes through it.
pub(super) struct Router {
    /// Longest names first; last the root, with an empty name.
    loggers: Vec<Logger>,
    /// The access log's position among them: every request needs it.
    access: Option<usize>,
    handlers: Vec<Handler>,
    sinks: Vec<Sink>,
}

struct Logger {
    /// With dots; empty for the root.
    name: String,
    /// The lowest severity that passes.
    least: u8,
    filters: Vec<Arc<Filter>>,
    /// Its own and, if lines propagate, its parents'.
    handlers: Vec<usize>,
}

struct Handler {
    logger: env_logger::Logger,
    filters: Vec<Arc<Filter>>,
}

/// Formatters and filters, checked.
struct Parts {
    headers: Headers,
    filters: BTreeMap<String, Arc<Filter>>,
    formatters: BTreeMap<String, Formatter>,
    default: Formatter,
    /// `logging.access_filters`.
    access: Arc<Filter>,
}

/// Cheap to clone: handlers share it.
#[derive(Clone)]
enum Formatter {
    Text(Arc<LineFormat>),
    Json(Arc<JsonFormat>),
}

/// Checks everything that `Router::new` reads, and opens nothing.
pub(super) fn check(settings: &LoggingSettings) -> Result<(), LoggingError> {
    Parts::new(&LogConfig::load(settings)?, settings).map(drop)
}

/// Opens every file of these settings once, so that it exists; returns their paths.
pub(super) fn make_files(
    settings: &LoggingSettings,
    with: &Open,
) -> Result<Vec<PathBuf>, LoggingError> {
    let config = LogConfig::load(settings)?;
    let files = config.handlers.iter().filter_map(|(name, one)| Some((name, one.file.as_ref()?)));
    files.map(|(name, path)| open((&config, name), path, with).map(|_| path.clone())).collect()
}

/// Refuses files that are rotated when full, in a folder where `user` cannot write.
pub(super) fn check_folders(
    settings: &LoggingSettings,
    user: u32,
    may_write: impl Fn(&Path) -> bool,
) -> Result<(), LoggingError> {
    let config = LogConfig::load(settings)?;
    for (name, handler) in &config.handlers {
        let Some(file) = handler.file.as_ref().filter(|_| handler.max_bytes.is_some()) else {
            continue;
        };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        if !may_write(folder.unwrap_or(Path::new("."))) {
            let allowed = format!(
                "a file in a folder that user {user} (server.user) can write, to rotate the file \
                 when it is full; give it a folder that belongs to that user"
            );
            let key = format!("handlers.{name}.file");
            return Err(config.bad(&key, &file.display().to_string(), allowed));
        }
    }
    Ok(())
}

/// The notes on the file.
pub(super) fn notes(settings: &LoggingSettings) -> Result<Vec<Note>, LoggingError> {
    LogConfig::load(settings).map(|config| config.notes)
}

impl Router {
    /// Builds the log, and the list of headers it reads.
    pub(super) fn new(
        settings: &LoggingSettings,
        streams: &mut impl Sinks,
    ) -> Result<(Self, Headers), LoggingError> {
        Self::of(&LogConfig::load(settings)?, settings, streams)
    }

    /// The same, of what stands in the log's file.
    pub(super) fn of(
        config: &LogConfig,
        settings: &LoggingSettings,
        streams: &mut impl Sinks,
    ) -> Result<(Self, Headers), LoggingError> {
        let parts = Parts::new(config, settings)?;
        let mut files: BTreeMap<PathBuf, Sink> = BTreeMap::new();
        let mut sinks = Vec::new();
        let mut handlers = Vec::new();
        for (name, handler) in &config.handlers {
            let sink = match (&handler.file, handler.stream) {
                (Some(path), _) => {
                    if !files.contains_key(path) {
                        let file = open((config, name), path, &streams.open())?;
                        files.insert(path.clone(), file_sink(file, (path, handler))?);
                    }
                    files[path].clone()
                }
                (None, stream) => streams.stream(stream.unwrap_or(Stream::Stderr))?,
            };
            sinks.push(sink.clone());
            handlers.push(parts.handler(handler, sink));
        }
        let loggers = loggers(config, settings, &parts);
        let access = loggers.iter().position(|logger| logger.name == ACCESS);
        Ok((Self { loggers, access, handlers, sinks }, parts.headers))
    }

    /// The most verbose level of any logger: records below it are not even formatted.
    pub(super) fn max_level(&self) -> LevelFilter {
        match self.loggers.iter().map(|logger| logger.least).min().unwrap_or(OFF) {
            OFF => LevelFilter::Off,
            40.. => LevelFilter::Error,
            30.. => LevelFilter::Warn,
            20.. => LevelFilter::Info,
            10.. => LevelFilter::Debug,
            _ => LevelFilter::Trace,
        }
    }

    /// Reopens every file.
    pub(super) fn reopen(&self) {
        self.sinks.iter().for_each(Sink::reopen);
    }

    fn logger(&self, metadata: &Metadata<'_>) -> Option<&Logger> {
        if metadata.target() == ACCESS
            && let Some(place) = self.access
        {
            return Some(&self.loggers[place]).filter(|log| severity(metadata) >= log.least);
        }
        let target = if metadata.target() == CRITICAL { super::ERROR } else { metadata.target() };
        let logger = self.loggers.iter().find(|logger| is_within(target, &logger.name))?;
        let mut least = logger.least;
        if logger.name.is_empty() && least >= 20 {
            // Shown if the log's file names it, or when debugging.
            if target == CLIENTS_FAULTS {
                least = OFF;
            } else if QUIET.iter().any(|name| target.starts_with(name)) {
                least = least.max(30);
            }
        }
        (severity(metadata) >= least).then_some(logger)
    }
}

impl Log for Router {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.logger(metadata).is_some()
    }

    fn log(&self, record: &Record<'_>) {
        let Some(logger) = self.logger(record.metadata()) else { return };
        with_current(|access| {
            let line = Candidate::new(record, access);
            let keep = |filters: &[Arc<Filter>]| filters.iter().all(|filter| filter.keeps(&line));
            if !keep(&logger.filters) {
                return;
            }
            for handler in logger.handlers.iter().map(|index| &self.handlers[*index]) {
                if keep(&handler.filters) {
                    handler.logger.log(record);
                }
            }
        });
    }

    fn flush(&self) {
        for sink in &self.sinks {
            sink.drain(LAST_FLUSH);
        }
    }
}

/// Whether a target is a logger's name or below it.
pub(super) fn is_within(target: &str, name: &str) -> bool {
    let mut rest = target;
    for part in name.split('.').filter(|part| !part.is_empty()) {
        let below = rest
            .strip_prefix(part)
            .filter(|below| below.is_empty() || below.starts_with('.') || below.starts_with("::"));
        let Some(below) = below else { return false };
        rest = below.strip_prefix("::").or_else(|| below.strip_prefix('.')).unwrap_or(below);
    }
    true
}

/// Each configured logger, and always the access log.
fn loggers(config: &LogConfig, settings: &LoggingSettings, parts: &Parts) -> Vec<Logger> {
    let order: Vec<_> = config.handlers.keys().collect();
    let mut names: Vec<_> = config.loggers.keys().map(|name| dotted(name)).collect();
    names.push(ACCESS.to_owned());
    names.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    names.dedup();
    let build = |name: String| {
        let mut level = None;
        let mut handlers = Vec::new();
        let mut filters = Vec::new();
        let mut propagates = true;
        for (known, logger) in above(config, &name) {
            level = level.or(logger.level);
            if known == name {
                filters.extend(logger.filters.iter().map(|name| Arc::clone(&parts.filters[name])));
            }
            if propagates {
                let places = logger
                    .handlers
                    .iter()
                    .filter_map(|name| order.iter().position(|known| *known == name));
                handlers.extend(places);
                propagates = logger.propagate.unwrap_or(true);
            }
        }
        let mut least = least(level.unwrap_or(settings.level));
        if name == ACCESS {
            filters.insert(0, Arc::clone(&parts.access));
            if !settings.access {
                least = OFF;
            }
        }
        Logger { name, least, filters, handlers }
    };
    names.into_iter().map(build).collect()
}

/// The loggers that apply to a name, its own first, the root last.
fn above<'a>(config: &'a LogConfig, name: &str) -> Vec<(String, &'a super::config::LoggerConfig)> {
    let all = config.loggers.iter().map(|(known, logger)| (dotted(known), logger));
    let mut above: Vec<_> = all.filter(|(known, _)| is_within(name, known)).collect();
    above.sort_by_key(|(known, _)| std::cmp::Reverse(known.len()));
    above
}

/// A logger's name with dots; the root's is empty.
fn dotted(name: &str) -> String {
    if name == ROOT { String::new() } else { name.replace("::", ".") }
}

/// The level as the least severity that passes.
fn least(level: Level) -> u8 {
    match level {
        Level::Critical => 50,
        Level::Error => 40,
        Level::Warning => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

impl Parts {
    fn new(config: &LogConfig, settings: &LoggingSettings) -> Result<Self, LoggingError> {
        let mut headers = Headers::default();
        let setting = FormatSetting { key: "logging.format", format: &settings.format };
        let mut default = LineFormat::parse(setting, &mut headers)?;
        default.show(config.shown);
        let key = |index| format!("logging.access_filters[{index}]");
        let access = Filter::new(key, &settings.access_filters, &mut headers)?;
        let mut filters = BTreeMap::new();
        for (name, rules) in &config.filters {
            let key = |index| config.key(&format!("filters.{name}[{index}]"));
            let filter = Filter::new(key, rules, &mut headers)?;
            filters.insert(name.clone(), Arc::new(filter));
        }
        let default = Formatter::Text(Arc::new(default));
        let mut formatters = BTreeMap::new();
        for (name, formatter) in &config.formatters {
            let key = format!("formatters.{name}");
            let made = Formatter::new((config, &key), formatter, &mut headers)?;
            formatters.insert(name.clone(), made.unwrap_or_else(|| default.clone()));
        }
        Ok(Self { headers, filters, formatters, default, access: Arc::new(access) })
    }

    fn handler(&self, config: &HandlerConfig, sink: Sink) -> Handler {
        let formatter =
            config.formatter.as_ref().map_or(&self.default, |name| &self.formatters[name]);
        let formatter = formatter.clone();
        let mut builder = env_logger::Builder::new();
        builder.target(env_logger::Target::Pipe(Box::new(sink))).format(move |line, record| {
            let now = jiff::Timestamp::now();
            match &formatter {
                Formatter::Text(format) => format.write(line, (record, now))?,
                Formatter::Json(format) => format.write(line, (record, now))?,
            }
            line.write_all(b"\n")
        });
        match config.level {
            Some(Level::Critical) => {
                builder.filter_level(LevelFilter::Off).filter_module(CRITICAL, LevelFilter::Error)
            }
            Some(Level::Error) => builder.filter_level(LevelFilter::Error),
            Some(Level::Warning) => builder.filter_level(LevelFilter::Warn),
            Some(Level::Info) => builder.filter_level(LevelFilter::Info),
            Some(Level::Debug) => builder.filter_level(LevelFilter::Debug),
            Some(Level::Trace) | None => builder.filter_level(LevelFilter::Trace),
        };
        let filters = config.filters.iter().map(|name| Arc::clone(&self.filters[name]));
        Handler { logger: builder.build(), filters: filters.collect() }
    }
}

impl Formatter {
    /// `None` if the table says nothing and the default applies.
    fn new(
        (config, key): (&LogConfig, &str),
        formatter: &FormatterConfig,
        headers: &mut Headers,
    ) -> Result<Option<Self>, LoggingError> {
        if formatter.json {
            return Ok(Some(Self::Json(Arc::new(JsonFormat::new(headers, config.shown)))));
        }
        let place = config.key(&format!("{key}.format"));
        let format = match (&formatter.format, &formatter.datefmt) {
            (Some(format), _) => format.as_str(),
            (None, Some(_)) => "%(asctime)s - %(levelname)s - %(name)s - %(message)s",
            (None, None) => return Ok(None),
        };
        let mut line = LineFormat::parse(FormatSetting { key: &place, format }, headers)?;
        line.show(config.shown);
        if let Some(format) = &formatter.datefmt {
            line.set_time(FormatSetting { key: &config.key(&format!("{key}.datefmt")), format })?;
        }
        Ok(Some(Self::Text(Arc::new(line))))
    }
}

#[cfg(test)]
mod tests;
