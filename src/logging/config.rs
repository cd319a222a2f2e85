//! What the log consists of: loggers, handlers, formatters and filters, from the file of
//! `logging.config`.

use super::LoggingError;
use crate::settings::{FilterRule, Level, LoggingSettings};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// The logger that all others hand their lines on to.
pub(super) const ROOT: &str = "root";

/// The whole log, by names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LogConfig {
    pub(super) loggers: BTreeMap<String, LoggerConfig>,
    pub(super) handlers: BTreeMap<String, HandlerConfig>,
    pub(super) formatters: BTreeMap<String, FormatterConfig>,
    pub(super) filters: BTreeMap<String, Vec<FilterRule>>,
    #[serde(skip)]
    place: Place,
}

/// `[loggers.NAME]`: whose lines, and where they go.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct LoggerConfig {
    /// Absent: that of the logger above.
    #[serde(deserialize_with = "level")]
    pub(super) level: Option<Level>,
    pub(super) handlers: Vec<String>,
    pub(super) filters: Vec<String>,
    /// Whether the handlers of the loggers above get the lines too.
    pub(super) propagate: bool,
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
}

/// One of the two streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// `[formatters.NAME]`: how a line looks.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct FormatterConfig {
    pub(super) format: Option<String>,
    pub(super) datefmt: Option<String>,
    pub(super) json: bool,
}

impl Default for LoggerConfig {
    fn default() -> Self {
        Self { level: None, handlers: Vec::new(), filters: Vec::new(), propagate: true }
    }
}

