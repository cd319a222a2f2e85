//! The server behind nginx: on a unix socket, restarted, killed, without a response.

use super::Nginx;
use crate::harness::{
    App, DEADLINE, FORM, Response, connect, eventually, read_response, read_until,
};
use base64::Engine as _;
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// A cost that no machine today finishes.
const ENDLESS: (&str, &str) = ("BAILIWICK__PASSWORDS__BCRYPT_COST", "31");

fn refused_in_json(answer: &Response, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(answer.json()["detail"].is_string(), "{}", answer.body);
}

/// A redirect with everything that a login says, or a token in a header.
#[test]
fn the_head_of_a_response_may_have_16_kib() {
    let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = upstream.local_addr().expect("an address").to_string();
    let long = "x".repeat(15 * 1024);
    let sent = format!("HTTP/1.1 200 OK\r\nX-Token: {long}\r\nContent-Length: 2\r\n\r\nhi");
    thread::spawn(move || {
        for stream in upstream.incoming() {
            let mut stream = stream.expect("a connection");
            read_until(&mut stream, "\r\n\r\n");
            drop(stream.write_all(sent.as_bytes()));
        }
    });
    let nginx = Nginx::before(&address);
    let answer = nginx.send("GET", "/long", &[], "");
    assert_eq!((answer.status, &*answer.body), (200, "hi"), "{}", answer.body);
    assert_eq!(answer.header("x-token").map(str::len), Some(long.len()));
}

/// Many a second and from one address: with a secret in the header, with one in the form, and with a token
/// as long as one may be.
#[test]
fn a_backend_gets_and_shows_tokens_at_its_own_speed() {
    let config =
        "[server]\npublic_url = 'https://auth.example.com'\n[tokens]\nalgorithm = 'EdDSA'\n";
    let app = App::demo().config(config).spawn();
    let add = ["clients", "add", "svc", "--grant-type", "client_credentials", "--scope", "me"];
    let added = app.command(&add, "");
    let secret = String::from_utf8(added.stdout).expect("a secret").trim().to_owned();
    let nginx = Nginx::before(&app.address);
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("svc:{secret}"));
    let basic = format!("Basic {pair}");
    let in_form = format!("grant_type=client_credentials&client_id=svc&client_secret={secret}");
    let form = ("content-type", FORM);
    for number in 0..300 {
        let answer = match number % 2 {
            0 => nginx.send(
                "POST",
                "/token",
                &[form, ("authorization", &basic)],
                "grant_type=client_credentials",
            ),
            _ => nginx.send("POST", "/token/", &[form], &in_form),
        };
        assert_eq!(answer.status, 200, "{number}: {}", answer.body);
    }
    // Elsewhere HTTP Basic counts as before: it hashes.
    let long = format!("Bearer {}", "x".repeat(16 * 1024));
    assert_eq!(nginx.send("GET", "/users/me", &[("authorization", &long)], "").status, 401);
}

#[test]
fn a_unix_socket_leads_to_the_server() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = format!("unix:{}", folder.path().join("b.sock").display());
    let app = App::demo().args(["-b", &socket]).spawn();
    let nginx = Nginx::before(&socket);
    assert_eq!(nginx.send("GET", "/by/socket", &[], "").status, 404);
    let line = app.stdout.wait_for("/by/socket");
    assert!(line.contains(" - 127.0.0.1:0 - "), "the client, by nginx's word: {line}");
}

