//! One client against all: how much memory and how many connections it may hold, and for how long.

use crate::harness::{App, DEADLINE, FORM, eventually, read_response};
use crate::people::administered;
use crate::signer::token;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, SockRef, Type};
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

/// A connection from another address of this machine.
pub(crate) fn connect_from(host: &str, app: &App) -> TcpStream {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let own: SocketAddr = format!("{host}:0").parse().expect("an address");
    socket.bind(&own.into()).expect("bound");
    let server: SocketAddr = app.address.parse().expect("an address");
    socket.connect(&server.into()).expect("connected");
    socket.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    socket.into()
}

/// A client with a small receive buffer.
fn narrow(app: &App) -> TcpStream {
    let socket = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    socket.set_recv_buffer_size(4096).expect("set");
    let server: SocketAddr = app.address.parse().expect("an address");
    socket.connect(&server.into()).expect("connected");
    socket.into()
}

const BUNDLE: &str = "GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: a\r\n\r\n";

/// Peak memory in KiB of all the server's processes together.
fn peak(app: &App) -> u64 {
    memory(app, "VmHWM:")
}

/// Memory in KiB of all the server's processes together.
fn memory(app: &App, figure: &str) -> u64 {
    let path = format!("/proc/{0}/task/{0}/children", app.pid());
    let children = fs::read_to_string(path).expect("a process");
    let memory = |pid: &str| -> u64 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)).expect("a figure");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    };
    children.split_whitespace().map(memory).sum()
}

/// Raises this process's limit of descriptors to what the system allows.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }).expect("set");
}

#[test]
fn memory_is_returned_to_the_system_after_a_burst() {
    raise_descriptor_limit();
    let app = App::demo().spawn();
    assert_eq!(app.get("/nowhere").status, 404);
    let before = memory(&app, "VmRSS:");
    let mut burst: Vec<_> = (0..4000).map(|_| narrow(&app)).collect();
    for stream in &mut burst {
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    }
    for stream in &mut burst {
        assert!(read_response(stream).starts_with("HTTP/1.1 404 "));
    }
    let taken = memory(&app, "VmRSS:") - before;
    drop(burst);
    eventually("the memory", || {
        let kept = memory(&app, "VmRSS:").saturating_sub(before);
        (kept < taken / 4).then_some(())
    });
}

#[test]
fn pipelined_requests_wait_outside() {
    let app = App::demo().spawn();
    // Unpacked once, and then in memory.
    assert_eq!(app.get("/docs/swagger-ui-bundle.js").status, 200);
    let before = peak(&app);
    let requests = BUNDLE.repeat(200);
    let mut all: Vec<_> = (0..100).map(|_| narrow(&app)).collect();
    for stream in &mut all {
        stream.write_all(requests.as_bytes()).expect("sent");
    }
    for stream in &all {
        assert_eq!(stream.peek(&mut [0]).expect("a response"), 1);
    }
    let more = peak(&app) - before;
    assert!(more < 60 * 1024, "100 connections take {more} KiB");
}

/// Waiting requests get their responses once the client reads.
#[test]
fn pipelined_requests_all_get_responses() {
    let app = App::demo().spawn();
    let mut stream = narrow(&app);
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    stream.write_all(BUNDLE.repeat(20).as_bytes()).expect("sent");
    for _ in 0..20 {
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 200 "));
    }
    // The connection still works.
    stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 404 "));
}

/// Waits until the server cuts off a client that does not read.
fn cut(stream: &mut impl Write) {
    eventually("the end of the connection", || match stream.write(b"\r\n") {
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(error) => {
            assert!(
                matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe),
                "{error}"
            );
            Some(())
        }
        Ok(_) => None,
    });
}

#[test]
fn small_forms_are_refused_above_16_kib_before_they_arrive() {
    let app = App::demo().spawn();
    let bearer = app.login("johndoe", "1234", "me");
    for (method, path, media_type) in [
        ("POST", "/token", FORM),
        ("POST", "/token/", "multipart/form-data; boundary=x"),
        ("PUT", "/users/me/password", "application/json"),
    ] {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: {media_type}\r\n"
        );
        let mut declared = app.connect();
        write!(declared, "{head}Content-Length: 16385\r\n\r\n").expect("sent");
        let mut streamed = app.connect();
        write!(streamed, "{head}Transfer-Encoding: chunked\r\n\r\n4001\r\n").expect("sent");
        streamed.write_all(&vec![b'a'; 0x4001]).expect("sent");
        for stream in [&mut declared, &mut streamed] {
            let answer = read_response(stream);
            assert!(answer.starts_with("HTTP/1.1 413 "), "{method} {path}: {answer}");
            assert!(answer.contains("{\"detail\":\"Request body too large\"}"), "{answer}");
            assert!(answer.to_lowercase().contains("\r\nconnection: close"), "{answer}");
        }
    }
}

