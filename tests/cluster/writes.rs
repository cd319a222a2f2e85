//! The database takes no writes: the server says so, reads continue, and nothing is half-written.

use crate::harness::{App, Lines, Response, eventually};
use crate::postgres::Server;
use crate::{PASSWORD, add, config, done, limit_files, postmaster, python, serve};
use serde_json::{Value, json};
use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Command, Stdio};

/// A server that has written once, with an administrator's token.
struct Writer {
    app: App,
    token: String,
}

impl Writer {
    fn start(app: App) -> Self {
        let token = app.login("admin", PASSWORD, "users:read users:write");
        Self { app, token }
    }

    fn send(&self, (method, path): (&str, &str), body: &Value) -> Response {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        self.app.send(method, path, &headers, &body.to_string())
    }

    /// Everything stored about all users except those that fill the disk.
    fn users(&self) -> Value {
        let mut page = self.app.get_as("/users?limit=50", &self.token).json();
        page.as_object_mut().expect("a page").remove("next");
        page
    }

    /// Checks that every write is refused, reads and logins work, and nothing has changed.
    fn is_refused(&self, what: &str) {
        let before = self.users();
        let writes = [
            (
                ("POST", "/users"),
                json!({"username": "bob", "password": PASSWORD, "scopes": ["me"]}),
            ),
            (("PATCH", "/users/jane"), json!({"disabled": true, "email": "x@example.com"})),
            (("PUT", "/users/jane/scopes"), json!({"scopes": ["items"]})),
            (("PUT", "/users/jane/password"), json!({"password": "slow mountain lake"})),
            (("DELETE", "/users/jane"), Value::Null),
        ];
        for (request, body) in &writes {
            let answer = self.send(*request, body);
            let refusal = (answer.status, answer.header("retry-after"));
            assert_eq!(refusal, (503, Some("1")), "{what}: {request:?}: {}", answer.body);
            assert_eq!(answer.json()["detail"], "The database does not answer, try again later");
        }
        let token = self.app.login("jane", PASSWORD, "me");
        assert_eq!(self.app.get_as("/users/me", &token).status, 200, "{what}");
        assert_eq!(self.users(), before, "{what}");
    }

    /// Checks that writes work again, without a restart.
    fn writes(&self) {
        eventually("writes to be taken", || {
            let change = json!({"full_name": "Jane"});
            (self.send(("PATCH", "/users/jane"), &change).status == 200).then_some(())
        });
    }
}

fn users(folder: &Path, url: &str) {
    add(folder, url, "admin", &["users:read", "users:write"]);
    add(folder, url, "jane", &["me", "items"]);
}

#[test]
fn a_read_only_postgresql_refuses_writes() {
    let folder = tempfile::tempdir().unwrap();
    let server = crate::postgres::shared();
    let database = server.database();
    let url = server.url(&database);
    users(folder.path(), &url);
    let writer = Writer::start(serve(&url));
    let read_only = |on: &str| {
        let set = format!("ALTER DATABASE {database} SET default_transaction_read_only = {on}");
        server.sql("postgres", &set);
    };
    writer.writes();
    read_only("on");
    // For future connections.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname";
    server.sql("postgres", &format!("{end} = '{database}'"));
    eventually("reads", || (writer.users()["users"].is_array()).then_some(()));
    writer.is_refused("PostgreSQL is read-only");
    read_only("off");
    writer.writes();
}

const HASH: &str = "$2b$04$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";

