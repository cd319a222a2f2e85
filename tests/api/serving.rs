//! Serving: the access log, limits, signals, sockets, and the server's folder.

use crate::harness::{
    App, DEADLINE, FORM, Response, connect, eventually, read_response, read_until, shared_app,
    spawn_app,
};
use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

#[test]
fn the_access_log_has_a_line_for_each_request() {
    let app = spawn_app();
    let mut stream = app.connect();
    let client = stream.local_addr().expect("an address");
    stream.write_all(b"GET /logged HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    read_response(&mut stream);

    let line = app.stdout.wait_for("/logged");
    let (time, rest) = line.split_at("2026-11-23 21:35:25,123".len());
    let digits = time.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(digits, "0000-00-00 00:00:00,000", "{line}");
    assert_eq!(
        rest,
        format!(" - INFO - bailiwick.access - {client} - \"GET /logged HTTP/1.1\" 404")
    );
}

#[test]
fn filters_drop_lines() {
    let app = App::demo()
        .config("[[logging.access_filters]]\nmethods = [\"GET\"]\npath = \"/quiet/**\"\nstatus = \"4xx\"\n")
        .spawn();
    app.get("/quiet/one");
    app.send("POST", "/quiet/two", &[], "");
    app.get("/loud");
    // Lines come in the order of their requests, so the dropped one would be before these.
    app.stdout.wait_for("\"GET /loud HTTP/1.1\"");
    assert!(app.stdout.text().contains("\"POST /quiet/two HTTP/1.1\""), "{}", app.stdout.text());
    assert!(!app.stdout.text().contains("/quiet/one"), "{}", app.stdout.text());
}

#[test]
fn a_forwarded_address_counts_only_from_a_trusted_peer() {
    let forged = [("x-forwarded-for", "203.0.113.7")];
    let untrusting =
        App::demo().config("[server]\nforwarded_allow_ips = [\"192.0.2.1\"]\n").spawn();
    untrusting.send("GET", "/who", &forged, "");
    let line = untrusting.stdout.wait_for("/who");
    assert!(line.contains(" - 127.0.0.1:") && !line.contains("203.0.113.7"), "{line}");

    let trusting = App::demo().config("[server]\nforwarded_allow_ips = [\"127.0.0.1\"]\n").spawn();
    trusting.send("GET", "/who", &[("x-forwarded-for", "198.51.100.1, 203.0.113.7")], "");
    let line = trusting.stdout.wait_for("/who");
    assert!(line.contains(" - 203.0.113.7:0 - "), "{line}");
    assert!(!line.contains("198.51.100.1"), "what the client wrote itself is believed: {line}");
}

#[test]
fn secrets_reach_no_log() {
    let app = App::demo().args(["--log-level", "trace"]).spawn();
    let token = app.login("johndoe", "1234", "me");
    app.get(&format!("/secrets?access_token={token}&password=hidden-one&page=2"));
    app.get_as("/users/me", &token);
    app.send("GET", "/basic/users/me", &[("authorization", "Basic am9obmRvZTpoaWRkZW4tdHdv")], "");
    let form = [("content-type", FORM)];
    app.send("POST", "/token", &form, "username=johndoe&password=hidden-three");
    app.get("/last");

    app.stdout.wait_for("/last");
    let line = app.stdout.wait_for("/secrets");
    assert!(line.contains("access_token=***&password=***&page=2"), "{line}");
    let logs = app.stdout.text() + &app.stderr.text();
    for secret in [token.as_str(), "hidden-", "am9obmRvZTpoaWRkZW4tdHdv", "a-secret-of-the-tests"] {
        assert!(!logs.contains(secret), "`{secret}` is in the log:\n{logs}");
    }
}

#[test]
fn control_characters_cannot_forge_a_line() {
    let app = spawn_app();
    let mut stream = app.connect();
    stream
        .write_all(
            b"GET /forged?x=\x1b[31m\"\xc3\xa9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        )
        .expect("sent");
    drop(stream.read_to_end(&mut Vec::new()));
    app.get("/forged%0A2026-01-01");
    app.get("/after");
    app.stdout.wait_for("/after");
    let log = app.stdout.text();
    assert!(log.contains("/forged%0A2026-01-01"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("2026-01-01")), "{log}");
    assert!(log.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{log:?}");
}

#[test]
fn sigterm_lets_requests_in_flight_finish() {
    let mut app = spawn_app();
    let mut stream = app.connect();
    let form = "username=johndoe&password=1234";
    write!(
        stream,
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        form.len()
    )
    .expect("sent");
    // The server asks for the body: it has the request.
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 100"));
    app.signal("TERM");
    eventually("new connections to be refused", || {
        TcpStream::connect(&app.address).is_err().then_some(())
    });
    stream.write_all(form.as_bytes()).expect("sent");
    let answer = read_response(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("access_token"), "{answer}");
    assert_eq!(app.wait().code(), Some(0), "{}", app.stderr.text());
}

#[test]
fn sigint_ends_an_idle_server() {
    let mut app = spawn_app();
    app.signal("INT");
    assert_eq!(app.wait().code(), Some(0), "{}", app.stderr.text());
}

#[test]
fn every_refusal_is_json() {
    let app = App::demo().config("[server]\nlimit_request_body = 2000\n").spawn();
    let form = [("content-type", FORM)];
    let large = format!("username=johndoe&password={}", "a".repeat(3000));
    let json = [("content-type", "application/json")];
    for (expected, answer) in [
        (404, app.get("/nowhere")),
        (405, app.send("DELETE", "/token", &[], "")),
        (413, app.send("POST", "/token", &form, &large)),
        (422, app.send("POST", "/token", &form, "username=johndoe")),
        (422, app.send("POST", "/token", &json, "{\"username\": \"johndoe\"}")),
    ] {
        assert_eq!(answer.status, expected, "{}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/json"), "{expected}");
        assert!(!answer.json()["detail"].is_null(), "{}", answer.body);
    }
    let answer = app.send("DELETE", "/token", &[], "");
    assert_eq!(answer.header("allow"), Some("POST"));
}

#[test]
fn another_media_type_is_refused_where_json_is_asked_for() {
    let app = App::demo().spawn();
    let add = ["users", "add", "root", "--scope", "users:read", "--scope", "users:write"];
    let output =
        app.command(&[&add[..], &["--password-stdin"]].concat(), "a-long-password-of-root\n");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = app.login("root", "a-long-password-of-root", "users:write");
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "text/plain")];
    let answer = app.send("POST", "/users", &headers, "hello");
    assert_eq!(answer.status, 415, "{}", answer.body);
    assert!(answer.json()["detail"].is_string(), "{}", answer.body);
}

