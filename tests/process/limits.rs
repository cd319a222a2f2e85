//! Limits on a worker process: requests, memory, concurrency.

use crate::harness::{FORM, Lines, bailiwick, read_until, run_tool};
use crate::server::{SHORT, quick, replaced, serving};
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};

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

#[test]
fn a_log_that_may_grow_no_further_does_not_end_the_master() {
    let folder = tempfile::tempdir().expect("a folder");
    let toml = "[loggers.root]\nlevel = \"info\"\nhandlers = [\"console\", \"file\"]\n\
                [handlers.console]\nstream = \"stderr\"\n[handlers.file]\nfile = \"all.log\"\n";
    fs::write(folder.path().join("log.toml"), toml).expect("the file is written");
    let app = quick().config(SHORT).args(["--log-config", "log.toml"]).spawn_in(folder);
    let before = serving(&app);
    let pid = app.pid().to_string();
    run_tool(Command::new("prlimit").args(["--pid", &pid, "--fsize=1"]));
    app.signal("USR1");
    app.stderr.wait_for("too large");
    assert_eq!(serving(&app), before);
    assert_eq!(app.get("/openapi.json").status, 200);
}

#[test]
fn a_small_limit_of_files_serves_or_says_so() {
    let start = |files: u64| {
        let folder = tempfile::tempdir().expect("a folder");
        let server = bailiwick(folder.path());
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={files}")).arg(server.get_program());
        command.args(["--demo", "-b", "127.0.0.1:0", "--workers", "1"]).current_dir(folder.path());
        command.env("BAILIWICK__DATA_DIR", folder.path().join("data"));
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        (folder, child, stderr)
    };
    let (_folder, mut child, stderr) = start(100);
    let line = stderr.wait_for("Listening at: http://");
    let address = line.rsplit('/').next().expect("an address");
    let mut stream = TcpStream::connect(address).expect("a connection");
    write!(stream, "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 200"));
    child.kill().expect("it ends");
    child.wait().expect("its end");

    let (_folder, mut child, stderr) = start(60);
    stderr.wait_for("a process may open 60 files only (ulimit -n), and needs 97 at least");
    assert_eq!(child.wait().expect("its end").code(), Some(1));
}
