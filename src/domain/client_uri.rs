//! Where a client may have its users sent back to, and where it may be asked itself.

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::num::NonZeroU16;

/// Longest URI, in bytes.
const LONGEST: usize = 2048;

/// Query parameters of responses: a registered one of the same name would be taken for the response's.
const OF_RESPONSES: [&str; 10] = [
    "access_token",
    "code",
    "error",
    "error_description",
    "error_uri",
    "id_token",
    "iss",
    "response",
    "session_state",
    "state",
];

/// What is wrong with a URI to redirect to; `None` if it may be registered (RFC 6749 §3.1.2, RFC 8252 §7,
/// RFC 9700 §2.1).
pub(super) fn redirect_fault(uri: &str) -> Option<Cow<'static, str>> {
    fault(uri).map(Cow::Borrowed).or_else(|| {
        let (_, query) = uri.split_once('?')?;
        let mut names = form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name);
        let name = names.find(|name| OF_RESPONSES.contains(&name.as_ref()))?;
        Some(format!("has the query parameter `{name}`, which belongs to responses").into())
    })
}

/// What is wrong with any URI that is registered.
fn fault(uri: &str) -> Option<&'static str> {
    if uri.len() > LONGEST {
        return Some("is longer than 2048 bytes");
    }
    let is_of_uri =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte);
    if !uri.bytes().all(is_of_uri) {
        return Some("has characters that a URI cannot have (RFC 3986 §2)");
    }
    if let Some(problem) = uri.split('%').skip(1).find_map(encoding_fault) {
        return Some(problem);
    }
    let lower = uri.to_ascii_lowercase();
    // U+0080 to U+009F in UTF-8.
    if ["%c2%8", "%c2%9"].iter().any(|control| lower.contains(control)) {
        return Some("has an encoded control character");
    }
    if uri.contains('#') {
        return Some("has a fragment");
    }
    if uri.contains('*') {
        return Some("has a `*`, and there are no wildcards");
    }
    let path = lower.split('?').next().unwrap_or_default();
    if path.replace("%2e", ".").split(['/', ':']).any(|part| part == "..") {
        return Some("has a `..`, which browsers resolve");
    }
    let Some((scheme, rest)) = uri.split_once(':') else { return Some("is not absolute") };
    let is_of_scheme =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    if !scheme.starts_with(|first: char| first.is_ascii_lowercase())
        || !scheme.bytes().all(is_of_scheme)
    {
        return Some("does not begin with a scheme in lower case");
    }
    match scheme {
        "https" | "http" => web_fault(scheme == "https", rest),
        // Any other may be the system's or a browser's own, or every application's.
        _ if !scheme.contains('.') || scheme.split('.').any(str::is_empty) => Some(
            "has a scheme that is no domain name in reverse order, such as `com.example.app` (RFC 8252 §7.1)",
        ),
        _ if rest.trim_start_matches('/').is_empty() => Some("is a scheme only"),
        _ if rest.strip_prefix("//").is_some_and(|rest| authority(rest).contains('@')) => {
            Some("has a user")
        }
        _ => None,
    }
}

/// What is wrong with a byte that is written in hexadecimal digits; `rest` follows the `%`.
fn encoding_fault(rest: &str) -> Option<&'static str> {
    let digits = rest.get(..2).filter(|it| it.bytes().all(|byte| byte.is_ascii_hexdigit()));
    match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
        None => Some("has a `%` that no two hexadecimal digits follow"),
        Some(byte) if byte.is_ascii_control() => Some("has an encoded control character"),
        Some(_) => None,
    }
}

/// What is wrong with a URI that the server asks itself; `None` if it may be registered.
pub(super) fn request_fault(uri: &str) -> Option<&'static str> {
    let is_web = uri.starts_with("https:") || uri.starts_with("http:");
    fault(uri).or_else(|| (!is_web).then_some("is not https"))
}

fn web_fault(secure: bool, rest: &str) -> Option<&'static str> {
    let Some(rest) = rest.strip_prefix("//") else { return Some("is not absolute") };
    let authority = authority(rest);
    if authority.contains('@') {
        return Some("has a user");
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    if port.is_some_and(|port| port.starts_with('+') || port.parse::<NonZeroU16>().is_err()) {
        return Some("has no valid port");
    }
    if !is_host(host) {
        return Some("has no valid host, in lower case and without wildcards");
    }
    (!secure && !is_loopback(host))
        .then_some("is http, which is for localhost, 127.0.0.1 and [::1] only")
}

