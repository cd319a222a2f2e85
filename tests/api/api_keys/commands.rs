//! `bailiwick api-keys`.

use super::{make, shown, with_keys};
use crate::harness::{App, eventually};
use crate::people::run;
use serde_json::{Value, json};

/// What a command that must succeed writes to its two streams.
fn says(app: &App, args: &[&str]) -> (String, String) {
    let output = app.command(args, "");
    assert!(output.status.success(), "{args:?}: {output:?}");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr))
}

fn fails(app: &App, args: &[&str]) -> (Option<i32>, String) {
    let output = app.command(args, "");
    assert!(output.stdout.is_empty(), "{args:?}: {output:?}");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8").trim().to_owned())
}

#[test]
fn keys_are_made_listed_and_revoked_while_the_server_runs() {
    let app = with_keys("");
    let add = ["api-keys", "add", "svc", "deploy", "--scope", "me", "--expires-at", "2099-01-31"];
    let (key, note) = says(&app, &add);
    let key = key.trim();
    let id = &key[4..26];
    assert_eq!(note, format!("svc: made the API key {id}\n"));
    assert_eq!(shown(&app, "/users/me", key).map(|answer| answer.status), [200, 200]);
    let (_, janes) = make(&app, &["me"]);
    let (table, _) = says(&app, &["api-keys", "list", "svc"]);
    let rows: Vec<_> = table.lines().collect();
    assert!(rows[0].starts_with("ID ") && rows.len() == 2, "{table}");
    assert!(rows[1].starts_with(&format!("{id}  svc       deploy  ")), "{table}");
    assert!(rows[1].contains("2099-02-01T00:00:00Z") && !table.contains(key), "{table}");
    let (all, _) = says(&app, &["api-keys", "list", "--json"]);
    let all: Value = serde_json::from_str(&all).expect("JSON");
    assert_eq!([&all[0]["username"], &all[1]["username"]], [&json!("jane"), &json!("svc")]);
    assert_eq!((&all[1]["id"], &all[1]["scopes"]), (&json!(id), &json!(["me"])));
    let (revoked, _) = says(&app, &["api-keys", "revoke", id]);
    assert_eq!(revoked, format!("svc: revoked the API key {id}\n"));
    eventually("the end of the key", || {
        shown(&app, "/users/me", key).iter().all(|answer| answer.status == 401).then_some(())
    });
    assert_eq!(shown(&app, "/users/me", &janes).map(|answer| answer.status), [200, 200]);
    let (made, _) = says(&app, &["api-keys", "add", "svc", "k", "--json"]);
    let made: Value = serde_json::from_str(&made).expect("JSON");
    let key = made["key"].as_str().expect("a key");
    assert_eq!(made["id"].as_str(), Some(&key[4..26]));
}

#[test]
fn what_cannot_be_done_is_said_in_a_line() {
    let app = with_keys("");
    let id = "0000000000000000000000";
    for (args, code, line) in [
        (&["add", "nobody", "k"][..], 1, "bailiwick: nobody: no such user"),
        (&["list", "nobody"], 1, "bailiwick: nobody: no such user"),
        (&["revoke", id], 1, &format!("bailiwick: {id}: no such API key")),
        (&["add", "svc", "k", "--scope", "users:read"], 1, "svc: the scope `users:read` is not"),
        (&["add", "svc", "k", "--expires-at", "2020-01-01"], 1, "svc: the expiry is in the past"),
        (&["add", "svc", "k", "--expires-at", "soon"], 2, "a date such as 2027-01-31"),
        (&["add", "svc", ""], 2, "expected 1 to 100 characters"),
        (&["add", "svc"], 2, "NAME"),
        (&["revoke", "junk"], 2, "22 letters and digits"),
        (&["revoke"], 2, "ID"),
    ] {
        let (found, said) = fails(&app, &[&["api-keys"], args].concat());
        assert!(found == Some(code) && said.contains(line) && !said.contains('\n'), "{said}");
    }
    run(&app, &["users", "delete", "svc", "--yes"], "");
    assert_eq!(fails(&app, &["users", "add", "x", "--no-password", "--password-stdin"]).0, Some(2));
}

#[test]
fn a_server_that_stops_has_stored_the_last_uses() {
    let mut app = with_keys("");
    let (key, _) = says(&app, &["api-keys", "add", "svc", "k", "--scope", "me"]);
    assert_eq!(shown(&app, "/users/me", key.trim()).map(|answer| answer.status), [200, 200]);
    app.signal("TERM");
    assert!(app.wait().success());
    let (listed, _) = says(&app, &["api-keys", "list", "svc", "--json"]);
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert!(listed[0]["last_used"].is_string(), "{listed}");
}
