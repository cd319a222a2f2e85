//! Why the configuration cannot be used; each error is one line and says where.

use crate::settings::loaded::Loaded;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// All that is wrong with a configuration: at least one error. `Display` is one line.
#[derive(Debug)]
pub struct SettingsErrors {
    pub(super) errors: Vec<SettingsError>,
    /// What is right, as if nothing else had been given.
    pub(super) rest: Option<Box<Loaded>>,
}

impl SettingsErrors {
    /// Each error, one line each.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        self.errors.iter().map(ToString::to_string)
    }

    /// The settings without what is wrong, for whoever looks for more errors.
    #[must_use]
    pub fn rest(&self) -> Option<&Loaded> {
        self.rest.as_deref()
    }
}

impl fmt::Display for SettingsErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines().collect::<Vec<_>>().join("; "))
    }
}

impl std::error::Error for SettingsErrors {}

impl From<SettingsError> for SettingsErrors {
    fn from(error: SettingsError) -> Self {
        Self { errors: vec![error], rest: None }
    }
}

/// One thing for which the configuration cannot be used. `Display` is one line; it never shows a
/// secret.
#[derive(Debug)]
pub enum SettingsError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file is no TOML.
    Unparsable {
        /// The file, with the line and column where known.
        place: String,
        /// What the parser expected.
        cause: String,
    },
    /// The file is one of gunicorn's, in Python.
    Python {
        /// The file.
        place: String,
    },
    /// A line of the file of `--env-file` is none.
    BadLine {
        /// The file and line.
        place: String,
    },
    /// Nothing has this name.
    UnknownKey {
        /// The file and line, or `environment`.
        place: String,
        /// The key or variable.
        key: String,
        /// Keys or variables with a similar name, best first.
        nearest: Vec<String>,
    },
    /// A key holds what it may not hold.
    BadValue {
        /// The file and line with the key, or the variable or flag.
        place: String,
        /// The value; a secret as `***`.
        value: String,
        /// What is allowed.
        expected: String,
    },
    /// A variable holds bytes that are no UTF-8.
    NotUtf8 {
        /// The variable.
        variable: String,
    },
    /// A table, which no variable can hold.
    OnlyInFile {
        /// The variable, with where it came from.
        origin: String,
    },
    /// Two keys that exclude each other.
    Contradiction {
        /// The first key, with where it came from.
        first: String,
        /// The second.
        second: String,
    },
    /// Two addresses that cannot both be listened on.
    SameAddress {
        /// The first address, with its key and where that came from.
        first: String,
        /// The second.
        second: String,
    },
    /// The values do not fit together in a way that no check foresaw.
    Other(String),
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Names of files and keys are the user's: a line break in one must not make a second line.
        for c in self.line().chars() {
            if c.is_control() { write!(f, "{}", c.escape_default())? } else { write!(f, "{c}")? }
        }
        Ok(())
    }
}

impl SettingsError {
    fn line(&self) -> String {
        match self {
            Self::Unreadable { file, cause } => {
                format!("{}: cannot be read: {cause}", file.display())
            }
            Self::Unparsable { place, cause } => format!("{place}: not valid TOML: {cause}"),
            Self::Python { place } => {
                format!(
                    "{place}: not read, for it is Python: the configuration here is TOML, with the keys of `bailiwick print-config`"
                )
            }
            Self::BadLine { place } => {
                format!(
                    "{place}: expected NAME=value, with quotes around a value with spaces or `$`"
                )
            }
            Self::UnknownKey { place, key, nearest } if nearest.is_empty() => format!(
                "{place}: unknown key `{key}`, `bailiwick print-config` lists the known ones"
            ),
            Self::UnknownKey { place, key, nearest } => {
                format!("{place}: unknown key `{key}`, did you mean `{}`?", nearest.join("` or `"))
            }
            Self::BadValue { place, value, expected } => {
                format!("{place} = {value}: expected {expected}")
            }
            Self::NotUtf8 { variable } => format!("environment {variable}: expected UTF-8 text"),
            Self::OnlyInFile { origin } => {
                format!("{origin}: a table can only stand in a file (`--config FILE`)")
            }
            Self::Contradiction { first, second } => {
                format!("both {first} and {second} are set: expected only one of them")
            }
            Self::SameAddress { first, second } => {
                format!("{first} and {second} are one address: expected different ones")
            }
            Self::Other(cause) => cause.clone(),
        }
    }
}

impl std::error::Error for SettingsError {}
