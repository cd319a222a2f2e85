//! Finds the client behind proxies: `X-Forwarded-*` counts only when a trusted peer sent it.

use crate::domain::{Origin, Sender};
use crate::logging::shown_header;
use actix_web::HttpRequest;
use actix_web::dev::Extensions;
use actix_web::http::header::{USER_AGENT, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use actix_web::web::Data;
use ipnet::IpNet;
use std::any::Any;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UnixStream;

/// The client of a request.
///
/// Actix's `ConnectionInfo` believes every client's headers; use this instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress {
    /// The client's host.
    pub host: ClientHost,
    /// Its port; 0 when a proxy reported the address, as under uvicorn.
    pub port: u16,
    /// Whether a trusted proxy said that the client used https.
    pub https: bool,
}

impl ClientAddress {
    /// The client of this request; `None` outside a [`Server`](crate::Server).
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        Some(request.app_data::<Data<TrustedProxies>>()?.client(request))
    }

    /// The origin it counts as where clients share a resource.
    #[must_use]
    pub fn origin(&self) -> Origin {
        match self.host {
            ClientHost::Ip(address) => address.into(),
            ClientHost::Unix => Origin::Local,
            ClientHost::Unknown => Origin::Unknown,
        }
    }
}

/// The host that a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientHost {
    /// An address; IPv4 in IPv6 is shown as IPv4.
    Ip(IpAddr),
    /// This machine, over a unix socket, with no proxy naming a client.
    Unix,
    /// The connection closed before its address could be read.
    Unknown,
}

impl ClientHost {
    /// The address, or `unix`; nothing where nobody knows.
    fn name(self) -> Option<Box<str>> {
        match self {
            Self::Ip(address) => Some(address.to_string().into()),
            Self::Unix => Some("unix".into()),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host {
            ClientHost::Ip(address) => write!(f, "{}", SocketAddr::new(address, self.port)),
            ClientHost::Unix => write!(f, "unix:{}", self.port),
            ClientHost::Unknown => write!(f, "unknown:{}", self.port),
        }
    }
}

/// The origin a request counts as where clients share a resource, such as the login queue.
#[must_use]
pub fn origin(request: &HttpRequest) -> Origin {
    ClientAddress::of(request).map_or(Origin::Unknown, |client| client.origin())
}

/// Who sent a request: whom it counts for where clients share something among themselves, and
/// what the audit log tells of it.
#[must_use]
pub fn sender(request: &HttpRequest) -> Sender {
    let client = ClientAddress::of(request);
    let user_agent = request.headers().get(USER_AGENT);
    Sender {
        origin: client.map_or(Origin::Unknown, |client| client.origin()),
        address: client.and_then(|client| client.host.name()),
        user_agent: user_agent.map(|value| shown_header(value.as_bytes()).into()),
        device: None,
    }
}

/// Marks a connection over a unix socket: Actix knows no address for those.
struct UnixPeer;

/// Call this for each new connection.
pub(crate) fn mark_unix_peer(connection: &dyn Any, data: &mut Extensions) {
    if connection.is::<UnixStream>() {
        data.insert(UnixPeer);
    }
}

/// An entry of `server.forwarded_allow_ips` that cannot be parsed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadPeer {
    /// Its position.
    pub(crate) index: usize,
    /// Its text.
    pub(crate) text: String,
}

/// The trusted peers, from `server.forwarded_allow_ips`.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrustedProxies {
    networks: Vec<IpNet>,
    unix: bool,
}

impl TrustedProxies {
    /// Reads addresses, networks, the word `unix`, and `*` for every peer.
    pub(crate) fn new(texts: &[String]) -> Result<Self, BadPeer> {
        let mut trusted = Self::default();
        for (index, text) in texts.iter().enumerate() {
            if text == "unix" {
                trusted.unix = true;
                continue;
            }
            if text == "*" {
                trusted.unix = true;
                let everywhere = [Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()];
                let networks = everywhere.into_iter().map(|ip: IpAddr| IpNet::new(ip, 0));
                trusted.networks.extend(networks.filter_map(Result::ok));
                continue;
            }
            let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            trusted.networks.push(network.map_err(|_| BadPeer { index, text: text.clone() })?);
        }
        Ok(trusted)
    }

    /// The client of this request.
    pub(crate) fn client(&self, request: &HttpRequest) -> ClientAddress {
        let peer = peer(request);
        if !self.trusts(peer.host) {
            return peer;
        }
        let texts = |name| request.headers().get_all(name).map(|value| value.to_str().ok());
        let hops: Vec<_> = texts(X_FORWARDED_FOR).collect();
        let https = texts(X_FORWARDED_PROTO).last().flatten();
        ClientAddress {
            https: https.is_some_and(|text| text.trim().eq_ignore_ascii_case("https")),
            ..self.behind(peer, &hops)
        }
    }

    /// Whether a trusted proxy sent this request.
    pub(crate) fn trusts_peer(&self, request: &HttpRequest) -> bool {
        self.trusts(peer(request).host)
    }

    /// The origin a request counts as where clients share a resource; `None` when a trusted proxy
    /// does not name the client.
    pub(crate) fn origin(&self, request: &HttpRequest) -> Option<Origin> {
        match self.client(request).host {
            ClientHost::Ip(address) if !self.trusts_address(address) => Some(address.into()),
            ClientHost::Ip(_) | ClientHost::Unix | ClientHost::Unknown => None,
        }
    }

    /// Whether this peer is a trusted proxy.
    pub(crate) fn trusts_address(&self, address: IpAddr) -> bool {
        self.trusts(ClientHost::Ip(address.to_canonical()))
    }

