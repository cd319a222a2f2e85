//! Where a request comes from, as far as clients share something among themselves.

use std::net::{IpAddr, Ipv4Addr};

/// One of those among whom scarce things are shared out: whoever holds many addresses for nothing
/// counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first half of an IPv6 address: a network of 64 bits is the least that a provider gives
    /// to one customer (RFC 6177), who picks any address in it.
    V6([u16; 4]),
    /// This machine: the peers of a unix socket.
    Local,
    /// Nobody knows.
    Unknown,
}

impl From<IpAddr> for Origin {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(address: &str) -> Origin {
        address.parse::<IpAddr>().unwrap().into()
    }

    #[test]
    fn an_ipv4_address_is_one_of_its_own() {
        assert_ne!(origin("127.0.0.2"), origin("127.0.0.3"));
        assert_eq!(origin("::ffff:127.0.0.2"), origin("127.0.0.2"));
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        assert_eq!(origin("2001:db8:0:1::1"), origin("2001:db8:0:1:ffff:ffff:ffff:ffff"));
        assert_ne!(origin("2001:db8:0:1::1"), origin("2001:db8:0:2::1"));
    }
}