#[test]
fn responses_with_tokens_or_users_are_not_stored() {
    let app = shared_app();
    let form = [("content-type", FORM)];
    let answer = app.send("POST", "/token", &form, "username=johndoe&password=1234&scope=me");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let token = answer.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(app.get_as("/users/me", &token).header("cache-control"), Some("no-store"));
}

#[test]
fn a_connection_is_kept() {
    let mut stream = shared_app().connect();
    for _ in 0..3 {
        stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn head_is_get_without_a_body() {
    let get = shared_app().get("/openapi.json");
    let head = shared_app().send("HEAD", "/openapi.json", &[], "");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("content-type"), get.header("content-type"));
}

/// A server on all these addresses, and its port.
fn everywhere(binds: &[&str]) -> (App, String) {
    let app = App::demo().args(binds.iter().flat_map(|bind| ["-b", bind])).spawn();
    let port = app.address.rsplit_once(':').expect("a port").1.to_owned();
    (app, port)
}

#[test]
fn the_ipv6_wildcard_serves_ipv4_too() {
    let (app, port) = everywhere(&["[::]:0"]);
    for host in ["[::1]", "127.0.0.1"] {
        let mut stream = connect(&format!("{host}:{port}"));
        write!(stream, "GET /from/{host} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 404 "));
    }
    let line = app.stdout.wait_for("/from/127.0.0.1");
    assert!(line.contains(" - 127.0.0.1:"), "{line}");
}

