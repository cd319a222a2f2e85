//! The URL of a PostgreSQL database, part by part. Stricter than libpq where an unencoded character
//! of a password would end up in another part.

use crate::domain::Secret;
use crate::settings::NamedFile;
use crate::settings::database_url::servers::{PostgresServer, TargetSession, servers};
use crate::settings::database_url::{DatabaseUrlProblem as Problem, parameters};
use percent_encoding::percent_decode_str;
use std::net::Ipv6Addr;
use std::num::NonZeroU32;
use std::path::PathBuf;

/// A PostgreSQL database, and how to connect to it.
#[derive(Clone, Debug)]
pub struct PostgresUrl {
    /// Absent: `PGUSER`, or the user of this process.
    pub user: Option<String>,
    /// Absent: `database.password_file`, `PGPASSWORD` or `~/.pgpass`.
    pub password: Option<Secret>,
    /// The servers, at least one, in the order they are tried.
    pub servers: Vec<PostgresServer>,
    /// What a server must be to be chosen.
    pub target_session: TargetSession,
    /// The name of the database.
    pub name: String,
    /// As written; [`PostgresUrl::ssl_mode`] returns the mode in force.
    pub written_ssl_mode: Option<SslMode>,
    /// The authorities for the server's certificate.
    pub ssl_root: SslRoot,
    /// The client's own certificate and its key.
    pub client_certificate: Option<(NamedFile, NamedFile)>,
    /// The name shown in `pg_stat_activity`.
    pub application_name: Option<String>,
    /// Options of the server process, for example `-c search_path=auth`.
    pub options: Option<String>,
    /// Seconds; absent: `database.connect_timeout`.
    pub connect_timeout: Option<NonZeroU32>,
}

/// How far the connection is encrypted and the server's certificate checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SslMode {
    Disable,
    Allow,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

/// The authorities that may have signed the server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SslRoot {
    /// Those that browsers know.
    Public,
    /// Those and the ones in a file.
    File(NamedFile),
}

const MODES: [(&str, SslMode); 6] = [
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl SslMode {
    /// One of libpq's words.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        MODES.iter().find(|(name, _)| *name == word).map(|(_, mode)| *mode)
    }
}

impl PostgresUrl {
    /// Parses the part after `postgres:`.
    pub(super) fn parse(rest: &str) -> Result<Self, Problem> {
        let parts = Parts::of(rest)?;
        let mut given = Given::default();
        if let Some((user, password)) = parts.user {
            given.set("user", decoded(user)?)?;
            if let Some(password) = password {
                given.set("password", decoded_secret(password)?)?;
            }
        }
        let (mut hosts, mut numbers) = (Vec::new(), Vec::new());
        for server in parts.host.split(',') {
            let (host, port) = split_port(server)?;
            hosts.push(decoded(host)?);
            numbers.push(port.unwrap_or_default());
        }
        given.set("host", hosts.join(","))?;
        if numbers.iter().any(|port| !port.is_empty()) {
            given.set("port", numbers.join(","))?;
        }
        given.set("dbname", decoded(parts.name)?)?;
        for pair in parts.query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').ok_or(Problem::NoValue)?;
            let value = if name == "password" { decoded_secret(value)? } else { decoded(value)? };
            if let Some(name) = parameters::known(name, &value)? {
                if value.is_empty() {
                    return Err(Problem::NoValue);
                }
                given.set(name, value)?;
            }
        }
        given.into_url()
    }

    /// The mode in force: the written one, else `PGSSLMODE`, else `verify-full` unless the servers
    /// are on this machine.
    ///
    /// Under `prefer`, libpq's default, a server that impersonates another machine would get the
    /// password.
    #[must_use]
    pub fn ssl_mode(&self, environment: Option<&str>) -> SslMode {
        let written = self.written_ssl_mode.or_else(|| environment.and_then(SslMode::named));
        let is_near = self.servers.iter().all(|server| server.host.is_this_machine());
        let default = if is_near { SslMode::Prefer } else { SslMode::VerifyFull };
        match written.unwrap_or(default) {
            // libpq does the same.
            SslMode::Require if self.ssl_root != SslRoot::Public => SslMode::VerifyCa,
            mode => mode,
        }
    }
}

/// The parts of the text.
struct Parts<'a> {
    user: Option<(&'a str, Option<&'a str>)>,
    host: &'a str,
    name: &'a str,
    query: &'a str,
}

impl<'a> Parts<'a> {
    fn of(rest: &'a str) -> Result<Self, Problem> {
        let rest = rest.strip_prefix("//").ok_or(Problem::Slashes)?;
        if rest.contains("${") || rest.contains("{{") || rest.contains("$(") {
            return Err(Problem::Variable);
        }
        if rest.contains(|c: char| c.is_whitespace() || c == '#') {
            return Err(Problem::Unencoded);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, behind) = rest.split_at(end);
        // It ended at a character of the password.
        if behind.contains('@') || authority.matches('@').count() > 1 {
            return Err(Problem::Unencoded);
        }
        let (user, host) = match authority.split_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let user = user.filter(|user| !user.is_empty()).map(|user| match user.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (user, None),
        });
        let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
        let name = path.strip_prefix('/').unwrap_or_default();
        if name.contains('/') {
            return Err(Problem::Unencoded);
        }
        Ok(Self { user, host, name, query })
    }
}

