//! Addresses to listen on, in gunicorn's notation; parsed only here.

use serde::Deserialize;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// One listener: `HOST:PORT`, `[v6]:PORT` or `unix:PATH`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Bind {
    /// A TCP socket on a host name or address.
    Tcp {
        /// Name or address, without brackets.
        host: String,
        /// 0: the system picks one.
        port: u16,
    },
    /// A unix socket.
    Unix(PathBuf),
}

/// The text is not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{text}`: expected HOST:PORT, [IPv6]:PORT or unix:PATH{}{hint}", if hint.is_empty() { "" } else { "; " })]
pub struct BindError {
    text: String,
    /// What is wrong, or what was probably meant; may be empty.
    hint: String,
}

impl BindError {
    /// What is wrong, without the text itself; may be empty.
    pub(super) fn hint(&self) -> &str {
        &self.hint
    }
}

/// The longest path of a unix socket: `sun_path` in `unix(7)`, without its trailing NUL.
const LONGEST_PATH: usize = 107;

/// The length of the temporary name a socket is bound under.
const DRAFT: usize = ".bailiwick-12345678".len();

impl FromStr for Bind {
    type Err = BindError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).map_err(|hint| BindError { text: text.to_owned(), hint })
    }
}

fn parse(text: &str) -> Result<Bind, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        // gunicorn accepts `unix://PATH`, too.
        return unix(path.strip_prefix("//").unwrap_or(path)).map(Bind::Unix);
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(with_scheme(scheme, rest));
    }
    if text.starts_with('[') && !text.contains(']') {
        return Err("the bracket is not closed".to_owned());
    }
    let Some((host, port)) = text.rsplit_once(':').filter(|_| !text.ends_with(']')) else {
        return Err(without_port(text));
    };
    if host.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("an IPv6 address stands in brackets: `[{host}]:{port}`"));
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(format!("an IPv6 address stands in brackets: `[{text}]:8000`"));
    }
    let number = self::port(port);
    let host = match host.strip_prefix('[') {
        Some(rest) => {
            let v6 = rest.strip_suffix(']').filter(|v6| v6.parse::<Ipv6Addr>().is_ok());
            v6.ok_or_else(|| format!("`{host}` is no IPv6 address in brackets"))?
        }
        None if host.is_empty() => return Err(number.map_or_else(|wrong| wrong, for_port)),
        None => is_host(host).map(|()| host)?,
    };
    Ok(Bind::Tcp { host: host.to_owned(), port: number? })
}

fn unix(path: &str) -> Result<PathBuf, String> {
    if path.is_empty() || path.ends_with('/') {
        return Err("the path of a unix socket ends with its name".to_owned());
    }
    if path.contains('\0') {
        return Err("a path holds no NUL".to_owned());
    }
    let folder = path.rfind('/').map_or(0, |slash| slash + 1);
    let length = path.len().max(folder + DRAFT);
    if length > LONGEST_PATH {
        return Err(format!("the path needs {length} bytes, the system takes {LONGEST_PATH}"));
    }
    Ok(path.into())
}

/// A port, digits only: Rust would accept `+80`, too.
pub(super) fn port(text: &str) -> Result<u16, String> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        format!("`{text}` is no port: a number from 1 to 65535, or 0 for one that the system picks")
    })
}

/// A name or an IPv4 address. What looks like an address must be one (as in URLs): no host name
/// ends in a number, and a look-up would only fail later.
pub(super) fn is_host(text: &str) -> Result<(), String> {
    if let Some((scheme, rest)) = text.split_once("://") {
        return Err(with_scheme(scheme, rest));
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let labels: Vec<_> = name.split('.').collect();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_label = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(plain)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let numeric = labels.last().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if numeric && text.parse::<Ipv4Addr>().is_err() {
        return Err(format!("`{text}` is no IPv4 address: four numbers from 0 to 255"));
    }
    if name.len() > 253 || !labels.iter().all(is_label) {
        return Err(format!("`{text}` is no host name and no address"));
    }
    Ok(())
}

fn with_scheme(scheme: &str, rest: &str) -> String {
    if scheme == "fd" {
        return "sockets that systemd has opened are found by its LISTEN_FDS".to_owned();
    }
    format!("an address has no scheme: `{}`", rest.trim_end_matches('/'))
}

fn without_port(text: &str) -> String {
    if let Ok(port) = port(text) {
        return for_port(port);
    }
    match text {
        "" => "it is empty".to_owned(),
        _ if text.starts_with('/') => format!("a unix socket is `unix:{text}`"),
        _ if text.starts_with('[') || text.parse::<Ipv4Addr>().is_ok() || is_host(text).is_ok() => {
            format!("the port is missing: `{text}:8000`")
        }
        _ => String::new(),
    }
}

/// Never guessed: the user must ask for listening on every network.
fn for_port(port: u16) -> String {
    format!("`127.0.0.1:{port}` is for this machine alone, `0.0.0.0:{port}` for every network")
}

impl Bind {
    /// The listener for `--host` and `--port`.
    pub(super) fn of(host: &str, port: u16) -> Result<Self, String> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if bare.parse::<Ipv6Addr>().is_err() {
            is_host(host)?;
        }
        Ok(Self::Tcp { host: bare.to_owned(), port })
    }

    /// Whether the two exclude each other.
    pub(super) fn conflicts_with(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(one), Self::Unix(other)) => {
                Path::components(one).eq(Path::components(other))
            }
            (Self::Tcp { host: one, port }, Self::Tcp { host: other, port: same }) => {
                port == same && *port != 0 && (same_name(one, other) || meet(one, other))
            }
            _ => false,
        }
    }
}

