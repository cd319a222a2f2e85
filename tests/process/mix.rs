//! All signals that keep the server running, in any order, under load: no request may fail.

use crate::harness::{App, eventually};
use crate::load::{Load, Questions};
use crate::server::{Cleanup, quick, status};
use crate::soak::is_full;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// To the master; TERM goes to one of its worker processes.
const SIGNALS: [&str; 7] = ["HUP", "USR2", "TTIN", "TTOU", "USR1", "WINCH", "TERM"];

/// After every this many bursts, the workers that WINCH has stopped are brought back.
const WAKE: usize = 3;

/// Short and long keep-alive, for which old processes wait for idle clients.
const KEEPALIVE: [u32; 2] = [2, 75];

/// The master and its worker processes.
fn pids(app: &App) -> (u64, Vec<u64>) {
    eventually("a status", || {
        let status = status(app);
        let processes = status["processes"].as_array()?;
        let workers = processes.iter().filter_map(|process| process["pid"].as_u64()).collect();
        Some((status["pid"].as_u64()?, workers))
    })
}

/// Sends it and returns whether that worked: the process may have ended meanwhile.
fn send(pid: u64, signal: &str) -> bool {
    let mut kill = Command::new("kill");
    kill.args(["-s", signal, &pid.to_string()]).stderr(Stdio::null());
    kill.status().expect("kill runs").success()
}

/// Replaces the workers, including those that WINCH has stopped.
fn wake(app: &App) {
    eventually("a master", || send(pids(app).0, "HUP").then_some(()));
}

/// Sends some signals at once, without pauses; returns which.
fn burst(app: &App, chance: &mut StdRng) -> String {
    let (master, workers) = pids(app);
    let mut sent = String::new();
    for _ in 0..chance.random_range(1..=3) {
        let signal = SIGNALS.choose(chance).expect("seven");
        let pid = if *signal == "TERM" { workers.choose(chance) } else { Some(&master) };
        if pid.is_some_and(|pid| send(*pid, signal)) {
            write!(sent, "{signal} ").expect("written");
        }
    }
    sent
}

fn mix(seed: u64, keepalive: u32, bursts: usize) {
    let config =
        format!("[server]\nkeepalive = {keepalive}\nprocesses = 2\n[logging]\naccess = false\n");
    let app = quick().config(&config).spawn();
    let _cleanup = Cleanup(&app);
    let fresh = Questions::STRANGERS.on_new_connections();
    let load = Load::start(&app.address, &fresh, 4, Duration::from_millis(5));
    let mut chance = StdRng::seed_from_u64(seed);
    let mut sent = String::new();
    for number in 1..=bursts {
        sent += &burst(&app, &mut chance);
        if number % WAKE == 0 {
            wake(&app);
            sent += "HUP";
        }
        sent.push('\n');
        thread::sleep(Duration::from_millis(chance.random_range(0..400)));
    }
    // A waiting client gets its response before the end.
    wake(&app);
    eventually("workers that serve", || {
        let status = status(&app);
        let all = status["processes"].as_array()?.clone();
        (all.iter().filter(|process| process["state"] == "serving").count() == 2).then_some(())
    });
    let counts = load.stop();
    println!("seed {seed}, keepalive {keepalive}: {counts}");
    assert_eq!(counts.failed(), 0, "seed {seed}: {counts}\n{sent}{}", app.stderr.text());
}

#[test]
fn signals_in_any_order_cost_no_request() {
    let full = is_full();
    for seed in 1..=if full { 8 } else { 2 } {
        for keepalive in KEEPALIVE {
            mix(seed, keepalive, if full { 60 } else { 12 });
        }
    }
}
