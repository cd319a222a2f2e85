//! `bailiwick db`.

use crate::harness::{eventually, run, run_tool};
use crate::postgres::shared;
use crate::{add, command, done, fails, prepared, python, python_on};
use serde_json::Value;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;
use tempfile::TempDir;

/// More than a batch.
const USERS: usize = 2_345;
const HASH: &str = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";

/// A folder with a SQLite database of many users of all kinds.
fn filled() -> (TempDir, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("from.db").display());
    let mut lines = String::new();
    for at in 0..USERS {
        let (disabled, scopes) = (at % 3 == 0, ["[]", r#"["me"]"#, r#"["items", "me"]"#][at % 3]);
        writeln!(
            lines,
            r#"{{"username": "usér{at}", "email": "{at}@example.com", "disabled": {disabled}, "hashed_password": "{HASH}", "scopes": {scopes}}}"#
        )
        .expect("a string takes it");
    }
    done(folder.path(), &url, &["users", "import", "-"], &lines);
    (folder, url)
}

fn users(folder: &Path, url: &str) -> String {
    done(folder, url, &["users", "list", "--json"], "")
}

#[test]
fn everything_moves_to_postgresql_and_back() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let postgres = shared().url(&shared().database());
    let back = format!("sqlite:{}", folder.join("back.db").display());
    let there = done(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", &postgres], "");
    assert!(there.starts_with(&format!("{USERS} users copied, checksum ")), "{there}");
    let here = done(folder, &sqlite, &["db", "copy", "--from", &postgres, "--to", &back], "");
    assert_eq!(there, here);
    let all = users(folder, &sqlite);
    assert_eq!(users(folder, &postgres), all);
    assert_eq!(users(folder, &back), all);

    let checksum = there.split("checksum ").last().unwrap().trim();
    for url in [&sqlite, &postgres, &back] {
        let sound = done(folder, url, &["db", "check"], "");
        assert_eq!(sound, format!("{USERS} users, checksum {checksum}: sound\n"));
    }
    for target in [&postgres, &back] {
        let line = fails(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", target]);
        assert!(line.contains("already holds users"), "{line}");
    }
}

/// A user has the same id in every copy, and one who has a deleted user's name is known as such.
#[test]
fn ids_and_former_names_move_as_well() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let database = shared().database();
    let postgres = shared().url(&database);
    let back = folder.join("back.db");
    let there = format!("sqlite:{}", back.display());
    let file = folder.join("from.db");
    let delete = "DELETE FROM users WHERE username < 'usér2'";
    python_on(&file, &format!("database.execute(\"{delete}\")\ndatabase.commit()"));
    done(folder, &sqlite, &["users", "rename", "usér2", "renamed"], "");
    done(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", &postgres], "");
    done(folder, &sqlite, &["db", "copy", "--from", &postgres, "--to", &there], "");
    for (table, name) in [("former_names", "name"), ("users", "username")] {
        let all = format!("SELECT string_agg({name} || id, ' ' ORDER BY {name}, id) FROM {table}");
        let each = format!("SELECT {name} || id FROM {table} ORDER BY {name}, id");
        let print = format!("print(*(name for name, in database.execute('{each}')))");
        let names = |file: &Path| {
            let output = python(file, &print).output().expect("python");
            String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
        };
        let before = names(&file);
        assert!(before.split(' ').count() > 1_000, "{before}");
        assert_eq!(shared().sql(&database, &all), before);
        assert_eq!(names(&back), before);
    }
}

#[test]
fn a_failed_copy_leaves_nothing() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let database = shared().database();
    let postgres = shared().url(&database);
    done(folder, &postgres, &["users", "import", "-"], "");
    // The last batch violates it.
    shared().sql(&database, "ALTER TABLE users ADD CHECK (username < 'usér9')");
    let line = fails(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", &postgres]);
    assert!(line.contains("violates check constraint"), "{line}");
    assert_eq!(shared().sql(&database, "SELECT count(*) FROM users"), "0");
    shared().sql(&database, "ALTER TABLE users DROP CONSTRAINT users_username_check");
    done(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", &postgres], "");
}

/// Count and checksum are compared before the copy becomes final.
#[test]
fn a_copy_that_differs_leaves_nothing() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let database = shared().database();
    let postgres = shared().url(&database);
    done(folder, &postgres, &["users", "import", "-"], "");
    let other = "CREATE FUNCTION other() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN NEW.email := lower(NEW.username); RETURN NEW; END $$;
        CREATE TRIGGER other BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.username = 'usér7')
        EXECUTE FUNCTION other()";
    shared().sql(&database, other);
    let line = fails(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", &postgres]);
    assert!(line.contains("the copy differs from the original"), "{line}");
    assert_eq!(shared().sql(&database, "SELECT count(*) FROM users"), "0");
}

/// Whenever it is killed, the target holds all or nothing, and in the end everything.
#[test]
fn a_killed_copy_can_be_started_again() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let postgres = shared().url(&shared().database());
    let file = format!("sqlite:{}", folder.join("to.db").display());
    for target in [&postgres, &file] {
        let copy = ["db", "copy", "--from", &sqlite, "--to", target];
        done(folder, target, &["users", "import", "-"], "");
        let mut killed = 0;
        for _ in 0..6 {
            let mut copying = prepared(folder, &sqlite, &copy).spawn().expect("it starts");
            thread::sleep(Duration::from_millis(rand::random_range(20..700)));
            drop(copying.kill());
            let ended = copying.wait().expect("a child");
            let there: Vec<Value> = serde_json::from_str(&users(folder, target)).expect("JSON");
            assert!([0, USERS].contains(&there.len()), "{} users", there.len());
            if !there.is_empty() {
                break;
            }
            assert!(!ended.success());
            killed += 1;
        }
        println!("{killed} copies killed");
        if serde_json::from_str::<Vec<Value>>(&users(folder, target)).expect("JSON").is_empty() {
            done(folder, &sqlite, &copy, "");
        }
        assert_eq!(users(folder, target), users(folder, &sqlite));
    }
}

/// A million users take longer than any request may: here each batch and each query is slow.
#[test]
fn commands_on_whole_databases_are_not_limited_as_requests_are() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let database = shared().database();
    let postgres = shared().url(&database);
    done(folder, &postgres, &["users", "import", "-"], "");
    let slow = "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(2.5); RETURN NULL; END $$;
        CREATE TRIGGER slow AFTER INSERT ON users EXECUTE FUNCTION slow()";
    shared().sql(&database, slow);
    let limited = |args: &[&str], stdin: &str| {
        let mut command = prepared(folder, &postgres, args);
        let output = run(command.env("BAILIWICK__DATABASE__STATEMENT_TIMEOUT", "1"), stdin);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let analyzed = || {
        let last = "SELECT max(last_analyze) FROM pg_stat_user_tables WHERE relname = 'users'";
        shared().sql(&database, last)
    };
    let before = analyzed();
    let copied = limited(&["db", "copy", "--from", &sqlite, "--to", &postgres], "");
    assert!(copied.starts_with(&format!("{USERS} users copied")), "{copied}");
    let between = eventually("ANALYZE", || Some(analyzed()).filter(|last| *last != before));
    let line = format!(r#"{{"username": "one", "hashed_password": "{HASH}"}}"#);
    assert_eq!(limited(&["users", "import", "-"], &line), "1 added, 0 skipped\n");
    eventually("ANALYZE", || Some(analyzed()).filter(|last| *last != between));

    // Another session holds the table.
    let mut holding = shared().psql(&database, "BEGIN; LOCK TABLE users; SELECT pg_sleep(4)");
    let mut holding = holding.stdout(Stdio::null()).spawn().expect("psql starts");
    let locked = "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database
        WHERE datname = current_database() AND mode = 'AccessExclusiveLock' AND granted";
    eventually("the lock", || (shared().sql(&database, locked) == "1").then_some(()));
    let sound = limited(&["db", "check"], "");
    assert!(sound.starts_with(&format!("{} users", USERS + 1)), "{sound}");
    assert!(holding.wait().expect("a child").success());
}

/// `script` gives it a terminal.
#[test]
fn a_bar_is_drawn_on_a_terminal_and_nowhere_else() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let to = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let copy =
        command(folder, &sqlite, &["db", "copy", "--from", &sqlite, "--to", &to("a.db")], "");
    assert!(copy.status.success() && copy.stderr.is_empty(), "{copy:?}");
    let shell =
        format!("exec \"$0\" --config command.toml db copy --from {sqlite} --to {}", to("b.db"));
    let bailiwick = env!("CARGO_BIN_EXE_bailiwick");
    let typed = format!("sh -c '{shell}' {bailiwick}");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &typed, "/dev/null"]).current_dir(folder);
    let seen = run_tool(script.env("TERM", "xterm"));
    assert!(seen.contains(&format!("of {USERS} users")), "{seen:?}");
    assert!(seen.contains(&format!("{USERS} users copied, checksum ")), "{seen:?}");
}

