//! A log configuration for Python's `logging.config.fileConfig`, such as gunicorn's `logging.conf`.
//!
//! It is converted to `dictConfig`'s form, which [`dict_config`] reads.

use super::ini::{Ini, Section};
use super::place::KeyLines;
use super::{LogConfig, Note, dict_config, literal};
use crate::logging::LoggingError;
use serde_json::{Map, Value, json};

/// The kinds of lists: the list's section, and the prefix of its entries' sections.
const LISTS: [(&str, &str); 3] =
    [("loggers", "logger_"), ("handlers", "handler_"), ("formatters", "formatter_")];

/// Whether this is such a file rather than one of ours in TOML.
pub(super) fn is_file_config(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let has_list = lines.clone().any(|line| LISTS.iter().any(|(list, _)| is_head(line, list)));
    let is_keys = |line: &str| {
        line.split_once(['=', ':']).is_some_and(|(key, _)| key.trim().eq_ignore_ascii_case("keys"))
    };
    has_list && lines.any(is_keys)
}

fn is_head(line: &str, name: &str) -> bool {
    line.strip_prefix('[')
        .and_then(|line| line.split_once(']'))
        .is_some_and(|(head, _)| head == name)
}

/// Reads the file's text.
pub(super) fn read(file: &str, text: &str) -> Result<LogConfig, LoggingError> {
    let ini = Ini::read(file, text)?;
    let mut file = FileConfig { place: ini.place.clone(), ini, notes: Vec::new() };
    let formatters = file.formatters()?;
    let handlers = file.handlers()?;
    let (root, loggers) = file.loggers()?;
    file.find_strange();
    let described = json!({
        "formatters": formatters, "handlers": handlers, "loggers": loggers, "root": root,
    });
    let mut config = dict_config::read(&described, file.place)?;
    config.notes.splice(0..0, file.notes);
    Ok(config)
}

struct FileConfig {
    ini: Ini,
    place: KeyLines,
    notes: Vec<Note>,
}

impl FileConfig {
    fn formatters(&mut self) -> Result<Value, LoggingError> {
        let mut formatters = Map::new();
        for (name, at) in self.listed("formatters")? {
            let mut formatter = Map::new();
            self.place.learn(format!("formatters.{name}"), self.section(at).line);
            // Python takes these three literally: their `%` is the log's.
            for key in ["format", "datefmt", "style"] {
                if let Some(entry) = self.ini.entry(self.section(at), key) {
                    let (line, value) = (entry.line, entry.value.clone());
                    self.place.learn(format!("formatters.{name}.{key}"), line);
                    formatter.insert(key.to_owned(), json!(value));
                }
            }
            self.take((at, "formatters", &name), "class", &mut formatter)?;
            self.refuse_others(at, &["format", "datefmt", "style", "class"]);
            formatters.insert(name, Value::Object(formatter));
        }
        Ok(Value::Object(formatters))
    }

    fn handlers(&mut self) -> Result<Value, LoggingError> {
        let mut handlers = Map::new();
        for (name, at) in self.listed("handlers")? {
            let mut handler = Map::new();
            self.place.learn(format!("handlers.{name}"), self.section(at).line);
            for key in ["class", "level", "formatter"] {
                self.take((at, "handlers", &name), key, &mut handler)?;
            }
            // Python's way to say none.
            handler.retain(|key, value| key != "formatter" || *value != json!(""));
            let class = handler.get("class").and_then(Value::as_str).unwrap_or_default();
            if let Some(parameters) = dict_config::parameters(class) {
                let given = self.arguments(at, parameters)?;
                for (parameter, line, value) in given {
                    for key in [parameter.as_str(), "file"] {
                        self.place.learn(format!("handlers.{name}.{key}"), line);
                    }
                    handler.insert(parameter, value);
                }
            }
            self.refuse_others(at, &["class", "level", "formatter", "args", "kwargs"]);
            handlers.insert(name, Value::Object(handler));
        }
        Ok(Value::Object(handlers))
    }

    /// The values that `args` and `kwargs` give to these parameters of the class.
    fn arguments(
        &self,
        at: usize,
        parameters: &[&str],
    ) -> Result<Vec<(String, usize, Value)>, LoggingError> {
        let section = self.section(at);
        let mut given = Vec::new();
        // Values are not shown: they may contain a password.
        let bad = |line: usize, key: &str, allowed: &str| {
            LoggingError::setting(format!("{}: {key}", self.place.line(line)), "***", allowed)
        };
        if let Some((line, text)) = self.ini.value(section, "args")? {
            let values = literal::arguments(&text)
                .ok_or_else(|| bad(line, "args", &format!("a tuple of {}", literal::ALLOWED)))?;
            if values.len() > parameters.len() {
                let allowed = format!("at most {}: {}", parameters.len(), parameters.join(", "));
                return Err(bad(line, "args", &allowed));
            }
            let names = parameters.iter().map(|name| (*name).to_owned());
            given.extend(names.zip(values).map(|(name, value)| (name, line, value)));
        }
        if let Some((line, text)) = self.ini.value(section, "kwargs")? {
            let values = literal::keywords(&text)
                .ok_or_else(|| bad(line, "kwargs", &format!("a dict of {}", literal::ALLOWED)))?;
            given.extend(values.into_iter().map(|(name, value)| (name, line, value)));
        }
        Ok(given)
    }

