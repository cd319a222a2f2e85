//! Backups restored over databases that are live, crashed, damaged or missing.

use crate::harness::{App, bailiwick, eventually, repository, run_tool};
use crate::postgres::{Server, shared, unprivileged};
use crate::{
    PASSWORD, SERVE, add, command, config, done, fails, prepared, python, python_on, serve,
};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use tempfile::TempDir;

const URL: &str = "sqlite:users.db";

/// More than a page of the file, and more than a batch.
const LATER: usize = 3_000;

/// A database with `jane`, its backup `night.db`, and many later users.
fn backed_up() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    add(folder.path(), URL, "jane", &["me"]);
    done(folder.path(), URL, &["db", "backup", "night.db"], "");
    add_later(folder.path(), "");
    folder
}

/// Adds users with another program that ends with `last`.
fn add_later(folder: &Path, last: &str) {
    let ids = if last.is_empty() { 1 } else { 1 + LATER };
    let code = format!(
        "hash = database.execute('SELECT password_hash FROM users').fetchone()[0]
database.executemany('''INSERT INTO users
    (username, email, full_name, disabled, password_hash, created_at, updated_at, id)
    VALUES (?, NULL, ?, 0, ?, 1, 1, ?)''',
    [(f'later{{at}}{last:.1}', 'x' * 100, hash, at + {ids}) for at in range({LATER})])
database.commit()
{last}"
    );
    python(&folder.join("users.db"), &code).status().expect("python3");
}

/// Leaves what a crash leaves: a log with changes that are not in the file yet.
fn crash(folder: &Path) {
    add_later(folder, "import os; os.kill(os.getpid(), 9)");
    assert!(fs::metadata(folder.join("users.db-wal")).expect("a log").len() > 100_000);
}

fn users(folder: &Path, url: &str) -> usize {
    let sound = done(folder, url, &["db", "check"], "");
    sound.split(' ').next().and_then(|count| count.parse().ok()).expect("a number")
}

fn restore(folder: &Path, backup: &str) -> String {
    done(folder, URL, &["db", "restore", backup], "")
}

#[test]
fn a_backup_is_restored_over_a_crashed_database() {
    let folder = backed_up();
    let folder = folder.path();
    crash(folder);
    let said = restore(folder, "night.db");
    assert!(said.contains("users.db: restored, 1 users; the database from before is"), "{said}");
    assert_eq!(users(folder, URL), 1);
    let app = App::bare().config(&config(URL)).spawn_in(linked(folder));
    app.login("jane", PASSWORD, "me");
    drop(app);
    // The previous one is complete, including its log.
    assert_eq!(users(folder, "sqlite:users.db.replaced"), 1 + 2 * LATER);
    restore(folder, "users.db.replaced");
    assert_eq!(users(folder, URL), 1 + 2 * LATER);
    assert_eq!(users(folder, "sqlite:users.db.replaced.2"), 1);
    assert_eq!(users(folder, "sqlite:night.db"), 1, "the backup stays as it is");
}

/// A separate folder whose database is a link to this one's.
fn linked(folder: &Path) -> TempDir {
    let other = tempfile::tempdir().expect("a temporary folder");
    symlink(folder.join("users.db"), other.path().join("users.db")).expect("a link");
    other
}

/// What people do instead of `db restore`: the old database's log is applied to the copy.
#[test]
fn a_start_refuses_a_backup_copied_over_a_database() {
    let folder = backed_up();
    let folder = folder.path();
    crash(folder);
    let log = fs::read(folder.join("users.db-wal")).unwrap();
    fs::copy(folder.join("night.db"), folder.join("users.db")).unwrap();
    for _ in 0..2 {
        let line = fails(folder, URL, &SERVE);
        for part in ["users.db: is damaged", "bailiwick db restore FILE", ".recover"] {
            assert!(line.contains(part), "{line}");
        }
    }
    assert!(fs::read(folder.join("users.db-wal")).unwrap() == log, "it was not played");
    restore(folder, "night.db");
    serve_and_stop(folder);
    assert_eq!(users(folder, URL), 1);
}

fn serve_and_stop(folder: &Path) {
    let url = format!("sqlite:{}", folder.join("users.db").display());
    serve(&url).login("jane", PASSWORD, "me");
}