#[test]
fn wrong_sources_and_targets_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let absent = format!("sqlite:{}", folder.join("absent.db").display());
    let to = format!("sqlite:{}", folder.join("to.db").display());
    for (from, to, says) in [
        (absent.as_str(), to.as_str(), "there is no such file"),
        ("mysql://me:swordfish@h/d", &to, "flag --from: expected sqlite:PATH, postgres://"),
        (&absent, "postgres://db/users?sslmod=require", "flag --to: expected"),
    ] {
        let line = fails(folder, &absent, &["db", "copy", "--from", from, "--to", to]);
        assert!(line.contains(says), "{says}: {line}");
    }
    assert!(fails(folder, &absent, &["db", "check"]).contains("there is no such file"));
    assert!(!folder.join("absent.db").exists());
}

#[test]
fn a_backup_is_the_whole_database() {
    let (folder, sqlite) = filled();
    let folder = folder.path();
    let file = folder.join("backup.db");
    let name = file.to_str().unwrap();
    assert!(done(folder, &sqlite, &["db", "backup", name], "").contains("backup.db: written"));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    add(folder, &sqlite, "later", &[]);
    let backup = format!("sqlite:{name}");
    assert!(done(folder, &backup, &["db", "check"], "").starts_with(&format!("{USERS} users")));
    let line = fails(folder, &sqlite, &["db", "backup", name]);
    assert!(line.contains("backup.db: cannot be written: the file is there already"), "{line}");
    let line = fails(folder, &sqlite, &["db", "backup", "/absent/backup.db"]);
    assert!(line.contains("/absent/backup.db: cannot be written"), "{line}");
    let line = fails(folder, &shared().url(&shared().database()), &["db", "backup", "x"]);
    assert!(line.contains("pg_dump"), "{line}");
}

