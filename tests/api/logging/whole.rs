//! Lines stay whole: on a pipe that several processes share, and on a disk that is full.

use super::with_log;
use crate::harness::{App, connect, eventually, read_response};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::Value;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Command;
use std::thread;
use tempfile::TempDir;

/// Requests as JSON to this file, everything else to standard error.
fn to_file(file: &str) -> String {
    format!(
        r#"
        [loggers.root]
        handlers = ["err"]
        [loggers."bailiwick.access"]
        handlers = ["file"]
        propagate = false
        [handlers.err]
        stream = "stderr"
        [handlers.file]
        file = "{file}"
        formatter = "json"
        [formatters.json]
        json = true
        "#
    )
}

fn workers(app: &App) -> Vec<Pid> {
    let path = format!("/proc/{0}/task/{0}/children", app.pid());
    let pids = fs::read_to_string(path).expect("the children");
    let pid = |pid: &str| Pid::from_raw(pid.parse().ok()?);
    pids.split_whitespace().map(|word| pid(word).expect("a process")).collect()
}

/// Limits the size of the workers' files from now on.
fn limit_files(app: &App, current: Option<u64>) {
    for worker in workers(app) {
        prlimit(Some(worker), Resource::Fsize, Rlimit { current, maximum: None }).expect("set");
    }
}

#[test]
fn processes_that_share_a_slow_pipe_do_not_tear_lines() {
    const CONNECTIONS: usize = 16;
    const REQUESTS: usize = 100;
    let folder = TempDir::new().expect("a folder");
    let fifo = folder.path().join("lines");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    let reader = File::options().read(true).write(true).open(&fifo).expect("open");
    fs::write(folder.path().join("log.toml"), to_file("lines")).expect("written");
    let app = App::demo().args(["--log-config", "log.toml", "--processes", "4"]).spawn_in(folder);
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|client| {
            let mut stream = connect(&app.address);
            thread::spawn(move || {
                for number in 0..REQUESTS {
                    // Some are longer than a pipe takes at once.
                    let length = if number % 20 == client { 5_000 } else { 300 };
                    let path = format!("/{client}/{number}/{}", "x".repeat(length));
                    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
                    read_response(&mut stream);
                }
            })
        })
        .collect();
    for client in clients {
        client.join().expect("answers, though nobody reads the log");
    }

    let mut seen: Vec<_> = BufReader::new(reader)
        .lines()
        .map(|line| {
            let line = line.expect("UTF-8");
            assert!(line.len() < 4_096, "{}", line.len());
            let value: Value =
                serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(value["status"], 404);
            let path = value["path"].as_str().expect("a path").split('/');
            path.skip(1).take(2).collect::<Vec<_>>().join("/")
        })
        .take(CONNECTIONS * REQUESTS)
        .collect();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), CONNECTIONS * REQUESTS);
}

#[test]
fn a_full_file_holds_no_half_line() {
    for processes in [1, 3] {
        let folder = TempDir::new().expect("a folder");
        fs::write(folder.path().join("log.toml"), to_file("all.log")).expect("written");
        let app = App::demo()
            .args(["--log-config", "log.toml", "--processes", &processes.to_string()])
            .spawn_in(folder);
        let text = || fs::read_to_string(app.folder().join("all.log")).expect("the log");
        let mut sent = 0;
        let mut ask_until = |notice: &str| {
            eventually(notice, || {
                sent += 1;
                app.get("/counted");
                app.stderr.text().contains(notice).then_some(())
            });
        };
        limit_files(&app, Some(2_000));
        ask_until("all.log accepts them again: file too large (os error 27)");
        limit_files(&app, None);
        ask_until("all.log: file too large (os error 27)");

        let lines = text();
        assert!(lines.ends_with('\n'), "{lines}");
        for line in lines.lines() {
            let value: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert_eq!(value["path"], "/counted");
        }
        if processes == 1 {
            eventually("every line to be written or counted", || {
                let dropped = |line: &str| {
                    let (count, _) = line.split_once(" log lines were dropped: ")?;
                    count.rsplit(' ').next()?.parse::<usize>().ok()
                };
                let dropped: usize = app.stderr.text().lines().filter_map(dropped).sum();
                (dropped > 0 && text().lines().count() + dropped == sent).then_some(())
            });
        }
    }
}

#[test]
fn a_full_disk_is_named() {
    let app = with_log(&to_file("/dev/full"));
    app.get("/");
    app.stderr.wait_for("/dev/full accepts them again: no space left on device (os error 28)");
    assert!(!app.stderr.text().contains("fast enough"), "{}", app.stderr.text());
}
