//! The real server on port 0, with routes of its own.

pub(crate) mod harness;

use super::check;
use crate::http::Mounts;
use crate::process::channel::Order;
use crate::settings::{CorsSettings, ServerSettings, Settings};
use harness::{Served, plain_settings, server_settings, wait_for_line};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::os::unix::net::UnixStream;
use tokio::sync::mpsc::unbounded_channel;

#[test]
fn a_response_has_the_security_headers() {
    let server = Served::start(server_settings());
    let response = server.get("/hello");
    assert_eq!(response.status, 200);
    assert_eq!(response.body, "hello");
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    assert_eq!(response.header("referrer-policy"), "no-referrer");
    assert_eq!(response.header("x-frame-options"), "DENY");
    assert_eq!(
        response.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert_eq!(response.header("server"), "");
    server.stop();
}

#[test]
fn a_request_leaves_one_line_without_its_secrets() {
    let server = Served::start(ServerSettings {
        forwarded_allow_ips: vec!["127.0.0.1".to_owned()],
        ..server_settings()
    });
    server.send("GET /hello?line=1&access_token=hidden HTTP/1.1\r\nx-forwarded-for: 9.9.9.9\r\n");
    wait_for_line(r#"9.9.9.9:0 - "GET /hello?line=1&access_token=*** HTTP/1.1" 200"#);
    let (port, response) = server.send("GET /nowhere?%22 HTTP/1.0\r\n");
    assert_eq!(response.status, 404);
    wait_for_line(&format!(r#"127.0.0.1:{port} - "GET /nowhere?%22 HTTP/1.0" 404"#));
    server.stop();
}

#[test]
fn an_abandoned_request_leaves_a_line() {
    let server = Served::start(server_settings());
    let stream = server.connect();
    let (mut client, port) = (&stream, stream.local_addr().unwrap().port());
    client.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    server.entered();
    socket2::SockRef::from(&stream).set_linger(Some(std::time::Duration::ZERO)).unwrap();
    drop(stream);
    wait_for_line(&format!(r#"127.0.0.1:{port} - "GET /wait HTTP/1.1" 499"#));
    server.stop();
}

#[test]
fn requests_in_flight_are_finished_after_a_signal() {
    let server = Served::start(server_settings());
    let mut client = server.connect();
    client.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    server.entered();
    server.signals.send(Order::Stop).unwrap();
    while TcpStream::connect(server.address).is_ok() {
        std::thread::yield_now();
    }
    server.release();
    let response = harness::read_response(&mut client);
    assert_eq!((response.status, response.body.as_str()), (200, "waited"));
    assert_eq!(response.header("connection"), "close");
    server.ended().unwrap();
}

#[test]
fn a_second_signal_ends_at_once() {
    let server = Served::start(ServerSettings { graceful_timeout: 3600, ..server_settings() });
    let mut client = server.connect();
    client.write_all(b"GET /wait HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    server.entered();
    server.signals.send(Order::Stop).unwrap();
    server.signals.send(Order::Quit).unwrap();
    server.ended().unwrap();
}

#[test]
fn a_large_head_is_refused() {
    let server = Served::start(ServerSettings {
        limit_request_line: 20.try_into().unwrap(),
        limit_request_fields: 3.try_into().unwrap(),
        limit_request_field_size: 12.try_into().unwrap(),
        ..server_settings()
    });
    for (head, status) in [
        ("GET /hello HTTP/1.1\r\nhost: a\r\na: 1\r\nb: 2\r\n\r\n", 200),
        ("GET /hello?aaaaaaaaaaaaaaaaaaa HTTP/1.1\r\nhost: a\r\n\r\n", 414),
        ("GET /hello HTTP/1.1\r\nhost: a\r\na: 1\r\nb: 2\r\nc: 3\r\n\r\n", 431),
        ("GET /hello HTTP/1.1\r\nhost: a\r\nlong: 123456789\r\n\r\n", 431),
    ] {
        let (_, response) = server.send(head);
        assert_eq!(response.status, status, "{head}");
    }
    server.stop();
}

#[test]
fn a_large_body_is_refused_by_its_declared_length() {
    let server = Served::start(ServerSettings {
        limit_request_body: 10.try_into().unwrap(),
        ..server_settings()
    });
    let (_, response) = server.send("POST /body HTTP/1.1\r\ncontent-length: 11\r\n");
    assert_eq!(response.status, 413);
    assert!(response.body.starts_with(r#"{"detail":"#), "{}", response.body);
    assert_eq!(response.header("connection"), "close");
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    server.stop();
}

#[test]
fn a_large_body_is_refused_while_it_streams() {
    let server = Served::start(ServerSettings {
        limit_request_body: 10.try_into().unwrap(),
        ..server_settings()
    });
    for (chunks, status) in [("a\r\n0123456789\r\n0\r\n\r\n", 200), ("b\r\n0123456789a\r\n", 413)] {
        let mut client = server.connect();
        let head = "POST /body HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        client.write_all(format!("{head}{chunks}").as_bytes()).unwrap();
        let response = harness::read_response(&mut client);
        assert_eq!(response.status, status, "{}", response.body);
    }
    server.stop();
}

#[test]
fn a_slow_body_is_refused() {
    let server =
        Served::start(ServerSettings { client_body_timeout: NonZeroU64::MIN, ..server_settings() });
    let mut client = server.connect();
    client.write_all(b"POST /body HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\na").unwrap();
    let response = harness::read_response(&mut client);
    assert_eq!(response.status, 408);
    assert!(response.body.starts_with(r#"{"detail":"#), "{}", response.body);
    server.stop();
}

#[test]
fn a_slow_head_is_refused() {
    let server = Served::start(ServerSettings {
        client_header_timeout: NonZeroU64::MIN,
        ..server_settings()
    });
    let mut client = server.connect();
    client.write_all(b"GET /hello HTTP/1.1\r\nho").unwrap();
    assert_eq!(harness::read_response(&mut client).status, 408);
    server.stop();
}

#[test]
fn a_panic_gets_a_response_and_the_connection_stays_open() {
    let server = Served::start(server_settings());
    let mut client = server.connect();
    client.write_all(b"GET /panic HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    let response = harness::read_response(&mut client);
    assert_eq!(response.status, 500);
    assert_eq!(response.body, r#"{"detail":"Internal Server Error"}"#);
    assert_eq!(response.header("x-content-type-options"), "nosniff");
    client.write_all(b"GET /hello HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
    assert_eq!(harness::read_response(&mut client).status, 200);
    let port = client.local_addr().unwrap().port();
    wait_for_line(&format!(r#"127.0.0.1:{port} - "GET /panic HTTP/1.1" 500"#));
    drop(client);
    server.stop();
}

#[test]
fn bad_credentials_do_not_become_an_anonymous_caller() {
    let server = Served::start(server_settings());
    assert_eq!(server.get("/optional").body, "anonymous");
    let (_, response) = server.send("GET /optional HTTP/1.1\r\nauthorization: Basic !\r\n");
    assert_eq!(response.status, 401);
    assert_eq!(response.header("www-authenticate"), "Basic");
    server.stop();
}

#[test]
fn a_request_has_an_id_that_its_handler_and_its_response_know() {
    let server = Served::start(ServerSettings {
        forwarded_allow_ips: vec!["127.0.0.1".to_owned()],
        ..server_settings()
    });
    let told = server.send("GET /id HTTP/1.1\r\nx-request-id: from-nginx.1\r\n").1;
    assert_eq!(told.header("x-request-id"), "from-nginx.1");
    assert_eq!(told.body, "from-nginx.1");
    let made = server.get("/id");
    assert_eq!(made.body.len(), 32);
    assert_eq!(made.header("x-request-id"), made.body);
    assert_eq!(server.get("/panic").header("x-request-id").len(), 32);
    server.stop();
}

#[test]
fn an_application_that_panics_does_not_start() {
    let mut mounts = Mounts::default();
    mounts.add(|_| panic!("no routes"));
    let (_signals, receiver) = unbounded_channel();
    let ready = |_| Err("it is ready");
    let error = harness::serve(mounts, plain_settings(), ready, receiver).unwrap_err();
    assert_eq!(error.to_string(), "no routes");
}

#[test]
fn a_unix_socket_serves_and_its_peers_can_be_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.sock");
    let bind = format!("unix:{}", path.display());
    let server = Served::start(ServerSettings {
        bind: vec!["127.0.0.1:0".parse().unwrap(), bind.parse().unwrap()],
        forwarded_allow_ips: vec!["unix".to_owned()],
        ..server_settings()
    });
    for (header, client) in [("x-forwarded-for: 9.9.9.9", "9.9.9.9:0"), ("x-a: b", "unix:0")] {
        let mut stream = UnixStream::connect(&path).unwrap();
        write!(
            stream,
            "GET /hello?unix HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{header}\r\n\r\n"
        )
        .unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        assert!(response.starts_with("HTTP/1.1 200 OK\r\n"), "{response}");
        wait_for_line(&format!(r#"{client} - "GET /hello?unix HTTP/1.1" 200"#));
    }
    server.stop();
    assert!(!path.exists());
}

#[test]
fn pages_of_other_origins_may_call_where_configured() {
    let cors = CorsSettings {
        origins: vec!["https://a.example".to_owned()],
        credentials: true,
        max_age: 60,
        ..CorsSettings::default()
    };
    let server = Served::with(Settings { cors, ..plain_settings() });
    let allowed = |origin: &str| {
        let (_, response) = server.send(&format!("GET /hello HTTP/1.1\r\norigin: {origin}\r\n"));
        assert_eq!(response.status, 200);
        response.header("access-control-allow-origin").to_owned()
    };
    assert_eq!(allowed("https://a.example"), "https://a.example");
    assert_eq!(allowed("https://b.example"), "");
    server.stop();
}

#[test]
fn bad_settings_are_named_before_anything_starts() {
    let mut peer = plain_settings();
    peer.server.forwarded_allow_ips = vec!["x".to_owned()];
    let mut origin = plain_settings();
    origin.cors.origins = vec!["*".to_owned()];
    for (settings, expected) in
        [(peer, "server.forwarded_allow_ips[0]: `x`"), (origin, "cors.origins[0]: `*`")]
    {
        let error = check(&settings).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    assert!(check(&plain_settings()).is_ok());
}
