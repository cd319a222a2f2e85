//! The log's configuration: loggers, handlers, formatters and filters, from the file in
//! `logging.config`.

mod dict_config;
mod file_config;
mod ini;
mod literal;
mod names;
mod place;
mod style;

use super::LoggingError;
use crate::settings::{FilterRule, Level, LoggingSettings};
pub(super) use names::LoggerNames;
use place::KeyLines;
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The logger that all others pass their lines on to.
pub(super) const ROOT: &str = "root";

/// A remark about a valid log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether something in the file has no effect, or not the expected one.
    pub is_warning: bool,
    text: String,
}

impl Note {
    fn info(text: String) -> Self {
        Self { is_warning: false, text }
    }

    fn warning(text: String) -> Self {
        Self { is_warning: true, text }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text.escape_debug())
    }
}

/// The whole configuration, by names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogConfig {
    pub(super) loggers: BTreeMap<String, LoggerConfig>,
    pub(super) handlers: BTreeMap<String, HandlerConfig>,
    pub(super) formatters: BTreeMap<String, FormatterConfig>,
    pub(super) filters: BTreeMap<String, Vec<FilterRule>>,
    /// The names under which lines show our loggers.
    #[serde(skip)]
    pub(super) shown: LoggerNames,
    #[serde(skip)]
    pub(super) notes: Vec<Note>,
    /// Whether the file is in one of Python's formats.
    #[serde(skip)]
    is_pythons: bool,
    #[serde(skip)]
    place: KeyLines,
}

/// `[loggers.NAME]`: whose lines it takes, and where they go.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LoggerConfig {
    /// Absent: the parent logger's.
    #[serde(deserialize_with = "level")]
    pub(super) level: Option<Level>,
    pub(super) handlers: Vec<String>,
    pub(super) filters: Vec<String>,
    /// Whether the parent loggers' handlers get the lines too; absent: yes.
    pub(super) propagate: Option<bool>,
}

/// `[handlers.NAME]`: where lines go.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct HandlerConfig {
    pub(super) stream: Option<Stream>,
    pub(super) file: Option<PathBuf>,
    #[serde(deserialize_with = "level")]
    pub(super) level: Option<Level>,
    /// Absent: `logging.format`.
    pub(super) formatter: Option<String>,
    pub(super) filters: Vec<String>,
    /// Size in bytes at which the file is rotated; `backups` says how many old files are kept.
    pub(super) max_bytes: Option<u64>,
    pub(super) backups: Option<u32>,
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// `[formatters.NAME]`: the format of a line.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FormatterConfig {
    pub(super) format: Option<String>,
    pub(super) datefmt: Option<String>,
    pub(super) json: bool,
}

impl LogConfig {
    /// Reads the file named in the settings, or builds its substitute.
    pub(super) fn load(settings: &LoggingSettings) -> Result<Self, LoggingError> {
        let Some(named) = &settings.config else { return Ok(Self::of_two_streams()) };
        let path = named.path();
        let file = path.display().to_string();
        let failed = |cause: io::Error| LoggingError::Unreadable {
            file: file.clone(),
            cause: cause.to_string(),
        };
        let content = named.read().map_err(failed)?;
        let text = content.to_text().map_err(failed)?.expose();
        let mut config = match Form::of(path, text) {
            Form::Toml => from_toml(&file, text)?,
            Form::Ini => file_config::read(&file, text)?,
            Form::Json => dict_config::parse(&file, text)?,
            Form::Yaml => {
                let place = KeyLines::of(&file);
                return Err(place.broken(
                    (1, 1),
                    "YAML is not read: write TOML, JSON, or the INI form of Python's logging",
                ));
            }
        };
        config.check()?;
        names::rename_foreign(&mut config);
        Ok(config)
    }

    /// Requests on standard output, everything else on standard error.
    fn of_two_streams() -> Self {
        let logger = |name: &str, handler: &str| {
            let handlers = vec![handler.to_owned()];
            (
                name.to_owned(),
                LoggerConfig { handlers, propagate: Some(false), ..LoggerConfig::default() },
            )
        };
        let handler = |name: &str, stream| {
            let stream = Some(stream);
            (name.to_owned(), HandlerConfig { stream, ..HandlerConfig::default() })
        };
        Self {
            loggers: [logger(ROOT, "stderr"), logger(super::ACCESS, "stdout")].into(),
            handlers: [handler("stdout", Stream::Stdout), handler("stderr", Stream::Stderr)].into(),
            ..Self::default()
        }
    }

    /// The key as messages name it: with file and line.
    pub(super) fn key(&self, key: &str) -> String {
        self.place.key(key)
    }

    /// An invalid value in the file.
    pub(super) fn bad(&self, key: &str, value: &str, allowed: impl Into<String>) -> LoggingError {
        LoggingError::setting(self.key(key), value, allowed)
    }

