//! `kill -9` during user writes: acknowledged writes are complete, and nothing is half-written.

use crate::harness::{App, DEADLINE, FORM, eventually};
use crate::postgres::{Server, shared};
use crate::{PASSWORD, add, done, serve};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// Kills in each test, or this many in the short form: `make soak` sets `SOAK=full`.
fn kills(short: u32) -> u32 {
    if std::env::var_os("SOAK").is_some_and(|value| value == "full") { 100 } else { short }
}

const WRITERS: usize = 4;
const LATER: &str = "slow mountain lake";

/// How far the server has acknowledged a user: 1 created, 2 changed, 3 with another password.
struct Written {
    username: String,
    step: usize,
}

/// Sends a request; `None` once there is no response any more.
fn send(app: &App, token: &str, (method, path): (&str, &str), body: &Value) -> Option<u16> {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build();
    let request = ureq::http::Request::builder()
        .method(method)
        .uri(app.url(path))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(body.to_string())
        .expect("a request");
    ureq::Agent::new_with_config(config).run(request).ok().map(|answer| answer.status().as_u16())
}

/// Writes until the server has gone.
fn write(app: &App, token: &str, prefix: &str, written: &Mutex<Vec<Written>>) {
    for number in 0.. {
        let username = format!("{prefix}-{number}");
        let path = format!("/users/{username}");
        let password = format!("{path}/password");
        let create = json!({
            "username": username, "password": PASSWORD, "full_name": "one", "scopes": ["me", "items"],
        });
        let change = json!({"full_name": "two", "email": "two@example.com", "disabled": true});
        let steps = [
            (("POST", "/users"), create, 201),
            (("PATCH", path.as_str()), change, 200),
            (("PUT", password.as_str()), json!({"password": LATER}), 204),
        ];
        let mut step = 0;
        for (request, body, expected) in steps {
            match send(app, token, request, &body) {
                Some(status) if status == expected => step += 1,
                // The database has gone: whether the write was done is unknown.
                None | Some(503) => {
                    written.lock().expect("no panic").push(Written { username, step });
                    return;
                }
                Some(other) => panic!("{request:?}: {other}"),
            }
        }
        written.lock().expect("no panic").push(Written { username, step });
    }
}

/// How far a user was really written.
fn stored(app: &App, users: &[Value], username: &str) -> usize {
    let Some(user) = users.iter().find(|user| user["username"] == username) else { return 0 };
    assert_eq!(user["scopes"], json!(["me", "items"]), "{user}");
    let login = |password: &str| {
        let form = format!("username={username}&password={password}");
        let headers = [("content-type", FORM)];
        app.send("POST", "/token", &headers, &form).status == 200
    };
    let (fields, password) = match &user["full_name"] {
        name if name == "one" => (json!([null, false]), PASSWORD),
        _ if login(LATER) => (json!(["two@example.com", true]), LATER),
        _ => (json!(["two@example.com", true]), PASSWORD),
    };
    assert_eq!(json!([user["email"], user["disabled"]]), fields, "by half: {user}");
    assert!(login(password), "{username} cannot log in");
    match (password, user["full_name"] == "one") {
        (_, true) => 1,
        (PASSWORD, _) => 2,
        _ => 3,
    }
}

/// Writes concurrently until `crash`, at a random moment.
fn write_until(app: &App, round: u32, crash: impl FnOnce()) -> Vec<Written> {
    let token = app.login("admin", PASSWORD, "users:write");
    let written = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (token, written) = (&token, &written);
            scope.spawn(move || write(app, token, &format!("r{round}w{writer}"), written));
        }
        thread::sleep(Duration::from_millis(rand::random_range(5..800)));
        crash();
    });
    written.into_inner().expect("no panic")
}

/// The number of acknowledged writes, all of which must be stored.
fn compare(app: &App, (folder, url): (&Path, &str), written: &[Written]) -> usize {
    done(folder, url, &["db", "check"], "");
    let list = done(folder, url, &["users", "list", "--json"], "");
    let users: Vec<Value> = serde_json::from_str(&list).expect("JSON");
    for Written { username, step } in written {
        let stored = stored(app, &users, username);
        // Writes in flight at the crash may have been done.
        assert!(
            stored == *step || stored == step + 1,
            "{username}: {step} acknowledged, {stored} stored"
        );
    }
    written.iter().map(|written| written.step).sum()
}

fn kill_and_compare(database: &str, folder: &Path, url: &str) {
    add(folder, url, "admin", &["users:write"]);
    let mut acknowledged = 0;
    let kills = kills(10);
    for round in 0..kills {
        let mut app = serve(url);
        let written = write_until(&app, round, || app.signal("KILL"));
        app.wait();
        acknowledged += compare(&serve(url), (folder, url), &written);
    }
    println!("{database}: {kills} kills, {acknowledged} acknowledged writes, none lost");
    assert!(acknowledged > 0);
}

#[test]
fn nothing_is_lost_when_bailiwick_is_killed_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    kill_and_compare("SQLite", folder.path(), &url);
}

#[test]
fn nothing_is_lost_when_bailiwick_is_killed_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    kill_and_compare("PostgreSQL", folder.path(), &shared().url(&shared().database()));
}

#[test]
fn nothing_is_lost_when_postgresql_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start();
    let url = server.url(&server.database());
    add(folder.path(), &url, "admin", &["users:write"]);
    let app = serve(&url);
    let mut acknowledged = 0;
    let kills = kills(4);
    for round in 0..kills {
        let written = write_until(&app, round, || server.stop());
        server.start_again();
        eventually("the database to be back", || {
            let login = "username=admin&password=x";
            let answer = app.send("POST", "/token", &[("content-type", FORM)], login);
            (answer.status != 503).then_some(())
        });
        acknowledged += compare(&app, (folder.path(), &url), &written);
    }
    println!("PostgreSQL killed {kills} times, {acknowledged} acknowledged writes, none lost");
    assert!(acknowledged > 0);
}
