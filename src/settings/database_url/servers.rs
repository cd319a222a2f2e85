//! The servers of a PostgreSQL URL, and which of them to choose.

use crate::settings::database_url::DatabaseUrlProblem as Problem;
use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;

/// A server that may have the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PostgresServer {
    /// Where it listens.
    pub host: Host,
    /// Absent: `PGPORT`, or 5432.
    pub port: Option<NonZeroU16>,
}

/// `target_session_attrs`: which of several servers to choose. libpq's other words allow servers
/// that refuse writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TargetSession {
    /// The first that responds.
    #[default]
    Any,
    /// One whose sessions can write.
    ReadWrite,
    /// One that is not a standby.
    Primary,
}

impl TargetSession {
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "any" => Some(Self::Any),
            "read-write" => Some(Self::ReadWrite),
            "primary" => Some(Self::Primary),
            _ => None,
        }
    }
}

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// A name or an address, without brackets.
    Tcp(String),
    /// The folder of a unix socket.
    Socket(PathBuf),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) => f.write_str(name),
            Self::Socket(folder) => folder.display().fmt(f),
        }
    }
}

impl Host {
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.is_empty() {
            return Err(Problem::NoHost);
        }
        if text.starts_with('/') {
            return Ok(Self::Socket(text.into()));
        }
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        if text.parse::<IpAddr>().is_ok() || text.bytes().all(plain) {
            Ok(Self::Tcp(text.to_owned()))
        } else {
            Err(Problem::Host)
        }
    }

    /// Whether no machine in between could respond.
    pub(super) fn is_this_machine(&self) -> bool {
        match self {
            Self::Socket(_) => true,
            Self::Tcp(name) => {
                name.eq_ignore_ascii_case("localhost")
                    || name
                        .parse()
                        .is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
            }
        }
    }
}

/// The servers of a list of hosts; a single port applies to all.
pub(super) fn servers(hosts: &str, ports: Option<&str>) -> Result<Vec<PostgresServer>, Problem> {
    let hosts: Vec<_> = hosts.split(',').collect();
    let ports: Vec<_> = ports.unwrap_or_default().split(',').collect();
    if ports.len() != 1 && ports.len() != hosts.len() {
        return Err(Problem::Ports);
    }
    let server = |(host, port): (&&str, &&str)| {
        let digits = port.bytes().all(|b| b.is_ascii_digit());
        let port = match port.parse() {
            _ if port.is_empty() => None,
            Ok(port) if digits => Some(port),
            _ => return Err(Problem::Port),
        };
        Ok(PostgresServer { host: Host::parse(host)?, port })
    };
    hosts.iter().zip(ports.iter().cycle()).map(server).collect()
}