/// A table that cannot grow. PostgreSQL still allows writes that need no new space; the rest is
/// refused.
#[test]
fn a_full_postgresql_refuses_what_needs_space() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start();
    let database = server.database();
    let url = server.url(&database);
    users(folder.path(), &url);
    server.sql(&database, "ALTER TABLE users SET (autovacuum_enabled = off)");
    // More than a segment of its log, which it always needs.
    limit_files(&postmaster(&server), "18000000");
    let writer = Writer::start(serve(&url));
    writer.writes();
    // A failed statement leaves dead rows: first large ones, then small ones for the rest.
    for size in [1_000, 1] {
        let fill = format!(
            "DO $$ BEGIN INSERT INTO users (username, disabled, password_hash, created_at, updated_at, email)
             SELECT 'z' || n, true, '{HASH}', 1, 1, repeat('x', {size}) FROM generate_series(1, 1000000) n;
             EXCEPTION WHEN OTHERS THEN RAISE NOTICE '%', SQLERRM; END $$"
        );
        server.sql(&database, &fill);
    }
    let mut refused = 0;
    for number in 0..20 {
        let name = format!("new{number}");
        let body = json!({"username": name, "password": PASSWORD, "scopes": ["me", "items"]});
        let answer = writer.send(("POST", "/users"), &body);
        let stored = writer.send(("GET", &format!("/users/{name}")), &Value::Null);
        match answer.status {
            503 => assert_eq!((answer.header("retry-after"), stored.status), (Some("1"), 404)),
            _ => assert_eq!((answer.status, stored.json()), (201, answer.json())),
        }
        refused += u32::from(answer.status == 503);
    }
    println!("PostgreSQL is full: {refused} of 20 new users refused");
    assert!(refused > 0);
    let token = writer.app.login("jane", PASSWORD, "me");
    assert_eq!(writer.app.get_as("/users/me", &token).status, 200);
    server.sql(&database, "VACUUM users");
    let body = json!({"username": "bob", "password": PASSWORD});
    assert_eq!(writer.send(("POST", "/users"), &body).status, 201);
}

/// The worker's process.
pub(crate) fn worker(app: &App) -> String {
    let children = Command::new("pgrep").args(["-P", &app.pid().to_string()]).output();
    String::from_utf8(children.expect("pgrep runs").stdout).expect("a number").trim().to_owned()
}

fn checked(folder: &Path, url: &str) {
    assert!(done(folder, url, &["db", "check"], "").contains("sound"));
}

#[test]
fn a_full_sqlite_refuses_writes() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    users(folder.path(), &url);
    let writer = Writer::start(serve(&url));
    writer.writes();
    let worker = worker(&writer.app);
    limit_files(&worker, "4096");
    writer.is_refused("SQLite is full");
    limit_files(&worker, "unlimited");
    writer.writes();
    checked(folder.path(), &url);
}

/// Another program writes for longer than requests wait.
#[test]
fn a_locked_sqlite_refuses_writes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.db");
    let url = format!("sqlite:{}", file.display());
    users(folder.path(), &url);
    let writer = Writer::start(serve(&url));
    let hold = "database.execute('BEGIN IMMEDIATE')\nprint('held', flush=True)\nsys.stdin.read()";
    let mut python = python(&file, hold);
    let mut holder = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3");
    Lines::of(holder.stdout.take().expect("piped")).wait_for("held");
    let body = json!({"disabled": true});
    let answer = writer.send(("PATCH", "/users/jane"), &body);
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")), "{}", answer.body);
    let token = writer.app.login("jane", PASSWORD, "me");
    assert_eq!(writer.app.get_as("/users/me", &token).status, 200);
    drop(holder.stdin.take());
    drop(holder.wait());
    writer.writes();
}

/// The file becomes read-only while the server runs as an unprivileged user: root ignores
/// permissions.
#[test]
fn a_read_only_sqlite_refuses_writes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.db");
    let url = format!("sqlite:{}", file.display());
    users(folder.path(), &url);
    let is_root = folder.path().metadata().unwrap().uid() == 0;
    let app = App::bare().config(&config(&url));
    let app = if is_root {
        let nobody = Some(65_534);
        for entry in folder.path().read_dir().unwrap() {
            chown(entry.unwrap().path(), nobody, None).unwrap();
        }
        chown(folder.path(), nobody, None).unwrap();
        let data = folder.path().display();
        app.config("[server]\nuser = \"nobody\"\n").env("BAILIWICK__DATA_DIR", &data.to_string())
    } else {
        app
    };
    // Nothing has been written since the start: the writing connection is opened when needed.
    let writer = Writer::start(app.spawn());
    // The files beside it inherit its permissions.
    let mode = |mode| {
        let files = folder.path().read_dir().unwrap().map(|entry| entry.unwrap().path());
        for file in files.filter(|path| path.to_string_lossy().contains("users.db")) {
            set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        }
    };
    mode(0o400);
    writer.is_refused("SQLite is read-only");
    mode(0o600);
    writer.writes();
    checked(folder.path(), &url);
}
