//! A WebSocket when its process is told to stop, in `examples/orders`.

use crate::example_server::Example;
use crate::harness::{eventually, read_until};
use crate::server::{gone, kill};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// So long that a process waiting for its connections outlasts the test.
const LONG: [(&str, &str); 2] =
    [("ORDERS__SERVER__KEEPALIVE", "3600"), ("ORDERS__SERVER__GRACEFUL_TIMEOUT", "3600")];

/// The `Authorization` of a user who may read orders.
fn reader(app: &Example) -> String {
    let password = "correct horse battery";
    let scopes = ["--scope", "me", "--scope", "orders:read"];
    let arguments = [&["users", "add", "reader", "--password-stdin"][..], &scopes].concat();
    let output = app.command(&arguments, password);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let form = format!("username=reader&password={password}&scope=me+orders:read");
    let token = app.post_form("/token", &form).json();
    format!("Bearer {}", token["access_token"].as_str().unwrap_or_else(|| panic!("{token}")))
}

fn open(app: &Example, login: &str) -> TcpStream {
    let mut stream = app.connect();
    write!(
        stream,
        "GET /orders/feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: {login}\r\n\r\n"
    )
    .expect("sent");
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 101"));
    stream
}

/// Text `hi`, masked with zeros; comes back unmasked.
fn echo(stream: &mut TcpStream) {
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).expect("sent");
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).expect("a frame");
    assert_eq!(frame, [0x81, 0x02, b'h', b'i']);
}

/// Everything until the server closes the connection is the close frame 1001.
fn goes_away(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).expect("the end, no reset");
    assert_eq!(rest, [0x88, 0x02, 0x03, 0xE9]);
}

fn status(app: &Example) -> Value {
    let output = app.command(&["ctl", "status", "--json"], "");
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

/// The master's process id, and that of its only worker process that serves.
pub(crate) fn pids(app: &Example) -> (u64, u64) {
    eventually("a worker process", || {
        let status = status(app);
        let processes = status["processes"].as_array()?;
        let serving = processes.iter().find(|process| process["state"] == "serving")?;
        Some((status["pid"].as_u64()?, serving["pid"].as_u64()?))
    })
}

#[test]
fn a_websocket_is_closed_with_1001_and_no_reload_waits_for_it() {
    let app = Example::spawn_with("orders", &LONG);
    let login = reader(&app);
    let (master, before) = pids(&app);
    let mut stream = open(&app, &login);
    echo(&mut stream);

    kill(master, "HUP");
    goes_away(&mut stream);
    gone(before);

    let mut stream = open(&app, &login);
    echo(&mut stream);
    kill(master, "TERM");
    goes_away(&mut stream);
}
