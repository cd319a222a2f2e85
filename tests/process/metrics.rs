//! `/metrics` is the whole server's: of all processes, across reloads and crashes, and while one is
//! stalled.

#![expect(clippy::float_cmp, reason = "what is compared are whole numbers")]

use crate::harness::{Watched, eventually};
use crate::server::{SHORT, gone, kill, quick, replaced, serving};
use crate::signals::begin_login;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;

const GUARDED: &str = "/users/me";

/// A server with this many worker processes.
fn watched(processes: usize, more: &str) -> Watched {
    let config = format!("{SHORT}processes = {processes}\n{more}");
    let watched = Watched::start(quick().config(&config));
    replaced(&watched.app, &[], processes);
    watched
}

/// Whether a series may only grow.
fn is_count(series: &str) -> bool {
    let name = series.split('{').next().expect("a name");
    ["_total", "_bucket", "_count", "_sum"].iter().any(|end| name.ends_with(end))
}

/// Fails if a count has decreased.
fn assert_grown(before: &BTreeMap<String, f64>, now: &BTreeMap<String, f64>) {
    for (series, value) in before.iter().filter(|(series, _)| is_count(series)) {
        let now = now.get(series).copied();
        assert!(now.is_some_and(|now| now >= *value), "{series}: {value}, then {now:?}");
    }
}

fn refused(watched: &Watched) -> f64 {
    watched.requests(GUARDED, "GET", 401)
}

fn restarts(watched: &Watched, reason: &str) -> f64 {
    watched.metric(&format!("bailiwick_worker_restarts_total{{reason=\"{reason}\"}}"))
}

#[test]
fn each_process_reports_what_all_have_counted() {
    let watched = watched(3, "");
    let served = serving(&watched.app);
    for asked in 1..=30_u8 {
        // Each on its own connection, and so to any process.
        assert_eq!(watched.app.get(GUARDED).status, 401);
        assert_eq!(refused(&watched), f64::from(asked));
    }
    let metrics = watched.metrics();
    assert_eq!(metrics["bailiwick_worker_processes{state=\"serving\"}"], 3.0);
    assert_eq!(metrics["bailiwick_worker_processes_silent"], 0.0);
    // Each process has its own, and so has the master.
    assert!(metrics["process_resident_memory_bytes"] > 4e6 * 3.0, "{metrics:?}");
    assert_eq!(serving(&watched.app), served);
}

#[test]
fn counts_outlive_the_processes_that_counted() {
    let watched = watched(2, "");
    let asking = AtomicBool::new(true);
    let sent = thread::scope(|scope| {
        let mut last = watched.metrics();
        let requests = scope.spawn(|| {
            let mut sent = 0_u32;
            while asking.load(Relaxed) {
                assert_eq!(watched.app.get(GUARDED).status, 401);
                sent += 1;
            }
            sent
        });
        let mut look = || {
            let now = watched.metrics();
            assert_grown(&last, &now);
            last = now;
        };
        for _ in 0..2 {
            let before = serving(&watched.app);
            watched.app.signal("HUP");
            replaced(&watched.app, &before, 2);
            look();
            // The old ones report their counts to the end.
            before.into_iter().for_each(gone);
            look();
        }
        asking.store(false, Relaxed);
        requests.join().expect("requests")
    });
    // None is lost if all have ended properly.
    assert_eq!(refused(&watched), f64::from(sent));
    let before = (watched.metrics(), serving(&watched.app));
    before.1.iter().for_each(|pid| kill(*pid, "KILL"));
    replaced(&watched.app, &before.1, 2);
    assert_grown(&before.0, &watched.metrics());
    assert_eq!(refused(&watched), f64::from(sent));
    assert_eq!(restarts(&watched, "signal"), 2.0);
}

#[test]
fn a_crash_loses_no_counts_older_than_a_second() {
    let watched = watched(1, "");
    assert_eq!(watched.app.get(GUARDED).status, 401);
    let worker = serving(&watched.app);
    // No scrape meanwhile: the process reports them by itself.
    let reports = |app| crate::server::status(app)["processes"][0]["uptime"].as_u64();
    let begun = reports(&watched.app).expect("seconds");
    eventually("two more seconds", || (reports(&watched.app)? >= begun + 3).then_some(()));
    kill(worker[0], "KILL");
    replaced(&watched.app, &worker, 1);
    assert_eq!(refused(&watched), 1.0);
}