fn same_name(one: &str, other: &str) -> bool {
    one.trim_end_matches('.').eq_ignore_ascii_case(other.trim_end_matches('.'))
}

/// Whether the hosts share an address, as far as that is known without the network. `[::]` beside
/// IPv4 is left to the start.
fn meet(one: &str, other: &str) -> bool {
    let meets = |one: IpAddr, other: IpAddr| {
        one == other
            || one.is_ipv4() == other.is_ipv4() && (one.is_unspecified() || other.is_unspecified())
    };
    addresses(one).iter().any(|one| addresses(other).iter().any(|other| meets(*one, *other)))
}

fn addresses(host: &str) -> Vec<IpAddr> {
    if same_name(host, "localhost") {
        return vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    }
    host.parse().into_iter().collect()
}

impl TryFrom<String> for Bind {
    type Error = BindError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gunicorns_notations_are_read() {
        for text in [
            "127.0.0.1:8080",
            "localhost:0",
            "[::1]:8080",
            "unix:/run/bailiwick.sock",
            "app.example.com.:80",
            "my_host-1:65535",
            "4ever:80",
        ] {
            assert_eq!(text.parse::<Bind>().unwrap().to_string(), text);
        }
        assert_eq!("unix:///b".parse::<Bind>().unwrap(), Bind::Unix("/b".into()));
        assert_eq!("unix://b".parse::<Bind>().unwrap(), Bind::Unix("b".into()));
        assert_eq!(Bind::of("::1", 80).unwrap().to_string(), "[::1]:80");
        assert_eq!(Bind::of("[::1]", 80).unwrap().to_string(), "[::1]:80");
        assert_eq!(Bind::of("a.b", 80).unwrap().to_string(), "a.b:80");
    }

    #[test]
    fn anything_else_is_refused_with_a_suggestion() {
        let long = format!("unix:/{}", "p".repeat(LONGEST_PATH));
        let deep = format!("unix:/{}/s", "p".repeat(90));
        let label = format!("{}:80", "l".repeat(64));
        for (text, hint) in [
            ("", "it is empty"),
            ("8080", "`127.0.0.1:8080` is for this machine alone, `0.0.0.0:8080` for every"),
            (":80", "`127.0.0.1:80` is for this machine alone"),
            (":", "`` is no port"),
            ("localhost", "the port is missing: `localhost:8000`"),
            ("10.0.0.1", "the port is missing: `10.0.0.1:8000`"),
            ("::1:8080", "an IPv6 address stands in brackets: `[::1]:8080`"),
            ("[::1]", "the port is missing: `[::1]:8000`"),
            ("[::1", "the bracket is not closed"),
            ("[::1:80", "the bracket is not closed"),
            ("::", "an IPv6 address stands in brackets: `[::]:8000`"),
            ("[x]:1", "`[x]` is no IPv6 address in brackets"),
            ("[127.0.0.1]:1", "`[127.0.0.1]` is no IPv6 address in brackets"),
            ("123.456.7.890:8090", "`123.456.7.890` is no IPv4 address"),
            ("1.2.3:80", "`1.2.3` is no IPv4 address"),
            ("256:80", "`256` is no IPv4 address"),
            ("h:99999", "`99999` is no port: a number from 1 to 65535"),
            ("h:-1", "`-1` is no port"),
            ("h:+1", "`+1` is no port"),
            ("h:", "`` is no port"),
            ("h:80/x", "`80/x` is no port"),
            ("http://h:80/", "an address has no scheme: `h:80`"),
            ("tcp://h", "an address has no scheme: `h`"),
            ("fd://3", "LISTEN_FDS"),
            ("a b:80", "`a b` is no host name"),
            ("-a:80", "`-a` is no host name"),
            ("a..b:80", "`a..b` is no host name"),
            ("a]:80", "`a]` is no host name"),
            (&label, "is no host name"),
            ("/run/b.sock", "a unix socket is `unix:/run/b.sock`"),
            ("unix:", "ends with its name"),
            ("unix:/run/", "ends with its name"),
            ("unix:/a\0b", "a path holds no NUL"),
            (&long, "the path needs 108 bytes, the system takes 107"),
            (&deep, "the path needs 111 bytes"),
        ] {
            let error = text.parse::<Bind>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`: expected HOST:PORT")), "{error}");
            assert!(error.contains(hint), "{text}: {error}");
        }
    }

    #[test]
    fn two_listeners_at_one_place_are_noticed() {
        let conflict = |one: &str, other: &str| {
            let (one, other): (Bind, Bind) = (one.parse().unwrap(), other.parse().unwrap());
            assert_eq!(one.conflicts_with(&other), other.conflicts_with(&one));
            one.conflicts_with(&other)
        };
        for (one, other) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("127.0.0.1:80", "0.0.0.0:80"),
            ("[::]:80", "[::1]:80"),
            ("localhost:80", "127.0.0.1:80"),
            ("LOCALHOST:80", "[::1]:80"),
            ("localhost:80", "0.0.0.0:80"),
            ("db.:80", "DB:80"),
            ("unix:/a/b", "unix:/a//b"),
        ] {
            assert!(conflict(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("127.0.0.1:80", "127.0.0.1:81"),
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("127.0.0.1:80", "127.0.0.2:80"),
            ("0.0.0.0:80", "[::]:80"),
            ("0.0.0.0:80", "[::1]:80"),
            ("a:80", "b:80"),
            ("unix:/a", "unix:/b"),
            ("unix:/a", "a:80"),
        ] {
            assert!(!conflict(one, other), "{one} {other}");
        }
    }
}