/// In the middle, at the beginning and at the end; and a file that is no longer a database.
#[test]
fn a_start_refuses_a_damaged_file() {
    for (at, says) in [(0, "is not a SQLite database"), (2, "is damaged"), (9, "is damaged")] {
        let folder = backed_up();
        let folder = folder.path();
        let file = folder.join("users.db");
        let mut bytes = fs::read(&file).unwrap();
        let start = bytes.len() / 10 * at;
        bytes[start..start + 9_000].fill(0xa5);
        fs::write(&file, bytes).unwrap();
        let line = fails(folder, URL, &SERVE);
        assert!(line.contains(says) && line.contains("bailiwick db restore FILE"), "{line}");
        restore(folder, "night.db");
        assert_eq!(users(folder, URL), 1);
    }
}

#[test]
fn nothing_is_restored_while_the_database_is_open() {
    let folder = backed_up();
    let folder = folder.path();
    let count = users(folder, URL);
    let url = format!("sqlite:{}", folder.join("users.db").display());
    // Found by its control socket, even while its workers rest.
    let mut app = serve(&url);
    for rest in [false, true] {
        if rest {
            app.command(&["ctl", "rest"], "");
        }
        let output = app.command(&["db", "restore", "night.db"], "");
        let line = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success()
                && line.contains("a server is running with this configuration"),
            "{line}"
        );
    }
    app.command(&["ctl", "wake"], "");
    eventually("the workers", || app.command(&["health"], "").status.success().then_some(()));
    // A server with another configuration; another name of the file hides nothing.
    symlink(folder.join("users.db"), folder.join("link.db")).unwrap();
    for url in [URL, "sqlite:link.db"] {
        let line = fails(folder, url, &["db", "restore", "night.db"]);
        assert!(line.contains("uses it") && line.contains("nothing was restored"), "{line}");
    }
    app.signal("TERM");
    app.wait();
    // Another program.
    let code = "database.execute('SELECT count(*) FROM users').fetchone()
print('open', flush=True)
sys.stdin.read()";
    let mut other = python(&folder.join("users.db"), code);
    let mut other = other.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let line = fails(folder, URL, &["db", "restore", "night.db"]);
    assert!(line.contains("uses it"), "{line}");
    drop(other.stdin.take());
    other.wait().unwrap();
    assert_eq!(users(folder, URL), count);
    // A link stays a link.
    done(folder, "sqlite:link.db", &["db", "restore", "night.db"], "");
    assert!(folder.join("link.db").is_symlink());
    assert_eq!(users(folder, URL), 1);
}