#[test]
fn a_stalled_process_holds_up_no_scrape() {
    let watched = watched(2, "timeout = 0\n");
    assert_eq!(watched.app.get(GUARDED).status, 401);
    let before = watched.metrics();
    let still = serving(&watched.app)[0];
    kill(still, "STOP");
    for _ in 0..3 {
        let now = watched.metrics();
        assert_grown(&before, &now);
        assert_eq!(now["bailiwick_worker_processes_silent"], 1.0);
    }
    kill(still, "CONT");
    eventually("its answer", || {
        (watched.metric("bailiwick_worker_processes_silent") == 0.0).then_some(())
    });
}

/// A reload may turn metrics on: the earlier processes have none.
#[test]
fn a_process_that_counts_nothing_is_not_silent() {
    let app = quick().config(SHORT).spawn();
    let (before, _client) = (serving(&app), begin_login(&app));
    let config = format!("{SHORT}[admin]\npublic = true\n");
    std::fs::write(app.folder().join("config.toml"), config).expect("written");
    app.signal("HUP");
    replaced(&app, &before, 1);
    let figures = app.get("/metrics").body;
    for line in
        ["bailiwick_worker_processes{state=\"draining\"} 1", "bailiwick_worker_processes_silent 0"]
    {
        assert!(figures.lines().any(|told| told == line), "{figures}");
    }
}

#[test]
fn a_stalled_master_is_reported_after_a_limited_wait() {
    let watched = watched(2, "");
    let before = watched.metrics();
    watched.app.signal("STOP");
    let answer = watched.get("/metrics");
    assert_eq!(
        (answer.status, answer.json()["detail"].as_str()),
        (503, Some("The master does not answer"))
    );
    assert_eq!(watched.app.get(GUARDED).status, 401);
    watched.app.signal("CONT");
    let now = eventually("the master", || {
        (watched.get("/metrics").status == 200).then(|| watched.metrics())
    });
    assert_grown(&before, &now);
    assert_eq!(refused(&watched), 1.0);
}

#[test]
fn restarts_are_counted_by_reason() {
    let watched = watched(1, "timeout = 1\nmax_requests = 5\n");
    let mut workers = serving(&watched.app);
    for (signal, reason) in [("KILL", "signal"), ("STOP", "silent")] {
        kill(workers[0], signal);
        workers = replaced(&watched.app, &workers, 1);
        assert_eq!(restarts(&watched, reason), 1.0);
    }
    for _ in 0..5 {
        watched.app.get(GUARDED);
    }
    eventually("a replacement", || (restarts(&watched, "max_requests") == 1.0).then_some(()));
    // A busy machine may start one too slowly, which is another reason.
    assert_eq!(["exit", "stands_still"].map(|reason| restarts(&watched, reason)), [0.0; 2]);
    assert_eq!(restarts(&watched, "signal"), 1.0);
}

#[test]
fn a_refused_reload_is_reported() {
    let watched = watched(1, "");
    let reloaded = || watched.metric("bailiwick_last_reload_successful");
    assert_eq!(reloaded(), 1.0);
    let config = watched.app.folder().join("config.toml");
    let good = std::fs::read_to_string(&config).expect("the configuration");
    for (text, expected) in [("[server]\nwrokers = 2\n", 0.0), (&*good, 1.0)] {
        std::fs::write(&config, text).expect("written");
        watched.app.signal("HUP");
        eventually("the reload", || (reloaded() == expected).then_some(()));
    }
}

#[test]
fn a_refused_number_of_threads_is_not_a_failed_reload() {
    let watched = watched(1, "");
    let database = watched.app.data_dir().join("bailiwick.db");
    std::fs::rename(&database, database.with_extension("old")).expect("renamed");
    std::fs::create_dir(&database).expect("a folder");
    watched.app.signal("TTIN");
    watched.app.stderr.wait_for("The new worker processes do not start, so the old ones stay");
    assert_eq!(watched.metric("bailiwick_last_reload_successful"), 1.0);
}