#[test]
fn a_clients_connection_outlives_the_servers_restart() {
    // Unlike a port, no other process can take it meanwhile.
    let folder = tempfile::tempdir().expect("a folder");
    let address = format!("unix:{}", folder.path().join("b.sock").display());
    let start = || App::demo().args(["-b", &address]).spawn();
    let mut app = start();
    let nginx = Nginx::before(&address);
    let mut client = connect(&nginx.address);
    let mut is_answered = |status: u16| {
        client.write_all(b"GET /users/me HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        read_response(&mut client).starts_with(&format!("HTTP/1.1 {status} "))
    };
    for signal in ["TERM", "KILL", "TERM"] {
        // Several connections to the upstream will go stale.
        let busy: Vec<_> = (0..4)
            .map(|_| {
                let address = nginx.address.clone();
                thread::spawn(move || {
                    let url = format!("http://{address}/users/me");
                    Response::of("GET", &url, &[], "").status
                })
            })
            .collect();
        assert!(is_answered(401));
        for other in busy {
            assert_eq!(other.join().expect("no panic"), 401);
        }
        app.signal(signal);
        app.wait();
        // The workers of a killed master end a moment later.
        eventually("the server to be gone", || is_answered(502).then_some(()));
        app = start();
        assert!(is_answered(401) && is_answered(401));
    }
    let login = [("content-type", FORM)];
    let answer = nginx.send("POST", "/token", &login, "username=johndoe&password=1234&scope=me");
    assert_eq!(answer.status, 200, "{}", answer.body);
}

/// The upstream closes a kept connection just as nginx sends on it: a GET is sent again on a new
/// connection; a POST that may have been carried out is not.
#[test]
fn only_repeatable_requests_are_sent_again() {
    for (method, path, status) in
        [("GET", "/users", 200), ("POST", "/users", 502), ("POST", "/token", 502)]
    {
        let upstream = TcpListener::bind("127.0.0.1:0").expect("a port");
        let nginx = Nginx::before(&upstream.local_addr().expect("an address").to_string());
        let server = thread::spawn(move || {
            let accept = || {
                let (stream, _) = upstream.accept().expect("a connection");
                stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
                stream
            };
            let mut kept = accept();
            answer_ok(&mut kept);
            // The next request on this connection is read but gets no response.
            read_until(&mut kept, "\r\n\r\n");
            drop(kept);
            if status == 200 {
                answer_ok(&mut accept());
            }
            upstream
        });
        assert_eq!(nginx.send("GET", "/first", &[], "").status, 200);
        assert_eq!(nginx.send(method, path, &[], "").status, status, "{method} {path}");
        let upstream = server.join().expect("no panic");
        upstream.set_nonblocking(true).expect("an option");
        assert!(upstream.accept().is_err(), "{method} {path}: sent once more");
    }
}

fn answer_ok(stream: &mut TcpStream) {
    read_until(stream, "\r\n\r\n");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("sent");
}

#[test]
fn a_server_without_a_response_is_504_in_json() {
    let app = App::demo().env(ENDLESS.0, ENDLESS.1).spawn();
    let nginx = Nginx::with(&app.address, &[("proxy_read_timeout 60s", "proxy_read_timeout 1s")]);
    let login = [("content-type", FORM)];
    let answer = nginx.send("POST", "/token", &login, "username=nobody&password=x");
    refused_in_json(&answer, 504);
}

/// A login in flight may have been carried out: it is refused, not sent again.
#[test]
fn a_server_that_is_killed_is_502_in_json() {
    let app = App::demo().env(ENDLESS.0, ENDLESS.1).config("[admin]\npublic = true\n").spawn();
    let nginx = Nginx::before(&app.address);
    let url = format!("http://{}/token", nginx.address);
    let login = thread::spawn(move || {
        Response::of("POST", &url, &[("content-type", FORM)], "username=nobody&password=x")
    });
    eventually("the login to be under way", || {
        let metrics = app.get("/metrics").body;
        // This request is one of them.
        metrics.contains("bailiwick_http_requests_in_flight 2\n").then_some(())
    });
    // The master alone would give its workers time for requests in flight.
    let workers = Command::new("pgrep").args(["-P", &app.pid().to_string()]).output();
    let workers = String::from_utf8(workers.expect("pgrep runs").stdout).expect("numbers");
    app.signal("KILL");
    let killed = Command::new("kill").arg("-KILL").args(workers.split_whitespace()).status();
    assert!(killed.expect("kill runs").success());
    refused_in_json(&login.join().expect("no panic"), 502);
    refused_in_json(&nginx.send("GET", "/users/me", &[], ""), 502);
}

/// Too many logins: bailiwick's own response passes unchanged.
#[test]
fn a_busy_servers_503_is_its_own() {
    let config = "[passwords]\nhash_threads = 1\nhash_queue = 1\n";
    let app = App::demo().config(config).env(ENDLESS.0, ENDLESS.1).spawn();
    let nginx = Nginx::before(&app.address);
    let send = "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 26\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\nusername=nobody&password=x";
    let mut waiting = Vec::new();
    let busy = eventually("a full queue", || {
        let mut stream = connect(&nginx.address);
        stream.write_all(send.as_bytes()).expect("sent");
        stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
        let answered = stream.peek(&mut [0]).is_ok();
        waiting.push(stream);
        answered.then(|| {
            let stream = waiting.last_mut().expect("it");
            stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
            read_response(stream)
        })
    });
    assert!(busy.starts_with("HTTP/1.1 503 "), "{busy}");
    assert!(busy.to_lowercase().contains("\r\nretry-after: "), "{busy}");
    assert!(busy.contains("\"detail\":"), "{busy}");
}
