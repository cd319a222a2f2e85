//! Pages that are opened at another address than the public one: there, cookies would not come along.

use super::{Client, with_pages};
use crate::browser_sessions::visitor::{Visitor, at};
use crate::harness::App;
use crate::people::{PASSWORD, server};

/// The host of the address that is public.
const HERE: (&str, &str) = ("host", "127.0.0.1:9");

fn go(app: &App, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, Option<String>) {
    let answer = app.send(method, path, headers, "");
    (answer.status, answer.header("location").map(str::to_owned))
}

#[test]
fn a_page_at_another_name_leads_to_the_public_address() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let request = web.request(&[("state", "a b&c")]);
    let there = ("host", "localhost:9");
    for path in ["/auth/login", "/auth/login/", "/auth/account", "/auth/signed-out", &request] {
        for method in ["GET", "HEAD"] {
            assert_eq!(go(&app, method, path, &[there]), (307, Some(at(path))), "{method}");
            assert_ne!(go(&app, method, path, &[HERE]).0, 307, "{method} {path}");
        }
    }
    // The port is nobody's name: a tunnel may have another one.
    assert_eq!(go(&app, "GET", "/auth/login", &[("host", "127.0.0.1:10")]).0, 200);
    // Neither forms nor what programs ask for.
    for (method, path) in [
        ("POST", "/auth/login"),
        ("POST", "/token"),
        ("GET", "/users/me"),
        ("GET", "/oauth/userinfo"),
        ("GET", "/oauth/jwks"),
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/health"),
    ] {
        assert_ne!(go(&app, method, path, &[there]).0, 307, "{method} {path}");
    }
    // A login that began at the other name ends at the public one.
    let mut browser = Visitor::of(&app);
    let sent = browser.send("GET", &request, &[there], "");
    assert_eq!(sent.header("location"), Some(&*at(&request)));
    browser.log_in("bob", PASSWORD);
    assert_eq!(browser.get("/auth/account").status, 200);
}

/// A proxy that rewrites `Host` without a word: the browser comes back from the public address, and gets
/// its page.
#[test]
fn nobody_goes_round_in_circles_behind_a_proxy() {
    let app = with_pages("");
    let hidden = [("host", "backend:8000")];
    let mut browser = Visitor::of(&app);
    let first = browser.send("GET", "/auth/login", &hidden, "");
    assert_eq!((first.status, first.header("location")), (307, Some(&*at("/auth/login"))));
    assert_eq!(browser.send("GET", "/auth/login", &hidden, "").status, 200);
    // Proxies that say that they are there: only what they say of the browser's address counts.
    for (more, status) in [
        (&[("x-forwarded-for", "192.0.2.7")][..], 200),
        (&[("forwarded", "for=192.0.2.7")], 200),
        (&[("x-forwarded-for", "192.0.2.7"), ("x-forwarded-host", "127.0.0.1")], 200),
        (&[("x-forwarded-for", "192.0.2.7"), ("x-forwarded-host", "other.example")], 307),
    ] {
        let headers = [&hidden[..], more].concat();
        assert_eq!(go(&app, "GET", "/auth/login", &headers).0, status, "{more:?}");
    }
    let untrusting = with_pages("forwarded_allow_ips = []\n");
    let told = [hidden[0], ("x-forwarded-host", "other.example")];
    assert_eq!(go(&untrusting, "GET", "/auth/login", &told).0, 200);
}

#[test]
fn a_page_without_tls_leads_to_the_one_with_it() {
    let app = server("[server]\npublic_url = 'https://auth.example.com'\n").spawn();
    let there = ("host", "auth.example.com");
    for (scheme, status) in [("http", 307), ("https", 200)] {
        let headers =
            [there, ("x-forwarded-proto", scheme), ("x-forwarded-host", "auth.example.com")];
        assert_eq!(go(&app, "GET", "/auth/login", &headers).0, status, "{scheme}");
    }
}
