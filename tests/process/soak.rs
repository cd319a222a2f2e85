//! Reloads, scaling and upgrades under load: nothing may fail. The counts are printed.

use crate::harness::App;
use crate::load::Load;
use crate::server::{Cleanup, kill, quick, replaced, serving, status};
use std::time::Duration;

/// Longer than the longest pause of a client, as in every real setting.
const CONFIG: &str = "[server]\nkeepalive = 2\ngraceful_timeout = 5\nprocesses = 2\n\
                      [logging]\naccess = false\n";

fn load(app: &App) -> Load {
    let pauses = [0, 0, 0, 0, 10, 20, 35, 50, 300, 700, 1100, 1500];
    Load::start(&app.address, &pauses.map(Duration::from_millis))
}

#[test]
fn no_request_is_lost() {
    let app = quick().config(CONFIG).spawn();
    let _cleanup = Cleanup(&app);
    let mut pids = replaced(&app, &[], 2);
    let load = load(&app);
    for (signal, times) in [("HUP", 5), ("TTIN", 5), ("TTOU", 5), ("USR2", 2)] {
        let before = load.counts.to_string();
        for _ in 0..times {
            let master = status(&app)["pid"].as_u64().expect("a master");
            kill(master, signal);
            pids = replaced(&app, &pids, 2);
        }
        println!("{signal} x{times}: {} (before: {before})", load.counts);
    }
    let counts = load.stop();
    println!("all: {counts}");
    assert_eq!(counts.failed(), 0, "{counts}\n{}", app.stderr.text());
}

#[test]
fn a_killed_process_costs_only_what_it_had_in_flight() {
    let app = quick().config(CONFIG).spawn();
    let mut pids = replaced(&app, &[], 2);
    let load = load(&app);
    let clients = 12;
    for _ in 0..3 {
        kill(pids[0], "KILL");
        let before = pids.clone();
        pids = crate::harness::eventually("the replacement", || {
            let now = serving(&app);
            (now.len() == 2 && !now.contains(&before[0])).then_some(now)
        });
    }
    let counts = load.stop();
    println!("kill -9 of one of two, x3: {counts}");
    let refused = counts.refused.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(refused, 0, "{counts}");
    assert!(counts.failed() <= 3 * clients, "{counts}");
}
