//! Limits on a worker process: requests, memory, concurrency.

use crate::harness::{FORM, Lines, bailiwick, read_until, run, run_tool};
use crate::load::{Load, Questions};
use crate::server::{SHORT, quick, replaced, serving};
use std::fs;
use std::io::Write as _;
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

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
fn above_limit_concurrency_the_response_is_503_at_once() {
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
    stderr.wait_for("a process may open only 60 files (ulimit -n) but needs at least 97");
    assert_eq!(child.wait().expect("its end").code(), Some(1));
}

/// The log line names the process's limits, because its own text would not tell enough.
#[test]
fn a_small_limit_of_threads_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("changed");
    let mut command = Command::new("prlimit");
    command.args(["--nproc=6"]).arg(bailiwick(folder.path()).get_program());
    command.args(["--demo", "-b", "127.0.0.1:0", "--workers", "2"]).current_dir(folder.path());
    command.env("BAILIWICK__DATA_DIR", folder.path().join("data"));
    // The limit is per user, and root has none: a user that nothing else runs as.
    let output = run(command.uid(61_234).gid(61_234), "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    let last = text.lines().last().expect("a line");
    assert!(last.contains("(this process has limits: ulimit -u 6)"), "{text}");
}

/// The system kills a process that has used up its CPU time: it is replaced before that.
#[test]
fn a_worker_is_replaced_before_its_cpu_time_is_used_up() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    run_tool(Command::new("prlimit").args(["--pid", &app.pid().to_string(), "--cpu=4"]));
    app.signal("HUP");
    let before = replaced(&app, &before, 1);
    let load = Load::start(&app.address, &Questions::STRANGERS, 4, Duration::ZERO);
    app.stderr.wait_for("s of CPU time (ulimit -t)");
    replaced(&app, &before, 1);
    let counts = load.stop();
    assert_eq!(counts.failed(), 0, "{counts}");
    assert!(!app.stderr.text().contains("ended with signal"), "{}", app.stderr.text());
}
