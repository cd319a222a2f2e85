//! What the access log costs: CPU time of the worker process per request, with and without it.

#[path = "../tests/api/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
mod harness;

use harness::App;
use std::fs;
use std::io::{Read as _, Write as _};
use std::thread;
use std::time::Duration;

const ROUNDS: usize = 5;
const CLIENTS: usize = 8;
/// Of each client.
const REQUESTS: u32 = 5_000;

const FILTER: &str = "[[logging.access_filters]]\npath = \"/users/**\"\n";
const WAYS: [(&str, &str); 3] = [
    ("off", "[logging]\naccess = false\n"),
    ("on", ""),
    ("on, and each line dropped by a filter", FILTER),
];

fn main() {
    // The ways take turns: what else the machine does meets all of them alike.
    let mut costs = WAYS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, config), costs) in WAYS.iter().zip(&mut costs) {
            costs.push(cost(config));
        }
    }
    let medians = costs.map(|mut costs| {
        costs.sort();
        costs[ROUNDS / 2].as_secs_f64() * 1e6
    });
    println!("| access log | µs of CPU per request | |\n|---|---|---|");
    for ((way, _), median) in WAYS.iter().zip(medians) {
        let more = (median / medians[0] - 1.0) * 100.0;
        println!("| {way} | {median:.1} | {more:+.1} % |");
    }
}

/// The worker's CPU time for one `GET /users/me` with a token.
fn cost(config: &str) -> Duration {
    let app = App::demo().config(config).args(["-w", "1"]).spawn();
    let token = app.login("johndoe", "1234", "me");
    let request =
        format!("GET /users/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n");
    let ask = |requests: u32| {
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let (mut stream, mut buffer) = (app.connect(), [0; 4096]);
                    for _ in 0..requests {
                        stream.write_all(request.as_bytes()).expect("sent");
                        // It is small: it comes in one piece.
                        let length = stream.read(&mut buffer).expect("an answer");
                        let answer = &buffer[..length];
                        assert!(answer.starts_with(b"HTTP/1.1 200") && answer.ends_with(b"}"));
                    }
                });
            }
        });
    };
    ask(REQUESTS / 10);
    let pid = app.pid();
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let worker = children.expect("the kernel tells").trim().to_owned();
    let before = cpu_time(&worker);
    ask(REQUESTS);
    // The log's own thread may be at the last lines.
    thread::sleep(Duration::from_millis(200));
    let spent = cpu_time(&worker).checked_sub(before).expect("time goes on");
    spent / (REQUESTS * u32::try_from(CLIENTS).expect("a few"))
}

/// All threads of the process: nanoseconds on a core, the first number of `schedstat`.
fn cpu_time(pid: &str) -> Duration {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).expect("a process");
    let times = tasks.filter_map(|task| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
    });
    times.sum()
}
