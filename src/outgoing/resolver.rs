//! Which hosts may be asked, decided by the addresses that are then connected to: so whatever a name
//! resolves to the next time, and however an address is spelled.

use crate::outgoing::address::is_public;
use crate::outgoing::error::{OutgoingError, Refused};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// As many addresses of a host as the client takes.
const MOST: usize = 16;

/// What may be asked beside public addresses.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowed {
    networks: Arc<[IpNet]>,
    names: Arc<[String]>,
}

impl Allowed {
    pub(super) fn new(texts: &[String]) -> Self {
        let network = |text: &String| {
            text.parse().ok().or_else(|| Some(IpNet::from(text.parse::<IpAddr>().ok()?)))
        };
        let names = texts.iter().filter(|text| network(text).is_none());
        Self {
            networks: texts.iter().filter_map(network).collect(),
            names: names.cloned().collect(),
        }
    }

    /// Whether the host is named itself.
    pub(super) fn names(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        self.names.iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    fn has(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(&address.to_canonical()))
    }

    /// Those of a host's addresses that may be connected to.
    pub(super) fn of_host(
        &self,
        host: &str,
        is_secure: bool,
        addresses: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, OutgoingError> {
        let all: Vec<_> = addresses.collect();
        if all.is_empty() {
            return Err(OutgoingError::UnknownHost);
        }
        let is_named = self.names(host);
        let may_be = |address: &SocketAddr| is_named || self.has(address.ip());
        let good = |address: &&SocketAddr| may_be(address) || is_secure && is_public(address.ip());
        let left: Vec<_> = all.iter().filter(good).copied().collect();
        match left.is_empty() {
            false => Ok(left),
            true if all.iter().any(|address| is_public(address.ip())) => Err(OutgoingError::Plain),
            true => Err(OutgoingError::Private),
        }
    }
}

/// Finds addresses that may be connected to.
#[derive(Debug)]
pub(super) enum Choosy {
    /// Those of the hosts themselves.
    Hosts(Allowed),
    /// Those of the proxy, which the settings name.
    Proxy,
}

impl Resolver for Choosy {
    /// Takes as long as the system takes: whoever waits for the response gives up by itself, and the
    /// thread counts as busy until then.
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().ok_or_else(|| ureq::Error::BadUri("no host".to_owned()))?;
        let is_secure = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let found = (bare, port).to_socket_addrs().map_err(|_| ureq::Error::HostNotFound)?;
        let found = match self {
            Self::Hosts(allowed) => allowed.of_host(bare, is_secure, found),
            Self::Proxy => Ok(found.collect()),
        };
        let found = found.map_err(|error| ureq::Error::Other(Box::new(Refused(error))))?;
        let mut addresses = self.empty();
        for address in found.into_iter().take(MOST) {
            addresses.push(address);
        }
        if addresses.is_empty() {
            return Err(ureq::Error::HostNotFound);
        }
        Ok(addresses)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> Allowed {
        Allowed::new(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
    }

    fn asked(allowed: &Allowed, url: &str) -> Result<usize, OutgoingError> {
        let uri: Uri = url.parse().unwrap();
        let resolver = Choosy::Hosts(allowed.clone());
        let timeout = NextTimeout::default();
        let found = resolver.resolve(&uri, &Config::default(), timeout);
        found.map(|addresses| addresses.len()).map_err(OutgoingError::from)
    }

    /// Whatever the system makes of a spelling, its result is looked at.
    #[test]
    fn no_spelling_of_a_private_address_is_asked() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.1",
            "0177.0.0.1",
            "017700000001",
            "0",
            "0.0.0.0",
            "localhost",
            "LOCALHOST",
            "localhost.",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[0:0:0:0:0:0:0:1]",
            "[64:ff9b::7f00:1]",
            "10.0.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "192.168.0.1",
            "[fe80::1]",
            "[fd00::1]",
        ] {
            for scheme in ["http", "https"] {
                let result = asked(&Allowed::default(), &format!("{scheme}://{host}:8080/x"));
                let refused =
                    [OutgoingError::Private, OutgoingError::UnknownHost, OutgoingError::BadUrl];
                assert!(
                    result.as_ref().is_err_and(|error| refused.contains(error)),
                    "{host}: {result:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_allowed_is_asked() {
        for (allowed, url) in [
            ("127.0.0.1", "http://127.0.0.1:1/"),
            ("127.0.0.0/8", "https://127.1/"),
            ("127.0.0.1", "http://[::ffff:127.0.0.1]/"),
            ("::1", "http://[::1]:1/"),
            ("localhost", "http://localhost/"),
            ("localhost", "http://LOCALHOST/"),
        ] {
            assert!(asked(&of(&[allowed]), url).is_ok(), "{allowed} {url}");
        }
        assert_eq!(asked(&of(&["idp"]), "http://127.0.0.1/"), Err(OutgoingError::Private));
        assert_eq!(asked(&of(&["10.0.0.0/8"]), "http://127.0.0.1/"), Err(OutgoingError::Private));
    }

    #[test]
    fn of_several_addresses_the_good_ones_are_left() {
        let all = ["10.0.0.1:443", "8.8.8.8:443"].map(|text| text.parse::<SocketAddr>().unwrap());
        let left =
            |allowed: &Allowed, secure| allowed.of_host("idp.example.com", secure, all.into_iter());
        assert_eq!(left(&Allowed::default(), true), Ok(vec![all[1]]));
        assert_eq!(left(&Allowed::default(), false), Err(OutgoingError::Plain));
        assert_eq!(left(&of(&["10.0.0.0/8"]), false), Ok(vec![all[0]]));
        assert_eq!(left(&of(&["10.0.0.0/8"]), true), Ok(all.to_vec()));
        assert_eq!(left(&of(&["idp.example.com"]), false), Ok(all.to_vec()));
    }
}