/// What stands before path and query.
fn authority(rest: &str) -> &str {
    &rest[..rest.find(['/', '?']).unwrap_or(rest.len())]
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<Ipv6Addr>().is_ok();
    }
    let plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
    !host.is_empty() && host.bytes().all(plain)
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// Whether a URI is one that was registered: the same text, but for the port on this machine, which an
/// application cannot choose beforehand (RFC 8252 §7.3).
pub(super) fn is_same(registered: &str, presented: &str) -> bool {
    registered == presented
        || (fault(presented).is_none()
            && match (without_port(registered), without_port(presented)) {
                (Some(registered), Some(presented)) => registered == presented,
                _ => false,
            })
}

/// Whether any application on the user's device may get what is sent there: a URI of this machine, or one
/// of an application's own scheme (RFC 8252 §8.6).
#[must_use]
pub fn is_of_device(uri: &str) -> bool {
    !uri.starts_with("https://")
}

/// The web origin of a URI, as browsers write it; on this machine without the port, which is any.
#[must_use]
pub fn page_origin(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_once("://")?;
    let authority = authority(rest);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port),
        _ => (authority, ""),
    };
    let end = match (scheme, port) {
        ("https", "" | "443") => host,
        ("https", _) => authority,
        ("http", _) if is_loopback(host) => host,
        _ => return None,
    };
    Some(&uri[..scheme.len() + "://".len() + end.len()])
}

