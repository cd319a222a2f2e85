//! Clients that disconnect before the response: their request is abandoned, and the log says 499.

use crate::harness::{App, Builder, FORM, Lines, connect, eventually};
use socket2::SockRef;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// More than one thread works on at a time.
pub(crate) const LOGINS: usize = 8;

/// A server with one hashing thread that never finishes a password.
pub(crate) fn endless() -> Builder {
    App::demo()
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "31")
        .env("BAILIWICK__PASSWORDS__HASH_THREADS", "1")
        .config("[admin]\npublic = true\n")
}

/// Sends a login that costs the configured cost at least.
pub(crate) fn login(stream: &mut impl Write) {
    let body = "username=nobody&password=x";
    let head = format!("POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\n");
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).expect("sent");
}

/// The value of a series of `/metrics`.
pub(crate) fn metric(app: &App, name: &str) -> u64 {
    let text = app.get("/metrics").body;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().expect("a whole number")
}

fn queued(app: &App) -> u64 {
    metric(app, "bailiwick_password_hash_queue")
}

/// Waits for this many lines about abandoned logins.
pub(crate) fn abandoned(log: &Lines, count: usize) {
    eventually("lines with 499", || {
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains("\"POST /token HTTP/1.1\" 499"));
        (lines.count() >= count).then_some(())
    });
}

/// Sends logins until some wait, ends all connections, and waits until all are abandoned.
pub(crate) fn give_up(app: &App, address: &str, end: impl Fn(TcpStream) -> Option<TcpStream>) {
    let streams: Vec<_> = (0..LOGINS)
        .map(|_| {
            let mut stream = connect(address);
            login(&mut stream);
            stream
        })
        .collect();
    eventually("logins that wait", || (queued(app) > 0).then_some(()));
    let _half_open: Vec<_> = streams.into_iter().filter_map(end).collect();
    abandoned(&app.stdout, LOGINS);
    eventually("an empty queue", || (queued(app) == 0).then_some(()));
}

#[test]
fn logins_are_abandoned_after_a_close() {
    let app = endless().spawn();
    give_up(&app, &app.address, |_closed| None);
}

#[test]
fn logins_are_abandoned_after_a_half_close() {
    let app = endless().spawn();
    give_up(&app, &app.address, |stream| {
        stream.shutdown(Shutdown::Write).expect("half closed");
        Some(stream)
    });
}

#[test]
fn logins_are_abandoned_after_a_reset() {
    let app = endless().spawn();
    give_up(&app, &app.address, |stream| {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
        None
    });
}

#[test]
fn logins_over_a_unix_socket_are_abandoned() {
    let app = endless().args(["-b", "unix:bailiwick.sock"]).spawn();
    let streams: Vec<_> = (0..LOGINS)
        .map(|_| {
            let mut stream =
                UnixStream::connect(app.folder().join("bailiwick.sock")).expect("open");
            login(&mut stream);
            stream
        })
        .collect();
    drop(streams);
    abandoned(&app.stdout, LOGINS);
}
