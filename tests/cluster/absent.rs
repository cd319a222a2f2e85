//! Missing databases, or another program's: nothing is created, nothing is changed.

use crate::harness::{bailiwick, run};
use crate::postgres::shared;
use crate::{SERVE, add, command, done, fails, python_on};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Commands that only read, or change existing data.
const LOOKING: [&[&str]; 9] = [
    &["users", "list"],
    &["users", "list", "--json"],
    &["users", "show", "jane"],
    &["users", "set-scopes", "jane", "me"],
    &["users", "disable", "jane"],
    &["users", "enable", "jane"],
    &["users", "delete", "jane", "--yes"],
    &["db", "check"],
    &["db", "backup", "backup.db"],
];

fn entries(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.file_name() != "command.toml")
        .map(|entry| {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect()
}

#[test]
fn reading_commands_create_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for url in ["", "sqlite:absent.db", "sqlite:///./absent.db", "sqlite:absent/users.db"] {
        for args in LOOKING {
            let line = fails(folder, url, args);
            let file = if url.is_empty() { "data/bailiwick.db" } else { "absent" };
            let absolute = folder.join(file).display().to_string();
            for part in [absolute.as_str(), "there is no such file", "database.url", "data_dir"] {
                assert!(line.contains(part), "{url} {args:?}: {part}: {line}");
            }
        }
    }
    for args in [&["check-config"][..], &["print-config"], &["openapi"]] {
        let mut command = bailiwick(folder);
        let output = run(command.args(args), "");
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
    assert!(entries(folder).is_empty(), "{:?}", entries(folder).keys());
    // A copy creates its target, but no data folder.
    done(folder, "sqlite:a.db", &["users", "import", "-"], "");
    fs::remove_dir_all(folder.join("data")).expect("made by a command that adds users");
    done(folder, "", &["db", "copy", "--from", "sqlite:a.db", "--to", "sqlite:b.db"], "");
    assert!(folder.join("b.db").exists() && !folder.join("data").exists());
}

#[test]
fn reading_commands_create_no_tables() {
    let folder = tempfile::tempdir().unwrap();
    let database = shared().database();
    let url = shared().url(&database);
    for args in &LOOKING[..8] {
        let line = fails(folder.path(), &url, args);
        for part in [&database, "there are no tables", "database.url"] {
            assert!(line.contains(part), "{args:?}: {line}");
        }
    }
    let to = format!("sqlite:{}", folder.path().join("to.db").display());
    let line = fails(folder.path(), &to, &["db", "copy", "--from", &url, "--to", &to]);
    assert!(line.contains("there is no such table"), "{line}");
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
    assert_eq!(shared().sql(&database, tables), "0");
    assert!(!folder.path().join("to.db").exists());
}

#[test]
fn a_path_is_what_sqlalchemy_makes_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let absolute = folder.path().join("four.db");
    for (url, file) in [
        ("sqlite:///one.db".to_owned(), "one.db"),
        ("sqlite:///./two.db".to_owned(), "two.db"),
        ("sqlite+aiosqlite:///three.db".to_owned(), "three.db"),
        (format!("sqlite:///{}", absolute.display()), "four.db"),
        ("sqlite:five.db".to_owned(), "five.db"),
        (format!("sqlite:{}", folder.path().join("six.db").display()), "six.db"),
    ] {
        done(folder.path(), &url, &["users", "import", "-"], "");
        assert!(folder.path().join(file).is_file(), "{url}");
    }
    assert!(!Path::new("/two.db").exists());
}

