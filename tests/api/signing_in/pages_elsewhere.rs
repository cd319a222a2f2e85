//! Clients that are pages: what browsers let them read, without `[cors]`.

use super::{Client, REDIRECT, with_pages};
use crate::browser_sessions::URL;
use crate::harness::{App, FORM, Response, eventually};

/// The origin of [`REDIRECT`].
const PAGE: &str = "https://app.example.com";

/// The question of a browser before it sends a request.
fn preflight(app: &App, path: &str, origin: &str) -> Response {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,x-version"),
    ];
    app.send("OPTIONS", path, &headers, "")
}

fn allowed(answer: &Response) -> Option<&str> {
    answer.header("access-control-allow-origin")
}

#[test]
fn pages_of_clients_read_what_clients_ask_for() {
    let app = with_pages("");
    assert_eq!(allowed(&preflight(&app, "/token", PAGE)), None, "there is no client");
    Client::public(&app, "spa", &["--redirect-uri", "http://localhost:5173/cb"]);
    eventually("the client's origin", || allowed(&preflight(&app, "/token", PAGE)).map(drop));
    for path in ["/token", "/token/", "/oauth/userinfo", "/oauth/revoke"] {
        for origin in [PAGE, "http://localhost:3000"] {
            let asked = preflight(&app, path, origin);
            assert_eq!((asked.status, allowed(&asked)), (204, Some(origin)), "{path}");
            for (name, value) in [
                ("access-control-allow-methods", Some("GET, POST")),
                ("access-control-allow-headers", Some("authorization,x-version")),
                ("access-control-max-age", Some("600")),
                ("access-control-allow-credentials", None),
                ("vary", Some("Origin")),
            ] {
                assert_eq!(asked.header(name), value, "{name}");
            }
            let sent = app.send("POST", path, &[("origin", origin), ("content-type", FORM)], "a=b");
            assert!(matches!(sent.status, 400 | 401 | 422), "{path}: {sent:?}");
            assert_eq!(allowed(&sent), Some(origin), "{path}");
            assert_eq!(sent.header("access-control-allow-credentials"), None);
            let exposed = sent.header("access-control-expose-headers");
            assert!(exposed.is_some_and(|it| it.contains("WWW-Authenticate")), "{exposed:?}");
        }
    }
}

#[test]
fn others_read_nothing() {
    let app = with_pages("");
    Client::public(&app, "spa", &[]);
    let more = ["--redirect-uri", "https://confidential.example/cb"];
    Client::add(&app, "web", &more);
    eventually("the client's origin", || allowed(&preflight(&app, "/token", PAGE)).map(drop));
    for origin in [
        "https://evil.example",
        "https://app.example.com.evil.example",
        "https://app.example.com:444",
        "http://app.example.com",
        "https://confidential.example",
        "null",
        "",
        "https://",
        "é",
    ] {
        for path in ["/token", "/oauth/userinfo", "/oauth/revoke"] {
            let asked = preflight(&app, path, origin);
            assert_eq!(allowed(&asked), None, "{origin} {path}");
            let sent = app.send("POST", path, &[("origin", origin), ("content-type", FORM)], "a=b");
            assert_eq!(allowed(&sent), None, "{origin} {path}");
        }
    }
    // Nor does a client's page read pages, users, or what other applications ask for.
    for path in ["/auth/login", "/oauth/authorize", "/users/me", "/users", "/oauth/introspect"] {
        assert_eq!(allowed(&preflight(&app, path, PAGE)), None, "{path}");
        assert_eq!(allowed(&app.send("GET", path, &[("origin", PAGE)], "")), None, "{path}");
    }
    super::done(&app, &["clients", "delete", "spa"]);
    eventually("the end of the client", || {
        allowed(&preflight(&app, "/token", PAGE)).is_none().then_some(())
    });
    assert!(REDIRECT.starts_with(PAGE));
}

#[test]
fn what_is_public_is_for_every_page() {
    let app = with_pages("");
    for path in [
        "/.well-known/openid-configuration",
        "/.well-known/openid-configuration/",
        "/.well-known/oauth-authorization-server",
        "/oauth/jwks",
    ] {
        // A cache in between keeps one response for all.
        for headers in [&[][..], &[("origin", "https://any.example")]] {
            let answer = eventually("a response", || {
                Some(app.send("GET", path, headers, "")).filter(|it| it.status == 200)
            });
            assert_eq!(allowed(&answer), Some("*"), "{path}");
        }
        let asked = preflight(&app, path, "https://any.example");
        assert_eq!((asked.status, allowed(&asked)), (204, Some("*")), "{path}");
    }
}

/// Whoever is in `[cors]` gets what it says, and all others what they get without it.
#[test]
fn the_settings_come_first() {
    let api = "https://api.example.com";
    let app = with_pages(&format!("[cors]\norigins = ['{api}']\ncredentials = true\n"));
    Client::public(&app, "spa", &[]);
    eventually("the client's origin", || allowed(&preflight(&app, "/token", PAGE)).map(drop));
    for path in ["/token", "/users/me", "/oauth/userinfo"] {
        let asked = preflight(&app, path, api);
        assert_eq!((asked.status, allowed(&asked)), (200, Some(api)), "{path}");
        assert_eq!(asked.header("access-control-allow-credentials"), Some("true"));
        let sent = app.send("GET", path, &[("origin", api)], "");
        assert_eq!(allowed(&sent), Some(api), "{path}");
        assert_eq!(sent.headers("access-control-allow-origin").count(), 1);
    }
    let keys = app.send("GET", "/oauth/jwks", &[("origin", api)], "");
    assert_eq!(keys.headers("access-control-allow-origin").count(), 1);
    assert_eq!(allowed(&preflight(&app, "/users/me", PAGE)), None);
    assert!(URL.starts_with("http:"));
}

/// Without `server.public_url` there are no clients.
#[test]
fn without_a_public_url_nothing_is_shared() {
    let app = crate::people::server("").spawn();
    for path in ["/token", "/oauth/jwks", "/.well-known/openid-configuration"] {
        assert_eq!(allowed(&preflight(&app, path, PAGE)), None, "{path}");
        assert_eq!(allowed(&app.send("GET", path, &[("origin", PAGE)], "")), None, "{path}");
    }
}
