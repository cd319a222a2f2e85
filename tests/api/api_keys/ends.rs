//! When a key ends, and what it outlives.

use super::{JANES, OWN, basic, made, make, shown, with_keys};
use crate::harness::{App, eventually, read_response};
use crate::people::{PASSWORD, admin, assert_refused, call, run};
use crate::signer::token;
use serde_json::{Value, json};
use std::io::Write as _;

fn statuses(app: &App, key: &str) -> [u16; 3] {
    let [bearer, header] = shown(app, "/users/me", key).map(|answer| answer.status);
    [bearer, header, basic(app, "jane", key).status]
}

#[test]
fn a_revoked_key_is_refused_at_once() {
    let app = with_keys("");
    let ((id, key), (_, other)) = (make(&app, &["me"]), make(&app, &["me"]));
    assert_eq!(statuses(&app, &key), [200; 3]);
    let path = format!("{OWN}/{id}/");
    let token = token("jane", &JANES);
    assert_eq!(call(&app, ("DELETE", &path), &token, &Value::Null).status, 204);
    assert_eq!(statuses(&app, &key), [401; 3]);
    assert_eq!(statuses(&app, &other), [200; 3]);
    let [bearer, header] = shown(&app, "/users/me", &key);
    assert_refused(&bearer, 401, r#"Bearer scope="me""#, "Could not validate credentials");
    assert_refused(&header, 401, "APIKey", "Could not validate credentials");
    for id in [&*id, "junk", "0000000000000000000000"] {
        let answer = call(&app, ("DELETE", &format!("{OWN}/{id}")), &token, &Value::Null);
        assert_eq!((answer.status, &*answer.body), (404, r#"{"detail":"API key not found"}"#));
    }
}

#[test]
fn a_key_expires() {
    let app = with_keys("");
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    let body = json!({"name": "k", "scopes": ["me"], "expires_at": soon.to_string()});
    let (_, key) = made(&call(&app, ("POST", OWN), &token("jane", &JANES), &body));
    assert_eq!(shown(&app, "/users/me", &key)[0].status, 200);
    eventually("its end", || (statuses(&app, &key) == [401; 3]).then_some(()));
    assert!(jiff::Timestamp::now().as_second() >= soon.as_second());
    let listed = call(&app, ("GET", OWN), &token("jane", &JANES), &Value::Null);
    assert_eq!(listed.json().as_array().expect("a list").len(), 1, "it is still listed");
}

#[test]
fn a_disabled_owners_keys_are_refused_everywhere() {
    for (profile, status) in [("fastapi", 400), ("strict", 401)] {
        let app = with_keys(&format!("[security]\nprofile = \"{profile}\"\n"));
        let (_, key) = make(&app, &["me"]);
        assert_eq!(statuses(&app, &key), [200; 3]);
        let disable = |disabled: bool| {
            let body = json!({ "disabled": disabled });
            assert_eq!(admin(&app, ("PATCH", "/users/jane"), &body).status, 200);
        };
        disable(true);
        assert_eq!(statuses(&app, &key), [status; 3]);
        // Where a disabled user's token is good.
        assert_eq!(shown(&app, "/status", &key).map(|answer| answer.status), [status; 2]);
        disable(false);
        assert_eq!(statuses(&app, &key), [200; 3]);
    }
}

#[test]
fn a_deleted_owners_keys_are_gone_and_no_successors() {
    let app = with_keys("");
    let (_, key) = make(&app, &["me"]);
    assert_eq!(statuses(&app, &key), [200; 3]);
    assert_eq!(admin(&app, ("DELETE", "/users/jane"), &Value::Null).status, 204);
    assert_eq!(statuses(&app, &key), [401; 3]);
    let again = json!({"username": "jane", "password": PASSWORD, "scopes": JANES});
    assert_eq!(admin(&app, ("POST", "/users"), &again).status, 201);
    assert_eq!(statuses(&app, &key), [401; 3]);
    let listed = admin(&app, ("GET", "/users/jane/api-keys"), &Value::Null);
    assert_eq!(listed.json(), json!([]));
}

#[test]
fn a_key_outlives_a_password_and_a_name() {
    let app = with_keys("");
    let (_, key) = make(&app, &["me"]);
    let new = json!({"password": "green-heron-43"});
    assert_eq!(admin(&app, ("PUT", "/users/jane/password"), &new).status, 204);
    assert_eq!(statuses(&app, &key), [200; 3]);
    run(&app, &["users", "rename", "jane", "janet"], "");
    eventually("the new name", || {
        let answers = shown(&app, "/users/me", &key);
        answers.iter().all(|answer| answer.json()["username"] == "janet").then_some(())
    });
    assert_eq!(basic(&app, "janet", &key).status, 200);
    assert_eq!(basic(&app, "jane", &key).status, 401);
    // Whoever takes the name takes no key.
    let jane = json!({"username": "jane", "password": PASSWORD, "scopes": JANES});
    assert_eq!(admin(&app, ("POST", "/users"), &jane).status, 201);
    assert_eq!(shown(&app, "/users/me", &key)[1].json()["username"], "janet");
    assert_eq!(basic(&app, "jane", &key).status, 401);
}

/// The body's last byte comes after the key has been revoked.
#[test]
fn a_key_that_is_revoked_meanwhile_changes_nothing() {
    let app = with_keys("");
    let add = ["api-keys", "add", "root", "k", "--scope", "users:write"];
    let added = app.command(&add, "");
    assert!(added.status.success(), "{added:?}");
    let key = String::from_utf8(added.stdout).expect("a key").trim().to_owned();
    let body = json!({"username": "mallory", "password": PASSWORD}).to_string();
    let (most, last) = body.split_at(body.len() - 1);
    let mut stream = app.connect();
    write!(
        stream,
        "POST /users HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    )
    .expect("the head is sent");
    // Asked for the body, so the caller is let in.
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 100"));
    stream.write_all(most.as_bytes()).expect("most of it is sent");
    run(&app, &["api-keys", "revoke", &key[4..26]], "");
    eventually("the end of the key", || {
        (shown(&app, "/users", &key)[1].status == 401).then_some(())
    });
    stream.write_all(last.as_bytes()).expect("the last byte is sent");
    let answer = read_response(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    assert_eq!(admin(&app, ("GET", "/users/mallory"), &Value::Null).status, 404);
}
