//! Whether a browser has come to another address than the public one. Nothing else asks for it: what is
//! built or checked by an address goes by `server.public_url`.

use crate::security::client_address::TrustedProxies;
use crate::settings::PublicUrl;
use actix_web::HttpRequest;
use actix_web::http::header::{
    FORWARDED, HOST, HeaderName, VIA, X_FORWARDED_FOR, X_FORWARDED_HOST, X_FORWARDED_PROTO,
};
use actix_web::web::Data;

/// Whether the browser's address has another host name than the public URL, or is http where that is https.
/// Cookies would not come along from there, nor would forms be ours. The port says nothing: cookies do not
/// know it, and a tunnel may change it.
///
/// A proxy may have rewritten `Host`: where one says that it is there, only its `X-Forwarded-Host` counts, and
/// only as far as `server.forwarded_allow_ips` goes. Which names lead to it is its own affair.
pub(crate) fn is_elsewhere(request: &HttpRequest, url: &PublicUrl) -> bool {
    let text = |name: HeaderName| {
        let last = request.headers().get_all(name).last()?.to_str().ok()?.trim();
        (!last.is_empty()).then_some(last)
    };
    let proxies = request.app_data::<Data<TrustedProxies>>();
    let is_trusted = proxies.is_some_and(|proxies| proxies.trusts_peer(request));
    let is_proxied = [FORWARDED, VIA, X_FORWARDED_FOR, X_FORWARDED_PROTO, X_FORWARDED_HOST]
        .iter()
        .any(|name| request.headers().contains_key(name));
    let host = match (is_proxied, is_trusted) {
        (false, _) => text(HOST),
        (true, true) => text(X_FORWARDED_HOST),
        (true, false) => None,
    };
    let is_other = |host: &str| !name_of(host).eq_ignore_ascii_case(name_of(url.host()));
    let is_plain = || is_trusted && text(X_FORWARDED_PROTO).is_some_and(|it| it == "http");
    host.is_some_and(is_other) || url.is_https() && is_plain()
}

/// A host without its port.
fn name_of(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn an_address_is_another_one_by_its_name_or_without_tls() {
        let is = |url: &str, peer: &str, headers: &[(&str, &str)]| {
            let trusted = TrustedProxies::new(&["127.0.0.1".to_owned()]).unwrap();
            let mut request = TestRequest::default().app_data(Data::new(trusted));
            for header in headers {
                request = request.append_header(*header);
            }
            let request = request.peer_addr(peer.parse().unwrap()).to_http_request();
            is_elsewhere(&request, &url.to_owned().try_into().unwrap())
        };
        let (https, local) = ("https://auth.example.com/a", "http://127.0.0.1:8000");
        let (here, there) = ("127.0.0.1:7", "192.0.2.1:7");
        let host = |name| ("host", name);
        let (to, by) = (("x-forwarded-host", "auth.example.com"), ("x-forwarded-for", "192.0.2.7"));
        for (url, peer, headers, expected) in [
            (local, here, &[host("127.0.0.1:8000")][..], false),
            (local, here, &[host("127.0.0.1:9")], false),
            (local, here, &[host("localhost:8000")], true),
            (local, here, &[], false),
            ("http://[::1]:8000", "[::1]:7", &[host("[::1]:8000")], false),
            ("http://[::1]:8000", "[::1]:7", &[host("[::1]")], false),
            ("http://[::1]:8000", "[::1]:7", &[host("localhost")], true),
            (https, there, &[host("AUTH.example.com")], false),
            (https, there, &[host("10.0.0.1:8000")], true),
            // A proxy that does not say what the browser said, and one that does.
            (https, here, &[host("backend"), by], false),
            (https, here, &[host("backend"), by, to], false),
            (https, here, &[host("backend"), ("x-forwarded-host", "other.example")], true),
            (https, here, &[host("backend"), ("via", "1.1 x")], false),
            // Whoever is not trusted is not asked.
            (https, there, &[host("auth.example.com"), ("x-forwarded-host", "o.example")], false),
            (https, there, &[host("auth.example.com"), ("x-forwarded-proto", "http")], false),
            (https, here, &[host("auth.example.com"), ("x-forwarded-proto", "http")], true),
            (https, here, &[host("auth.example.com"), ("x-forwarded-proto", "https")], false),
            (local, here, &[host("127.0.0.1"), ("x-forwarded-proto", "http")], false),
        ] {
            assert_eq!(is(url, peer, headers), expected, "{url} {peer} {headers:?}");
        }
    }
}