    fn trusts(&self, host: ClientHost) -> bool {
        match host {
            ClientHost::Ip(address) => self.networks.iter().any(|net| net.contains(&address)),
            ClientHost::Unix => self.unix,
            ClientHost::Unknown => false,
        }
    }

    /// Walks from the last hop to the first; the first that is not a trusted proxy is the client.
    ///
    /// Hops further left are client-supplied; an unparsable hop ends the walk.
    fn behind(&self, peer: ClientAddress, headers: &[Option<&str>]) -> ClientAddress {
        let mut client = peer;
        let hops = headers.iter().rev().flat_map(|value| value.unwrap_or("?").rsplit(','));
        for hop in hops.map(str::trim).filter(|hop| !hop.is_empty()) {
            let Some(address) = address(hop) else { break };
            client = ClientAddress { host: ClientHost::Ip(address), port: 0, https: false };
            if !self.trusts(client.host) {
                break;
            }
        }
        client
    }
}

/// The other end of the connection.
fn peer(request: &HttpRequest) -> ClientAddress {
    let (host, port) = match request.peer_addr() {
        Some(peer) => (ClientHost::Ip(peer.ip().to_canonical()), peer.port()),
        None if request.conn_data::<UnixPeer>().is_some() => (ClientHost::Unix, 0),
        None => (ClientHost::Unknown, 0),
    };
    ClientAddress { host, port, https: false }
}

/// An address, alone or with the port that some proxies append.
fn address(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    let with_port = || hop.parse::<SocketAddr>().map(|address| address.ip());
    bare.parse::<IpAddr>().or_else(|_| with_port()).ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn trusted(texts: &[&str]) -> TrustedProxies {
        TrustedProxies::new(&texts.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
    }

    fn client(trusted: &TrustedProxies, peer: &str, headers: &[(&str, &str)]) -> ClientAddress {
        let mut request = TestRequest::default().peer_addr(peer.parse().unwrap());
        for header in headers {
            request = request.append_header(*header);
        }
        trusted.client(&request.to_http_request())
    }

    #[test]
    fn a_header_counts_only_from_a_trusted_peer() {
        let proxies = trusted(&["127.0.0.1", "10.0.0.0/8", "::1"]);
        for (peer, forwarded, expected) in [
            ("8.8.8.8:7", "6.6.6.6", "8.8.8.8:7"),
            ("127.0.0.1:7", "6.6.6.6", "6.6.6.6:0"),
            ("127.0.0.1:7", "6.6.6.6, 9.9.9.9, 10.1.1.1", "9.9.9.9:0"),
            ("127.0.0.1:7", "10.1.1.1, 10.1.1.2", "10.1.1.1:0"),
            ("127.0.0.1:7", "junk", "127.0.0.1:7"),
            ("127.0.0.1:7", "6.6.6.6, junk, 10.1.1.1", "10.1.1.1:0"),
            ("127.0.0.1:7", "", "127.0.0.1:7"),
            ("127.0.0.1:7", "9.9.9.9:4711", "9.9.9.9:0"),
            ("127.0.0.1:7", "[2001:db8::1]:4711", "[2001:db8::1]:0"),
            ("127.0.0.1:7", "2001:db8::1", "[2001:db8::1]:0"),
            ("127.0.0.1:7", "::ffff:9.9.9.9", "9.9.9.9:0"),
            ("[::ffff:127.0.0.1]:7", "9.9.9.9", "9.9.9.9:0"),
            ("[::1]:7", "9.9.9.9", "9.9.9.9:0"),
        ] {
            let found = client(&proxies, peer, &[("x-forwarded-for", forwarded)]);
            assert_eq!(found.to_string(), expected, "{peer} {forwarded}");
        }
    }

    #[test]
    fn a_header_in_two_lines_is_one_list() {
        let headers = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "9.9.9.9")];
        assert_eq!(
            client(&trusted(&["127.0.0.1"]), "127.0.0.1:7", &headers).to_string(),
            "9.9.9.9:0"
        );
    }

    #[test]
    fn https_is_believed_from_a_trusted_peer() {
        let headers = [("x-forwarded-proto", "https")];
        assert!(client(&trusted(&["127.0.0.1"]), "127.0.0.1:7", &headers).https);
        assert!(!client(&trusted(&[]), "127.0.0.1:7", &headers).https);
        assert!(!client(&trusted(&["127.0.0.1"]), "127.0.0.1:7", &[]).https);
    }

    #[test]
    fn a_connection_without_an_address_is_not_a_unix_socket() {
        let request = TestRequest::default().append_header(("x-forwarded-for", "9.9.9.9"));
        let found = trusted(&["unix"]).client(&request.to_http_request());
        assert_eq!(found.to_string(), "unknown:0");
    }

    #[test]
    fn a_star_trusts_everybody_and_believes_the_first_hop() {
        let everybody = trusted(&["*"]);
        for peer in ["8.8.8.8:7", "[2001:db8::2]:7"] {
            let found = client(&everybody, peer, &[("x-forwarded-for", "6.6.6.6, 9.9.9.9, ::1")]);
            assert_eq!(found.to_string(), "6.6.6.6:0");
        }
        assert!(everybody.trusts(ClientHost::Unix));
    }

    #[test]
    fn a_bad_peer_is_named() {
        let texts = ["127.0.0.1".to_owned(), "10.0.0.0/99".to_owned()];
        let bad = BadPeer { index: 1, text: texts[1].clone() };
        assert_eq!(TrustedProxies::new(&texts).unwrap_err(), bad);
    }
}
