//! The audit log's events in the database: of three replicas and of commands, copied, checked, backed
//! up and restored.

use crate::harness::{App, FORM, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, command, config, done, fails, python_on};
use serde_json::Value;
use std::path::Path;

const KEEP: &str = "[audit]\nretain_days = 7\n[logins]\nthrottle = false\n";

fn replica(url: &str) -> App {
    App::bare().config(&config(url)).config(KEEP).spawn()
}

fn guess(app: &App, name: &str) {
    let form = format!("username={name}&password=wrong");
    let answer = app.send("POST", "/token", &[("content-type", FORM)], &form);
    assert_eq!(answer.status, 400, "{}", answer.body);
}

fn events(folder: &Path, url: &str) -> Vec<Value> {
    let text = done(folder, url, &["audit", "--format", "json"], "");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// What is shown of all users; the one who has logged in has a day.
fn last_logins(folder: &Path, url: &str) -> String {
    let users = done(folder, url, &["users", "list", "--json"], "");
    assert!(users.contains("\"last_login\":\"20"), "{users}");
    users
}

fn three_replicas_and_commands(folder: &Path, url: &str) -> Vec<Value> {
    add(folder, url, "jane", &["me"]);
    let mut replicas = [0; 3].map(|_| replica(url));
    for (at, app) in replicas.iter().enumerate() {
        for guessed in 0..30 {
            guess(app, &format!("nobody{at}of{guessed}"));
        }
        app.login("jane", PASSWORD, "me");
        let disabled = app.command(&["users", "set-scopes", "jane", "me", "items"], "");
        assert!(disabled.status.success(), "{disabled:?}");
        // Not graceful: an event is written a moment after its response.
        eventually("the last one", || {
            let written = |event: &Value| event["who"] == format!("nobody{at}of29");
            events(folder, url).iter().any(written).then_some(())
        });
    }
    for app in &mut replicas {
        app.signal("TERM");
        assert!(app.wait().success());
    }
    let events = events(folder, url);
    let count = |what: &str| events.iter().filter(|event| event["what"] == what).count();
    assert_eq!((count("login"), count("token_issue")), (3 * 31, 3));
    assert_eq!(count("scopes_change"), 3, "from commands");
    let times: Vec<_> =
        events.iter().map(|event| event["time"].as_str().expect("a time")).collect();
    assert!(times.is_sorted());
    events
}

#[test]
fn events_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let database = shared().database();
    let url = shared().url(&database);
    let all = three_replicas_and_commands(folder, &url);
    let copy = format!("sqlite:{}", folder.join("copy.db").display());
    done(folder, &url, &["db", "copy", "--from", &url, "--to", &copy], "");
    assert_eq!(events(folder, &copy), all);
    assert_eq!(last_logins(folder, &copy), last_logins(folder, &url));
    let checked = [&url, &copy].map(|url| done(folder, url, &["db", "check"], ""));
    assert_eq!(checked[0], checked[1]);
    shared().sql(&database, "UPDATE audit_events SET fields = 'x' WHERE whom = 'jane'");
    let line = fails(folder, &url, &["db", "check"]);
    assert!(line.contains("fields"), "{line}");
}

#[test]
fn events_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let file = folder.join("users.db");
    let url = format!("sqlite:{}", file.display());
    let all = three_replicas_and_commands(folder, &url);
    let database = shared().database();
    let copy = shared().url(&database);
    done(folder, &url, &["db", "copy", "--from", &url, "--to", &copy], "");
    assert_eq!(events(folder, &copy), all);
    assert_eq!(last_logins(folder, &copy), last_logins(folder, &url));
    let backup = folder.join("backup.db").display().to_string();
    done(folder, &url, &["db", "backup", &backup], "");
    let change = "database.execute('UPDATE audit_events SET who = \"x\", fields = \"x\"')\ndatabase.commit()";
    python_on(&file, change);
    assert!(!command(folder, &url, &["audit"], "").status.success());
    assert!(fails(folder, &url, &["db", "check"]).contains("fields"));
    done(folder, &url, &["db", "restore", &backup], "");
    assert_eq!(events(folder, &url), all);
}

/// Logins go on while the table takes nothing, and their events are written afterwards.
#[test]
fn events_that_cannot_be_written_wait() {
    let folder = tempfile::tempdir().unwrap();
    let database = shared().database();
    let url = shared().url(&database);
    add(folder.path(), &url, "jane", &["me"]);
    let app = replica(&url);
    shared().sql(&database, "ALTER TABLE audit_events RENAME TO gone");
    for _ in 0..5 {
        app.login("jane", PASSWORD, "me");
    }
    app.stderr.wait_for("the database takes no events");
    shared().sql(&database, "ALTER TABLE gone RENAME TO audit_events");
    app.stderr.wait_for("the database takes events again");
    let logins = events(folder.path(), &url);
    assert_eq!(logins.iter().filter(|event| event["what"] == "login").count(), 5);
}
