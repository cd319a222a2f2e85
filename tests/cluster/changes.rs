//! A change takes effect everywhere, whether made by a replica or on the command line; on both
//! databases.

use crate::harness::{App, FORM, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config, done};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const LATER: &str = "slow mountain lake";

/// Three replicas, and what the test knows about jane.
struct Cluster<'a> {
    folder: &'a Path,
    url: &'a str,
    replicas: Vec<App>,
    admin: String,
    token: String,
    longest: Duration,
}

impl Cluster<'_> {
    fn by_command(&self, args: &[&str], stdin: &str) {
        done(self.folder, self.url, args, stdin);
    }

    fn by_replica(&self, at: usize, (method, path): (&str, &str), body: &Value) {
        let bearer = format!("Bearer {}", self.admin);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let answer = self.replicas[at].send(method, path, &headers, &body.to_string());
        assert!(matches!(answer.status, 200 | 204), "{method} {path}: {}", answer.body);
    }

    /// Waits until every replica responds so.
    fn everywhere(&mut self, status: u16, ask: impl Fn(&App, &str) -> u16) {
        let start = Instant::now();
        for replica in &self.replicas {
            eventually("the change", || (ask(replica, &self.token) == status).then_some(()));
        }
        self.longest = self.longest.max(start.elapsed());
    }

    /// What was out ends everywhere; a new token counts everywhere at once, even before the replica
    /// that issues it has heard of the end.
    fn logs_in_anew(&mut self, at: usize) {
        let next = self.replicas[at].login("jane", PASSWORD, "me");
        for replica in &self.replicas {
            assert_eq!(me(replica, &next), 200, "a new token");
        }
        self.everywhere(401, me);
        self.token = next;
    }
}

fn me(replica: &App, token: &str) -> u16 {
    replica.get_as("/users/me", token).status
}

fn login(password: &'static str) -> impl Fn(&App, &str) -> u16 {
    move |replica, _| {
        let form = format!("username=jane&password={password}").replace(' ', "+");
        replica.send("POST", "/token", &[("content-type", FORM)], &form).status
    }
}

fn changes_bite_everywhere(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    add(folder, url, "admin", &["users:read", "users:write"]);
    let start = || {
        App::bare()
            .config(&config(url))
            .config("[server]\nworkers = 1\n[logins]\nthrottle = false\n")
            .spawn()
    };
    let replicas: Vec<_> = (0..3).map(|_| start()).collect();
    let token = replicas[0].login("jane", PASSWORD, "me");
    let admin = replicas[0].login("admin", PASSWORD, "users:write");
    let asked: Vec<_> = replicas.iter().map(|replica| replica.url("/users/me")).collect();
    let longest = Duration::ZERO;
    let mut all = Cluster { folder, url, replicas, admin, token, longest };
    let (over, reads) = (AtomicBool::new(false), AtomicU32::new(0));
    thread::scope(|scope| {
        // All replicas keep jane in memory throughout.
        for url in &asked {
            let bearer = format!("Bearer {}", all.token);
            let (over, reads) = (&over, &reads);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    let headers = [("authorization", bearer.as_str())];
                    crate::harness::Response::of("GET", url, &headers, "");
                    reads.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for round in 0..5 {
            let (one, other) = (round % 3, (round + 1) % 3);
            all.everywhere(200, me);
            all.by_command(&["users", "disable", "jane"], "");
            all.everywhere(400, me);
            all.by_replica(one, ("PATCH", "/users/jane"), &json!({"disabled": false}));
            all.everywhere(200, me);
            all.by_replica(other, ("PUT", "/users/jane/scopes"), &json!({"scopes": []}));
            all.everywhere(401, me);
            all.by_command(&["users", "set-scopes", "jane", "me"], "");
            all.everywhere(200, me);
            all.by_replica(one, ("PUT", "/users/jane/password"), &json!({"password": LATER}));
            all.everywhere(401, me);
            all.everywhere(400, login(PASSWORD));
            all.everywhere(200, login(LATER));
            all.by_command(&["users", "set-password", "jane", "--password-stdin"], PASSWORD);
            all.everywhere(400, login(LATER));
            all.everywhere(200, login(PASSWORD));
            all.logs_in_anew(one);
            all.by_command(&["users", "sign-out", "jane"], "");
            all.logs_in_anew(other);
            all.by_replica(one, ("DELETE", "/users/jane/sessions"), &Value::Null);
            all.logs_in_anew(other);
        }
        all.by_command(&["users", "delete", "jane", "--yes"], "");
        all.everywhere(401, me);
        over.store(true, Ordering::Relaxed);
    });
    println!(
        "41 changes, 3 replicas, {} reads beside: the longest delay until all knew was {:?}",
        reads.into_inner(),
        all.longest
    );
}

#[test]
fn changes_take_effect_everywhere_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    changes_bite_everywhere(folder.path(), &url);
}

#[test]
fn changes_take_effect_everywhere_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    changes_bite_everywhere(folder.path(), &shared().url(&shared().database()));
}

/// A counter of `/metrics`.
fn counter(replica: &App, name: &str) -> u64 {
    let text = replica.get("/metrics").body;
    let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    values.next().unwrap_or_else(|| panic!("no {name} in {text}"))
}

/// The other replica changes jane; all other users stay in memory. Takes a few tries: on a busy
/// machine the trust in the memory may end for a moment.
fn a_change_evicts_only_its_user(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    add(folder, url, "joe", &["me"]);
    add(folder, url, "admin", &["users:write"]);
    let start = || App::bare().config(&config(url)).config("[admin]\npublic = true\n").spawn();
    let replicas = [start(), start()];
    let tokens = ["jane", "joe"].map(|who| replicas[0].login(who, PASSWORD, "me"));
    let bearer = format!("Bearer {}", replicas[1].login("admin", PASSWORD, "users:write"));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    for attempt in 0.. {
        for token in &tokens {
            assert_eq!(me(&replicas[0], token), 200);
        }
        for (disabled, status) in [(true, 400), (false, 200)] {
            let body = json!({"disabled": disabled}).to_string();
            let answer = replicas[1].send("PATCH", "/users/jane", &headers, &body);
            assert_eq!(answer.status, 200, "{}", answer.body);
            eventually("the change", || (me(&replicas[0], &tokens[0]) == status).then_some(()));
        }
        let misses = || counter(&replicas[0], "bailiwick_user_cache_misses_total");
        let before = misses();
        assert_eq!(me(&replicas[0], &tokens[1]), 200);
        if misses() == before {
            return;
        }
        assert!(attempt < 9, "joe is read again whenever jane has changed");
    }
}

#[test]
fn a_change_evicts_only_its_user_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    a_change_evicts_only_its_user(folder.path(), &url);
}

#[test]
fn a_change_evicts_only_its_user_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    a_change_evicts_only_its_user(folder.path(), &shared().url(&shared().database()));
}
