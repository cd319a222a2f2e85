//! A command's output, and the errors it ends with.

use crate::cli::foreign;
use crate::domain::program;
use crate::http::ServeError;
use crate::settings::{SettingsErrors, has_credentials};
use anstream::{AutoStream, ColorChoice};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;
use thiserror::Error;

/// Why a command failed.
#[derive(Debug, Error)]
pub(super) enum CommandError {
    /// `--help` or `--version`, which clap returns as an error.
    #[error("{0}")]
    Asked(String),
    /// Wrong arguments, or one error in the configuration.
    #[error("{0}")]
    Use(String),
    /// All errors in the configuration, one per line.
    #[error("{}", .0.join("; "))]
    Settings(Vec<String>),
    /// Any other failure.
    #[error("{0}")]
    Failed(String),
}

impl CommandError {
    /// Prints the error, one line per fault, on standard error.
    pub(super) fn report(self) -> ExitCode {
        let (lines, code) = match self {
            Self::Asked(text) => {
                return print(&text).map_or_else(Self::report, |()| ExitCode::SUCCESS);
            }
            Self::Use(line) => (vec![line], 2),
            Self::Settings(lines) => (lines, 2),
            Self::Failed(line) => (vec![line], 1),
        };
        for line in lines {
            note(&line);
        }
        ExitCode::from(code)
    }

    /// The server's settings themselves are wrong.
    pub(super) fn wrong_settings(error: impl fmt::Display) -> Self {
        Self::Use(error.to_string())
    }
}

impl From<clap::Error> for CommandError {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        match error.kind() {
            // A terminal gets colors, unless `NO_COLOR` or its `TERM` say otherwise.
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                let is_plain = AutoStream::choice(&io::stdout()) == ColorChoice::Never;
                Self::Asked(if is_plain { text } else { error.render().ansi().to_string() })
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Self::Use("expected a command; `--help` lists them".to_owned())
            }
            kind => Self::Use(
                told(kind, &error).unwrap_or_else(|| without_credentials(one_line(&text))),
            ),
        }
    }
}

impl From<SettingsErrors> for CommandError {
    fn from(errors: SettingsErrors) -> Self {
        Self::Settings(errors.lines().collect())
    }
}

impl From<ServeError> for CommandError {
    fn from(error: ServeError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Writes a line to standard error.
pub(super) fn note(line: &str) {
    // Nothing can be done if standard error is closed.
    let _ = writeln!(io::stderr(), "{}: {}", program(), escaped(line));
}

/// Writes `text` to standard output. A reader that stops early (`| head`) is not a failure.
pub(super) fn print(text: &str) -> Result<(), CommandError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CommandError::Failed(format!("standard output: {error}")))
        }
        _ => Ok(()),
    }
}

/// The remark about a word of another server's command line.
fn told(kind: ErrorKind, error: &clap::Error) -> Option<String> {
    let (context, find): (_, fn(&str) -> _) = match kind {
        ErrorKind::UnknownArgument => {
            (ContextKind::InvalidArg, |typed| foreign::flag(typed).or_else(|| foreign::word(typed)))
        }
        ErrorKind::InvalidSubcommand => (ContextKind::InvalidSubcommand, foreign::word),
        _ => return None,
    };
    let Some(ContextValue::String(typed)) = error.get(context) else { return None };
    find(typed).map(|here| format!("`{typed}` is not known here: {}", program().in_own_words(here)))
}

/// The message with `***` for input that may contain a password.
fn without_credentials(line: String) -> String {
    match (line.find('\''), line.rfind('\'')) {
        (Some(first), Some(last)) if first < last && has_credentials(&line[first..last]) => {
            format!("{}***{}", &line[..=first], &line[last..])
        }
        _ => line,
    }
}

/// The paragraphs above clap's usage, as one line.
fn one_line(text: &str) -> String {
    let above = text.split("\nUsage:").next().unwrap_or_default();
    let above = above.split("\nFor more information").next().unwrap_or_default();
    let above = above.strip_prefix("error: ").unwrap_or(above);
    let paragraphs = above.split("\n\n").map(|paragraph| {
        paragraph
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    });
    paragraphs.filter(|paragraph| !paragraph.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Escapes line breaks in arguments, so that the message stays one line.
pub(super) fn escaped(line: &str) -> String {
    let mut escaped = String::with_capacity(line.len());
    for c in line.chars() {
        if c.is_control() { escaped.extend(c.escape_default()) } else { escaped.push(c) }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::arguments::Arguments;

    fn failure(arguments: &[&str]) -> CommandError {
        let arguments = ["bailiwick"].iter().chain(arguments).map(Into::into);
        Arguments::read(arguments).unwrap_err().into()
    }

    #[test]
    fn wrong_use_is_one_line() {
        for (arguments, expected) in [
            (
                &["--wokers", "1"][..],
                "unexpected argument '--wokers' found; tip: a similar argument exists: '--workers'",
            ),
            (&["users"], "expected a command; `--help` lists them"),
            (&["--workers"], "a value is required for '--workers <N>' but none was supplied"),
            (
                &["print-confg"],
                "unrecognized subcommand 'print-confg'; tip: a similar subcommand exists: 'print-config'",
            ),
            (&["-w", "1", "-w", "2"], "the argument '--workers <N>' cannot be used multiple times"),
        ] {
            match failure(arguments) {
                CommandError::Use(line) => assert_eq!(line, expected),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn help_and_version_are_no_failures() {
        for flag in ["--help", "--version", "-h", "-V"] {
            assert!(matches!(failure(&[flag]), CommandError::Asked(_)), "{flag}");
        }
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(escaped("a\nb\u{1b}[31mé"), "a\\nb\\u{1b}[31mé");
    }
}
