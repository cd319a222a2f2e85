//! Limits on a worker process: requests, memory, concurrency.

use crate::harness::{FORM, read_until};
use crate::server::{SHORT, quick, replaced, serving};
use std::io::Write as _;

#[test]
fn a_worker_is_replaced_after_max_requests() {
    let app =
        quick().config(&format!("{SHORT}max_requests = 3\nmax_requests_jitter = 1\n")).spawn();
    let before = serving(&app);
    for _ in 0..4 {
        assert_eq!(app.get("/openapi.json").status, 200);
    }
    app.stderr.wait_for("(max_requests)");
    replaced(&app, &before, 1);
}

#[test]
fn a_worker_is_replaced_above_max_memory() {
    let app = quick().config(&format!("{SHORT}max_memory = 1\n")).spawn();
    let before = serving(&app);
    app.stderr.wait_for("of memory (max_memory)");
    replaced(&app, &before, 1);
    assert_eq!(app.get("/openapi.json").status, 200);
}

#[test]
fn above_limit_concurrency_503_is_answered_at_once() {
    let app = quick().config(&format!("{SHORT}limit_concurrency = 1\n")).spawn();
    let mut stream = app.connect();
    write!(
        stream,
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 10\r\n\
         Expect: 100-continue\r\n\r\n"
    )
    .expect("sent");
    read_until(&mut stream, "\r\n\r\n");
    let answer = app.get("/openapi.json");
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.json()["detail"], "Too many requests at once, try again later");
    app.stderr.wait_for("503: too many requests at once (server.limit_concurrency)");
}