/// A running backup: its process, and the file it writes.
fn under_way(folder: &Path, sqlite: &str, name: &str) -> (Child, PathBuf) {
    let mut command = prepared(folder, sqlite, &["db", "backup", name]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let open = format!("/proc/{}/fd", child.id());
    let part = eventually("a backup to be written", || {
        let files = std::fs::read_dir(&open).ok()?.flatten();
        let mut files = files.filter_map(|file| std::fs::read_link(file.path()).ok());
        let part = files.find(|file| file.extension().is_some_and(|end| end == "part"))?;
        (part.metadata().ok()?.len() > 0).then_some(part)
    });
    (child, part)
}

/// Files of running and killed backups in a folder.
fn parts(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten();
    let parts = entries.map(|entry| entry.path());
    parts.filter(|path| path.to_string_lossy().contains(".part")).collect()
}

/// A database whose copy takes a moment.
fn large() -> (TempDir, String) {
    let (folder, sqlite) = filled();
    let grow =
        "with database: database.execute(\"UPDATE users SET full_name = hex(zeroblob(10000))\")";
    python_on(&folder.path().join("from.db"), grow);
    (folder, sqlite)
}

#[test]
fn a_killed_backup_blocks_no_later_one() {
    let (folder, sqlite) = large();
    let folder = folder.path();
    for _ in 0..3 {
        let (mut child, part) = under_way(folder, &sqlite, "night.db");
        child.kill().expect("it runs");
        child.wait().expect("a child");
        assert!(part.exists() && !folder.join("night.db").exists(), "it was killed too late");
    }
    // As left by other programs, and by other files with the same name.
    for left in ["night.db.part", "night.db-journal", "night.db-wal", "bailiwick-backup-x.part"] {
        std::fs::write(folder.join(left), "left").unwrap();
    }
    done(folder, &sqlite, &["db", "backup", "night.db"], "");
    let backup = format!("sqlite:{}", folder.join("night.db").display());
    let sound = done(folder, &backup, &["db", "check"], "");
    assert_eq!(sound, done(folder, &sqlite, &["db", "check"], ""));
    let mut others = parts(folder);
    others.sort();
    let names = ["bailiwick-backup-x.part", "night.db.part"];
    assert_eq!(others, names.map(|name| folder.join(name)), "what is not ours stays");
}

#[test]
fn two_backups_at_once_do_not_collide() {
    let (folder, sqlite) = large();
    let folder = folder.path();
    let signal = |child: &Child, name: &str| {
        run_tool(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]));
    };
    for (slow, quick, is_done) in [("a.db", "b.db", true), ("c.db", "c.db", false)] {
        let (child, part) = under_way(folder, &sqlite, slow);
        signal(&child, "STOP");
        assert!(part.exists(), "it was stopped too late");
        done(folder, &sqlite, &["db", "backup", quick], "");
        assert!(part.exists(), "somebody is at work on it");
        signal(&child, "CONT");
        let ended = child.wait_with_output().expect("a child");
        let line = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.success(), is_done, "{line}");
        assert!(is_done || line.contains("c.db: cannot be written"), "{line}");
        for name in [slow, quick] {
            let backup = format!("sqlite:{}", folder.join(name).display());
            let sound = done(folder, &backup, &["db", "check"], "");
            assert!(sound.starts_with(&format!("{USERS} users")), "{sound}");
        }
    }
    assert_eq!(parts(folder), Vec::<PathBuf>::new());
}

#[test]
fn a_damaged_file_is_reported() {
    let (folder, sqlite) = filled();
    let path = folder.path().join("from.db");
    done(folder.path(), &sqlite, &["db", "check"], "");
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 5_000].fill(0xa5);
    std::fs::write(&path, bytes).unwrap();
    let output = command(folder.path(), &sqlite, &["db", "check"], "");
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert!(line.lines().count() == 1 && line.contains("damaged"), "{line}");
}
