//! Positions in the log's own file, for messages.

use crate::logging::LoggingError;
use std::collections::BTreeMap;

/// The file, and the line of each key.
#[derive(Clone, Debug, Default)]
pub(in crate::logging) struct KeyLines {
    file: String,
    keys: Vec<(usize, String)>,
}

impl KeyLines {
    /// A file whose keys are not known yet.
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), keys: Vec::new() }
    }

    /// A file in TOML.
    pub(super) fn toml(file: &str, text: &str) -> Self {
        Self { keys: toml_keys(text), ..Self::of(file) }
    }

    /// A file in JSON.
    pub(super) fn json(file: &str, text: &str) -> Self {
        Self { keys: json_keys(text), ..Self::of(file) }
    }

    /// Remembers a key's line.
    pub(super) fn learn(&mut self, key: String, line: usize) {
        self.keys.push((line, key));
    }

    /// The file's name.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// `FILE:LINE`
    pub(super) fn line(&self, line: usize) -> String {
        format!("{}:{line}", self.file)
    }

    /// `FILE:LINE: KEY`, or the key alone without a file.
    pub(super) fn key(&self, key: &str) -> String {
        if self.file.is_empty() {
            return key.to_owned();
        }
        let found = self.keys.iter().find(|(_, known)| key == known);
        match found.or_else(|| self.keys.iter().find(|(_, known)| starts(key, known))) {
            Some((line, _)) => format!("{}: {key}", self.line(*line)),
            None => format!("{}: {key}", self.file),
        }
    }

    /// The last key at or above this line.
    pub(super) fn key_at(&self, line: usize) -> &str {
        let above = self.keys.iter().rfind(|(number, _)| *number <= line);
        above.map_or("", |(_, key)| key.as_str())
    }

    /// The file does not have its format.
    pub(super) fn broken(&self, (line, column): (usize, usize), reason: &str) -> LoggingError {
        let place = format!("{}: column {column}", self.line(line));
        LoggingError::Syntax { place, reason: reason.replace('\n', ", ") }
    }
}

/// Line and column of an offset in a text, from 1.
pub(super) fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Each line with a key or a table's head, with the full name.
fn toml_keys(text: &str) -> Vec<(usize, String)> {
    let mut section = String::new();
    let mut counts = BTreeMap::new();
    let key = |(line, number): (&str, usize)| {
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
    };
    text.lines().zip(1..).filter_map(key).collect()
}

/// Each key of an object, with its parents. `root` is a logger like the others.
fn json_keys(text: &str) -> Vec<(usize, String)> {
    let mut keys = Vec::new();
    // The open containers: their keys, and in arrays the index.
    let mut open: Vec<(String, Option<usize>)> = Vec::new();
    let mut current = String::new();
    let mut line = 1;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        match c {
            '\n' => line += 1,
            '{' => open.push((std::mem::take(&mut current), None)),
            '[' => {
                let list = std::mem::take(&mut current);
                current = format!("{list}[0]");
                open.push((list, Some(0)));
            }
            '}' | ']' => drop(open.pop()),
            ',' => {
                if let Some((list, Some(place))) = open.last_mut() {
                    *place += 1;
                    current = format!("{list}[{place}]");
                }
            }
            '"' => {
                let mut is_escaped = false;
                let end = rest.find(|(_, c)| {
                    let ends = *c == '"' && !is_escaped;
                    is_escaped = *c == '\\' && !is_escaped;
                    ends
                });
                let Some((end, _)) = end else { break };
                if !text[end + 1..].trim_start().starts_with(':') {
                    continue;
                }
                let above = open.last().map_or("", |(key, _)| key.as_str());
                let above = if above.is_empty() && &text[at..=end] == "\"root\"" {
                    "loggers"
                } else {
                    above
                };
                let dot = if above.is_empty() { "" } else { "." };
                current = format!("{above}{dot}{}", &text[at + 1..end]);
                keys.push((line, current.clone()));
            }
            _ => {}
        }
    }
    keys
}

/// Whether `key` is below `known`.
fn starts(key: &str, known: &str) -> bool {
    key.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '[']))
}

/// A key without the quotes that protect its dots.
fn plain(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '"' | '\'' | ' ')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_json_have_their_lines() {
        let text = "{\"version\": 1,\n\"a\\\"\": [\"x\", {\n\"b.c\": {}}, {\n\"d\": \"}\"}],\n\"root\":\n{\"level\"\n : 1}}";
        let keys = json_keys(text);
        let keys: Vec<_> = keys.iter().map(|(line, key)| (*line, key.as_str())).collect();
        assert_eq!(
            keys,
            [
                (1, "version"),
                (2, "a\\\""),
                (3, "a\\\"[1].b.c"),
                (4, "a\\\"[2].d"),
                (5, "loggers.root"),
                (6, "loggers.root.level"),
            ]
        );
    }
}
