//! Where a request comes from, for sharing resources among clients.

use std::net::{IpAddr, Ipv4Addr};

/// A party among which scarce resources are shared: one that has many addresses for free counts
/// once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first half of an IPv6 address: the smallest network a provider gives a customer has 64
    /// bits (RFC 6177), and the customer can use any address in it.
    V6([u16; 4]),
    /// This machine: the peers of a unix socket.
    Local,
    /// Unknown.
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
