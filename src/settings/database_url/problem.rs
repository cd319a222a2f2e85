//! What can be wrong with a database's URL.

use thiserror::Error;

/// The supported parameters.
pub(super) const NAMES: [&str; 14] = [
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "application_name",
    "fallback_application_name",
    "options",
    "connect_timeout",
    "host",
    "port",
    "user",
    "password",
    "dbname",
    "target_session_attrs",
];

/// How to write special characters in a name or a password.
const ENCODE: &str = "in a user name, password or database name write %40 for @, %3A for :, %2F \
                      for /, %3F for ?, %23 for #, %25 for %, %20 for a space";

/// Why a URL was refused; `Display` follows the word `expected`. It contains no part of the URL, so
/// no message can show a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DatabaseUrlProblem {
    /// Neither SQLite nor PostgreSQL.
    #[error(
        "sqlite:PATH, postgres://USER@HOST:PORT/NAME, or an empty text for bailiwick.db in data_dir"
    )]
    Scheme,
    /// PostgreSQL, but the program was built without it.
    #[error("sqlite:PATH: this program was built without PostgreSQL (Cargo's feature `postgres`)")]
    NoPostgres,
    /// A JDBC URL.
    #[error(
        "postgres://USER@HOST:PORT/NAME, not a URL of JDBC; the password goes into \
         database.password_file"
    )]
    Jdbc,
    /// libpq's other form: `host=… user=…`.
    #[error(
        "a URL postgres://USER@HOST:PORT/NAME, not a list of name=value; the password goes into \
         database.password_file"
    )]
    Pairs,
    /// Quotes or spaces around it.
    #[error("no quotes and no spaces around the URL")]
    Quoted,
    /// A line break, a tab or the like.
    #[error("a URL without line breaks and other control characters")]
    Control,
    /// `${NAME}`, which was not replaced.
    #[error(
        "the value itself: variables such as ${{NAME}} are not replaced here (a `$` that is meant \
         is written %24)"
    )]
    Variable,
    /// A database in memory.
    #[error(
        "a file: a database in memory could not be shared (sqlite:PATH, or an empty text for \
         bailiwick.db in data_dir)"
    )]
    Memory,
    /// SQLite's options, or its own kind of URL.
    #[error("a path behind sqlite:, without `file:` and without options")]
    SqliteOptions,
    /// `sqlite://NAME`, or a driver without three slashes.
    #[error(
        "sqlite:PATH, or as SQLAlchemy writes it sqlite:///RELATIVE/PATH or sqlite:////ABSOLUTE/PATH"
    )]
    SqliteSlashes,
    /// No `//` after `postgres:`.
    #[error("// behind postgres: (postgres://USER@HOST:PORT/NAME)")]
    Slashes,
    /// A literal `@`, `/`, `#` or space that must be encoded.
    #[error(
        "postgres://USER:PASSWORD@HOST:PORT/NAME with special characters percent-encoded: {ENCODE}; \
         or put the password into database.password_file"
    )]
    Unencoded,
    /// `%` without two hexadecimal digits, or they do not decode to text.
    #[error("two hexadecimal digits of UTF-8 behind each %: {ENCODE}")]
    Percent,
    /// No host.
    #[error("a host: postgres://USER@HOST:PORT/NAME")]
    NoHost,
    /// The host is neither a name nor an address.
    #[error(
        "a host of ASCII letters, digits, `.`, `-` and `_`, an address, or a socket's folder as \
         %2Frun%2Fpostgresql; {ENCODE}"
    )]
    Host,
    /// An IPv6 address without brackets, or brackets around something else.
    #[error("an address of IPv6 in brackets: postgres://USER@[::1]:5432/NAME")]
    Brackets,
    /// Neither one port nor as many as there are hosts.
    #[error("one port for all hosts, or one for each, joined by commas")]
    Ports,
    /// The port is not a number, or too large.
    #[error("a port from 1 to 65535 behind the host's `:`; {ENCODE}")]
    Port,
    /// No database.
    #[error("the name of one database: postgres://USER@HOST:PORT/NAME; {ENCODE}")]
    NoName,
    /// A parameter without a value.
    #[error("name=value behind the `?`, joined by `&`; {ENCODE}")]
    NoValue,
    /// An unknown parameter.
    #[error("known parameters behind the `?`{}", known(*nearest))]
    UnknownParameter {
        /// A known one with a similar name.
        nearest: Option<&'static str>,
    },
    /// A parameter that is given twice, or also before the `?`.
    #[error("`{0}` only once")]
    Twice(&'static str),
    /// A parameter with an invalid value.
    #[error("`{name}` to be {allowed}")]
    Value {
        /// The parameter.
        name: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
    /// A parameter of libpq or of another program that is not supported.
    #[error("no `{name}` here, which is not supported: {instead}")]
    Unsupported {
        /// The parameter.
        name: &'static str,
        /// What to do instead.
        instead: &'static str,
    },
}

fn known(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(", did you mean `{nearest}`?"),
        None => format!(": {}", NAMES.join(", ")),
    }
}
