//! A log configuration for Python's `logging.config.dictConfig`, in JSON, as gunicorn's
//! `--log-config-json` and uvicorn's `--log-config` take it.

use super::place::{KeyLines, position};
use super::style::percent;
use super::{FormatterConfig, HandlerConfig, LogConfig, LoggerConfig, Note, ROOT, Stream};
use crate::logging::LoggingError;
use crate::settings::{FilterRule, Level};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Python's default format for handlers and formatters.
const PLAIN: &str = "%(message)s";

const CLASSES: &str = "StreamHandler, FileHandler, RotatingFileHandler, WatchedFileHandler, TimedRotatingFileHandler or NullHandler";

/// Modules that have these classes; one of them locks its file, as ours do.
const MODULES: [&str; 5] =
    ["", "logging.", "handlers.", "logging.handlers.", "concurrent_log_handler."];

const FILE: [&str; 5] = ["filename", "mode", "encoding", "delay", "errors"];
const ROTATING: [&str; 7] =
    ["filename", "mode", "maxBytes", "backupCount", "encoding", "delay", "errors"];
const TIMED: [&str; 9] =
    ["filename", "when", "interval", "backupCount", "encoding", "delay", "utc", "atTime", "errors"];

/// The parameters of a handler's class, in order; `None` for an unknown class.
pub(super) fn parameters(class: &str) -> Option<&'static [&'static str]> {
    Some(match base(class)? {
        "StreamHandler" => &["stream"],
        "FileHandler" | "WatchedFileHandler" => &FILE,
        "RotatingFileHandler" | "ConcurrentRotatingFileHandler" => &ROTATING,
        "TimedRotatingFileHandler" => &TIMED,
        "NullHandler" => &[],
        _ => return None,
    })
}

/// The class without its module, if it is one of Python's.
fn base(class: &str) -> Option<&str> {
    let start = class.rfind('.').map_or(0, |dot| dot + 1);
    MODULES.contains(&&class[..start]).then_some(&class[start..])
}

/// Reads the file's text.
pub(super) fn parse(file: &str, text: &str) -> Result<LogConfig, LoggingError> {
    let described: Value = serde_json::from_str(text).map_err(|error| {
        let start = text
            .lines()
            .take(error.line().saturating_sub(1))
            .map(|line| line.len() + 1)
            .sum::<usize>();
        let (line, column) = position(text, start + error.column().saturating_sub(1));
        let reason = error.to_string();
        let reason = reason.split(" at line ").next().unwrap_or_default();
        KeyLines::of(file).broken((line, column), &format!("expected valid JSON: {reason}"))
    })?;
    read(&described, KeyLines::json(file, text))
}