/// Other programs' files in every state; whatever is tried, no byte changes.
#[test]
fn another_programs_file_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (file, url) = (folder.join("other.db"), "sqlite:other.db");
    let killed = "\nimport os\nos.kill(os.getpid(), 9)";
    for (what, code) in [
        ("tables", "database.execute('CREATE TABLE orders (id)')"),
        ("a version", "database.execute('PRAGMA user_version = 7')"),
        ("a name", "database.execute('PRAGMA application_id = 1196444487')"),
        ("users", "database.execute('CREATE TABLE users (id)')"),
        (
            "migrations of the same tool",
            "database.execute('CREATE TABLE _sqlx_migrations (version INTEGER PRIMARY KEY)')",
        ),
        (
            "a log",
            "database.execute('PRAGMA journal_mode = WAL')\n\
             database.execute('CREATE TABLE orders (id)')",
        ),
        (
            "a log that was left behind",
            "database.execute('PRAGMA journal_mode = WAL')\n\
             database.execute('CREATE TABLE orders (id)')\nKILL",
        ),
    ] {
        let code = code.replace("\nKILL", killed);
        let mut python = Command::new("python3");
        let head = "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1])";
        python.args(["-c", &format!("{head}\n{code}")]).arg(&file);
        python.status().expect("python3");
        let before = entries(folder);
        for args in LOOKING.iter().chain(
            [
                &SERVE[..],
                &["users", "import", "-"],
                &["db", "copy", "--from", "sqlite:other.db", "--to", "sqlite:to.db"],
                &["db", "copy", "--from", "sqlite:mine.db", "--to", "sqlite:other.db"],
            ]
            .iter(),
        ) {
            if args.contains(&"sqlite:mine.db") {
                done(folder, "sqlite:mine.db", &["users", "import", "-"], "");
            }
            let line = fails(folder, url, args);
            assert!(
                line.contains("other.db") && line.contains("another program"),
                "{what}: {line}"
            );
            let mut after = entries(folder);
            // A log's index is recreated by any process that opens it.
            after.retain(|name, _| before.contains_key(name) && !name.ends_with("-shm"));
            let mut before = before.clone();
            before.retain(|name, _| !name.ends_with("-shm"));
            assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
            assert!(after == before, "{what}: {args:?}");
        }
        for name in entries(folder).keys() {
            drop(fs::remove_file(folder.join(name)));
        }
    }
}

/// An empty file may be prepared by an administrator, with owner and mode.
#[test]
fn an_empty_file_is_used() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("new.db"), "").unwrap();
    add(folder.path(), "sqlite:new.db", "jane", &["me"]);
    python_on(&folder.path().join("vacuumed.db"), "database.execute('VACUUM')");
    add(folder.path(), "sqlite:vacuumed.db", "jane", &["me"]);
}

/// The tables are still in the log when the process that wrote them is killed.
#[test]
fn an_own_log_that_was_left_behind_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut app = crate::serve("sqlite:users.db");
    let output = app.command(&["users", "import", "-"], "");
    assert!(output.status.success(), "{output:?}");
    app.signal("KILL");
    app.wait();
    for name in ["users.db", "users.db-wal"] {
        let from = app.folder().join(name);
        if from.exists() {
            fs::copy(from, folder.path().join(name)).expect("copied");
        }
    }
    assert_eq!(done(folder.path(), "sqlite:users.db", &["users", "list", "--json"], ""), "[]\n");
}

#[test]
fn a_file_that_is_no_database_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    fs::write(folder.join("text"), "not a database\n".repeat(99)).unwrap();
    fs::create_dir(folder.join("folder")).unwrap();
    let pipe = Command::new("mkfifo").arg(folder.join("pipe")).status();
    assert!(pipe.expect("mkfifo").success());
    std::os::unix::fs::symlink("nowhere", folder.join("link")).unwrap();
    for (url, says) in [
        ("sqlite:text", "is not a SQLite database"),
        ("sqlite:folder", "is a folder"),
        ("sqlite:pipe", "is not a regular file"),
        ("sqlite:/dev/null", "is not a regular file"),
        ("sqlite:/proc/version", "cannot be"),
        ("sqlite:text/users.db", "Not a directory"),
    ] {
        for args in [&["users", "list"][..], &["db", "check"], &["users", "import", "-"], &SERVE] {
            let line = fails(folder, url, args);
            assert!(line.contains(says), "{url} {args:?}: {line}");
        }
    }
    assert!(fails(folder, "sqlite:absent/users.db", &SERVE).contains("no folder absent"));
    assert!(fails(folder, "sqlite:link", &["users", "list"]).contains("there is no such file"));
    assert!(fails(folder, "sqlite:link", &SERVE).contains("cannot be found"));
    let output = command(folder, "sqlite:text", &["users", "list"], "");
    assert_eq!(output.status.code(), Some(1));
}
