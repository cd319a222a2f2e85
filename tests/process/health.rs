//! `bailiwick health`, and the database in `ctl status`.

use crate::harness::{App, bailiwick, eventually, run};
use crate::postgres::Server;
use crate::server::{SHORT, gone, kill, quick, replaced, serving, status};
use serde_json::{Value, json};
use std::fs;
use std::process::Output;

fn health(app: &App, args: &[&str]) -> (Option<i32>, String) {
    told(&app.command(&[&["health"], args].concat(), ""))
}

/// The exit code and the one line.
fn told(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(text.lines().count(), 1, "{text}");
    (output.status.code(), text)
}

#[test]
fn a_server_is_healthy_while_it_serves() {
    let app = quick().config(&format!("{SHORT}processes = 2\n")).spawn();
    replaced(&app, &[], 2);
    assert_eq!(health(&app, &[]), (Some(0), "healthy, worker processes: 2\n".to_owned()));
    assert_eq!(health(&app, &["--ready"]), (Some(0), "ready, worker processes: 2\n".to_owned()));
    let table = app.command(&["ctl", "status"], "");
    assert!(String::from_utf8_lossy(&table.stdout).contains("\nDatabase: answers\n"));
    assert_eq!(status(&app)["database_answers"], true);

    let workers = serving(&app);
    assert!(app.command(&["ctl", "rest"], "").status.success());
    workers.into_iter().for_each(gone);
    for args in [&[][..], &["--ready"]] {
        let (code, line) = eventually("no workers", || {
            Some(health(&app, args)).filter(|(code, _)| *code != Some(0))
        });
        assert_eq!(code, Some(1));
        assert!(line.contains("no worker process serves"), "{line}");
    }
    assert!(status(&app)["database_answers"].is_null());
}

#[test]
fn without_a_server_health_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    for args in [&["health"][..], &["health", "--ready"]] {
        let (code, line) = told(&run(bailiwick(folder.path()).args(args), ""));
        assert_eq!(code, Some(1), "{line}");
        assert!(line.contains("no server listens here"), "{line}");
    }
    // Docker knows no third exit code.
    let config = folder.path().join("b.toml");
    fs::write(&config, "[server]\nwrokers = 2\n").expect("written");
    let mut wrong = bailiwick(folder.path());
    let (code, line) = told(&run(wrong.arg("-c").arg(&config).arg("health"), ""));
    assert_eq!(code, Some(1), "{line}");
    assert!(line.contains("wrokers"), "{line}");
}

#[test]
fn a_stalled_server_is_not_healthy() {
    let app = quick().config(SHORT).spawn();
    kill(u64::from(app.pid()), "STOP");
    let (code, line) = health(&app, &[]);
    kill(u64::from(app.pid()), "CONT");
    assert_eq!(code, Some(1));
    assert!(line.contains("has not answered in 4 s"), "{line}");
    assert_eq!(health(&app, &[]).0, Some(0));
}

#[test]
fn a_stalled_worker_process_is_named() {
    let app = quick().config(&format!("{SHORT}processes = 2\n")).spawn();
    let workers = replaced(&app, &[], 2);
    kill(workers[0], "STOP");
    let (code, line) = health(&app, &["--ready"]);
    let one = status(&app);
    kill(workers[1], "STOP");
    let (_, both) = health(&app, &["--ready"]);
    let none = status(&app);
    let table = app.command(&["ctl", "status"], "");
    for worker in &workers {
        kill(*worker, "CONT");
    }
    assert_eq!(code, Some(1));
    assert!(line.contains(&format!("no answer from worker process {}\n", workers[0])), "{line}");
    assert_eq!((&one["database_answers"], &one["silent"]), (&json!(true), &json!([workers[0]])));
    let names = format!("no answer from worker processes {}, {}", workers[0], workers[1]);
    assert!(both.contains(&names), "{both}");
    assert_eq!((&none["database_answers"], &none["silent"]), (&Value::Null, &json!(workers)));
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("\nDatabase: unknown, as no worker process answers\n"), "{table}");
    assert!(table.contains("\nNo answer from: worker processes "), "{table}");
    eventually("readiness", || (health(&app, &["--ready"]).0 == Some(0)).then_some(()));
    assert_eq!(status(&app)["silent"], json!([]));
}

#[test]
fn while_the_database_is_away_the_server_is_healthy_and_not_ready() {
    let mut database = Server::start();
    let url = database.url(&database.database());
    let config = format!("{SHORT}[database]\nurl = '{url}'\nconnect_timeout = 20\n");
    let app = App::bare().config(&config).spawn();
    assert_eq!(health(&app, &["--ready"]).0, Some(0));
    database.stop();
    assert_eq!(health(&app, &[]).0, Some(0));
    let (code, line) = health(&app, &["--ready"]);
    assert_eq!(code, Some(1));
    assert!(line.contains("the database does not answer"), "{line}");
    assert_eq!(status(&app)["database_answers"], false);
    let table = app.command(&["ctl", "status"], "");
    let table = String::from_utf8_lossy(&table.stdout);
    assert!(table.contains("\nDatabase: does not answer\n"), "{table}");
    database.start_again();
    eventually("readiness", || (health(&app, &["--ready"]).0 == Some(0)).then_some(()));
}