/// Reads parsed JSON; errors refer to its file.
pub(super) fn read(described: &Value, place: KeyLines) -> Result<LogConfig, LoggingError> {
    let mut config = LogConfig { is_pythons: true, ..LogConfig::default() };
    let mut dict = DictConfig { place: &place, notes: Vec::new(), nowhere: BTreeSet::new() };
    let all = dict.table("", described)?;
    for (key, value) in all {
        match key.as_str() {
            "formatters" | "handlers" | "loggers" | "filters" | "root" => {}
            "version" if *value == json!(1) => {}
            "version" => return Err(dict.bad(key, value, "1")),
            "incremental" if *value != json!(false) => return Err(dict.bad(key, value, "false")),
            // Nothing logs before the log's file is read.
            "incremental" | "disable_existing_loggers" if *value == json!(false) => {}
            _ => dict.is_unused(key),
        }
    }
    let parts = |key: &str| all.get(key).map_or(Ok(None), |value| dict.table(key, value).map(Some));
    let (formatters, filters) = (parts("formatters")?, parts("filters")?);
    let (handlers, loggers) = (parts("handlers")?, parts("loggers")?);
    let root = all.get("root").map(|value| dict.table("loggers.root", value)).transpose()?;
    config.formatters.insert(PLAIN.to_owned(), FormatterConfig::plain());
    for (name, value) in formatters.into_iter().flatten() {
        config.formatters.insert(name.clone(), dict.formatter(name, value)?);
    }
    for (name, value) in filters.into_iter().flatten() {
        let rules = Vec::<FilterRule>::deserialize(value).map_err(|error| {
            let allowed = format!(
                "a list of rules as in config/logging.toml, not a class of Python \
                         ({error})"
            );
            dict.bad(&format!("filters.{name}"), &Value::Null, &allowed)
        })?;
        config.filters.insert(name.clone(), rules);
    }
    for (name, value) in handlers.into_iter().flatten() {
        if let Some(handler) = dict.handler(name, value)? {
            config.handlers.insert(name.clone(), handler);
        } else {
            dict.nowhere.insert(name.clone());
        }
    }
    for (name, value) in loggers.into_iter().flatten() {
        let value = dict.table(&format!("loggers.{name}"), value)?;
        config.loggers.insert(name.clone(), dict.logger(name, value)?);
    }
    let root = if let Some(root) = root {
        dict.logger(ROOT, root)?
    } else {
        // What Python does with lines that no handler takes.
        let last =
            HandlerConfig { level: Some(Level::Warning), ..HandlerConfig::plain(Stream::Stderr) };
        config.handlers.insert("last resort".to_owned(), last);
        LoggerConfig { handlers: vec!["last resort".to_owned()], ..LoggerConfig::default() }
    };
    config.loggers.insert(ROOT.to_owned(), root);
    config.notes = dict.notes;
    config.place = place;
    Ok(config)
}

struct DictConfig<'a> {
    place: &'a KeyLines,
    notes: Vec<Note>,
    /// Handlers that write nothing.
    nowhere: BTreeSet<String>,
}