/// Host and the rest of a URI of this machine.
fn without_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => host,
        _ => authority,
    };
    is_loopback(host).then_some((host, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_an_origin() {
        for (uri, origin) in [
            ("https://a.example/cb?x=y", Some("https://a.example")),
            ("https://a.example", Some("https://a.example")),
            ("https://a.example:443/cb", Some("https://a.example")),
            ("https://a.example:444/cb", Some("https://a.example:444")),
            ("https://a.example?x=/", Some("https://a.example")),
            ("http://localhost:5173/cb", Some("http://localhost")),
            ("http://127.0.0.1", Some("http://127.0.0.1")),
            ("http://[::1]:8000/", Some("http://[::1]")),
            ("http://a.example", None),
            ("com.example.app:/cb", None),
            ("com.example.app://cb", None),
            ("null", None),
            ("", None),
        ] {
            assert_eq!(page_origin(uri), origin, "{uri}");
        }
    }

    #[test]
    fn a_uri_is_the_registered_one_but_for_the_port_on_this_machine() {
        for (registered, presented, is_it) in [
            ("https://a.example/cb", "https://a.example/cb", true),
            ("https://a.example/cb", "https://a.example/cb/", false),
            ("https://a.example/cb", "https://a.example/cb?x=1", false),
            ("https://a.example/cb", "https://a.example/cb/../evil", false),
            ("https://a.example/cb", "https://a.example:444/cb", false),
            ("https://a.example/cb", "https://a.example/CB", false),
            ("https://a.example", "https://a.example.evil.example", false),
            ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true),
            ("http://127.0.0.1:1/cb", "http://127.0.0.1/cb", true),
            ("http://[::1]:1/cb?a=b", "http://[::1]:65535/cb?a=b", true),
            ("http://[::1]/cb", "http://[::1]:7/cb", true),
            ("http://localhost/cb", "http://localhost:8080/cb", true),
            ("http://localhost/cb", "http://127.0.0.1/cb", false),
            ("http://localhost/cb", "http://localhost:8080/cb/x", false),
            ("http://localhost/cb", "http://localhost:99999/cb", false),
            ("http://localhost/cb", "http://localhost:@evil.example/cb", false),
            ("http://localhost/cb", "http://me@localhost:1/cb", false),
            ("http://localhost/cb", "https://localhost:1/cb", false),
            ("com.example:/cb", "com.example:/cb", true),
            ("com.example:/cb", "com.example:/cb?x", false),
        ] {
            assert_eq!(is_same(registered, presented), is_it, "{registered} {presented}");
        }
        for uri in ["http://127.0.0.1/cb", "com.example:/cb", "http://localhost:1/"] {
            assert!(is_of_device(uri), "{uri}");
        }
        assert!(!is_of_device("https://a.example/cb"));
    }

    #[test]
    fn what_may_be_redirected_to() {
        for uri in [
            "https://app.example.com/callback",
            "https://app.example.com",
            "https://app.example.com:8443/cb?tenant=a&x=%2F",
            "https://192.0.2.1/cb",
            "https://[2001:db8::1]/cb",
            "http://localhost/cb",
            "http://127.0.0.1:5000/cb",
            "http://[::1]/cb",
            "com.example.app:/oauth",
            "com.example.app://callback?x=code",
            "https://app.example.com/code?codes=1&State=2&x=%20%C3%A4",
            "https://app.example.com/a..b/...?x=../..&y=%C2%A0",
            "com.example.app:/a@b",
        ] {
            assert_eq!(redirect_fault(uri), None, "{uri}");
        }
    }

    #[test]
    fn what_may_not_be_redirected_to() {
        for uri in [
            "",
            "/callback",
            "//app.example.com/cb",
            "app.example.com/cb",
            "https:/app.example.com",
            "https:app.example.com",
            "https://",
            "https:///cb",
            "https://app.example.com/cb#x",
            "https://app.example.com/cb#",
            "https://me@app.example.com/cb",
            "https://app.example.com@evil.example/cb",
            "https://app.example.com\\@evil.example/cb",
            "https://*.example.com/cb",
            "https://App.example.com/cb",
            "HTTPS://app.example.com/cb",
            "https://app.example.com:/cb",
            "https://app.example.com:+1/cb",
            "https://app.example.com:99999/cb",
            "https://[::1/cb",
            "https://exämple.com/cb",
            "https://app.example.com/a b",
            "https://app.example.com/\n",
            "http://app.example.com/cb",
            "http://localhost.example.com/cb",
            "http://127.0.0.1.example.com/cb",
            "http://0.0.0.0/cb",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ws://localhost/x",
            "com.example.app:",
            "com.example.app://",
            "1app.example://x",
            "*",
            "myapp://callback",
            "cursor://anysphere.cursor-retrieval/oauth/cb",
            "ms-settings:network",
            "search-ms:query=x",
            "jar:https://app.example.com!/x",
            "chrome-extension://x/cb",
            "view-source:https://app.example.com",
            "intent://x",
            ".app://x",
            "com..app://x",
            "com.://x",
            "http://localhost:0/cb",
            "https://app.example.com:0/cb",
            "https://app.example.com:00/cb",
            "https://app.example.com/cb%00",
            "https://app.example.com/cb%0d%0aX:y",
            "https://app.example.com/cb?x=%7F",
            "com.example.app:/cb%1b",
            "https://app.example.com/cb%",
            "https://app.example.com/cb%2",
            "https://app.example.com/cb%zz",
            "https://app.example.com/cb?code=1",
            "https://app.example.com/cb?x=1&state",
            "https://app.example.com/cb?%69ss=x",
            "https://app.example.com/cb?error=",
            "https://app.example.com/cb?error_description=x",
            "com.example.app:/cb?response=x",
            "https://app.example.com/cb?error_uri=x&y=1",
            "https://app.example.com/cb?y=1&session_state=x",
            "https://app.example.com/cb?id_token",
            "https://app.example.com/cb?access_token=x",
            "https://app.example.com/*",
            "https://app.example.com/../cb",
            "https://app.example.com/a/%2E./cb",
            "https://app.example.com/..",
            "com.example.app:..",
            "com.example.app://me@host/cb",
            "https://app.example.com/cb%C2%85",
            "https://app.example.com/cb?x=%c2%9f",
        ] {
            assert!(redirect_fault(uri).is_some(), "{uri}");
        }
        let named = redirect_fault("https://app.example.com/cb?x=1&st%61te=2").unwrap();
        assert!(named.contains("`state`"), "{named}");
    }

    #[test]
    fn what_may_be_requested() {
        for uri in ["https://app.example.com/keys?x=1", "http://127.0.0.1:5000/keys"] {
            assert_eq!(request_fault(uri), None, "{uri}");
        }
        for uri in
            ["com.example.app:/keys", "http://app.example.com/keys", "https://x/#y", "httpsx:/y"]
        {
            assert!(request_fault(uri).is_some(), "{uri}");
        }
        assert!(fault(&format!("https://example.com/{}", "x".repeat(LONGEST))).is_some());
    }
}