/// The host without brackets, and the port.
fn split_port(text: &str) -> Result<(&str, Option<&str>), Problem> {
    if let Some(inner) = text.strip_prefix('[') {
        let (address, behind) = inner.split_once(']').ok_or(Problem::Brackets)?;
        address.parse::<Ipv6Addr>().map_err(|_| Problem::Brackets)?;
        return match behind.strip_prefix(':') {
            Some(port) if !port.is_empty() => Ok((address, Some(port))),
            None if behind.is_empty() => Ok((address, None)),
            _ => Err(Problem::Port),
        };
    }
    match text.split_once(':') {
        Some((_, port)) if port.contains(':') => Err(Problem::Brackets),
        Some((_, "")) => Err(Problem::Port),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((text, None)),
    }
}

fn decoded_secret(text: &str) -> Result<String, Problem> {
    let mut digits = text.split('%').skip(1).map(str::as_bytes);
    let is_hex = |behind: &[u8]| behind.len() >= 2 && behind[..2].iter().all(u8::is_ascii_hexdigit);
    if !digits.all(is_hex) {
        return Err(Problem::Percent);
    }
    let decoded = percent_decode_str(text).decode_utf8().map_err(|_| Problem::Percent)?;
    // The protocol ends every text there.
    if decoded.contains('\0') { Err(Problem::Control) } else { Ok(decoded.into_owned()) }
}

/// Like a password, but for a message: it stays on one line.
fn decoded(text: &str) -> Result<String, Problem> {
    let decoded = decoded_secret(text)?;
    if decoded.chars().any(char::is_control) { Err(Problem::Control) } else { Ok(decoded) }
}

/// What was given before and after the `?`.
#[derive(Default)]
struct Given(Vec<(&'static str, String)>);

impl Given {
    fn set(&mut self, name: &'static str, value: String) -> Result<(), Problem> {
        if value.is_empty() {
            return Ok(());
        }
        if self.0.iter().any(|(known, _)| *known == name) {
            return Err(Problem::Twice(name));
        }
        self.0.push((name, value));
        Ok(())
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().position(|(known, _)| *known == name)?;
        Some(self.0.swap_remove(at).1)
    }

    fn path(&mut self, name: &'static str) -> Result<Option<PathBuf>, Problem> {
        // The driver would take the text itself for a certificate or a key.
        let allowed = "a path";
        match self.take(name) {
            Some(text) if text.trim_start().starts_with("-----") => {
                Err(Problem::Value { name, allowed })
            }
            text => Ok(text.map(Into::into)),
        }
    }

    fn number<T: std::str::FromStr>(
        &mut self,
        name: &str,
        problem: Problem,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Some).ok_or(problem)
    }

    fn into_url(mut self) -> Result<PostgresUrl, Problem> {
        let allowed = "disable, allow, prefer, require, verify-ca or verify-full";
        let mut mode = match self.take("sslmode") {
            Some(word) => {
                Some(SslMode::named(&word).ok_or(Problem::Value { name: "sslmode", allowed })?)
            }
            None => None,
        };
        let allowed = "a whole number of seconds from 1 to 3600";
        let seconds = Problem::Value { name: "connect_timeout", allowed };
        let connect_timeout = self.number("connect_timeout", seconds)?;
        if connect_timeout.is_some_and(|number: NonZeroU32| number.get() > 3600) {
            return Err(seconds);
        }
        let ssl_root = match self.path("sslrootcert")? {
            Some(path) if path.as_os_str() == "system" => {
                if !matches!(mode, None | Some(SslMode::VerifyFull)) {
                    let allowed = "verify-full with sslrootcert=system";
                    return Err(Problem::Value { name: "sslmode", allowed });
                }
                mode = Some(SslMode::VerifyFull);
                SslRoot::Public
            }
            Some(path) => SslRoot::File(path.into()),
            None => SslRoot::Public,
        };
        let client_certificate = match (self.path("sslcert")?, self.path("sslkey")?) {
            (Some(certificate), Some(key)) => Some((certificate.into(), key.into())),
            (None, None) => None,
            _ => {
                let allowed = "given together with `sslkey`";
                return Err(Problem::Value { name: "sslcert", allowed });
            }
        };
        let target_session = match self.take("target_session_attrs") {
            Some(word) => {
                let name = "target_session_attrs";
                let allowed = "any, read-write or primary, as this server writes";
                TargetSession::named(&word).ok_or(Problem::Value { name, allowed })?
            }
            None => TargetSession::Any,
        };
        let (hosts, ports) = (self.take("host").unwrap_or_default(), self.take("port"));
        let name = self.take("application_name");
        Ok(PostgresUrl {
            user: self.take("user"),
            password: self.take("password").map(Secret::new),
            servers: servers(&hosts, ports.as_deref())?,
            target_session,
            name: self.take("dbname").ok_or(Problem::NoName)?,
            written_ssl_mode: mode,
            ssl_root,
            client_certificate,
            application_name: name.or_else(|| self.take("fallback_application_name")),
            options: self.take("options"),
            connect_timeout,
        })
    }
}

/// A valid URL with `***` for its password.
pub(super) fn masked(text: &str) -> String {
    let (address, query) = match text.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (text, None),
    };
    let mut masked = match address.split_once('@') {
        Some((before, host)) => {
            let start = before.find("//").map_or(0, |at| at + 2);
            match before[start..].split_once(':') {
                Some((user, _)) => format!("{}{user}:***@{host}", &before[..start]),
                None => address.to_owned(),
            }
        }
        None => address.to_owned(),
    };
    for (at, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        masked.push(if at == 0 { '?' } else { '&' });
        masked.push_str(if parameter.starts_with("password=") {
            "password=***"
        } else {
            parameter
        });
    }
    masked
}