#[test]
fn a_form_of_16_kib_is_read() {
    let app = App::demo().spawn();
    let mut form = "username=johndoe&password=1234&x=".to_owned();
    form.push_str(&"a".repeat(16 * 1024 - form.len()));
    let answer = app.send("POST", "/token", &[("content-type", FORM)], &form);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn a_client_that_does_not_read_is_cut() {
    let app = App::demo().config("[server]\nsend_timeout = 1\n").spawn();
    let mut one = narrow(&app);
    one.write_all(BUNDLE.as_bytes()).expect("sent");
    let mut many = narrow(&app);
    many.write_all(BUNDLE.repeat(16).as_bytes()).expect("sent");
    for stream in [&mut one, &mut many] {
        stream.set_nonblocking(true).expect("set");
        cut(stream);
    }
    assert_eq!(app.get("/users/me").status, 401);
}

#[test]
fn a_client_of_a_unix_socket_that_does_not_read_is_cut() {
    let config = "[server]\nsend_timeout = 1\n";
    let app = App::demo().config(config).args(["-b", "unix:bailiwick.sock"]).spawn();
    let mut stream = UnixStream::connect(app.folder().join("bailiwick.sock")).expect("open");
    stream.write_all(BUNDLE.repeat(16).as_bytes()).expect("sent");
    stream.set_nonblocking(true).expect("set");
    cut(&mut stream);
}

/// Each read restarts the time, so a slow client gets everything.
#[test]
fn a_client_that_reads_slowly_gets_all() {
    let app = App::demo().config("[server]\nsend_timeout = 3\n").spawn();
    let mut stream = narrow(&app);
    stream
        .write_all(BUNDLE.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
        .expect("sent");
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    let (mut buffer, mut all) = (vec![0; 32 * 1024], 0);
    loop {
        match stream.read(&mut buffer).expect("the rest") {
            0 => break,
            length => all += length,
        }
        // Its own pace, not a wait for the server: over five seconds in total.
        if all < 1_000_000 {
            thread::park_timeout(Duration::from_millis(20));
        }
    }
    let whole = app.get("/docs/swagger-ui-bundle.js").body.len();
    assert!(all > whole, "{all} of {whole} bytes and a head");
}

/// A new user whose last byte is withheld.
fn withheld(mut stream: TcpStream, bearer: &str) -> TcpStream {
    let length = 60 * 1024;
    write!(
        stream,
        "POST /users HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {bearer}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    .expect("sent");
    stream.write_all(&vec![b' '; length - 1]).expect("sent");
    stream
}

/// The response, if there is one: a body that fits is waited for.
fn pending_response(stream: &mut TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    let is_there = SockRef::from(&*stream).peek(&mut [std::mem::MaybeUninit::uninit()]).is_ok();
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
    is_there.then(|| read_response(stream))
}

#[test]
fn large_bodies_are_refused_beyond_the_budget_and_logins_continue() {
    let app = administered("[server]\nlimit_request_body = 65536\nlimit_buffered = 1\n");
    let bearer = token("root", &["users:write"]);
    // A trusted peer sends for many: the share belongs to no client.
    let mut held = Vec::new();
    let answer = eventually("a refusal", || {
        assert!(held.len() < 4, "{} of 44 KiB each are held of 128", held.len());
        let mut stream = withheld(app.connect(), &bearer);
        let answer = pending_response(&mut stream);
        held.push(stream);
        answer
    });
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.to_lowercase().contains("\r\nretry-after: 1\r\n"), "{answer}");
    assert!(answer.contains("Too many large requests at once, try again later"), "{answer}");
    app.stderr.wait_for("503: too many large requests at once (server.limit_buffered)");
    assert_eq!(held.len(), 3);

    let form = "username=nobody&password=wrong-one";
    assert_eq!(app.send("POST", "/token", &[("content-type", FORM)], form).status, 400);
    drop(held);
    eventually("room", || {
        pending_response(&mut withheld(app.connect(), &bearer)).is_none().then_some(())
    });
}

#[test]
fn one_address_has_half_of_the_budget() {
    let app = administered("[server]\nlimit_request_body = 65536\nlimit_buffered = 1\n");
    let bearer = token("root", &["users:write"]);
    let mut first = withheld(connect_from("127.0.0.2", &app), &bearer);
    assert_eq!(pending_response(&mut first), None);
    let mut second = withheld(connect_from("127.0.0.2", &app), &bearer);
    assert!(pending_response(&mut second).expect("a refusal").starts_with("HTTP/1.1 503 "));
    let mut other = withheld(connect_from("127.0.0.3", &app), &bearer);
    assert_eq!(pending_response(&mut other), None);
}

#[test]
fn one_address_cannot_take_all_connections() {
    let config = "[server]\nworkers = 1\nworker_connections = 20\nconnections_per_address = 5\n";
    let app = App::demo().config(config).spawn();
    let ask =
        |stream: &mut TcpStream| stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n");
    let _greedy: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = connect_from("127.0.0.2", &app);
            // It may already be closed.
            drop(ask(&mut stream));
            stream
        })
        .collect();
    let mut others: Vec<_> = (3..8).map(|n| connect_from(&format!("127.0.0.{n}"), &app)).collect();
    for _ in 0..3 {
        for stream in &mut others {
            ask(stream).expect("sent");
            assert!(read_response(stream).starts_with("HTTP/1.1 404 "));
        }
    }
}

#[test]
fn a_proxy_can_take_all_connections() {
    let config = "[server]\nworkers = 1\nworker_connections = 20\nconnections_per_address = 5\n";
    let app = App::demo().config(config).spawn();
    let mut all: Vec<_> = (0..20).map(|_| app.connect()).collect();
    for stream in all.iter_mut().rev() {
        stream.write_all(b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        assert!(read_response(stream).starts_with("HTTP/1.1 404 "));
    }
}
