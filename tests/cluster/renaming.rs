//! A renamed user is the same user on every replica, whatever is cached; on both databases.

use crate::harness::{App, FORM, Response, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config, done};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;

const LATER: &str = "slow mountain lake";

fn send(app: &App, bearer: &str, (method, path): (&str, &str), body: &Value) -> Response {
    let bearer = format!("Bearer {bearer}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    app.send(method, path, &headers, &body.to_string())
}

/// Renames a user at a replica.
fn rename(app: &App, bearer: &str, from: &str, to: &str) {
    let answer = send(app, bearer, ("PATCH", &format!("/users/{from}")), &json!({"username": to}));
    assert_eq!(answer.status, 200, "{from} to {to}: {}", answer.body);
}

/// The name of a token's user; the token must be valid.
fn name(app: &App, bearer: &str) -> String {
    let answer = app.get_as("/users/me", bearer);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["username"].as_str().expect("a name").to_owned()
}

fn everywhere(replicas: &[App], bearer: &str, expected: &str) {
    for replica in replicas {
        eventually("the new name", || (name(replica, bearer) == expected).then_some(()));
    }
}

fn logs_in(app: &App, name: &str, password: &str) -> bool {
    let form = format!("username={name}&password={password}").replace(' ', "+");
    app.send("POST", "/token", &[("content-type", FORM)], &form).status == 200
}

fn start(url: &str) -> App {
    App::bare().config(&config(url)).config("[admin]\npublic = true\n").spawn()
}

/// Two replicas, and the administrator's token.
fn cluster(folder: &Path, url: &str) -> ([App; 2], String) {
    add(folder, url, "jane", &["me"]);
    add(folder, url, "admin", &["users:read", "users:write"]);
    let replicas = [start(url), start(url)];
    let admin = replicas[0].login("admin", PASSWORD, "users:write");
    (replicas, admin)
}

/// No request fails meanwhile: replicas that have the user in memory, and those that have forgotten
/// the old name, the new one or both, find the token's user.
fn tokens_follow_the_user(folder: &Path, url: &str) {
    let (replicas, admin) = cluster(folder, url);
    let bearer = replicas[0].login("jane", PASSWORD, "me");
    let (over, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        for replica in &replicas {
            let (bearer, over, reads) = (&bearer, &over, &reads);
            scope.spawn(move || {
                while !over.load(Relaxed) {
                    name(replica, bearer);
                    reads.fetch_add(1, Relaxed);
                }
            });
        }
        for round in 0..4 {
            let [one, other] = [round % 2, (round + 1) % 2].map(|at| &replicas[at]);
            rename(one, &admin, "jane", "janet");
            everywhere(&replicas, &bearer, "janet");
            // Another user takes the name, and gives it up again.
            add(folder, url, "jane", &["me"]);
            let others = other.login("jane", PASSWORD, "me");
            everywhere(&replicas, &others, "jane");
            everywhere(&replicas, &bearer, "janet");
            done(folder, url, &["users", "rename", "jane", &format!("joe{round}")], "");
            done(folder, url, &["users", "rename", "janet", "jane"], "");
            everywhere(&replicas, &bearer, "jane");
            everywhere(&replicas, &others, &format!("joe{round}"));
        }
        over.store(true, Relaxed);
    });
    println!("12 renamings, {} reads beside, all of them answered", reads.into_inner());
}

/// A replica's memory is outdated when the request arrives: the writer is identified by id.
fn a_renamed_caller_writes_at_once(folder: &Path, url: &str) {
    let (replicas, admin) = cluster(folder, url);
    let mut jane = replicas[0].login("jane", PASSWORD, "me");
    let passwords = [PASSWORD, LATER];
    let names = [["admin", "boss"], ["jane", "janet"]];
    for round in 0..4 {
        let (from, to) = (round % 2, (round + 1) % 2);
        let [one, other] = [&replicas[from], &replicas[to]];
        assert_eq!(name(other, &jane), names[1][from]);
        send(other, &admin, ("GET", "/users"), &Value::Null);
        rename(one, &admin, names[0][from], names[0][to]);
        let change = json!({"full_name": format!("Jane {round}")});
        let changed =
            send(other, &admin, ("PATCH", &format!("/users/{}", names[1][from])), &change);
        assert_eq!((changed.status, &changed.json()["full_name"]), (200, &change["full_name"]));

        assert_eq!(name(other, &jane), names[1][from]);
        rename(one, &admin, names[1][from], names[1][to]);
        let own = json!({"old_password": passwords[from], "password": passwords[to]});
        let set = send(other, &jane, ("PUT", "/users/me/password"), &own);
        assert_eq!(set.status, 204, "{}", set.body);
        eventually("the new name and password everywhere", || {
            let all = replicas.iter().all(|it| logs_in(it, names[1][to], passwords[to]));
            all.then_some(())
        });
        assert!(!logs_in(other, names[1][from], passwords[to]));
        // The new password has ended the token.
        jane = one.login(names[1][to], passwords[to], "me");
        everywhere(&replicas, &jane, names[1][to]);
    }
}

fn misses(app: &App) -> u64 {
    let text = app.get("/metrics").body;
    let counter = "bailiwick_user_cache_misses_total ";
    let value = text.lines().find_map(|line| line.strip_prefix(counter)?.trim().parse().ok());
    value.unwrap_or_else(|| panic!("no {counter} in {text}"))
}

/// Several tries: on a busy machine the trust in the memory may end for a moment.
fn old_tokens_are_known_in_memory(folder: &Path, url: &str) {
    let (replicas, admin) = cluster(folder, url);
    let jane = replicas[0].login("jane", PASSWORD, "me");
    rename(&replicas[1], &admin, "jane", "janet");
    everywhere(&replicas, &jane, "janet");
    for taken in [false, true] {
        if taken {
            add(folder, url, "jane", &["me"]);
        }
        let other = taken.then(|| replicas[1].login("jane", PASSWORD, "me"));
        for replica in &replicas {
            eventually("a hundred requests without the database", || {
                if let Some(other) = &other {
                    assert_eq!(name(replica, other), "jane");
                }
                let before = misses(replica);
                (0..100).for_each(|_| assert_eq!(name(replica, &jane), "janet"));
                (misses(replica) == before).then_some(())
            });
        }
    }
}

fn on_sqlite(test: impl Fn(&Path, &str)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    test(folder.path(), &format!("sqlite:{}", folder.path().join("users.db").display()));
}

fn on_postgresql(test: impl Fn(&Path, &str)) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    test(folder.path(), &shared().url(&shared().database()));
}

#[test]
fn tokens_follow_the_user_on_sqlite() {
    on_sqlite(tokens_follow_the_user);
}

#[test]
fn tokens_follow_the_user_on_postgresql() {
    on_postgresql(tokens_follow_the_user);
}

#[test]
fn a_renamed_caller_writes_at_once_on_sqlite() {
    on_sqlite(a_renamed_caller_writes_at_once);
}

#[test]
fn a_renamed_caller_writes_at_once_on_postgresql() {
    on_postgresql(a_renamed_caller_writes_at_once);
}

#[test]
fn old_tokens_are_known_in_memory_on_sqlite() {
    on_sqlite(old_tokens_are_known_in_memory);
}

#[test]
fn old_tokens_are_known_in_memory_on_postgresql() {
    on_postgresql(old_tokens_are_known_in_memory);
}
