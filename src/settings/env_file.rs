//! The file of `--env-file`: lines `NAME=value`, read as shells and python-dotenv do.

use crate::settings::error::SettingsError;
use std::cell::Cell;
use std::io::{self, Read};
use std::path::Path;

/// One variable of the file.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
    /// The file and the line the variable ends on.
    pub(super) place: String,
}

/// The variables in the order of the file, and each malformed line.
pub(super) fn parse(file: &Path, text: &str) -> Vec<Result<Variable, SettingsError>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let line = Cell::new(0);
    let place = |line: usize| format!("{}:{line}", file.display());
    dotenvy::Iter::new(ByLine { rest: text.as_bytes(), line: &line })
        .map(|item| match item {
            Ok((name, value)) => Ok(Variable { name, value, place: place(line.get()) }),
            // Not shown: the line may hold a secret.
            Err(error) => Err(SettingsError::BadLine { place: place(line.get() - behind(&error)) }),
        })
        .collect()
}

/// How many lines before the last one read the bad one begins: an unclosed quote reaches to the end
/// of the file.
fn behind(error: &dotenvy::Error) -> usize {
    match error {
        dotenvy::Error::LineParse(text, _) => text.trim_end_matches('\n').matches('\n').count(),
        _ => 0,
    }
}

/// Yields one line at a time and counts them: dotenvy does not report its position.
struct ByLine<'a> {
    rest: &'a [u8],
    line: &'a Cell<usize>,
}

impl Read for ByLine<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let end = self.rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let length = end.unwrap_or(self.rest.len()).min(buffer.len());
        let (line, rest) = self.rest.split_at(length);
        buffer[..length].copy_from_slice(line);
        self.rest = rest;
        if line.ends_with(b"\n") || !line.is_empty() && rest.is_empty() {
            self.line.set(self.line.get() + 1);
        }
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Vec<(String, String, String)>, String> {
        let all = parse(Path::new("b.env"), text).into_iter();
        all.map(|line| line.map(|v| (v.name, v.value, v.place)).map_err(|error| error.to_string()))
            .collect()
    }

    #[test]
    fn comments_quotes_and_export_are_read_as_shells_do() {
        let text = "\u{feff}# A comment\n\nA=1\r\nexport B = 'two $words' # why\n\nC=\"a\nb\"\nD=";
        let expected = [
            ("A", "1", "b.env:3"),
            ("B", "two $words", "b.env:4"),
            ("C", "a\nb", "b.env:7"),
            ("D", "", "b.env:8"),
        ];
        let expected = expected.map(|(n, v, p)| (n.to_owned(), v.to_owned(), p.to_owned()));
        assert_eq!(parsed(text).unwrap(), expected);
        assert_eq!(parsed("").unwrap(), []);
    }

    #[test]
    fn a_bad_line_is_named_and_not_shown() {
        for (text, line) in [
            ("A=1\nswordfish\n", 2),
            ("\n# x\nA=swordfish fish\nB=2\n", 3),
            ("A=1\nB='swordfish\nC=2\nD=3\n", 2),
            ("A=1\nB='swordfish", 2),
            ("A=\"swordfish\n\" x\nB=1", 1),
            ("1A=swordfish", 1),
        ] {
            let error = parsed(text).unwrap_err();
            assert!(error.starts_with(&format!("b.env:{line}: expected NAME=value")), "{error}");
            assert!(!error.contains("swordfish"), "{error}");
        }
    }

    #[test]
    fn a_long_line_is_one_line() {
        let text = format!("A={}\nB\n", "x".repeat(100_000));
        assert!(parsed(&text).unwrap_err().starts_with("b.env:2: "));
    }
}
