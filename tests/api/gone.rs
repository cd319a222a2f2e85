//! Clients that go away before their answer: what they asked for is given up, and the log says 499.

use crate::harness::{App, Builder, FORM, Lines, connect, eventually};
use socket2::SockRef;
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// More than one thread has in hand at a time.
pub(crate) const LOGINS: usize = 8;

/// A server with one hashing thread, which is never done with a password.
pub(crate) fn endless() -> Builder {
    App::demo()
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "31")
        .env("BAILIWICK__PASSWORDS__HASH_THREADS", "1")
        .config("[admin]\npublic = true\n")
}

/// Writes a login for which no hash is cheaper than the configured cost.
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

/// Waits until so many lines say that the client of a login went away.
pub(crate) fn abandoned(log: &Lines, count: usize) {
    eventually("lines with 499", || {
        let text = log.text();
        let lines = text.lines().filter(|line| line.contains("\"POST /token HTTP/1.1\" 499"));
        (lines.count() >= count).then_some(())
    });
}

/// Sends logins until some wait, ends all connections, and waits until nothing is left of them.
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
fn logins_are_given_up_after_a_close() {
    let app = endless().spawn();
    give_up(&app, &app.address, |_closed| None);
}

#[test]
fn logins_are_given_up_after_a_half_close() {
    let app = endless().spawn();
    give_up(&app, &app.address, |stream| {
        stream.shutdown(Shutdown::Write).expect("half closed");
        Some(stream)
    });
}

#[test]
fn logins_are_given_up_after_a_reset() {
    let app = endless().spawn();
    give_up(&app, &app.address, |stream| {
        SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("set");
        None
    });
}

#[test]
fn logins_by_unix_socket_are_given_up() {
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
