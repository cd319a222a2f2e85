//! What a text must look like to be an origin, a peer, a realm or a database.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr};

/// An IP address, a network, `unix` for whoever connects to a unix socket, or `*` for everybody.
pub(super) fn is_peer(text: &str) -> bool {
    text == "unix" || text == "*" || text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
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

/// A realm stands between quotes in a header (RFC 9110 §11.5).
pub(super) fn is_realm(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\')
}

/// Empty (the file in the data folder), or a database that this build can open.
pub(super) fn is_database_url(text: &str) -> bool {
    let path = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:"));
    // A database in memory could not be shared; options and `file:` URLs are SQLite's, not ours.
    text.is_empty()
        || is_postgres_url(text)
        || path.is_some_and(|path| {
            !path.is_empty()
                && path != ":memory:"
                && !path.starts_with("file:")
                && !path.contains('?')
        })
}

/// A misspelt option must not be overlooked: it may be the one that asks for TLS.
fn is_postgres_url(text: &str) -> bool {
    const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
    let rest = text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    let Some(rest) = rest else { return false };
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (host, name) = address.rsplit_once('/').unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    !host.is_empty()
        && !name.is_empty()
        && query.split('&').filter(|option| !option.is_empty()).all(|option| {
            match option.split_once('=') {
                Some(("sslmode", mode)) => MODES.contains(&mode),
                Some(("sslrootcert" | "sslcert" | "sslkey" | "application_name", value)) => {
                    !value.is_empty()
                }
                _ => false,
            }
        })
}

/// Whether a URL of a database holds a password.
pub(super) fn has_password(url: &str) -> bool {
    masked_url(url) != url
}

/// The URL with `***` in the place of a password, in the user part or as a parameter.
pub(super) fn masked_url(url: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, Some(query)),
        None => (url, None),
    };
    let mut masked = match (address.split_once("://"), address.rsplit_once('@')) {
        // A file's name may hold an `@`; a database file has no user.
        (Some((scheme, rest)), Some((_, host))) if scheme != "sqlite" && rest.contains('@') => {
            match rest[..rest.len() - host.len() - 1].split_once(':') {
                Some((user, _)) => format!("{scheme}://{user}:***@{host}"),
                None => address.to_owned(),
            }
        }
        (None, Some(_)) if !address.starts_with("sqlite:") => {
            format!("{}:***", address.split(':').next().unwrap_or_default())
        }
        _ => address.to_owned(),
    };
    for (at, parameter) in query.into_iter().flat_map(|query| query.split('&')).enumerate() {
        masked.push(if at == 0 { '?' } else { '&' });
        match parameter.split_once('=') {
            Some((name, _)) if name.to_lowercase().contains("password") => {
                masked.push_str(name);
                masked.push_str("=***");
            }
            _ => masked.push_str(parameter),
        }
    }
    masked
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
    fn peers_are_addresses_networks_or_unix() {
        for text in ["127.0.0.1", "::1", "10.0.0.0/8", "fd00::/8", "unix", "*"] {
            assert!(is_peer(text), "{text}");
        }
        for text in ["", "**", "localhost", "10.0.0.0/33", "10.0.0", "unix:/run/x"] {
            assert!(!is_peer(text), "{text}");
        }
    }

    #[test]
    fn a_database_is_a_file_or_at_a_server() {
        for text in [
            "",
            "sqlite:b.db",
            "sqlite:///var/lib/b.db",
            "postgres://db/users",
            "postgresql://me:pw@[::1]:5433/users?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://me@%2Frun%2Fpostgresql/users",
        ] {
            assert!(is_database_url(text), "{text}");
        }
        for text in [
            "b.db",
            "sqlite:",
            "sqlite::memory:",
            "sqlite:file:b",
            "sqlite:b?mode=ro",
            "postgres:db/users",
            "postgres://db",
            "postgres://me@/users",
            "postgres://db/",
            "postgres://db/users?sslmod=require",
            "postgres://db/users?sslmode=on",
            "mysql://db/users",
        ] {
            assert!(!is_database_url(text), "{text}");
        }
    }

    #[test]
    fn passwords_in_urls_are_masked() {
        for (url, shown) in [
            ("", ""),
            ("sqlite:/var/lib/b.db", "sqlite:/var/lib/b.db"),
            ("sqlite:///var/lib/b@home.db?mode=rwc", "sqlite:///var/lib/b@home.db?mode=rwc"),
            ("postgres:me:pw@db/b", "postgres:***"),
            ("postgres://me@db/b", "postgres://me@db/b"),
            ("postgres://me:pw@db/b", "postgres://me:***@db/b"),
            ("postgres://me:p@w:d/x@db/b", "postgres://me:***@db/b"),
            ("postgres://db/b?user=me&Password=pw&x", "postgres://db/b?user=me&Password=***&x"),
        ] {
            assert_eq!(masked_url(url), shown);
        }
    }
}
