//! An application whose handlers abort or never return: this very program is the server, which
//! shows that applications built on the library are managed in the same way.

#[path = "../process/edge.rs"]
#[expect(dead_code, reason = "shared with tests/process, which uses all of it")]
mod edge;
#[path = "../api/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with tests/api, which uses all of it")]
mod harness;
#[path = "../process/load.rs"]
#[expect(dead_code, reason = "shared with tests/process, which uses all of it")]
mod load;

use actix_web::HttpResponse;
use bailiwick::Server;
use edge::Edge;
use harness::{DEADLINE, Lines, connect};
use load::{Load, Questions};
use paperclip::actix::api_v2_operation;
use paperclip::actix::web::get;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Tells this program to run as the server.
const SERVE: &str = "FAULTY_SERVE";

fn main() -> ExitCode {
    if std::env::var_os(SERVE).is_some() {
        return Server::new("bailiwick")
            .mount(|routes| {
                routes
                    .route("/hello", get().to(hello))
                    .route("/abort", get().to(abort))
                    .route("/loop", get().to(never));
            })
            .run_from_args();
    }
    // `cargo test -- --list` and the like.
    if std::env::args().any(|argument| argument == "--list") {
        return ExitCode::SUCCESS;
    }
    let tests: [(&str, fn()); 2] = [
        ("a_handler_that_aborts", a_handler_that_aborts),
        ("a_handler_that_never_returns", a_handler_that_never_returns),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok\n");
    }
    println!("test result: ok. {} passed; 0 failed", tests.len());
    ExitCode::SUCCESS
}

#[api_v2_operation]
async fn hello() -> HttpResponse {
    HttpResponse::Ok().body("hello")
}

#[api_v2_operation]
async fn abort() -> HttpResponse {
    std::process::abort()
}

#[api_v2_operation]
async fn never() -> HttpResponse {
    loop {
        std::thread::park();
    }
}

struct Faulty {
    child: Child,
    stderr: Lines,
    address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Faulty {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn start() -> Faulty {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(std::env::current_exe().expect("this program"))
        .args([
            "--demo",
            "-w",
            "1",
            "-b",
            "127.0.0.1:0",
            "--timeout",
            "1",
            "--graceful-timeout",
            "1",
        ])
        .current_dir(folder.path())
        .env(SERVE, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let stderr = Lines::of(child.stderr.take().expect("piped"));
    let line = stderr.wait_for("Listening at: http://");
    let address = line.rsplit('/').next().expect("an address").to_owned();
    Faulty { child, stderr, address, _folder: folder }
}

/// Sends the bad request to servers under load; prints the failures as a row of `make soak`'s
/// table, and how long it took until a new client was served again.
fn under_load(what: &str, bad: (&str, &str), patience: Duration) {
    let full = std::env::var_os("SOAK").is_some_and(|value| value == "full");
    let times = if full { 5 } else { 1 };
    let mut took = Vec::new();
    // By way and by the clients' pauses: failed, and all.
    let mut counted = [[(0, 0); 3]; 2];
    for _ in 0..times {
        let faulty = start();
        let edge = Edge::before(&faulty.address, 5);
        let loads = [&faulty.address, &edge.address].map(|address| {
            [(3, 0), (6, 50), (8, 1500)].map(|(clients, longest)| {
                Load::start(address, &Questions::STRANGERS, clients, Duration::from_millis(longest))
            })
        });
        std::thread::sleep(Duration::from_millis(500));
        took.push(served_again(&faulty, bad, patience));
        std::thread::sleep(Duration::from_millis(500));
        for (load, (failed, all)) in
            loads.into_iter().flatten().zip(counted.as_flattened_mut().iter_mut())
        {
            let counts = load.stop();
            *failed += counts.failed();
            *all += counts.failed() + counts.answered.load(Ordering::Relaxed);
        }
    }
    for (way, cells) in ["direct", "nginx"].iter().zip(counted) {
        let cells = cells.map(|(failed, all)| format!("{failed} of {all}"));
        println!("| {what} ×{times} | {way} | {} |", cells.join(" | "));
    }
    println!("Served again after {took:?}.");
}

/// Sends the request, then tries other connections until one is served; returns how long that took.
fn served_again(faulty: &Faulty, (path, line): (&str, &str), patience: Duration) -> Duration {
    let mut bad = connect(&faulty.address);
    write!(bad, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let start = Instant::now();
    faulty.stderr.wait_for(line);
    while !is_served(&faulty.address, patience) {
        assert!(start.elapsed() < DEADLINE, "not served again");
    }
    start.elapsed()
}

/// Whether a request on a new connection gets a response.
fn is_served(address: &str, patience: Duration) -> bool {
    let mut stream = connect(address);
    stream.set_read_timeout(Some(patience)).expect("a timeout");
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.ends_with("hello")
}

fn a_handler_that_aborts() {
    under_load("a handler that aborts", ("/abort", "ended with signal 6"), DEADLINE);
}

fn a_handler_that_never_returns() {
    let line = "is replaced: a worker thread has stalled";
    // A connection given to the stalled thread is never served.
    let patience = Duration::from_millis(100);
    under_load("a handler that never returns", ("/loop", line), patience);
}
