//! Servers on one database share the keys that sign tokens.

use crate::harness::{App, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config, done};
use serde_json::Value;
use std::path::Path;

const KEYS: &str =
    "[server]\npublic_url = 'https://auth.example.com'\n[tokens]\nalgorithm = 'ES256'\n";

fn replica(url: &str) -> App {
    App::bare().config(&config(url)).config(KEYS).spawn()
}

fn published(app: &App) -> Vec<Value> {
    let keys = app.get("/oauth/jwks").json()["keys"].as_array().expect("keys").clone();
    keys.iter().map(|key| key["kid"].clone()).collect()
}

fn three_servers_share_their_keys(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    // Started at once, on a database without keys.
    let replicas = std::thread::scope(|scope| {
        let threads = [0; 3].map(|_| scope.spawn(|| replica(url)));
        threads.map(|thread| thread.join().expect("it starts"))
    });
    let mut tokens = Vec::new();
    let mut all_are_accepted = |when: &str| {
        tokens.extend(replicas.iter().map(|app| app.login("jane", PASSWORD, "me")));
        for (app, token) in replicas.iter().flat_map(|app| tokens.iter().map(move |it| (app, it))) {
            assert_eq!(app.get_as("/users/me", token).status, 200, "{when}");
        }
        tokens[0].clone()
    };
    let first = all_are_accepted("after the start");
    let one = published(&replicas[0]);
    assert_eq!(one.len(), 1, "{one:?}");
    assert!(replicas.iter().all(|app| published(app) == one));
    for (args, count) in [(&["keys", "rotate"][..], 2), (&["keys", "rotate", "--now"], 2)] {
        let output = replicas[0].command(args, "");
        assert!(output.status.success(), "{output:?}");
        // While each server sees it, and afterwards.
        all_are_accepted("during the rotation");
        for app in &replicas {
            eventually("the key", || (published(app).len() == count).then_some(()));
        }
        all_are_accepted("after the rotation");
    }
    let output = replicas[1].command(&["keys", "retire", one[0].as_str().expect("a name")], "");
    assert!(output.status.success(), "{output:?}");
    for app in &replicas {
        eventually("its end", || (app.get_as("/users/me", &first).status == 401).then_some(()));
        let left = published(app);
        assert!(left.len() == 1 && left != one, "{left:?}, not {one:?}");
    }
}

#[test]
fn three_servers_share_their_keys_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    three_servers_share_their_keys(folder.path(), &shared().url(&shared().database()));
}

#[test]
fn three_servers_share_their_keys_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    three_servers_share_their_keys(folder.path(), &url);
}

#[test]
fn keys_go_with_the_database() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let at = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let (from, over, to) = (at("a.db"), shared().url(&shared().database()), at("b.db"));
    add(folder, &from, "jane", &["me"]);
    let app = replica(&from);
    let token = app.login("jane", PASSWORD, "me");
    let output = app.command(&["keys", "rotate"], "");
    assert!(output.status.success(), "{output:?}");
    eventually("the next key", || (published(&app).len() == 2).then_some(()));
    let keys = published(&app);
    done(folder, &from, &["db", "backup", "c.db"], "");
    done(folder, &from, &["db", "copy", "--from", &from, "--to", &over], "");
    done(folder, &from, &["db", "copy", "--from", &over, "--to", &to], "");
    for url in [over, to, at("c.db")] {
        done(folder, &url, &["db", "check"], "");
        let app = replica(&url);
        assert_eq!(published(&app), keys, "{url}");
        assert_eq!(app.get_as("/users/me", &token).status, 200, "{url}");
        let own = app.login("jane", PASSWORD, "me");
        assert_eq!(app.get_as("/users/me", &own).status, 200, "the private key too, {url}");
    }
}

/// Somebody may hold a key that was retired since the backup.
#[test]
fn a_restored_database_makes_new_keys() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let url = format!("sqlite:{}", folder.join("users.db").display());
    add(folder, &url, "jane", &["me"]);
    let mut app = replica(&url);
    let token = app.login("jane", PASSWORD, "me");
    let before = published(&app);
    done(folder, &url, &["db", "backup", "night.db"], "");
    for (flag, keeps) in [(Some("--keep-sessions"), true), (None, false)] {
        app.signal("TERM");
        assert!(app.wait().success());
        let args = ["db", "restore", "night.db"].into_iter().chain(flag).collect::<Vec<_>>();
        done(folder, &url, &args, "");
        app = replica(&url);
        assert_eq!(published(&app) == before, keeps, "{flag:?}");
        assert_eq!(published(&app).len(), 1);
        let status = app.get_as("/users/me", &token).status;
        assert_eq!(status, if keeps { 200 } else { 401 }, "{flag:?}");
        let fresh = app.login("jane", PASSWORD, "me");
        assert_eq!(app.get_as("/users/me", &fresh).status, 200);
    }
}
