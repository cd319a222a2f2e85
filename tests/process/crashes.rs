//! Workers that die, stall, or never start.

use crate::harness::{Lines, bailiwick, eventually, read_response};
use crate::server::{SHORT, gone, kill, quick, replaced, serving, status};
use crate::signals::begin_login;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::Stdio;

#[test]
fn a_killed_worker_is_replaced() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    kill(before[0], "KILL");
    // Clients that connect meanwhile wait in the master's queue.
    assert_eq!(app.get("/openapi.json").status, 200);
    replaced(&app, &before, 1);
    let output = app.command(&["ctl", "status"], "");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&format!("process {} ended with signal 9", before[0])), "{text}");
}

#[test]
fn a_crash_loop_slows_down_and_never_ends_the_master() {
    let app = quick().config(SHORT).spawn();
    let mut killed = Vec::new();
    for _ in 0..4 {
        let pids = replaced(&app, &killed, 1);
        kill(pids[0], "KILL");
        killed.extend(pids);
    }
    let line = app.stderr.wait_for("next start in 0.8 s");
    assert!(line.contains("ended with signal 9"), "{line}");
    replaced(&app, &killed, 1);
    assert_eq!(app.get("/openapi.json").status, 200);
}

#[test]
fn an_unresponsive_worker_is_replaced() {
    let app = quick().config(&format!("{SHORT}timeout = 1\n")).spawn();
    let before = serving(&app);
    kill(before[0], "STOP");
    app.stderr.wait_for("is unresponsive and is killed");
    replaced(&app, &before, 1);
    assert_eq!(app.get("/openapi.json").status, 200);
}

/// A paused container, a suspended job, a migrated machine: all processes stop together.
#[test]
fn a_paused_server_continues_where_it_was() {
    let app = quick().config(&format!("{SHORT}timeout = 1\n")).spawn();
    let before = serving(&app);
    let all = [u64::from(app.pid()), before[0]];
    let (mut stream, form) = begin_login(&app);
    let uptime = || status(&app)["uptime"].as_u64().unwrap_or(0);
    for pid in all {
        kill(pid, "STOP");
    }
    // Not to wait for something: this is the length of the pause.
    std::thread::sleep(std::time::Duration::from_secs(3));
    for pid in all {
        kill(pid, "CONT");
    }
    stream.write_all(form.as_bytes()).expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"), "{}", app.stderr.text());
    let thawed = uptime();
    eventually("two seconds on its clock", || (uptime() >= thawed + 2).then_some(()));
    assert_eq!(serving(&app), before, "{}", app.stderr.text());
    // A process that stalls alone is still noticed.
    kill(before[0], "STOP");
    app.stderr.wait_for("is unresponsive and is killed");
    replaced(&app, &before, 1);
}

#[test]
fn a_worker_that_does_not_stop_is_killed_and_that_is_logged() {
    let app = quick().config("[server]\nkeepalive = 0\ngraceful_timeout = 1\n").spawn();
    let before = serving(&app);
    // In the middle of a write, it would keep the database from its successor.
    eventually("a pause between two writes", || {
        kill(before[0], "STOP");
        let write = app.command(&["users", "set-scopes", "johndoe", "me"], "");
        if write.status.success() {
            return Some(());
        }
        kill(before[0], "CONT");
        None
    });
    app.signal("HUP");
    app.stderr.wait_for(&format!("Worker process {} takes too long to stop", before[0]));
    gone(before[0]);
}

/// The processes of a killed server may hold it a while longer.
#[test]
fn an_address_in_use_is_waited_for() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = bailiwick(folder.path());
    let mut server = command.args(["--demo", "-b", &address]).stderr(Stdio::piped()).spawn();
    let server = server.as_mut().expect("bailiwick starts");
    let lines = Lines::of(server.stderr.take().expect("its standard error"));
    let line = lines.wait_for("address already in use");
    assert!(line.contains("(server.bind); it is tried again in 1 s"), "{line}");
    drop(taken);
    lines.wait_for(&format!("Listening at: http://{address}"));
    kill(u64::from(server.id()), "TERM");
    assert!(server.wait().expect("it ends").success());
}