impl DictConfig<'_> {
    fn bad(&self, key: &str, value: &Value, allowed: &str) -> LoggingError {
        let value = match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            // Contents are not shown.
            Value::Array(_) | Value::Object(_) => "***".to_owned(),
            other => other.to_string(),
        };
        LoggingError::setting(self.place.key(key), &value, allowed)
    }

    fn warn(&mut self, key: &str, what: &str) {
        self.notes.push(Note::warning(format!("{}: {what}", self.place.key(key))));
    }

    fn is_unused(&mut self, key: &str) {
        self.warn(key, "is not supported and has no effect");
    }

    fn table<'v>(
        &self,
        key: &str,
        value: &'v Value,
    ) -> Result<&'v Map<String, Value>, LoggingError> {
        value.as_object().ok_or_else(|| self.bad(key, value, "an object"))
    }

    fn text<'v>(&self, key: &str, value: &'v Value) -> Result<&'v str, LoggingError> {
        value.as_str().ok_or_else(|| self.bad(key, value, "a text"))
    }

    fn names(&self, key: &str, value: &Value) -> Result<Vec<String>, LoggingError> {
        Vec::deserialize(value).map_err(|_| self.bad(key, value, "a list of names"))
    }

    /// A level by Python's name or number; `None` for NOTSET.
    fn level(&self, key: &str, value: &Value) -> Result<Option<Level>, LoggingError> {
        let word = value.as_str().map(str::to_uppercase);
        Ok(Some(match (word.as_deref(), value.as_u64()) {
            (Some("CRITICAL" | "FATAL"), _) | (_, Some(50)) => Level::Critical,
            (Some("ERROR"), _) | (_, Some(40)) => Level::Error,
            (Some("WARNING" | "WARN"), _) | (_, Some(30)) => Level::Warning,
            (Some("INFO"), _) | (_, Some(20)) => Level::Info,
            (Some("DEBUG"), _) | (_, Some(10)) => Level::Debug,
            (Some("TRACE"), _) | (_, Some(5)) => Level::Trace,
            (Some("NOTSET"), _) | (_, Some(0)) => return Ok(None),
            _ => {
                let allowed = "CRITICAL, ERROR, WARNING, INFO, DEBUG, TRACE or NOTSET";
                return Err(self.bad(key, value, allowed));
            }
        }))
    }

    fn formatter(&mut self, name: &str, value: &Value) -> Result<FormatterConfig, LoggingError> {
        let section = format!("formatters.{name}");
        let table = self.table(&section, value)?;
        let mut formatter = FormatterConfig::plain();
        let mut style = ("%", section.clone());
        let mut format = None;
        for (key, value) in table {
            let place = format!("{section}.{key}");
            match key.as_str() {
                "format" | "fmt" => format = Some((self.text(&place, value)?, place)),
                "datefmt" if value.is_null() => {}
                "datefmt" => formatter.datefmt = Some(self.text(&place, value)?.to_owned()),
                "style" => style = (self.text(&place, value)?, place),
                "class" | "()" => match self.text(&place, value)? {
                    "logging.Formatter"
                    | "Formatter"
                    | "uvicorn.logging.DefaultFormatter"
                    | "uvicorn.logging.AccessFormatter"
                    | "uvicorn.logging.ColourizedFormatter" => {}
                    json if json.starts_with("pythonjsonlogger.") => {
                        formatter.json = true;
                        self.warn(&place, "lines are JSON with fields of our own");
                    }
                    _ => {
                        let allowed = "logging.Formatter, uvicorn's, or pythonjsonlogger's";
                        return Err(self.bad(&place, value, allowed));
                    }
                },
                "validate" => {}
                "use_colors" if *value != json!(true) => {}
                "use_colors" => self.warn(&place, "the log has no colors"),
                _ => self.is_unused(&place),
            }
        }
        if formatter.json {
            return Ok(FormatterConfig { json: true, ..FormatterConfig::default() });
        }
        if let Some((text, place)) = format {
            let text = percent(text, style.0).ok_or_else(|| {
                let allowed = "%, or { or $ with names and widths only, as in {levelname:8}";
                self.bad(&style.1, &json!(style.0), allowed)
            })?;
            let line = text.split('\n').map(str::trim).filter(|line| !line.is_empty());
            let line = line.collect::<Vec<_>>().join(" ");
            if text.contains('\n') {
                self.warn(&place, "line breaks are written as spaces: a record is one line");
            }
            formatter.format = Some(line);
        }
        Ok(formatter)
    }

    /// `None` for a handler that writes nothing.
    fn handler(
        &mut self,
        name: &str,
        value: &Value,
    ) -> Result<Option<HandlerConfig>, LoggingError> {
        let section = format!("handlers.{name}");
        let table = self.table(&section, value)?;
        let class = table.get("class").unwrap_or(&Value::Null);
        let class_place = format!("{section}.class");
        let known = class.as_str().and_then(|class| Some((base(class)?, parameters(class)?)));
        let Some((base, parameters)) = known else {
            return Err(self.bad(&class_place, class, CLASSES));
        };
        let mut handler = HandlerConfig::plain(Stream::Stderr);
        let (mut max_bytes, mut backups) = (0, 0);
        for (key, value) in table {
            let place = format!("{section}.{key}");
            let number =
                || value.as_u64().ok_or_else(|| self.bad(&place, value, "a number, 0 or more"));
            match key.as_str() {
                "class" => {}
                "level" => handler.level = self.level(&place, value)?,
                "formatter" => handler.formatter = Some(self.text(&place, value)?.to_owned()),
                "filters" => handler.filters = self.names(&place, value)?,
                key if !parameters.contains(&key) => self.is_unused(&place),
                "stream" => match value.as_str() {
                    None if value.is_null() => {}
                    Some("ext://sys.stderr" | "ext://sys.__stderr__") => {}
                    Some("ext://sys.stdout" | "ext://sys.__stdout__") => {
                        handler.stream = Some(Stream::Stdout);
                    }
                    _ => {
                        let allowed = "ext://sys.stdout or ext://sys.stderr, in args sys.stdout or sys.stderr";
                        return Err(self.bad(&place, value, allowed));
                    }
                },
                "filename" => {
                    handler.stream = None;
                    handler.file = Some(self.text(&place, value)?.into());
                }
                "maxBytes" => max_bytes = number()?,
                "backupCount" => {
                    let count = u32::try_from(number()?);
                    backups = count.map_err(|_| self.bad(&place, value, "a number below 2^32"))?;
                }
                "mode" if !matches!(value.as_str(), Some("a" | "at" | "a+")) => {
                    self.warn(&place, "lines are always appended to the file");
                }
                "encoding" if !is_utf8(value) => self.warn(&place, "the log is written in UTF-8"),
                _ => {}
            }
        }
        if base == "NullHandler" {
            return Ok(None);
        }
        if base.ends_with("FileHandler") && handler.file.is_none() {
            return Err(self.bad(&format!("{section}.filename"), &Value::Null, "a file's name"));
        }
        match base {
            "TimedRotatingFileHandler" => self.warn(
                &class_place,
                "the file is not rotated by time: let logrotate do it, with SIGUSR1 or `bailiwick ctl reopen-logs` after it",
            ),
            "WatchedFileHandler" => self.warn(
                &class_place,
                "the file is reopened only by SIGUSR1 or `bailiwick ctl reopen-logs`",
            ),
            "RotatingFileHandler" | "ConcurrentRotatingFileHandler" if max_bytes == 0 || backups == 0 => {
                self.warn(&class_place, "the file is never rotated, here and in Python, unless maxBytes and backupCount are both above 0");
            }
            "RotatingFileHandler" | "ConcurrentRotatingFileHandler" => {
                (handler.max_bytes, handler.backups) = (Some(max_bytes), Some(backups));
            }
            _ => {}
        }
        Ok(Some(handler))
    }

    fn logger(
        &mut self,
        name: &str,
        table: &Map<String, Value>,
    ) -> Result<LoggerConfig, LoggingError> {
        let mut logger = LoggerConfig::default();
        for (key, value) in table {
            let place = format!("loggers.{name}.{key}");
            match key.as_str() {
                // Nothing is below NOTSET.
                "level" if name == ROOT => {
                    logger.level = Some(self.level(&place, value)?.unwrap_or(Level::Trace));
                }
                "level" => logger.level = self.level(&place, value)?,
                "handlers" => {
                    logger.handlers = self.names(&place, value)?;
                    logger.handlers.retain(|handler| !self.nowhere.contains(handler));
                }
                "filters" => logger.filters = self.names(&place, value)?,
                "propagate" => match (value.as_bool(), value.as_u64()) {
                    (Some(propagate), _) => logger.propagate = Some(propagate),
                    (_, Some(switch @ 0..=1)) => logger.propagate = Some(switch == 1),
                    _ => return Err(self.bad(&place, value, "1 or 0, in JSON true or false")),
                },
                _ => self.is_unused(&place),
            }
        }
        Ok(logger)
    }
}

fn is_utf8(value: &Value) -> bool {
    let name = value.as_str().map(|name| name.to_lowercase().replace(['-', '_'], ""));
    value.is_null() || matches!(name.as_deref(), Some("utf8" | "ascii" | "usascii"))
}

impl FormatterConfig {
    /// Python's formatter without a format.
    fn plain() -> Self {
        Self { format: Some(PLAIN.to_owned()), ..Self::default() }
    }
}

impl HandlerConfig {
    /// Python's handler without a formatter.
    fn plain(stream: Stream) -> Self {
        Self { stream: Some(stream), formatter: Some(PLAIN.to_owned()), ..Self::default() }
    }
}
