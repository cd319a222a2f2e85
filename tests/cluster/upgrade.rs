//! Two versions of the schema: replicas of the old version beside, and after, those of a new one.

use crate::database::Database;
use crate::harness::{App, eventually, run_tool};
use crate::{PASSWORD, SERVE, add, config, done, fails, prepared};
use serde_json::Value;
use std::process::Command;

/// A change by a newer version that this one can live with.
const COMPATIBLE: &str = "ALTER TABLE users ADD COLUMN phone TEXT";

/// One that it cannot, if it is not declared.
const INCOMPATIBLE: &str = "ALTER TABLE users RENAME COLUMN full_name TO name;
    UPDATE schema_needs SET migration = 1001";

/// Migrates as a newer version does at its start.
fn upgrade(database: &Database, number: u32, statements: &str) {
    let recorded = format!(
        "INSERT INTO _sqlx_migrations
             (version, description, installed_on, success, checksum, execution_time)
         SELECT {number}, 'later', installed_on, success, checksum, 0
         FROM _sqlx_migrations WHERE version = 1"
    );
    database.execute(&format!("{statements};{recorded}"));
}

fn workers(app: &App) -> Vec<u64> {
    let output = app.command(&["ctl", "status", "--json"], "");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let processes = status["processes"].as_array().cloned().unwrap_or_default();
    let serving = processes.iter().filter(|process| process["state"] == "serving");
    serving.filter_map(|process| process["pid"].as_u64()).collect()
}

/// A worker process started before the upgrade ends, and another one replaces it.
fn replace_worker(app: &App) {
    let [before] = workers(app)[..] else { panic!("one worker process") };
    run_tool(Command::new("kill").args(["-KILL", &before.to_string()]));
    eventually("another worker process", || {
        let now = workers(app);
        (now.len() == 1 && now[0] != before).then_some(())
    });
}

fn a_replica_of_the_old_version_goes_on(database: &Database) {
    let (folder, url) = (database.folder(), &database.url());
    add(folder, url, "jane", &["me"]);
    let start = || App::bare().config(&config(url)).config("[server]\nworkers = 1\n").spawn();
    let old = start();
    let token = old.login("jane", PASSWORD, "me");

    upgrade(database, 1000, COMPATIBLE);
    replace_worker(&old);
    let line = old.stderr.wait_for("a newer version of bailiwick has changed it (migration 1000)");
    assert!(line.contains("WARN") && !line.contains(crate::postgres::PASSWORD), "{line}");
    assert_eq!(old.get_as("/users/me", &token).status, 200);
    old.login("jane", PASSWORD, "me");
    // Going back is an ordinary start, and the commands work, too.
    let back = start();
    add(folder, url, "joe", &["me"]);
    back.login("joe", PASSWORD, "me");
    done(folder, url, &["users", "disable", "joe"], "");
    assert!(done(folder, url, &["db", "check"], "").starts_with("2 users"));
    // Except this: it would leave behind what the old version does not know.
    let other = "sqlite:other.db";
    done(folder, other, &["users", "import", "-"], "");
    for (from, to) in [(url.as_str(), "sqlite:copy.db"), (other, url.as_str())] {
        let line = fails(folder, url, &["db", "copy", "--from", from, "--to", to]);
        assert!(line.contains("(migration 1000): copy with that version"), "{line}");
    }
}

fn a_replica_of_the_old_version_is_refused(database: &Database) {
    let (folder, url) = (database.folder(), &database.url());
    add(folder, url, "jane", &["me"]);
    upgrade(database, 1000, COMPATIBLE);
    upgrade(database, 1001, INCOMPATIBLE);
    for args in [&SERVE[..], &["users", "list"], &["users", "delete", "jane", "--yes"]] {
        let output = prepared(folder, url, args).output().expect("it starts");
        let line = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {line}");
        for part in ["newer version", "cannot use (migration 1001)", "restore a backup"] {
            assert!(line.contains(part), "{args:?}: {line}");
        }
    }
}

#[test]
fn an_old_replica_on_a_newer_sqlite_file() {
    a_replica_of_the_old_version_goes_on(&Database::sqlite());
    a_replica_of_the_old_version_is_refused(&Database::sqlite());
}

#[test]
fn an_old_replica_on_a_newer_postgresql_database() {
    a_replica_of_the_old_version_goes_on(&Database::postgresql());
    a_replica_of_the_old_version_is_refused(&Database::postgresql());
}