impl LogConfig {
    /// Reads the file of the settings, or makes what stands for it.
    pub(super) fn load(settings: &LoggingSettings) -> Result<Self, LoggingError> {
        let Some(path) = &settings.config else { return Ok(Self::of_two_streams()) };
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|cause| LoggingError::Unreadable {
            file: file.clone(),
            cause: cause.to_string(),
        })?;
        let place = Place { file, text };
        let mut config: Self = toml::from_str(&place.text).map_err(|error| place.refuse(&error))?;
        config.place = place;
        config.check()?;
        Ok(config)
    }

    /// Requests on standard output, everything else on standard error.
    fn of_two_streams() -> Self {
        let logger = |name: &str, handler: &str| {
            let handlers = vec![handler.to_owned()];
            (
                name.to_owned(),
                LoggerConfig { handlers, propagate: false, ..LoggerConfig::default() },
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

    /// The key as messages name it: with the file and its line.
    pub(super) fn key(&self, key: &str) -> String {
        self.place.key(key)
    }

    /// A value of the file that means nothing.
    pub(super) fn bad(&self, key: &str, value: &str, allowed: impl Into<String>) -> LoggingError {
        LoggingError::setting(self.key(key), value, allowed)
    }

    /// Checks that all names lead somewhere and each handler has one end.
    fn check(&self) -> Result<(), LoggingError> {
        if !self.loggers.contains_key(ROOT) {
            return Err(self.bad("loggers", "", "a table [loggers.root]"));
        }
        for (name, logger) in &self.loggers {
            let is_word = |part: &str| !part.is_empty() && !part.contains(char::is_whitespace);
            if !name.replace("::", ".").split('.').all(is_word) {
                let allowed = "root, bailiwick.access, bailiwick.error or a module such as sqlx";
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
        for (name, formatter) in &self.formatters {
            if formatter.json && (formatter.format.is_some() || formatter.datefmt.is_some()) {
                let allowed = "either json = true, or format and datefmt";
                return Err(self.bad(&format!("formatters.{name}.json"), "true", allowed));
            }
        }
        Ok(())
    }

    /// What can be known of a log file without making it.
    fn check_folder(&self, key: &str, file: &std::path::Path) -> Result<(), LoggingError> {
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
        let is_there = folder.is_none_or(std::path::Path::is_dir);
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

/// Levels as Python writes them, in capitals, are read too.
fn level<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Level>, D::Error> {
    let word = String::deserialize(deserializer)?.to_lowercase();
    Level::deserialize(word.into_deserializer()).map(Some)
}

/// The file, to say where something stands in it.
#[derive(Debug, Default)]
struct Place {
    file: String,
    text: String,
}

impl Place {
    /// `FILE:LINE: KEY`, or the key alone where there is no file.
    fn key(&self, key: &str) -> String {
        if self.file.is_empty() {
            return key.to_owned();
        }
        let found = self.keys().find(|(_, known)| key == known);
        match found.or_else(|| self.keys().find(|(_, known)| starts(key, known))) {
            Some((line, _)) => format!("{}:{line}: {key}", self.file),
            None => format!("{}: {key}", self.file),
        }
    }

    /// Each line that holds a key or a table's head, with the whole name.
    fn keys(&self) -> impl Iterator<Item = (usize, String)> {
        let mut section = String::new();
        let mut counts = BTreeMap::new();
        self.text.lines().zip(1..).filter_map(move |(line, number)| {
            let line = line.trim();
            if let Some(head) = line.strip_prefix("[[") {
                let name = plain(head.split("]]").next()?);
                let count = counts.entry(name.clone()).or_insert(0);
                section = format!("{name}[{count}]");
                *count += 1;
                return Some((number, section.clone()));
            }
            if let Some(head) = line.strip_prefix('[') {
                section = plain(head.split(']').next()?);
                return Some((number, section.clone()));
            }
            let (name, _) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
            let dot = if section.is_empty() { "" } else { "." };
            Some((number, format!("{section}{dot}{}", plain(name))))
        })
    }

    /// The parser's reason, on one line and with its place.
    fn refuse(&self, error: &toml::de::Error) -> LoggingError {
        let reason = error.message().replace('\n', ", ");
        let at = error.span().map(|span| {
            let line = self.text[..span.start.min(self.text.len())].matches('\n').count() + 1;
            let key = self.keys().filter(|(number, _)| *number <= line).last();
            let value = self.text.get(span).unwrap_or_default();
            // The span of a missing or unknown key can be a whole table.
            let value = value.lines().next().unwrap_or_default().trim().trim_matches('"');
            (line, key.map(|(_, key)| key).unwrap_or_default(), value)
        });
        let (key, value) = match at {
            Some((line, key, value)) => (format!("{}:{line}: {key}", self.file), value),
            None => (self.file.clone(), ""),
        };
        LoggingError::setting(key, value, format!("valid TOML with known keys: {reason}"))
    }
}

/// Whether `key` is below `known`.
fn starts(key: &str, known: &str) -> bool {
    key.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// A key without the quotes that hold its dots together.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '"' | '\'' | ' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<LogConfig, LoggingError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log.toml");
        fs::write(&path, text).unwrap();
        LogConfig::load(&LoggingSettings {
            level: Level::Info,
            access: true,
            format: "%(message)s".to_owned(),
            config: Some(path),
            access_filters: Vec::new(),
        })
    }

    const ROOT_ONLY: &str = "[loggers.root]\n";

    #[test]
    fn a_file_is_read() {
        let config = load(
            r#"
            [loggers.root]
            level = "WARNING"
            handlers = ["console"]
            [loggers."bailiwick.access"]
            level = "info"
            filters = ["quiet"]
            propagate = false
            [handlers.console]
            stream = "stdout"
            level = "debug"
            formatter = "json"
            [formatters.json]
            json = true
            [[filters.quiet]]
            message = '"GET / HTTP/1.1"'
            [[filters.quiet]]
            slower_than = 100
            keep = 0.01
            "#,
        );
        let config = config.unwrap();
        assert_eq!(config.loggers[ROOT].level, Some(Level::Warning));
        assert!(config.loggers[ROOT].propagate);
        assert!(!config.loggers["bailiwick.access"].propagate);
        assert_eq!(config.handlers["console"].stream, Some(Stream::Stdout));
        assert_eq!(config.handlers["console"].level, Some(Level::Debug));
        assert!(config.formatters["json"].json);
        assert_eq!(config.filters["quiet"].len(), 2);
    }

    #[test]
    fn what_is_wrong_is_said_in_a_line_with_its_place() {
        for (text, expected) in [
            ("", "log.toml: loggers: ``: expected a table [loggers.root]"),
            ("[loggers.root", "log.toml:1: "),
            ("[loggers.root]\nleval = \"info\"\n", "log.toml:2: loggers.root.leval: `leval`"),
            ("[loggers.root]\nlevel = \"loud\"\n", "log.toml:2: loggers.root.level: `loud`"),
            ("[loggers.root]\nlevel = 7\n", "log.toml:2: loggers.root.level: `7`"),
            ("[logger.root]\n", "log.toml:1: logger.root: `logger`"),
            (
                "[loggers.root]\nhandlers = [\"x\"]\n[handlers.a]\nstream = \"stdout\"\n",
                "log.toml:2: loggers.root.handlers: `x`: expected a name of [handlers.…]: a",
            ),
            (
                "[loggers.root]\n[handlers.a]\nstream = \"stdout\"\nformatter = \"x\"\n",
                "log.toml:4: handlers.a.formatter: `x`: expected a name of [formatters.…]: none",
            ),
            (
                "[loggers.root]\n[loggers.\"a.b\"]\nfilters = [\"x\"]\n",
                "log.toml:3: loggers.a.b.filters: `x`: expected a name of [filters.…]",
            ),
            (
                "[loggers.root]\n[handlers.a]\n",
                "log.toml:2: handlers.a: ``: expected either stream",
            ),
            (
                "[loggers.root]\n[handlers.a]\nfile = \"/nowhere/at/all.log\"\n",
                "log.toml:3: handlers.a.file: `/nowhere/at/all.log`: expected a file in a folder",
            ),
            (
                "[loggers.root]\n[formatters.a]\njson = true\nformat = \"%(message)s\"\n",
                "log.toml:3: formatters.a.json: `true`: expected either json = true, or format",
            ),
            (
                "[loggers.root]\n[[filters.a]]\n[[filters.a]]\nkeep = 2.5\n",
                "log.toml:4: filters.a[1].keep: `2.5`",
            ),
            ("[loggers.root]\n[loggers.\"a b\"]\n", "log.toml: loggers: `a b`: expected root"),
        ] {
            let error = load(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}\nis not\n{expected}");
            assert!(!error.contains('\n'), "{error}");
        }
        assert!(load(ROOT_ONLY).is_ok());
    }

    #[test]
    fn an_absent_file_is_named() {
        let settings = LoggingSettings {
            level: Level::Info,
            access: true,
            format: String::new(),
            config: Some("absent.toml".into()),
            access_filters: Vec::new(),
        };
        let error = LogConfig::load(&settings).unwrap_err().to_string();
        assert!(error.starts_with("absent.toml: cannot be read: No such file"), "{error}");
    }
}
