//! What the access log costs: CPU time of one line, and of the worker process per request, with and
//! without it. The first hardly depends on what else the machine does.

#[path = "../tests/api/harness/mod.rs"]
#[expect(dead_code, unused_imports, reason = "shared with the tests, which use all of it")]
mod harness;

use bailiwick::logging;
use bailiwick::logging::{Access, Host, RequestId};
use bailiwick::settings::Layers;
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

/// Of the log alone.
const LINES: u32 = 200_000;

fn main() {
    println!("One line: {} ns of CPU\n", line().as_nanos());
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

/// The CPU time of one line that is written to a file, in this process.
fn line() -> Duration {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, file) = (folder.path().join("log.toml"), folder.path().join("access.log"));
    let toml = format!(
        "[loggers.root]\nlevel = \"info\"\nhandlers = [\"file\"]\n[handlers.file]\nfile = \"{}\"\n",
        file.display()
    );
    fs::write(&config, toml).expect("written");
    let flag = ("logging.config".to_owned(), config.display().to_string());
    let layers = Layers { flags: vec![flag], ..Layers::default() };
    let settings = layers.load().expect("settings").settings;
    let log = logging::init(&settings.logging).expect("a log");
    let before = cpu_time("self");
    for number in 0..LINES {
        let access = Access {
            host: Host::Ip([127, 0, 0, 1].into()),
            port: 12345,
            method: "GET".into(),
            target: "/users/me".to_owned(),
            protocol: "HTTP/1.1",
            status: 200,
            length: Some(17),
            elapsed: Duration::from_micros(12),
            request_id: RequestId::random(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
        };
        access.log();
        // Slower than what the log can hold in memory.
        if number % 500 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    let spent = cpu_time("self").checked_sub(before).expect("time goes on");
    drop(log);
    let written = fs::read_to_string(&file).expect("a log").lines().count();
    assert_eq!(written, LINES as usize);
    spent / LINES
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