#[test]
fn a_bad_backup_is_refused_and_nothing_changes() {
    let folder = backed_up();
    let folder = folder.path();
    let count = users(folder, URL);
    let mut bytes = fs::read(folder.join("users.db")).unwrap();
    let half = bytes.len() / 2;
    bytes[half..half + 9_000].fill(0xa5);
    fs::write(folder.join("damaged.db"), bytes).unwrap();
    fs::write(folder.join("text"), "no database\n".repeat(999)).unwrap();
    python_on(&folder.join("other.db"), "database.execute('CREATE TABLE orders (id)')");
    fs::copy(folder.join("night.db"), folder.join("newer.db")).unwrap();
    python_on(
        &folder.join("newer.db"),
        "database.executescript(\"\"\"INSERT INTO _sqlx_migrations
             SELECT 1001, 'later', installed_on, success, checksum, 0 FROM _sqlx_migrations
             WHERE version = 1; UPDATE schema_needs SET migration = 1001\"\"\")",
    );
    symlink("users.db", folder.join("itself.db")).unwrap();
    for (backup, says) in [
        ("damaged.db", "damaged.db: is damaged"),
        ("text", "text: is not a SQLite database"),
        ("other.db", "other.db: belongs to another program"),
        ("newer.db", "cannot use (migration 1001)"),
        ("absent.db", "absent.db: cannot be read"),
        (".", "is not a regular file"),
        ("users.db", "is the database itself"),
        ("itself.db", "is the database itself"),
    ] {
        let line = fails(folder, URL, &["db", "restore", backup]);
        assert!(line.contains(says), "{backup}: {line}");
        assert_eq!(users(folder, URL), count, "{backup}");
    }
    let left = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let left = left.filter(|path| path.to_string_lossy().contains("part"));
    assert_eq!(left.collect::<Vec<_>>(), Vec::<PathBuf>::new());
    assert!(!folder.join("users.db.replaced").exists());
    let output = command(folder, &shared().url(&shared().database()), &["db", "restore", "x"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pg_restore"));
}

#[test]
fn a_restored_file_is_new_and_keeps_the_old_ones_owner() {
    let folder = backed_up();
    let folder = folder.path();
    let file = folder.join("users.db");
    let (user, group) = unprivileged().unwrap_or_else(|| {
        let own = file.metadata().unwrap();
        (own.uid(), own.gid())
    });
    chown(&file, Some(user), Some(group)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    restore(folder, "night.db");
    let like = |file: &Path| {
        let it = file.metadata().unwrap();
        (it.uid(), it.gid(), it.mode() & 0o777)
    };
    assert_eq!(like(&file), (user, group, 0o640));
    // On a new machine: no file, no folder.
    let new = folder.join("new");
    let backup = folder.join("night.db");
    let mut command = bailiwick(&new);
    command.current_dir(folder).args(["db", "restore"]).arg(&backup);
    let said = run_tool(&mut command);
    assert!(said.ends_with("bailiwick.db: restored, 1 users\n"), "{said}");
    assert_eq!(like(&new.join("data/bailiwick.db")).2, 0o600);
}

/// Whenever it is killed, one of the databases is in place, or a start says what to do.
#[test]
fn a_killed_restore_can_be_run_again() {
    let folder = backed_up();
    let folder = folder.path();
    let count = users(folder, URL);
    let entries = |part: &str| {
        let names = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.file_name());
        names.filter(|name| name.to_string_lossy().contains(part)).count()
    };
    let (mut killed, mut later) = (0, 0);
    for round in 0..8 {
        // While the copy is written, and once the database has lost its name.
        let sign = [".part", ".replaced"][round % 2];
        let before = entries(sign);
        let mut child = prepared(folder, URL, &["db", "restore", "night.db"]);
        let mut child = child.stdout(Stdio::null()).spawn().expect("it starts");
        while entries(sign) == before && child.try_wait().expect("a child").is_none() {
            thread::yield_now();
        }
        drop(child.kill());
        killed += u32::from(!child.wait().expect("a child").success());
        let line = command(folder, URL, &["db", "check"], "");
        if line.status.success() {
            let now = users(folder, URL);
            assert!([1, count].contains(&now), "{now} users");
            later += u32::from(now == count);
        } else {
            let line = String::from_utf8_lossy(&line.stderr).into_owned();
            assert!(line.contains("its restore was interrupted"), "{line}");
        }
    }
    println!("{killed} of 8 killed, {later} times nothing was replaced");
    // As left by a restore killed in between.
    restore(folder, "night.db");
    fs::rename(folder.join("users.db"), folder.join("users.db.replaced")).unwrap();
    for args in [&SERVE[..], &["users", "list"], &["users", "import", "-"]] {
        let line = fails(folder, URL, args);
        assert!(line.contains("its restore was interrupted"), "{args:?}: {line}");
        assert!(!folder.join("users.db").exists());
    }
    restore(folder, "night.db");
    assert_eq!(users(folder, URL), 1);
    let parts = fs::read_dir(folder).unwrap().flatten();
    assert!(!parts.into_iter().any(|it| it.path().extension().is_some_and(|end| end == "part")));
}

/// The commands of the guide below a heading.
fn commands(heading: &str) -> Vec<String> {
    let text = fs::read_to_string(repository("src/guide/maintenance.md")).expect("the guide");
    let (_, chapter) = text.split_once(&format!("\n{heading}\n")).expect("the heading");
    let chapter = chapter.split("\n#").next().unwrap_or_default();
    let blocks = chapter.split("```sh by-hand\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap_or_default().to_owned()).collect()
}

/// Runs them in a folder where `bailiwick` is this binary, for this database.
fn paste(folder: &Path, url: &str, commands: &str, server: Option<&Server>) {
    fs::write(folder.join("bailiwick.toml"), config(url)).expect("done");
    let programs = folder.join("programs");
    fs::create_dir_all(&programs).expect("done");
    let program = programs.join("bailiwick");
    let script = format!(
        "#!/bin/sh\nexec {} --config bailiwick.toml \"$@\"\n",
        env!("CARGO_BIN_EXE_bailiwick")
    );
    fs::write(&program, script).expect("done");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("done");
    let mut path =
        std::env::split_paths(&std::env::var_os("PATH").expect("done")).collect::<Vec<_>>();
    path.insert(0, programs);
    path.insert(1, crate::postgres::programs());
    let mut shell = Command::new("sh");
    shell.args(["-euc", commands]).current_dir(folder);
    shell.env("PATH", std::env::join_paths(path).expect("done"));
    if let Some(server) = server {
        shell.envs([("PGHOST", "127.0.0.1"), ("PGUSER", "postgres")]);
        shell.envs([("PGPASSWORD", crate::postgres::PASSWORD)]);
        shell.env("PGPORT", server.port.to_string());
    }
    run_tool(&mut shell);
}

#[test]
fn the_guides_commands_restore_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    let [back_up, restore] = &commands("## SQLite")[..] else { panic!("two blocks") };
    the_guides_commands_restore(folder.path(), &url, (back_up, restore), None);
}

#[test]
fn the_guides_commands_restore_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    shared().sql("postgres", "CREATE DATABASE bailiwick");
    let url = shared().url("bailiwick");
    let [back_up, restore] = &commands("## PostgreSQL")[..] else { panic!("two blocks") };
    the_guides_commands_restore(folder.path(), &url, (back_up, restore), Some(shared()));
}

fn the_guides_commands_restore(
    folder: &Path,
    url: &str,
    (back_up, restore): (&str, &str),
    server: Option<&Server>,
) {
    add(folder, url, "jane", &["me"]);
    let mut app = serve(url);
    let token = app.login("jane", PASSWORD, "me");
    paste(folder, url, back_up, server);
    done(folder, url, &["users", "delete", "jane", "--yes"], "");
    add(folder, url, "joe", &["me"]);
    app.signal("TERM");
    app.wait();
    paste(folder, url, restore, server);
    let app = serve(url);
    // What has ended since must not count again.
    assert_eq!(app.get_as("/users/me", &token).status, 401);
    let token = app.login("jane", PASSWORD, "me");
    assert_eq!(app.get_as("/users/me", &token).status, 200);
    let list = done(folder, url, &["users", "list", "--json"], "");
    assert!(list.contains("jane") && !list.contains("joe"), "{list}");
}

/// Whatever was ended since the backup, and however often the same backup is restored.
#[test]
fn a_restored_database_ends_all_tokens_unless_told_to_keep_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = format!("sqlite:{}", folder.join("users.db").display());
    let secret = "[tokens]\nsecret = \"a-signing-secret-of-these-very-tests\"\n";
    let serve = || App::bare().config(&config(&url)).config(secret).spawn();
    add(folder, &url, "jane", &["me"]);
    let mut tokens = vec![serve().login("jane", PASSWORD, "me")];
    done(folder, &url, &["db", "backup", "night.db"], "");
    let statuses = |tokens: &[String]| -> Vec<u16> {
        let app = serve();
        tokens.iter().map(|token| app.get_as("/users/me", token).status).collect()
    };
    done(folder, &url, &["users", "sign-out", "jane"], "");
    tokens.push(serve().login("jane", PASSWORD, "me"));
    assert_eq!(statuses(&tokens), [401, 200]);
    for round in 0..2 {
        done(folder, &url, &["db", "restore", "night.db"], "");
        assert!(statuses(&tokens).iter().all(|status| *status == 401), "round {round}");
        tokens.push(serve().login("jane", PASSWORD, "me"));
        assert_eq!(statuses(&tokens).last(), Some(&200), "round {round}");
        done(folder, &url, &["users", "sign-out", "jane"], "");
    }
    done(folder, &url, &["db", "restore", "night.db", "--keep-sessions"], "");
    assert_eq!(statuses(&tokens), [200, 401, 401, 401]);
}
