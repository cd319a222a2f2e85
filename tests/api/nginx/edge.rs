//! What nginx keeps away from the server: forged headers, floods of logins, slow clients.

use super::{Nginx, free_address};
use crate::example_server::Example;
use crate::harness::{
    App, DEADLINE, FORM, Response, connect, eventually, read_response, read_until, repository,
};
use crate::people::{PASSWORD, import};
use serde_json::json;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

/// What arrives behind nginx when this is sent.
fn forwarded(request: &str) -> String {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let nginx = Nginx::before(&upstream.local_addr().expect("an address").to_string());
    let mut client = connect(&nginx.address);
    client.write_all(request.as_bytes()).expect("sent");
    let (mut stream, _) = upstream.accept().expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    read_until(&mut stream, "\r\n\r\n")
}

#[test]
fn forged_headers_are_overwritten() {
    let head = forwarded(
        "GET /a HTTP/1.1\r\nHost: evil.example:1\r\nX-Forwarded-For: 6.6.6.6\r\n\
         X-Forwarded-For: 7.7.7.7\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6\r\n\
         X-Forwarded-Host: evil.example\r\nX-Forwarded-Proto: https\r\nX-Request-ID: mine\r\n\
         Upgrade: h2c\r\nConnection: upgrade, http2-settings\r\n\r\n",
    );
    let header = |name: &str| -> Vec<&str> {
        head.lines()
            .filter_map(|line| line.split_once(": "))
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    };
    assert_eq!(header("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(header("x-forwarded-proto"), ["http"]);
    for name in ["forwarded", "x-real-ip", "x-forwarded-host", "upgrade", "connection"] {
        assert_eq!(header(name), [""; 0], "{name}");
    }
    // As the client sent it; bailiwick builds nothing from it.
    assert_eq!(header("host"), ["evil.example:1"]);
    let id = header("x-request-id")[0];
    assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
}

#[test]
fn each_response_has_the_request_id_of_the_log() {
    let app = App::demo().spawn();
    let nginx = Nginx::before(&app.address);
    for (path, body, status) in
        [("/named?token=hidden", "", 404), ("/token", &*"a".repeat(20_000), 413)]
    {
        let method = if body.is_empty() { "GET" } else { "POST" };
        let answer = nginx.send(method, path, &[("x-request-id", "mine")], body);
        assert_eq!(answer.status, status);
        let id = answer.header("x-request-id").expect("an id").to_owned();
        let line = eventually("its line", || {
            let log = nginx.access_log();
            log.lines().find(|line| line.contains(&format!("\"id\":\"{id}\""))).map(str::to_owned)
        });
        // Even for error pages; the query is left out.
        let bare = path.split('?').next().unwrap_or_default();
        let asked = format!("\"method\":\"{method}\",\"path\":\"{bare}\",\"status\":{status}");
        assert!(line.contains(&asked) && !line.contains("hidden"), "{asked}: {line}");
    }
}

/// A busy machine reaches this limit, too.
const SLOW: [(&str, &str); 3] =
    [("rate=20r/s", "rate=1r/s"), ("rate=200r/s", "rate=1r/s"), ("burst=1000", "burst=100")];

/// Wrong passwords are counted by the server: nginx stops only floods. As many at once as a busy
/// machine serves before nginx stops waiting.
#[test]
fn a_whole_company_may_log_in_at_once() {
    let app = App::demo().env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4").spawn();
    // Not one of the demo's: their hashes have cost 12, and a busy machine verifies forty for longer than nginx waits.
    import(&app, &[json!({"username": "jane"})]);
    let nginx = Nginx::before(&app.address);
    let form = format!("username=jane&password={PASSWORD}");
    thread::scope(|scope| {
        for _ in 0..40 {
            scope.spawn(|| {
                let login = nginx.send("POST", "/token", &[("content-type", FORM)], &form);
                // 503: the queue of those who wait for a hash is full.
                assert!(matches!(login.status, 200 | 503), "{}: {}", login.status, login.body);
            });
        }
    });
}

/// How long to wait, and the detail, are the server's own.
#[test]
fn a_refusal_of_the_server_passes_unchanged() {
    let config = "[passwords]\nbcrypt_cost = 4\n[logins]\nunknown_network_burst = 1\n";
    let app = App::bare().config(config).spawn();
    let nginx = Nginx::before(&app.address);
    let guess = || {
        let form = "username=nobody&password=wrong";
        nginx.send("POST", "/token", &[("content-type", FORM)], form)
    };
    assert_eq!(guess().status, 400);
    let refused = guess();
    assert_eq!(refused.status, 429, "{}", refused.body);
    let seconds = refused.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 60), "{seconds:?}");
    assert_eq!(refused.json()["detail"], "Too many attempts, try again later");
}