    /// The root logger and the others, by their `qualname`.
    fn loggers(&mut self) -> Result<(Value, Value), LoggingError> {
        let (mut root, mut loggers) = (None, Map::new());
        for (key, at) in self.listed("loggers")? {
            let section = self.section(at);
            let (line, is_root) = (section.line, key == "root");
            let name = match self.ini.value(section, "qualname")? {
                _ if is_root => "root".to_owned(),
                Some((_, name)) => name,
                None => {
                    let place = format!("{}: [{}]", self.place.line(line), section.name);
                    return Err(LoggingError::setting(
                        place,
                        "",
                        "qualname = NAME, whose lines they are",
                    ));
                }
            };
            self.place.learn(format!("loggers.{name}"), line);
            let mut logger = Map::new();
            for key in ["level", "handlers", "propagate"] {
                self.take((at, "loggers", &name), key, &mut logger)?;
            }
            if let Some(handlers) = logger.get_mut("handlers") {
                *handlers = json!(names(handlers.as_str().unwrap_or_default()));
            }
            let propagate = logger.get("propagate").and_then(Value::as_str);
            if let Some(switch @ ("0" | "1")) = propagate {
                let switch = switch == "1";
                logger.insert("propagate".to_owned(), json!(switch));
            }
            self.refuse_others(at, &["level", "handlers", "qualname", "propagate"]);
            if is_root {
                logger.remove("propagate");
                root = Some(Value::Object(logger));
            } else {
                loggers.insert(name, Value::Object(logger));
            }
        }
        let root = root.ok_or_else(|| {
            let place = self.place.key("loggers.keys");
            LoggingError::setting(place, "", "root among the keys, with its section [logger_root]")
        })?;
        Ok((root, Value::Object(loggers)))
    }

    /// The names in a list, with the position of each one's section.
    fn listed(&mut self, list: &str) -> Result<Vec<(String, usize)>, LoggingError> {
        let Some(section) = self.ini.section(list) else { return Ok(Vec::new()) };
        let keys = self.ini.value(section, "keys")?;
        let Some((line, keys)) = keys else {
            let place = format!("{}: [{list}]", self.place.line(section.line));
            return Err(LoggingError::setting(place, "", "keys = NAME, NAME, …"));
        };
        self.refuse_others(self.position(list).unwrap_or_default(), &["keys"]);
        self.place.learn(format!("{list}.keys"), line);
        let (_, prefix) = LISTS.iter().find(|(known, _)| *known == list).unwrap_or(&LISTS[0]);
        let found = names(&keys).into_iter().map(|name| {
            let section = format!("{prefix}{name}");
            let at = self.position(&section).ok_or_else(|| {
                let place = format!("{}: keys", self.place.line(line));
                LoggingError::setting(place, &name, format!("a name with a section [{section}]"))
            })?;
            Ok((name, at))
        });
        found.collect()
    }

    /// Copies the section's value of this key, if it has one.
    fn take(
        &mut self,
        (at, list, name): (usize, &str, &str),
        key: &str,
        into: &mut Map<String, Value>,
    ) -> Result<(), LoggingError> {
        if let Some((line, value)) = self.ini.value(self.section(at), key)? {
            self.place.learn(format!("{list}.{name}.{key}"), line);
            into.insert(key.to_owned(), json!(value));
        }
        Ok(())
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.ini.sections().position(|section| section.name == name)
    }

    /// The section at the position that [`Self::position`] returned.
    fn section(&self, at: usize) -> &Section {
        self.ini.sections().nth(at).expect("a place that was found")
    }

    /// Warns about the section's other keys, which Python silently ignores.
    fn refuse_others(&mut self, at: usize, known: &[&str]) {
        let section = self.ini.sections().nth(at);
        let entries = section.into_iter().flat_map(|section| &section.entries);
        let others: Vec<_> = entries
            .filter(|entry| !known.contains(&entry.key.as_str()))
            .map(|entry| match entry.key.as_str() {
                // Nothing logs before the log's file is read.
                "disable_existing_loggers" if is_false(&entry.value) => None,
                key => Some((entry.line, key.to_owned())),
            })
            .collect();
        for (line, key) in others.into_iter().flatten() {
            let text =
                format!("{}: {key}: is not supported and has no effect", self.place.line(line));
            self.notes.push(Note::warning(text));
        }
    }

    /// Warns about sections that nothing refers to.
    fn find_strange(&mut self) {
        for section in self.ini.sections() {
            let name = &section.name;
            if LISTS.iter().any(|(list, _)| list == name) {
                continue;
            }
            let list =
                LISTS.iter().find_map(|(list, prefix)| Some((list, name.strip_prefix(prefix)?)));
            let why = match list {
                Some((list, part)) => {
                    let keys = self.ini.section(list).and_then(|list| self.ini.entry(list, "keys"));
                    if keys.is_some_and(|keys| names(&keys.value).iter().any(|name| name == part)) {
                        continue;
                    }
                    format!(
                        "{part} is not among the keys of [{list}], so this section has no effect"
                    )
                }
                None => "is not supported and has no effect".to_owned(),
            };
            let text = format!("{}: [{name}]: {why}", self.place.line(section.line));
            self.notes.push(Note::warning(text));
        }
    }
}

fn is_false(text: &str) -> bool {
    ["false", "0", "no", "off"].contains(&text.to_lowercase().as_str())
}

/// The items between commas, possibly over several lines.
fn names(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
