//! Why the configuration is invalid; each error is one line and says where.

use crate::domain::program;
use std::io;
use std::path::PathBuf;
use thiserror::Error;

/// One error in the configuration.
#[derive(Debug, Error)]
pub(super) enum SettingsError {
    /// The file cannot be read.
    #[error("{}: cannot be read: {cause}", file.display())]
    Unreadable { file: PathBuf, cause: io::Error },
    /// The file is not TOML; the place has the line and column if known.
    #[error("{place}: not valid TOML: {cause}")]
    Unparsable { place: String, cause: String },
    /// The file is gunicorn's, in Python.
    #[error(
        "{place}: not read, for it is Python: the configuration here is TOML, with the keys of \
         `{program} print-config`",
        program = program()
    )]
    Python { place: String },
    /// A malformed line in the file of `--env-file`.
    #[error("{place}: expected NAME=value, with quotes around a value with spaces or `$`")]
    BadLine { place: String },
    /// No key or variable has this name; similar names, best first.
    #[error("{place}: unknown key `{key}`, {}", hint(nearest))]
    UnknownKey { place: String, key: String, nearest: Vec<String> },
    /// A key has an invalid value; a secret is `***`.
    #[error("{place} = {value}: expected {expected}")]
    BadValue { place: String, value: String, expected: String },
    /// A variable is not UTF-8.
    #[error("environment {variable}: expected UTF-8 text")]
    NotUtf8 { variable: String },
    /// A table, which no variable can hold.
    #[error("{origin}: a table can only stand in a file (`--config FILE`)")]
    OnlyInFile { origin: String },
    /// A key of the application's own has no default and no value.
    #[error(
        "{key} is not set: give it below [{section}] in a file (`--config FILE`) or as {variable}"
    )]
    NotSet { key: String, section: String, variable: String },
    /// Two keys that exclude each other, each with its origin.
    #[error("both {first} and {second} are set: expected only one of them")]
    Contradiction { first: String, second: String },
    /// Two names for the issuer of tokens, each key with its origin.
    #[error("{first} and {second} differ: expected the same, for both name the issuer of tokens")]
    TwoIssuers { first: String, second: String },
    /// Tokens of asymmetric keys name their issuer.
    #[error(
        "{algorithm} needs server.public_url, the issuer of its tokens, for example \
         \"https://auth.example.com\"; only HS256 does without"
    )]
    NoPublicUrl { algorithm: String },
    /// Clients are for an authorization server, which has a URL.
    #[error("{key} needs server.public_url, for example \"https://auth.example.com\"")]
    NeedsUrl { key: String },
    /// A session would end before it is idle for long enough, each key with its origin.
    #[error("{idle} is {idle_seconds} s, and {lifetime} is {seconds} s: expected at most as many")]
    IdleBeyondLife { idle: String, idle_seconds: u32, lifetime: String, seconds: u32 },
    /// Two conflicting addresses, each with its key and origin.
    #[error("{first} and {second} are one address: expected different ones")]
    SameAddress { first: String, second: String },
    /// The values do not fit together in a way that no check foresaw.
    #[error("{0}")]
    Other(String),
}

fn hint(nearest: &[String]) -> String {
    match nearest {
        [] => format!("`{} print-config` lists the known ones", program()),
        names => format!("did you mean `{}`?", names.join("` or `")),
    }
}
