//! What `audit.retain_days` keeps in the database, and `bailiwick audit` prints.

#![expect(clippy::float_cmp, reason = "what is compared are whole numbers")]

use super::audit_action::AuditAction;
use super::{NEW, audited, basic, provoke, stop};
use crate::harness::{App, Watched, eventually};
use crate::people::{ALL, HASH, PASSWORD, administered, import, log_in, server};
use crate::signer::SECRET;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const KEEP: &str = "[audit]\nretain_days = 30\n";

/// What `bailiwick audit` prints with these flags, as JSON.
fn events(app: &App, flags: &[&str]) -> Vec<Value> {
    let output = app.command(&[&["audit", "--format", "json"], flags].concat(), "");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Waits for an event with these fields.
fn wait_for(app: &App, fields: &[(&str, &str)]) -> Value {
    eventually(&format!("{fields:?}"), || {
        let fits = |event: &Value| fields.iter().all(|(name, value)| event[*name] == *value);
        events(app, &[]).into_iter().find(fits)
    })
}

/// Runs Python on the server's database.
fn python(folder: &Path, code: &str) -> String {
    let head =
        "import json, sqlite3, sys, time\ndatabase = sqlite3.connect(sys.argv[1], timeout=20)";
    let file = folder.join("data/bailiwick.db");
    let mut python = Command::new("python3");
    crate::harness::run_tool(python.args(["-c", &format!("{head}\n{code}")]).arg(file))
}

#[test]
fn every_action_is_kept_and_no_secret() {
    let mut app = audited(&(super::keys::CONFIG.to_owned() + &crate::providers::config() + KEEP));
    for action in AuditAction::ALL {
        let fields = provoke(&mut app, *action);
        wait_for(&app, &[&[("what", action.word())], &*fields].concat());
    }
    let events = events(&app, &[]);
    let times: Vec<_> =
        events.iter().map(|event| event["time"].as_str().expect("a time")).collect();
    assert!(times.is_sorted(), "newest last: {times:?}");
    let all = json!(events).to_string();
    for secret in [PASSWORD, NEW, "no-such-password", HASH, SECRET, "eyJ", "bwr_", "$2b$"] {
        assert!(!all.contains(secret), "{secret}");
    }
    // The words of the log: each of its lines is an event, but for the time.
    let table = app.command(&["audit"], "");
    let table = String::from_utf8(table.stdout).expect("UTF-8");
    assert_eq!(table.lines().count(), events.len() + 1, "{table}");
    assert!(table.starts_with("TIME  "), "{table}");
}

#[test]
fn one_user_or_a_short_time_is_shown() {
    let app = administered(KEEP);
    import(&app, &[json!({"username": "johndoe", "scopes": ["me"]})]);
    for name in ["johndoe", "nobody", "a\0b\u{1b}[31m"] {
        log_in(&app, &[("username", name), ("password", "wrong")]);
    }
    basic(&app, "johndoe", PASSWORD);
    let disabled = app.command(&["users", "disable", "johndoe"], "");
    assert!(disabled.status.success(), "{disabled:?}");
    wait_for(&app, &[("what", "login"), ("outcome", "accepted")]);
    let of_johndoe = events(&app, &["--user", "johndoe"]);
    let told: Vec<_> = of_johndoe.iter().map(|event| (&event["what"], &event["outcome"])).collect();
    let (login, disable) = (json!("login"), json!("user_disable"));
    let (accepted, refused) = (json!("accepted"), json!("refused"));
    assert_eq!(told, [(&login, &refused), (&login, &accepted), (&disable, &accepted)]);
    assert!(of_johndoe[0]["request_id"].is_string() && of_johndoe[2]["whom"] == "johndoe");
    assert_eq!(events(&app, &["--user", "JohnDoe"]), Vec::<Value>::new());
    assert_eq!(events(&app, &["--since", "1h"]).len(), events(&app, &[]).len());
    assert_eq!(events(&app, &["--since", "2999-01-01"]), Vec::<Value>::new());
    // No database refuses a name that was tried, and no terminal obeys it.
    wait_for(&app, &[("who", "a\u{fffd}b\u{1b}[31m")]);
    let table = app.command(&["audit", "--user", "nobody"], "");
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains("  nobody  ") && table.contains("reason=unknown_user"), "{table}");
    let table = app.command(&["audit"], "");
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(table.contains(r"b\u{1b}[31m") && !table.contains('\u{1b}'), "{table}");
    let wrong = app.command(&["audit", "--since", "yesterday"], "");
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
}

