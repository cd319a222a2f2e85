//! Reads the format of Python's `configparser`, and remembers line numbers.
//!
//! No crate does both: the rules for continued lines, comments and `%` are Python's own.

use super::place::KeyLines;
use crate::logging::LoggingError;

/// How many levels of interpolation are allowed, as in Python.
const DEEPEST: usize = 10;

/// `[name]` and its entries.
#[derive(Debug)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) entries: Vec<Entry>,
}

/// `key = value`
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: usize,
    /// As written; its lines are joined by line breaks.
    pub(super) value: String,
}

/// A whole file.
#[derive(Debug)]
pub(super) struct Ini {
    pub(super) place: KeyLines,
    sections: Vec<Section>,
}

impl Ini {
    pub(super) fn read(file: &str, text: &str) -> Result<Self, LoggingError> {
        let place = KeyLines::of(file);
        let mut sections: Vec<Section> = Vec::new();
        // The indentation of the last key or section head, and whether a key may continue.
        let (mut indent, mut is_open) = (0, false);
        for (line, number) in text.trim_start_matches('\u{feff}').lines().zip(1..) {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let depth = line.len() - line.trim_start().len();
            let broken = |why: &str| place.broken((number, depth + 1), why);
            let last = sections.last_mut().and_then(|section| section.entries.last_mut());
            if let Some(entry) = last.filter(|_| is_open && depth > indent) {
                entry.value.push('\n');
                entry.value.push_str(trimmed);
                continue;
            }
            indent = depth;
            if let Some(head) = trimmed.strip_prefix('[') {
                let (name, _) = head.rsplit_once(']').ok_or_else(|| broken("expected a `]`"))?;
                if sections.iter().any(|known| known.name == name) {
                    return Err(broken("duplicate section"));
                }
                let section = Section { name: name.to_owned(), line: number, entries: Vec::new() };
                sections.push(section);
                is_open = false;
                continue;
            }
            let section = sections
                .last_mut()
                .ok_or_else(|| broken("expected a section such as [loggers]"))?;
            let (key, value) = trimmed
                .split_once(['=', ':'])
                .filter(|(key, _)| !key.trim().is_empty())
                .ok_or_else(|| broken("expected [section] or key = value"))?;
            let key = key.trim().to_lowercase();
            if section.entries.iter().any(|known| known.key == key) {
                return Err(broken("duplicate key"));
            }
            let value = value.trim().to_owned();
            section.entries.push(Entry { key, line: number, value });
            is_open = true;
        }
        Ok(Self { place, sections })
    }

    pub(super) fn sections(&self) -> impl Iterator<Item = &Section> {
        self.sections.iter().filter(|section| section.name != "DEFAULT")
    }

    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections().find(|section| section.name == name)
    }

    /// The section's own entry, or that of `[DEFAULT]`.
    pub(super) fn entry<'a>(&'a self, section: &'a Section, key: &str) -> Option<&'a Entry> {
        let default = || self.sections.iter().find(|section| section.name == "DEFAULT");
        let find = |section: &'a Section| section.entries.iter().find(|entry| entry.key == key);
        find(section).or_else(|| find(default()?))
    }

    /// The entry's value with `%(name)s` and `%%` interpolated, as in Python; formats are left
    /// alone.
    pub(super) fn value(
        &self,
        section: &Section,
        key: &str,
    ) -> Result<Option<(usize, String)>, LoggingError> {
        let Some(entry) = self.entry(section, key) else { return Ok(None) };
        let mut out = String::new();
        self.interpolate(&mut out, (section, entry), &entry.value, DEEPEST)?;
        Ok(Some((entry.line, out)))
    }

    fn interpolate(
        &self,
        out: &mut String,
        (section, entry): (&Section, &Entry),
        text: &str,
        depth: usize,
    ) -> Result<(), LoggingError> {
        let broken = |value: &str| {
            let key = format!("{}: {}", self.place.line(entry.line), entry.key);
            let allowed = "%% for a percent sign, or %(key)s with a key of the section, of [DEFAULT], or `here`, the file's folder";
            LoggingError::setting(key, value, allowed)
        };
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('%') {
            out.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                out.push('%');
                rest = after;
                continue;
            }
            let name = after.strip_prefix('(').and_then(|after| after.split_once(")s"));
            let Some((name, after)) = name.filter(|_| depth > 0) else { return Err(broken("%")) };
            rest = after;
            // What gunicorn adds to a file's defaults.
            let file = self.place.file();
            match (self.entry(section, &name.to_lowercase()), name) {
                (Some(found), _) => {
                    self.interpolate(out, (section, entry), &found.value, depth - 1)?;
                }
                (None, "here") => out.push_str(
                    std::path::Path::new(file)
                        .parent()
                        .and_then(std::path::Path::to_str)
                        .filter(|folder| !folder.is_empty())
                        .unwrap_or("."),
                ),
                (None, "__file__") => out.push_str(file),
                _ => return Err(broken(&format!("%({name})s"))),
            }
        }
        out.push_str(rest);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ini(text: &str) -> Ini {
        Ini::read("dir/a.conf", text).unwrap()
    }

    fn value(ini: &Ini, section: &str, key: &str) -> Option<(usize, String)> {
        ini.value(ini.section(section).unwrap(), key).unwrap()
    }

    #[test]
    fn values_are_read_as_python_reads_them() {
        let ini = ini("\u{feff}# comment\n[DEFAULT]\ndir = /var\n[a b]\nKey: one\n  two\n\n  ; no\n  three = 3\nother=%(dir)s/%%x.log ; kept\n empty =\n[c]\n  x = %(here)s/%(__FILE__)s\n  y = %(x)s\n".replace("__FILE__", "__file__").as_str());
        assert_eq!(value(&ini, "a b", "key"), Some((5, "one\ntwo\nthree = 3".to_owned())));
        // Indented deeper than its key: it continues the value, as in Python.
        assert_eq!(
            value(&ini, "a b", "other"),
            Some((10, "/var/%x.log ; kept\nempty =".to_owned()))
        );
        assert_eq!(value(&ini, "c", "y"), Some((14, "dir/dir/a.conf".to_owned())));
        assert_eq!(value(&ini, "c", "dir"), Some((3, "/var".to_owned())));
        assert_eq!(value(&ini, "c", "absent"), None);
    }

    #[test]
    fn what_python_refuses_is_refused_with_its_line() {
        for (text, expected) in [
            ("a = 1\n", "a.conf:1: column 1: expected a section"),
            ("[a]\nb\n", "a.conf:2: column 1: expected [section] or key"),
            ("[a]\n = b\n", "a.conf:2: column 2: expected [section] or key"),
            ("[a\n", "a.conf:1: column 1: expected a `]`"),
            ("[a]\n[a]\n", "a.conf:2: column 1: duplicate section"),
            ("[a]\nx=1\nX=2\n", "a.conf:3: column 1: duplicate key"),
        ] {
            let error = Ini::read("a.conf", text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        for bad in ["50%", "%(nowhere)s", "%(x)s", "%(x"] {
            let ini = ini(&format!("[a]\nx = {bad}\n"));
            let error = ini.value(ini.section("a").unwrap(), "x").unwrap_err().to_string();
            assert!(error.starts_with("dir/a.conf:2: x: `%"), "{error}");
        }
    }
}