    /// Checks that all names exist and that each handler has one destination.
    fn check(&self) -> Result<(), LoggingError> {
        if !self.loggers.contains_key(ROOT) {
            return Err(self.bad("loggers", "", "a table [loggers.root]"));
        }
        for (name, logger) in &self.loggers {
            let is_word = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
            if !name.replace("::", ".").split('.').all(is_word) {
                let allowed = "root, bailiwick.access, bailiwick.error, bailiwick.audit or a module such as sqlx";
                return Err(self.bad("loggers", name, allowed));
            }
            self.known(&format!("loggers.{name}.handlers"), &logger.handlers, &self.handlers)?;
            self.known(&format!("loggers.{name}.filters"), &logger.filters, &self.filters)?;
        }
        for (name, handler) in &self.handlers {
            let key = format!("handlers.{name}");
            self.known(&format!("{key}.formatter"), &handler.formatter, &self.formatters)?;
            self.known(&format!("{key}.filters"), &handler.filters, &self.filters)?;
            match (&handler.stream, &handler.file) {
                (Some(_), None) => {}
                (None, Some(file)) => self.check_folder(&format!("{key}.file"), file)?,
                _ => {
                    let allowed = "either stream = \"stdout\" or \"stderr\", or file = \"PATH\"";
                    return Err(self.bad(&key, "", allowed));
                }
            }
        }
        self.check_rotation()?;
        for (name, formatter) in &self.formatters {
            if formatter.json && (formatter.format.is_some() || formatter.datefmt.is_some()) {
                let allowed = "either json = true, or format and datefmt";
                return Err(self.bad(&format!("formatters.{name}.json"), "true", allowed));
            }
        }
        Ok(())
    }

    /// Rotated files: checks how, and that all handlers of a file agree.
    fn check_rotation(&self) -> Result<(), LoggingError> {
        let mut files = BTreeMap::new();
        for (name, handler) in &self.handlers {
            let rotation = (handler.max_bytes, handler.backups);
            let key = format!("handlers.{name}.max_bytes");
            match (&handler.file, rotation) {
                (_, (None, None)) | (Some(_), (Some(1..), Some(1..))) => {}
                (None, _) => return Err(self.bad(&key, "", "file = \"PATH\" beside it")),
                (Some(_), _) => {
                    let allowed = "a number of bytes, with backups = N beside it, both at least 1";
                    return Err(self.bad(&key, "", allowed));
                }
            }
            let Some(file) = &handler.file else { continue };
            if *files.entry(file).or_insert(rotation) != rotation {
                let allowed = "the same in all handlers of this file";
                return Err(self.bad(&key, "", allowed));
            }
        }
        Ok(())
    }

    /// Checks a log file as far as possible without creating it.
    fn check_folder(&self, key: &str, file: &Path) -> Result<(), LoggingError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let is_there = folder.is_none_or(Path::is_dir);
        if is_there && !file.is_dir() && file.file_name().is_some() {
            return Ok(());
        }
        Err(self.bad(key, &file.display().to_string(), "a file in a folder that exists"))
    }

    fn known<'a, T>(
        &self,
        key: &str,
        names: impl IntoIterator<Item = &'a String>,
        table: &BTreeMap<String, T>,
    ) -> Result<(), LoggingError> {
        for name in names {
            if !table.contains_key(name) {
                let known: Vec<_> = table.keys().map(String::as_str).collect();
                let section = match key.rsplit('.').next() {
                    Some("formatter") => "formatters",
                    Some(section) => section,
                    None => "",
                };
                let known =
                    if known.is_empty() { "none is there".into() } else { known.join(", ") };
                return Err(self.bad(key, name, format!("a name of [{section}.…]: {known}")));
            }
        }
        Ok(())
    }
}

/// Python's level names, in capitals, work too.
fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
    let word = String::deserialize(deserializer)?.to_lowercase();
    Level::deserialize(word.into_deserializer()).map(Some)
}

/// The format of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Toml,
    /// Read by Python's `fileConfig`.
    Ini,
    /// Taken by Python's `dictConfig`.
    Json,
    Yaml,
}

impl Form {
    /// Told by the file's content, or else by its name.
    fn of(path: &Path, text: &str) -> Self {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        if text.trim_start_matches('\u{feff}').trim_start().starts_with('{') {
            return Self::Json;
        }
        if file_config::is_file_config(text) {
            return Self::Ini;
        }
        match extension.as_str() {
            "json" => Self::Json,
            "yaml" | "yml" => Self::Yaml,
            // Our own files may have these names, too.
            "conf" | "ini" | "cfg" if !text.contains("[loggers.") => Self::Ini,
            _ => Self::Toml,
        }
    }
}

fn from_toml(file: &str, text: &str) -> Result<LogConfig, LoggingError> {
    let place = KeyLines::toml(file, text);
    let at = |error: &toml::de::Error| {
        place::position(text, error.span().map_or(text.len(), |span| span.start.min(text.len())))
    };
    if let Err(error) = text.parse::<toml::Table>() {
        let reason = format!("expected valid TOML: {}", error.message());
        return Err(place.broken(at(&error), &reason));
    }
    let mut config: LogConfig = toml::from_str(text).map_err(|error| {
        let reason = error.message().replace('\n', ", ");
        let (line, _) = at(&error);
        // The span of a missing or unknown key can be a whole table.
        let value = error.span().and_then(|span| text.get(span)).unwrap_or_default();
        let value = value.lines().next().unwrap_or_default().trim().trim_matches('"');
        let key = format!("{}: {}", place.line(line), place.key_at(line));
        LoggingError::setting(key, value, format!("valid TOML with known keys: {reason}"))
    })?;
    config.place = place;
    Ok(config)
}

#[cfg(test)]
mod tests;
