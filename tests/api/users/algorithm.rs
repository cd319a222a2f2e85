//! What new passwords are hashed with: argon2id, and a pepper.

use crate::clients::python_tool;
use crate::harness::{App, bailiwick, eventually, repository, run, run_tool};
use crate::people::{HASH, PASSWORD, admin, administered, can_log_in, import, log_in, server};
use crate::users::foreign::foreign_hashes;
use crate::users::passwords::{hash_in, stored_hash};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const PEPPER: &str = "0123456789abcdef0123456789abcdef";

#[test]
fn argon2id_hashes_are_those_of_the_real_library() {
    let app = administered("[passwords]\nalgorithm = \"argon2id\"\n");
    import(&app, &[json!({"username": "old", "hashed_password": HASH})]);
    let created = json!({"username": "new", "password": PASSWORD});
    assert_eq!(admin(&app, ("POST", "/users"), &created).status, 201);
    assert!(!can_log_in(&app, "old", "wrong-heron-42"));
    assert_eq!(stored_hash(&app, "old"), HASH, "a wrong password renews nothing");
    for name in ["old", "new"] {
        assert!(can_log_in(&app, name, PASSWORD), "{name}");
        let hash = stored_hash(&app, name);
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{name}: {hash}");
        foreign_hashes(&["check", PASSWORD, &hash]);
        assert!(can_log_in(&app, name, PASSWORD) && !can_log_in(&app, name, "wrong-heron-42"));
        assert_eq!(stored_hash(&app, name), hash, "once is enough");
    }
    assert!(!can_log_in(&app, "nobody", PASSWORD));
}

fn pepper_in(folder: &Path, text: &str, mode: u32) -> PathBuf {
    let path = folder.join("pepper");
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("a mode");
    path
}

/// A server on a database that outlives it.
fn on(database: &Path, passwords: &str) -> App {
    let database = database.display();
    let config = format!("[database]\nurl = 'sqlite:{database}'\n[passwords]\n{passwords}\n");
    server(&config).spawn()
}

#[test]
fn a_pepper_goes_into_every_new_hash_and_is_needed_from_then_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("users.db");
    let pepper = pepper_in(folder.path(), &format!("{PEPPER}\n"), 0o600);
    let with = format!("pepper_file = '{}'", pepper.display());

    let app = on(&database, &with);
    import(&app, &[json!({"username": "bob", "hashed_password": HASH})]);
    assert!(!can_log_in(&app, "bob", "wrong-heron-42"));
    assert_eq!(hash_in(&database, "bob"), HASH);
    assert!(can_log_in(&app, "bob", PASSWORD));
    let hash = hash_in(&database, "bob");
    assert!(hash.starts_with("pepper:") && hash.contains(":$2b$04$"), "{hash}");
    let script = repository("tests/clients/foreign_hashes.py");
    let mut python = python_tool("python");
    run_tool(python.arg(script).args(["check", PASSWORD, &hash]).env("PEPPER", PEPPER));
    assert!(can_log_in(&app, "bob", PASSWORD) && !can_log_in(&app, "bob", "wrong-heron-42"));
    assert_eq!(hash_in(&database, "bob"), hash, "once is enough");
    assert!(!(app.stdout.text() + &app.stderr.text()).contains(PEPPER));
    drop(app);

    let other = folder.path().join("other");
    fs::write(&other, "f".repeat(64)).expect("written");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).expect("a mode");
    for without in [String::new(), format!("pepper_file = '{}'", other.display())] {
        let app = on(&database, &without);
        for _ in 0..25 {
            let answer = log_in(&app, &[("username", "bob"), ("password", PASSWORD)]);
            assert_eq!(answer.status, 400, "{without}: it is not counted as a wrong one");
        }
        app.stderr.wait_for("what=login outcome=refused reason=unusable_hash");
        app.stderr
            .wait_for("bob: no password is accepted because the stored hash was made with an");
        assert_eq!(hash_in(&database, "bob"), hash);
    }
    let app = on(&database, &with);
    assert!(can_log_in(&app, "bob", PASSWORD), "with the pepper again");
    let set = app.command(&["users", "set-password", "bob", "--password-stdin"], "heron-lake-7");
    assert!(set.status.success(), "{set:?}");
    assert!(hash_in(&database, "bob").starts_with("pepper:"), "by a command as well");
    eventually("the new one", || can_log_in(&app, "bob", "heron-lake-7").then_some(()));
}

#[test]
fn a_pepper_that_is_none_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    for (text, mode, says) in [
        (&PEPPER[1..], 0o600, "expected 32 to 4096 bytes"),
        (PEPPER, 0o602, "everyone can write it"),
        ("", 0o600, "expected 32 to 4096 bytes"),
    ] {
        let pepper = pepper_in(folder.path(), text, mode);
        for command in [&["check-config"][..], &[], &["users", "list"]] {
            let mut command = {
                let mut it = bailiwick(folder.path());
                it.args(command).env("BAILIWICK__PASSWORDS__PEPPER_FILE", &pepper);
                it
            };
            let output = run(&mut command, "");
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success(), "{command:?}: {said}");
            assert!(said.contains("passwords.pepper_file") && said.contains(says), "{said}");
            assert!(!said.contains(&PEPPER[1..]), "{said}");
        }
    }
}
