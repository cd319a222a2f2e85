//! An application of its own with handlers that abort and that never return: this very program is
//! the server, so that applications built on the library are known to be managed alike.

#[path = "../api/harness/http.rs"]
#[expect(dead_code, reason = "shared with tests/api, which uses all of it")]
mod http;
#[path = "../api/harness/lines.rs"]
#[expect(dead_code, reason = "shared with tests/api, which uses all of it")]
mod lines;

use actix_web::HttpResponse;
use bailiwick::Server;
use lines::Lines;
use paperclip::actix::api_v2_operation;
use paperclip::actix::web::get;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const DEADLINE: Duration = Duration::from_secs(20);

/// Tells this program to be the server.
const SERVE: &str = "FAULTY_SERVE";

fn main() -> ExitCode {
    if std::env::var_os(SERVE).is_some() {
        return Server::new()
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
        println!("test {name} ... ok");
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

/// Sends the request, and asks on other connections until one is answered; returns how long.
fn served_again(faulty: &Faulty, (path, line): (&str, &str)) -> Duration {
    let mut bad = http::connect(&faulty.address);
    write!(bad, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let start = Instant::now();
    faulty.stderr.wait_for(line);
    while !is_served(&faulty.address) {
        assert!(start.elapsed() < DEADLINE, "not served again");
    }
    start.elapsed()
}

/// Whether a request on a new connection is answered.
fn is_served(address: &str) -> bool {
    let mut stream = http::connect(address);
    // Whoever is given to the thread that stands still waits in vain.
    stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
    let mut answer = String::new();
    let asked = stream.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    asked.and_then(|()| stream.read_to_string(&mut answer)).is_ok() && answer.ends_with("hello")
}

fn a_handler_that_aborts() {
    let took = served_again(&start(), ("/abort", "ended with signal 6"));
    println!("served again {took:?} after a handler that aborts");
}

fn a_handler_that_never_returns() {
    let took = served_again(&start(), ("/loop", "is replaced: a worker thread stands still"));
    println!("served again {took:?} after a handler that never returns (timeout: 1 s)");
}
