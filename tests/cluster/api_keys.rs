//! API keys on three replicas, on both databases: what ends a key ends it everywhere. And they move
//! with their users.

use crate::harness::{App, Response, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config, done, python_on};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A new key of jane's, and its id.
fn key(folder: &Path, url: &str, more: &[&str]) -> (String, String) {
    let add = ["api-keys", "add", "jane", "k", "--scope", "me", "--json"];
    let made = done(folder, url, &[&add, more].concat(), "");
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let text = |name: &str| made[name].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

fn shown(url: &str, key: &str) -> u16 {
    Response::of("GET", url, &[("x-api-key", key)], "").status
}

fn what_ends_a_key_ends_it_everywhere(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    add(folder, url, "admin", &["users:write", "me"]);
    let start = || App::bare().config(&config(url)).config("[server]\nworkers = 1\n").spawn();
    let replicas: Vec<_> = (0..3).map(|_| start()).collect();
    let admin = format!("Bearer {}", replicas[0].login("admin", PASSWORD, "users:write+me"));
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let by_replica = |at: usize, method: &str, path: &str, body: &str| {
        let answer = replicas[at].send(method, path, &headers, body);
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        answer
    };
    let urls: Vec<_> = replicas.iter().map(|replica| replica.url("/users/me")).collect();
    let keys: Vec<_> = (0..4).map(|_| key(folder, url, &[])).collect();
    let (over, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    let mut longest = Duration::ZERO;
    let mut everywhere = |key: &str, status: u16| {
        let start = Instant::now();
        for url in &urls {
            eventually("the change", || (shown(url, key) == status).then_some(()));
        }
        longest = longest.max(start.elapsed());
    };
    thread::scope(|scope| {
        // All replicas keep every key in memory throughout.
        for url in &urls {
            let (over, reads, keys) = (&over, &reads, &keys);
            scope.spawn(move || {
                for (_, key) in keys.iter().cycle() {
                    if over.load(Ordering::Relaxed) {
                        return;
                    }
                    shown(url, key);
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for (_, key) in &keys {
            everywhere(key, 200);
        }
        done(folder, url, &["api-keys", "revoke", &keys[0].0], "");
        everywhere(&keys[0].1, 401);
        by_replica(1, "DELETE", &format!("/users/jane/api-keys/{}", keys[1].0), "");
        everywhere(&keys[1].1, 401);
        everywhere(&keys[2].1, 200);
        by_replica(2, "PATCH", "/users/jane", r#"{"disabled":true}"#);
        everywhere(&keys[2].1, 400);
        done(folder, url, &["users", "enable", "jane"], "");
        everywhere(&keys[2].1, 200);
        done(folder, url, &["users", "set-scopes", "jane"], "");
        everywhere(&keys[2].1, 401);
        by_replica(0, "PUT", "/users/jane/scopes", r#"{"scopes":["me"]}"#);
        everywhere(&keys[2].1, 200);
        by_replica(1, "PUT", "/users/jane/password", r#"{"password":"slow mountain lake"}"#);
        done(folder, url, &["users", "rename", "jane", "janet"], "");
        everywhere(&keys[2].1, 200);
        // A key that one replica has made is good at the others at once.
        let body = json!({"name": "k", "scopes": ["me"]}).to_string();
        let made = by_replica(0, "POST", "/users/janet/api-keys", &body).json();
        let made = made["key"].as_str().expect("a key");
        assert!(urls.iter().all(|url| shown(url, made) == 200));
        by_replica(2, "DELETE", "/users/janet", "");
        for key in [&keys[2].1, &keys[3].1, made] {
            everywhere(key, 401);
        }
        over.store(true, Ordering::Relaxed);
    });
    println!(
        "{} reads beside: the longest delay until all knew was {longest:?}",
        reads.into_inner()
    );
}

#[test]
fn what_ends_a_key_ends_it_everywhere_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    what_ends_a_key_ends_it_everywhere(folder.path(), &url);
}

#[test]
fn what_ends_a_key_ends_it_everywhere_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    what_ends_a_key_ends_it_everywhere(folder.path(), &shared().url(&shared().database()));
}

/// From SQLite to PostgreSQL and back, and through a backup.
#[test]
fn keys_move_with_their_users() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let at = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let (first, back) = (at("first.db"), at("back.db"));
    let database = shared().database();
    let postgres = shared().url(&database);
    add(folder, &first, "jane", &["me"]);
    let keys = [key(folder, &first, &[]), key(folder, &first, &["--expires-at", "2099-01-31"])];
    let use_it = "database.execute(\"UPDATE api_keys SET last_day = 20000\")\ndatabase.commit()";
    python_on(&folder.join("first.db"), use_it);
    let listed = |url: &str| done(folder, url, &["api-keys", "list", "--json"], "");
    let before = listed(&first);
    assert!(before.contains("2024-10-04") && before.contains("2099-02-01"), "{before}");
    for (from, to) in [(&first, &postgres), (&postgres, &back)] {
        let said = done(folder, from, &["db", "copy", "--from", from, "--to", to], "");
        assert!(said.starts_with("1 users and 2 API keys copied"), "{said}");
        assert_eq!(listed(to), before);
        let said = done(folder, to, &["db", "check"], "");
        assert!(said.starts_with("1 users and 2 API keys, checksum"), "{said}");
    }
    let file = folder.join("backup.db").display().to_string();
    done(folder, &back, &["db", "backup", &file], "");
    done(folder, &back, &["api-keys", "revoke", &keys[0].0], "");
    done(folder, &back, &["db", "restore", &file], "");
    assert_eq!(listed(&back), before);
    for url in [&postgres, &back] {
        let app = crate::serve(url);
        for (_, key) in &keys {
            assert_eq!(shown(&app.url("/users/me"), key), 200);
        }
    }
}

/// A key that is stored with nonsense is an error of the check, and no other key's trouble.
#[test]
fn a_damaged_key_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = format!("sqlite:{}", folder.join("users.db").display());
    add(folder, &url, "jane", &["me"]);
    let ((id, bad), (_, good)) = (key(folder, &url, &[]), key(folder, &url, &[]));
    let spoil = format!("database.execute(\"UPDATE api_keys SET hash = 'x' WHERE id = '{id}'\")");
    python_on(&folder.join("users.db"), &format!("{spoil}\ndatabase.commit()"));
    let app = crate::serve(&url);
    assert_eq!(shown(&app.url("/users/me"), &good), 200);
    assert_eq!(shown(&app.url("/users/me"), &bad), 503);
    let line = crate::fails(folder, &url, &["db", "check"]);
    assert!(line.contains("hash"), "{line}");
}
