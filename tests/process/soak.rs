//! Reloads, scaling, upgrades and crashes under load: only unavoidable failures are allowed. The
//! counts are printed. `make test` runs a short form; `make soak` sets `SOAK=full` and compares
//! with gunicorn.

mod replicas;

use crate::edge::Edge;
use crate::gunicorn::Gunicorn;
use crate::harness::{App, eventually};
use crate::load::{Load, Questions, next_response};
use crate::server::{Cleanup, kill, quick, replaced, serving, status};
use std::fs;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

/// The length of a run.
struct Length {
    full: bool,
    /// Seconds that servers keep an idle connection: longer than the longest pause of a client, as
    /// in every real setup.
    keepalive: u32,
    /// Between two events.
    pause: Duration,
    /// Between the last event and the end.
    rest: Duration,
    /// How long replicas are faulty.
    sick: Duration,
    /// The longest pause of the most patient clients.
    patient: Duration,
    questions: Questions,
}

/// Whether the long form was requested.
pub(crate) fn is_full() -> bool {
    std::env::var_os("SOAK").is_some_and(|value| value == "full")
}

impl Length {
    fn of_environment() -> Self {
        let full = is_full();
        let [pause, rest, patient] = if full { [1_000, 7_000, 4_000] } else { [0, 500, 1_500] };
        Self {
            full,
            keepalive: if full { 5 } else { 2 },
            pause: Duration::from_millis(pause),
            rest: Duration::from_millis(rest),
            sick: Duration::from_secs(if full { 60 } else { 15 }),
            patient: Duration::from_millis(patient),
            questions: Questions::STRANGERS,
        }
    }

    /// The number for the long form, or for the short one.
    fn times(&self, full: usize, short: usize) -> usize {
        if self.full { full } else { short }
    }

    fn config(&self) -> String {
        format!(
            "[server]\nkeepalive = {}\ngraceful_timeout = 5\nprocesses = 2\n\
             [logging]\naccess = false\n",
            self.keepalive
        )
    }

    /// Does something under load, and prints the failures as a row of a table.
    fn under_load(&self, what: &str, ways: &[(&str, &str)], work: impl FnOnce()) -> Failures {
        let pauses = [(3, Duration::ZERO), (6, Duration::from_millis(50)), (8, self.patient)];
        let loads: Vec<_> = ways
            .iter()
            .map(|(way, address)| {
                let load = |(clients, pause)| Load::start(address, &self.questions, clients, pause);
                (way, pauses.map(load))
            })
            .collect();
        work();
        thread::sleep(self.rest);
        let mut failures = Failures::default();
        for (way, loads) in loads {
            let cells = loads.map(|load| {
                let counts = load.stop();
                let answered = counts.answered.load(Ordering::Relaxed);
                failures.all += counts.failed();
                failures.unavailable += counts.unavailable.load(Ordering::Relaxed);
                failures.refused += counts.refused.load(Ordering::Relaxed);
                format!("{} of {}", counts.failed(), answered + counts.failed())
            });
            println!("| {what} | {way} | {} |", cells.join(" | "));
        }
        failures
    }
}

#[derive(Default)]
struct Failures {
    all: u64,
    /// Clients that could not connect.
    refused: u64,
    /// Responses that say so: 503 with `Retry-After`.
    unavailable: u64,
}

/// The most requests that all clients of a row have in flight.
const CLIENTS: u64 = 2 * (3 + 6 + 8);

fn head() {
    let line = "| event | way | busy | pauses of 0 to 50 ms | longer pauses |";
    // After the test's name.
    println!("\n\n{line}\n|---|---|---|---|---|");
}