#[test]
fn too_many_logins_are_refused_in_json() {
    let app = App::demo().env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4").spawn();
    let nginx = Nginx::with(&app.address, &SLOW);
    let login = || nginx.send("POST", "/token", &[("content-type", FORM)], "username=a&password=b");
    let basic = || nginx.send("GET", "/basic/users/me", &[("authorization", "basic YTpi")], "");
    for (name, ask, passed) in [
        ("token", &login as &dyn Fn() -> Response, 400),
        ("basic", &basic as &dyn Fn() -> Response, 401),
    ] {
        assert_eq!(ask().status, passed, "{name}");
        let refused = eventually("a refusal", || Some(ask()).filter(|it| it.status != passed));
        assert_eq!(refused.status, 429, "{name}: {}", refused.body);
        assert_eq!(refused.header("content-type"), Some("application/json"));
        assert_eq!(refused.header("retry-after"), Some("1"));
        assert_eq!(refused.header("cache-control"), Some("no-store"));
        assert_eq!(refused.json()["detail"], "Too Many Requests");
    }
    // Other requests are not counted, nor is a preflight to the same path.
    for _ in 0..60 {
        assert_eq!(nginx.send("GET", "/users/me", &[], "").status, 401);
        assert_ne!(nginx.send("OPTIONS", "/token", &[], "").status, 429);
    }
}

/// Changing a password requires the old one: guesses at it count with those at `/token`.
#[test]
fn guesses_at_ones_own_password_count_as_logins() {
    let config = "[passwords]\nbcrypt_cost = 4\n[logins]\nthrottle = false\n";
    let app = App::bare().config(config).spawn();
    let add = ["users", "add", "jane", "--scope", "me", "--password-stdin"];
    assert!(app.command(&add, "loud-river-stone").status.success());
    let bearer = format!("Bearer {}", app.login("jane", "loud-river-stone", "me"));
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    // Too long for the list of common passwords, which takes time to read.
    let body = r#"{"old_password": "wrong", "password": "quiet river stone and moss"}"#;
    for path in ["/users/me/password", "/users/me/password/", "/users/m%65/passw%6Frd"] {
        let nginx = Nginx::with(&app.address, &SLOW);
        let guess = || nginx.send("PUT", path, &headers, body);
        assert_eq!(guess().status, 400, "{path}");
        let refused = eventually("a refusal", || Some(guess()).filter(|it| it.status != 400));
        assert_eq!(refused.status, 429, "{path}: {}", refused.body);
        assert_eq!(refused.json()["detail"], "Too Many Requests");
        let form = [("content-type", FORM)];
        let login = || nginx.send("POST", "/token", &form, "username=a&password=b");
        // At most one for the second that may have passed, for both together.
        let passed = [guess(), login(), guess(), login()].map(|answer| answer.status != 429);
        assert!(passed.iter().filter(|passed| **passed).count() < 4, "{path}: one limit for both");
        // Other methods at the path are not guesses, nor are other changes.
        for _ in 0..30 {
            assert_ne!(nginx.send("GET", path, &[], "").status, 429, "{path}");
            assert_eq!(nginx.send("PUT", "/users/johndoe/scopes", &[], "").status, 401, "{path}");
        }
    }
}

