//! What can be wrong with a database's URL.

use crate::settings::database_url::parameters::NAMES;
use std::fmt;

/// How characters that have a meaning in a URL are written in a name or a password.
const ENCODE: &str = "in a user name, password or database name write %40 for @, %3A for :, %2F \
                      for /, %3F for ?, %23 for #, %25 for %, %20 for a space";

/// Why a URL was refused. It holds no part of the URL, so no message can show a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DatabaseUrlProblem {
    /// Neither SQLite nor PostgreSQL.
    Scheme,
    /// PostgreSQL, in a program that was built without it.
    NoPostgres,
    /// A URL of JDBC.
    Jdbc,
    /// libpq's other form: `host=… user=…`.
    Pairs,
    /// Quotes or spaces around it.
    Quoted,
    /// A line break, a tab or the like.
    Control,
    /// `${NAME}`, which nobody has replaced.
    Variable,
    /// A database in memory.
    Memory,
    /// SQLite's options, or its own kind of URL.
    SqliteOptions,
    /// `sqlite://NAME`, or a driver without three slashes.
    SqliteSlashes,
    /// No `//` behind `postgres:`.
    Slashes,
    /// An `@`, `/`, `#` or space stands where it cannot be meant as such.
    Unencoded,
    /// `%` without two hexadecimal digits, or what they make is no text.
    Percent,
    /// No host.
    NoHost,
    /// The host is neither a name nor an address.
    Host,
    /// An address of IPv6 without brackets, or brackets around something else.
    Brackets,
    /// More than one host.
    SeveralHosts,
    /// The port is no number, or too large.
    Port,
    /// No database.
    NoName,
    /// Something behind the `?` has no value.
    NoValue,
    /// A parameter that nobody knows.
    UnknownParameter {
        /// A known one with a similar name.
        nearest: Option<&'static str>,
    },
    /// A parameter that stands twice, or once more before the `?`.
    Twice(&'static str),
    /// A parameter has a value that it cannot have.
    Value {
        /// The parameter.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A parameter of libpq or of another program that does not work here.
    Unsupported {
        /// The parameter.
        name: &'static str,
        /// What to do in its place.
        instead: &'static str,
    },
}

impl fmt::Display for DatabaseUrlProblem {
    /// Behind the word `expected`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Scheme => {
                "sqlite:PATH, postgres://USER@HOST:PORT/NAME, or an empty text for bailiwick.db in \
                 data_dir"
            }
            Self::NoPostgres => {
                "sqlite:PATH: this program was built without PostgreSQL (Cargo's feature `postgres`)"
            }
            Self::Jdbc => {
                "postgres://USER@HOST:PORT/NAME, not a URL of JDBC; the password goes into \
                 database.password_file"
            }
            Self::Pairs => {
                "a URL postgres://USER@HOST:PORT/NAME, not a list of name=value; the password goes \
                 into database.password_file"
            }
            Self::Quoted => "no quotes and no spaces around the URL",
            Self::Control => "a URL without line breaks and other control characters",
            Self::Variable => {
                "the value itself: variables such as ${NAME} are not replaced here (a `$` that is \
                 meant is written %24)"
            }
            Self::Memory => {
                "a file: a database in memory could not be shared (sqlite:PATH, or an empty text \
                 for bailiwick.db in data_dir)"
            }
            Self::SqliteOptions => "a path behind sqlite:, without `file:` and without options",
            Self::SqliteSlashes => {
                "sqlite:PATH, or as SQLAlchemy writes it sqlite:///RELATIVE/PATH or \
                 sqlite:////ABSOLUTE/PATH"
            }
            Self::Slashes => "// behind postgres: (postgres://USER@HOST:PORT/NAME)",
            Self::Unencoded => {
                return write!(
                    f,
                    "postgres://USER:PASSWORD@HOST:PORT/NAME with special characters \
                     percent-encoded: {ENCODE}; or put the password into database.password_file"
                );
            }
            Self::Percent => {
                return write!(f, "two hexadecimal digits of UTF-8 behind each %: {ENCODE}");
            }
            Self::NoHost => "a host: postgres://USER@HOST:PORT/NAME",
            Self::Host => {
                return write!(
                    f,
                    "a host of ASCII letters, digits, `.`, `-` and `_`, an address, or a socket's \
                     folder as %2Frun%2Fpostgresql; {ENCODE}"
                );
            }
            Self::Brackets => "an address of IPv6 in brackets: postgres://USER@[::1]:5432/NAME",
            Self::SeveralHosts => {
                "one host: several are not supported; name one that always leads to the server \
                 that takes writes"
            }
            Self::Port => {
                return write!(f, "a port from 1 to 65535 behind the host's `:`; {ENCODE}");
            }
            Self::NoName => {
                return write!(
                    f,
                    "the name of one database: postgres://USER@HOST:PORT/NAME; {ENCODE}"
                );
            }
            Self::NoValue => {
                return write!(f, "name=value behind the `?`, joined by `&`; {ENCODE}");
            }
            Self::UnknownParameter { nearest: Some(nearest) } => {
                return write!(f, "known parameters behind the `?`, did you mean `{nearest}`?");
            }
            Self::UnknownParameter { nearest: None } => {
                return write!(f, "known parameters behind the `?`: {}", NAMES.join(", "));
            }
            Self::Twice(name) => return write!(f, "`{name}` only once"),
            Self::Value { name, allowed } => return write!(f, "`{name}` to be {allowed}"),
            Self::Unsupported { name, instead } => {
                return write!(f, "no `{name}` here, which is not supported: {instead}");
            }
        })
    }
}

impl std::error::Error for DatabaseUrlProblem {}
