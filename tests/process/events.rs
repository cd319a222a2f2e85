//! Server-sent events when their process is replaced, in `examples/handlers.rs`.

use crate::example_server::Example;
use crate::harness::read_until;
use crate::server::{gone, kill};
use crate::websocket::pids;
use std::io::{Read as _, Write as _};

/// So long that a process which waits for its connections outlasts the test.
const LONG: [(&str, &str); 3] = [
    ("HANDLERS__SERVER__KEEPALIVE", "3600"),
    ("HANDLERS__SERVER__GRACEFUL_TIMEOUT", "3600"),
    ("WEB_FOLDER", "."),
];

#[test]
fn events_end_with_a_hint_when_to_come_back_and_no_reload_waits_for_them() {
    let app = Example::spawn_with("handlers", &LONG);
    let (master, before) = pids(&app);
    let mut streams = ["/changes", "/silence"].map(|path| {
        let mut stream = app.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        let head = read_until(&mut stream, "\r\n\r\n").to_ascii_lowercase();
        assert!(head.contains("connection: close\r\n"), "{head}");
        stream
    });
    read_until(&mut streams[0], "\n\n");
    kill(master, "HUP");
    for stream in &mut streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("the end, no reset");
        assert!(rest.ends_with("retry: 1000\n\n\r\n0\r\n\r\n"), "{rest}");
    }
    gone(before);
}