#[test]
fn it_is_off_by_default() {
    let app = administered("");
    basic(&app, "root", PASSWORD);
    let output = app.command(&["audit", "--format", "json"], "");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("audit.retain_days is 0"), "{said}");
}

/// Those that arrive last are written, too.
#[test]
fn a_graceful_stop_loses_nothing() {
    let mut app = audited(KEEP);
    for _ in 0..20 {
        basic(&app, "johndoe", PASSWORD);
    }
    stop(&mut app);
    let logins = events(&app, &["--user", "johndoe"]);
    assert_eq!(logins.iter().filter(|event| event["what"] == "login").count(), 20);
}

/// A line for each, in bounded memory; those that are too old are gone.
#[test]
fn old_events_go_and_any_number_is_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    let user = json!({"username": "johndoe", "hashed_password": HASH}).to_string();
    let mut command = crate::harness::bailiwick(folder.path());
    let added = crate::harness::run(command.args(["users", "import", "-"]), &user);
    assert!(added.status.success(), "{added:?}");
    let count = 100_000;
    python(
        folder.path(),
        &format!(
            "now = time.time_ns() // 1000\n\
             old = now - 31 * 24 * 3600 * 1000000\n\
             row = lambda at: (at, 7, 'x', None, json.dumps({{'what': 'login', 'who': 'x'}}))\n\
             database.executemany('INSERT INTO audit_events VALUES (?, ?, ?, ?, ?)',\n\
             \x20   (row(at) for first, all in ((old, 2500), (now - {count}, {count}))\n\
             \x20    for at in range(first, first + all)))\n\
             database.commit()"
        ),
    );
    let app = server(KEEP).spawn_in(folder);
    eventually("the old ones are deleted", || {
        let left = "print(database.execute('SELECT count(*) FROM audit_events WHERE at < ?',\n\
             [time.time_ns() // 1000 - 30 * 24 * 3600 * 1000000]).fetchone()[0])";
        (python(app.folder(), left).trim() == "0").then_some(())
    });
    let file = app.folder().join("events");
    let printed = std::fs::File::create(&file).expect("a file");
    let mut command = Command::new("prlimit");
    command.arg("--data=134217728").arg(crate::harness::program()).current_dir(app.folder());
    command.args(["--config", "config.toml", "audit", "--format", "json", "--user", "x"]);
    let status = command.stdout(printed).status().expect("it runs");
    assert!(status.success());
    let text = std::fs::read_to_string(&file).expect("text");
    assert_eq!(text.lines().count(), count);
}

/// Another program keeps the database's write lock: logins go on, what waits is written later, and
/// what is too much is counted and logged.
#[test]
fn a_database_that_takes_nothing_fails_no_login() {
    let watched = Watched::start(server(KEEP));
    let app = &watched.app;
    import(app, &[json!({"username": "root", "scopes": ALL})]);
    let code = "import sqlite3, sys\n\
        held = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        held.execute('BEGIN IMMEDIATE')\n\
        print('held', flush=True)\n\
        sys.stdin.read()";
    let mut holder = Command::new("python3")
        .args(["-c", code])
        .arg(app.data_dir().join("bailiwick.db"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut line = String::new();
    BufReader::new(holder.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    for _ in 0..5 {
        assert_eq!(basic(app, "root", PASSWORD).status, 200);
    }
    app.stderr.wait_for("the database takes no events");
    let waiting = || watched.metric("bailiwick_audit_events_waiting");
    eventually("they wait", || (waiting() == 5.0).then_some(()));
    drop(holder.stdin.take());
    assert!(holder.wait().expect("a child").success());
    app.stderr.wait_for("the database takes events again");
    let logins = events(app, &["--user", "root"]);
    assert_eq!(logins.iter().filter(|event| event["what"] == "login").count(), 5);
    eventually("none waits", || (waiting() == 0.0).then_some(()));
    assert_eq!(watched.metric("bailiwick_audit_events_lost_total"), 0.0);
}