#[test]
fn only_public_responses_are_compressed() {
    let app = App::demo().spawn();
    let nginx = Nginx::before(&app.address);
    let bearer = format!("Bearer {}", app.login("johndoe", "1234", "me"));
    let headers = [("accept-encoding", "gzip"), ("authorization", &*bearer)];
    for (path, encoding) in
        [("/users/me", None), ("/status", None), ("/openapi.json", Some("gzip"))]
    {
        // Read raw: the tests' client would remove the encoding.
        let mut stream = connect(&nginx.address);
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n").expect("sent");
        for (name, value) in headers {
            write!(stream, "{name}: {value}\r\n").expect("sent");
        }
        stream.write_all(b"\r\n").expect("sent");
        let head = read_until(&mut stream, "\r\n\r\n").to_lowercase();
        assert!(head.starts_with("http/1.1 200 "), "{path}: {head}");
        let found = head.lines().find_map(|line| line.strip_prefix("content-encoding: "));
        assert_eq!(found, encoding, "{path}: {head}");
    }
}

#[test]
fn a_slow_client_never_reaches_the_server() {
    let app = App::demo().spawn();
    let shortened = [
        ("client_header_timeout 10s", "client_header_timeout 1s"),
        ("client_body_timeout 30s", "client_body_timeout 1s"),
    ];
    let nginx = Nginx::with(&app.address, &shortened);
    let mut slow: Vec<_> = [
        "GET /slow HTTP/1.1\r\nHo",
        "POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf",
    ]
    .into_iter()
    .map(|half| {
        let mut stream = connect(&nginx.address);
        stream.write_all(half.as_bytes()).expect("sent");
        stream
    })
    .collect();
    assert_eq!(nginx.send("GET", "/quick", &[], "").status, 404);
    for stream in &mut slow {
        let mut answer = Vec::new();
        // Closed by nginx, with or without a response.
        drop(stream.read_to_end(&mut answer));
        assert!(!answer.starts_with(b"HTTP/1.1 2"), "{}", String::from_utf8_lossy(&answer));
    }
    app.stdout.wait_for("/quick");
    assert!(!app.stdout.text().contains("/slow"), "{}", app.stdout.text());
}

#[test]
fn the_texts_that_tests_replace_are_in_the_files() {
    let text: String = ["limits.inc", "http.inc", "bailiwick.conf"]
        .map(|file| fs::read_to_string(repository(&format!("config/nginx/{file}"))).expect(file))
        .concat();
    for line in [
        "client_header_timeout 10s;",
        "client_body_timeout 30s;",
        "proxy_read_timeout 60s;",
        "rate=20r/s;",
        "rate=200r/s;",
    ] {
        assert!(text.contains(line), "{line}");
    }
}

#[test]
fn a_method_and_a_protocol_that_nginx_refuses_are_refused_in_json() {
    let nginx = Nginx::before(&free_address());
    for (request, status) in [
        ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 501),
    ] {
        let mut stream = connect(&nginx.address);
        stream.write_all(request.as_bytes()).expect("sent");
        let answer = read_response(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer}");
        assert!(answer.contains("{\"detail\":\""), "{status}: {answer}");
    }
}

#[test]
fn a_websocket_passes() {
    let server = Example::spawn("orders");
    let set = server.command(&["users", "set-scopes", "johndoe", "me", "orders:read"], "");
    assert!(set.status.success(), "{set:?}");
    let token = server.login("/token", "me orders:read");
    let nginx = Nginx::before(server.address());
    let mut stream = connect(&nginx.address);
    write!(
        stream,
        "GET /orders/feed HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\
         Authorization: {token}\r\n\r\n"
    )
    .expect("sent");
    let head = read_until(&mut stream, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    // A text frame of two bytes, masked with zeros (RFC 6455 §5.2); its echo is unmasked.
    stream.write_all(b"\x81\x82\0\0\0\0hi").expect("sent");
    let mut echo = [0; 4];
    stream.read_exact(&mut echo).expect("an answer");
    assert_eq!(&echo, b"\x81\x02hi");

    let refused = nginx.send("GET", "/orders/feed", &[("upgrade", "websocket")], "");
    assert_eq!(refused.status, 401, "{}", refused.body);
}
