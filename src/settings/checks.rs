//! Checks of texts: origins, peers, realms, targets of requests.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// An IP address, a network, `unix` for every peer on a unix socket, or `*` for every peer.
pub(super) fn is_peer(text: &str) -> bool {
    text == "unix" || text == "*" || text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

/// An IP address, a network, or the name of a host in lower case.
pub(super) fn is_target(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok() || is_host_name(text)
}

/// Labels of letters, digits, `-` and `_`; the last one is no number, as in an address (RFC 3696 §2).
fn is_host_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
    let is_label = |label: &str| (1..=63).contains(&label.len()) && label.bytes().all(plain);
    let last = text.rsplit('.').next().unwrap_or_default();
    text.split('.').all(is_label)
        && last.bytes().any(|b| !b.is_ascii_digit())
        && !last.starts_with("0x")
}

/// The URL of a proxy that is spoken to without TLS.
pub(super) fn is_proxy(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://") else { return false };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, place) = rest.rsplit_once('@').unwrap_or(("", rest));
    let has_port = place.rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']'));
    is_origin(&format!("http://{place}"))
        && has_port
        && user.bytes().all(|b| matches!(b, b'!'..=b'~'))
}

/// An origin as browsers write it (RFC 6454 §6.2): anything else would never match.
pub(super) fn is_origin(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_is_valid = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b));
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (rest, None),
    };
    let port_is_valid =
        port.is_none_or(|port| !port.starts_with(['+', '0']) && port.parse::<u16>().is_ok());
    let host_is_valid = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.is_empty()
                && host.bytes().all(|b| {
                    b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b'_')
                })
        }
    };
    scheme_is_valid && host_is_valid && port_is_valid
}

/// The name of a header field (RFC 9110 §5.1).
pub(super) fn is_header(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(plain)
}

/// A realm is quoted in a header (RFC 9110 §11.5).
pub(super) fn is_realm(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_exact() {
        for origin in [
            "https://app.example.com",
            "http://localhost:3000",
            "http://127.0.0.1:8000",
            "https://[::1]:8443",
            "capacitor://localhost",
        ] {
            assert!(is_origin(origin), "{origin}");
        }
        for text in [
            "*",
            "null",
            "",
            "https://",
            "example.com",
            "https://*.example.com",
            "https://example.com/",
            "https://example.com/app",
            "https://example.com?x",
            "https://me@example.com",
            "https://Example.com",
            "HTTPS://example.com",
            "https://example.com:",
            "https://example.com:99999",
            "https://exämple.com",
            "https://[x]",
            " https://example.com",
        ] {
            assert!(!is_origin(text), "{text}");
        }
    }

    #[test]
    fn targets_are_addresses_networks_or_names() {
        for text in [
            "127.0.0.1",
            "::1",
            "10.0.0.0/8",
            "fd00::/8",
            "localhost",
            "idp.example.com",
            "a_b",
            "3com.com",
        ] {
            assert!(is_target(text), "{text}");
        }
        for text in [
            "",
            "*",
            "*.example.com",
            "https://idp",
            "idp:8443",
            "IDP.example.com",
            "idp.",
            ".",
            "127.1",
            "0x7f.1",
            "0x7f000001",
            "2130706433",
            "10.0.0.0/33",
            "idp/x",
            "me@idp",
            "[::1]",
        ] {
            assert!(!is_target(text), "{text}");
        }
    }

    #[test]
    fn proxies_are_urls_with_a_port() {
        for text in [
            "http://proxy:3128",
            "http://proxy.example.com:3128/",
            "http://me:s%40cret@10.0.0.1:3128",
            "http://[::1]:1",
        ] {
            assert!(is_proxy(text), "{text}");
        }
        for text in [
            "",
            "proxy:3128",
            "http://proxy",
            "https://proxy:3128",
            "socks5://proxy:1",
            "http://proxy:3128/x",
        ] {
            assert!(!is_proxy(text), "{text}");
        }
    }

    #[test]
    fn peers_are_addresses_networks_or_unix() {
        for text in ["127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8", "unix", "*"] {
            assert!(is_peer(text), "{text}");
        }
        for text in ["", "**", "localhost", "10.0.0.0/33", "10.0.0", "unix:/run/x"] {
            assert!(!is_peer(text), "{text}");
        }
    }
}
