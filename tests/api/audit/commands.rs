//! What commands leave in the audit log: in the server's files, in the system user's name.

use super::{LOG, NEW, audited, read, stop, wait_for};
use crate::harness::bailiwick;
use crate::people::{PASSWORD, run};
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// Who runs the tests.
fn system_user() -> String {
    let output = Command::new("id").arg("-un").output().expect("id runs");
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
}

#[test]
fn a_command_is_found_where_the_server_writes() {
    let app = audited("");
    let me = std::env::var("SUDO_USER").unwrap_or_else(|_| system_user());
    let passwords = format!("{NEW}\n{NEW}\n");
    for (args, what, whom) in [
        (&["add", "bob", "--password-stdin", "--scope", "me"][..], "user_create", "bob"),
        (&["set-password", "bob", "--password-stdin"], "password_set", "bob"),
        (&["set-scopes", "bob", "items"], "scopes_change", "bob"),
        (&["disable", "bob"], "user_disable", "bob"),
        (&["enable", "bob"], "user_enable", "bob"),
        (&["unlock", "bob"], "user_unlock", "bob"),
        (&["rename", "bob", "robert"], "user_rename", "bob"),
        (&["delete", "robert", "--yes"], "user_delete", "robert"),
    ] {
        let output = app.command(&[&["users"], args].concat(), &passwords);
        assert!(output.status.success(), "{args:?}: {output:?}");
        assert!(output.stderr.is_empty(), "what a command says is for whoever runs it: {output:?}");
        // At once: the command has ended.
        let fields = [("what", what), ("whom", whom), ("who", &*me), ("via", "command")];
        let line = read(&app, "audit.log").lines().last().expect("a line").to_owned();
        assert!(line.contains(&format!("what={what} ")), "{line}");
        wait_for(&app, &fields);
    }
    assert!(!app.stderr.text().contains("user_delete"));
    let output = app.command(&["users", "delete", "nobody", "--yes"], "");
    assert_eq!(output.status.code(), Some(1));
    run(&app, &["users", "list"], "");
    // What is not done is told, too, as over HTTP.
    for (args, what, reason, whom) in [
        (&["delete", "nobody", "--yes"][..], "user_delete", "unknown_user", "nobody"),
        (&["set-password", "nobody", "--password-stdin"], "password_set", "unknown_user", "nobody"),
        (&["disable", "nobody"], "user_disable", "unknown_user", "nobody"),
        (&["unlock", "nobody"], "user_unlock", "unknown_user", "nobody"),
        (&["set-scopes", "nobody", "me"], "scopes_change", "unknown_user", "nobody"),
        (&["rename", "johndoe", "carol"], "user_rename", "name_taken", "johndoe"),
        (&["add", "carol", "--password-stdin"], "user_create", "name_taken", "carol"),
    ] {
        let output = app.command(&[&["users"], args].concat(), &passwords);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        let refused = [("outcome", "refused"), ("reason", reason), ("via", "command")];
        wait_for(&app, &[&[("what", what), ("whom", whom)], &refused[..]].concat());
    }
}

/// Behind root stands whoever has become root.
#[test]
fn sudo_is_seen_through() {
    let is_root = system_user() == "root";
    let app = audited("");
    let mut command = bailiwick(app.folder());
    command.arg("--config").arg(app.folder().join("config.toml"));
    command.args(["users", "disable", "johndoe"]).env("SUDO_USER", "alice");
    assert!(command.status().expect("it runs").success());
    let who = if is_root { "alice".to_owned() } else { system_user() };
    wait_for(&app, &[("what", "user_disable"), ("who", &who)]);
}

/// The log's other files and streams are the server's.
#[test]
fn a_command_writes_nothing_but_its_audit_line() {
    let folder = TempDir::new().expect("a folder");
    let all = format!(
        "{LOG}\n[handlers.access]\nfile = \"access.log\"\n[loggers.\"bailiwick.access\"]\nhandlers = [\"access\"]\n"
    );
    fs::write(folder.path().join("log.toml"), all).expect("written");
    let output = crate::harness::run(
        bailiwick(folder.path()).args([
            "--log-config",
            "log.toml",
            "users",
            "add",
            "bob",
            "--password-stdin",
        ]),
        &format!("{PASSWORD}\n"),
    );
    assert!(output.status.success(), "{output:?}");
    let mut files: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    files.sort();
    assert_eq!(files, ["audit.json", "audit.log", "data", "log.toml"]);
}

/// A change that cannot be audited is not made.
#[test]
fn without_its_file_nothing_is_changed() {
    let app = audited("");
    fs::remove_file(app.folder().join("audit.log")).expect("removed");
    fs::create_dir(app.folder().join("audit.log")).expect("a folder in its place");
    let output = app.command(&["users", "delete", "johndoe", "--yes"], "");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("handlers.text.file") && said.contains("audit.log"), "{said}");
    run(&app, &["users", "show", "johndoe"], "");
}

#[test]
fn a_restored_database_is_told() {
    let mut app = audited("");
    run(&app, &["db", "backup", "backup.db"], "");
    stop(&mut app);
    fs::write(app.folder().join("junk.db"), "junk").expect("written");
    let output = app.command(&["db", "restore", "junk.db"], "");
    assert!(!output.status.success());
    let what = ("what", "database_restore");
    wait_for(&app, &[what, ("outcome", "refused"), ("backup", "junk.db")]);
    run(&app, &["db", "restore", "backup.db"], "");
    wait_for(&app, &[what, ("outcome", "accepted"), ("backup", "backup.db")]);
}
