//! `server.public_url`.

use crate::settings::checks::is_origin;
use serde::Deserialize;
use std::net::Ipv4Addr;

/// Where clients reach the server: the issuer of its tokens, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct PublicUrl(String);

impl PublicUrl {
    /// What is expected.
    pub(super) const EXPECTED: &str = "a URL such as \"https://auth.example.com\" in lower case, without \
        the scheme's own port, user, query, fragment, or slash at its end; http only for this machine \
        (localhost, 127.0.0.1, [::1])";

    /// Longest URL in bytes: it is in every token.
    const LONGEST: usize = 256;

    /// The URL itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its path: empty, or with a leading slash.
    #[must_use]
    pub fn path(&self) -> &str {
        parts(&self.0).map_or("", |(_, _, path)| path)
    }

    /// Scheme, host and port: what browsers send as `Origin`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.0[..self.0.len() - self.path().len()]
    }

    /// Its host, with the port unless it is the scheme's own.
    #[must_use]
    pub fn host(&self) -> &str {
        parts(&self.0).map_or("", |(_, host, _)| host)
    }

    /// Whether it is reached by TLS; otherwise it is on this machine.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https:")
    }

    /// Its port, unless it is the scheme's own.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        parts(&self.0).and_then(|(_, host, _)| host.rsplit_once(':')?.1.parse().ok())
    }

    fn is_valid(text: &str) -> bool {
        let Some((scheme, host, path)) = parts(text) else { return false };
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
            _ => (host, None),
        };
        let secure = match scheme {
            "https" => port != Some("443"),
            "http" => port != Some("80") && is_this_machine(name),
            _ => false,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        let segment =
            |text: &str| !text.is_empty() && text.bytes().all(plain) && !matches!(text, "." | "..");
        let path_is_valid = path.is_empty() || path[1..].split('/').all(segment);
        let origin = &text[..text.len() - path.len()];
        secure && path_is_valid && is_origin(origin) && text.len() <= Self::LONGEST
    }
}

/// Scheme, host with port, and path.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    Some((scheme, host, path))
}

/// Browsers treat these as secure without TLS, and nobody is in between.
fn is_this_machine(name: &str) -> bool {
    matches!(name, "localhost" | "[::1]") || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
}

impl TryFrom<String> for PublicUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if Self::is_valid(&text) {
            Ok(Self(text))
        } else {
            Err(format!("expected {}", Self::EXPECTED))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_spelling_of_a_secure_url() {
        for (url, path) in [
            ("https://auth.example.com", ""),
            ("https://auth.example.com:8443", ""),
            ("https://example.com/auth", "/auth"),
            ("https://example.com/a/b-c.d_e~f", "/a/b-c.d_e~f"),
            ("https://192.0.2.1", ""),
            ("https://[2001:db8::1]:8443", ""),
            ("http://localhost:8000", ""),
            ("http://127.0.0.1:8000/x", "/x"),
            ("http://127.1.2.3", ""),
            ("http://[::1]:8000", ""),
        ] {
            let it = PublicUrl::try_from(url.to_owned()).unwrap();
            assert_eq!((it.path(), it.as_str()), (path, format!("{}{path}", it.origin()).as_str()));
            assert_eq!(it.is_https(), url.starts_with("https"));
            assert_eq!(Some(it.host()), url.split('/').nth(2));
            let has_port = |port: &str| url.split('/').nth(2).unwrap().ends_with(port);
            let port = ["8000", "8443"].into_iter().find(|port| has_port(&format!(":{port}")));
            assert_eq!(it.port(), port.map(|port| port.parse().unwrap()), "{url}");
        }
        for url in [
            "",
            "auth.example.com",
            "//auth.example.com",
            "ftp://auth.example.com",
            "https://",
            "https:///",
            "https://auth.example.com/",
            "https://auth.example.com/auth/",
            "https://auth.example.com//auth",
            "https://auth.example.com/../auth",
            "https://auth.example.com/./auth",
            "https://auth.example.com/a%2Fb",
            "https://auth.example.com/é",
            "https://auth.example.com/a b",
            "https://auth.example.com?x=1",
            "https://auth.example.com#x",
            "https://me@auth.example.com",
            "https://me:secret@auth.example.com",
            "https://auth.example.com:443",
            "http://localhost:80",
            "https://auth.example.com:",
            "https://auth.example.com:0",
            "https://auth.example.com:99999",
            "https://AUTH.example.com",
            "HTTPS://auth.example.com",
            "https://exämple.com",
            "https://*.example.com",
            "http://auth.example.com",
            "http://10.0.0.1:8000",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://0x7f.1",
            "http://[::]:8000",
            "http://0.0.0.0:8000",
            " https://auth.example.com",
            "https://auth.example.com\n",
            "https://auth.example.com\\x",
        ] {
            assert!(PublicUrl::try_from(url.to_owned()).is_err(), "{url}");
        }
        let long = format!("https://example.com/{}", "a".repeat(PublicUrl::LONGEST));
        assert!(PublicUrl::try_from(long).is_err());
    }
}