#[test]
fn no_request_is_lost() {
    let length = Length::of_environment();
    let app = quick().config(&length.config()).spawn();
    let _cleanup = Cleanup(&app);
    let edge = Edge::before(&app.address, length.keepalive);
    let ways = [("direct", app.address.as_str()), ("nginx", edge.address.as_str())];
    let mut pids = replaced(&app, &[], 2);
    let mut failed = 0;
    head();
    let events: [(&[&str], usize); 3] = [
        (&["HUP"], length.times(20, 5)),
        (&["TTIN", "TTOU"], length.times(20, 3)),
        (&["USR2"], length.times(5, 2)),
    ];
    for (signals, times) in events {
        let what = format!("{} ×{times}", signals.join(", "));
        let failures = length.under_load(&what, &ways, || {
            for signal in (0..times).flat_map(|_| signals) {
                kill(master(&app), signal);
                pids = replaced(&app, &pids, 2);
                thread::sleep(length.pause);
            }
        });
        failed += failures.all;
    }
    let refusals = [
        ("HUP", "Refused: ", "a broken configuration"),
        ("USR2", "ended before it took over", "a program that does not start"),
    ];
    for (signal, line, cause) in refusals {
        let what = format!("{signal}, {cause}");
        let failures = length.under_load(&what, &ways, || {
            let (file, pid) = (app.folder().join("config.toml"), master(&app));
            fs::write(&file, "[server]\nwrokers = 2\n").expect("written");
            kill(pid, signal);
            app.stderr.wait_for(line);
            fs::write(&file, length.config()).expect("written");
            assert_eq!(serving(&app), pids, "the old go on");
        });
        failed += failures.all;
    }
    assert_eq!(failed, 0, "{}", app.stderr.text());
}

fn master(app: &App) -> u64 {
    status(app)["pid"].as_u64().expect("a master")
}

#[test]
fn a_killed_process_costs_only_what_it_had_in_flight() {
    let length = Length::of_environment();
    let app = quick().config(&length.config()).spawn();
    let edge = Edge::before(&app.address, length.keepalive);
    let ways = [("direct", app.address.as_str()), ("nginx", edge.address.as_str())];
    replaced(&app, &[], 2);
    let times = length.times(10, 3);
    let mut slowest = Duration::ZERO;
    head();
    let failures = length.under_load(&format!("kill -9 of 1 of 2 ×{times}"), &ways, || {
        for _ in 0..times {
            let killed = serving(&app)[0];
            kill(killed, "KILL");
            slowest = slowest.max(next_response(&app.address));
            eventually("the replacement", || {
                let now = serving(&app);
                (now.len() == 2 && !now.contains(&killed)).then_some(())
            });
            // So that each has served for a while: otherwise the pauses before a start grow.
            thread::sleep(length.pause * 3);
        }
    });
    println!("\nThe next answer to a new client took at most {} ms.", slowest.as_millis());
    assert_eq!(failures.refused, 0);
    assert!(failures.all <= times as u64 * CLIENTS);
}

/// Only in the long form; asserts nothing about another program.
#[test]
fn gunicorn_under_the_same_load() {
    let length = Length::of_environment();
    if !length.full {
        return;
    }
    let gunicorn = Gunicorn::spawn(length.keepalive);
    let edge = Edge::before(&gunicorn.address, length.keepalive);
    gunicorn.replaced(&[]);
    let ways = [("direct", gunicorn.address.as_str()), ("nginx", edge.address.as_str())];
    let mut slowest = Duration::ZERO;
    head();
    length.under_load("gunicorn: HUP ×20", &ways, || {
        for _ in 0..20 {
            let before = gunicorn.workers();
            kill(gunicorn.pid(), "HUP");
            gunicorn.replaced(&before);
            thread::sleep(length.pause);
        }
    });
    length.under_load("gunicorn: kill -9 of 1 of 2 ×10", &ways, || {
        for _ in 0..10 {
            let killed = gunicorn.workers()[0];
            kill(killed, "KILL");
            slowest = slowest.max(next_response(&gunicorn.address));
            gunicorn.replaced(&[killed]);
            thread::sleep(length.pause * 3);
        }
    });
    println!("\nThe next answer to a new client took at most {} ms.", slowest.as_millis());
}