#[test]
fn both_wildcards_can_be_bound_to_one_port() {
    let listener = TcpListener::bind("[::]:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let (v6, v4) = (format!("[::]:{port}"), format!("0.0.0.0:{port}"));
    for binds in [[v6.as_str(), v4.as_str()], [v4.as_str(), v6.as_str()]] {
        let (_app, port) = everywhere(&binds);
        for host in ["[::1]", "127.0.0.1"] {
            let answer = Response::of("GET", &format!("http://{host}:{port}/"), &[], "");
            assert_eq!(answer.status, 404, "{host} {binds:?}");
        }
    }
}

#[test]
fn a_unix_socket_is_served() {
    let app = App::demo().args(["-b", "unix:bailiwick.sock"]).spawn();
    let path = app.folder().join(app.address.trim_start_matches("unix:"));
    let mut stream = UnixStream::connect(path).expect("a connection");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream
        .write_all(b"GET /socket HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\n\r\n")
        .expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 404"));
    let line = app.stdout.wait_for("/socket");
    assert!(line.contains(" - 203.0.113.7:0 - "), "{line}");
}

#[test]
fn a_client_that_sends_its_head_slowly_is_cut_off() {
    let app = App::demo().config("[server]\nclient_header_timeout = 1\n").spawn();
    let mut stream = app.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").expect("sent");
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"), "{answer:?}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn everything_is_kept_in_its_folder() {
    let app = App::bare().env("BAILIWICK__TOKENS__SECRET", "").spawn();
    app.get("/users/me");
    let names = |folder: std::path::PathBuf| {
        let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(app.folder().to_owned()), ["config.toml", "data"]);
    let ignored = fs::read_to_string(app.data_dir().join(".gitignore")).expect("it is there");
    assert_eq!(ignored, "*\n");
    let mode = |path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!(mode(app.data_dir()), 0o700);
    let secrets: Vec<_> =
        names(app.data_dir()).into_iter().filter(|name| name.contains("secret")).collect();
    assert_eq!(secrets.len(), 1, "{:?}", names(app.data_dir()));
    assert_eq!(mode(app.data_dir().join(&secrets[0])), 0o600);
}

#[test]
fn connections_above_the_limit_wait_for_others_to_end() {
    let app = App::demo().config("[server]\nworkers = 1\nworker_connections = 1\n").spawn();
    let ask = |mut stream: TcpStream| {
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        stream
    };
    let mut first = ask(app.connect());
    assert!(read_response(&mut first).starts_with("HTTP/1.1 404"));
    let mut second = ask(app.connect());
    second.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    let early = second.read(&mut [0; 1]).expect_err("it must wait");
    assert!(matches!(early.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{early}");
    second.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    drop(first);
    assert!(read_response(&mut second).starts_with("HTTP/1.1 404"));
}

#[test]
fn an_existing_data_folder_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("data")).expect("made");
    let app = App::demo().spawn_in(folder);
    assert_eq!(app.get("/openapi.json").status, 200);
    assert!(app.data_dir().join("bailiwick.db").exists());
    assert!(!app.data_dir().join(".gitignore").exists());
}

/// The response to a script of this origin: whether the script may read it, and which headers.
fn cors(app: &App, origin: &str) -> (Option<String>, Option<String>) {
    let answer = app.send("GET", "/users/me", &[("origin", origin)], "");
    let header = |name| answer.header(name).map(str::to_owned);
    (header("access-control-allow-origin"), header("access-control-expose-headers"))
}

#[test]
fn origins_may_be_a_pattern_that_matches_as_a_whole() {
    let config = "[cors]\norigins = [\"https://one.test\"]\n\
                  origin_regex = 'https://[a-z]+\\.example\\.com'\n";
    let app = App::demo().config(config).spawn();
    for origin in ["https://one.test", "https://app.example.com", "https://b.example.com"] {
        let (allowed, exposed) = cors(&app, origin);
        assert_eq!(allowed.as_deref(), Some(origin));
        let mut exposed: Vec<_> = exposed
            .iter()
            .flat_map(|list| list.split(','))
            .map(|n| n.trim().to_lowercase())
            .collect();
        exposed.sort();
        assert_eq!(exposed, ["retry-after", "www-authenticate", "x-request-id"]);
        let asked = [("origin", origin), ("access-control-request-method", "GET")];
        let preflight = app.send("OPTIONS", "/users/me", &asked, "");
        assert_eq!(preflight.header("access-control-allow-origin"), Some(origin));
    }
    for origin in [
        "https://app.example.com.evil.test",
        "https://evil.test/https://app.example.com",
        "https://app_example.com",
        "http://app.example.com",
        "null",
    ] {
        assert_eq!(cors(&app, origin).0, None, "{origin}");
    }
    let config = "[cors]\norigin_regex = 'http://localhost:\\d+'\nexpose_headers = [\"X-Total\"]\n";
    let app = App::demo().config(config).spawn();
    let (allowed, exposed) = cors(&app, "http://localhost:5173");
    assert_eq!(allowed.as_deref(), Some("http://localhost:5173"));
    assert_eq!(exposed.map(|list| list.to_lowercase()).as_deref(), Some("x-total"));
}
