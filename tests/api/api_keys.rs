//! API keys: made, listed, revoked, and taken wherever a token or a password is.

mod administration;
mod commands;
mod document;
mod ends;
mod leaks;

use crate::example_server::Example;
use crate::harness::{App, Response, eventually};
use crate::people::{admin, assert_refused, call, import, server};
use crate::signer::token;
use base64::Engine as _;
use serde_json::{Value, json};

const OWN: &str = "/users/me/api-keys";

/// Everything that jane may do.
const JANES: [&str; 3] = ["me", "items", "api-keys:write"];

/// A server with `root`, `jane` and `svc`, which has no password.
fn with_keys(config: &str) -> App {
    let app = server(config).args(["--demo"]).spawn();
    import(&app, &[json!({"username": "root", "scopes": crate::people::ALL})]);
    import(&app, &[json!({"username": "jane", "scopes": JANES})]);
    import(&app, &[json!({"username": "svc", "hashed_password": "!", "scopes": ["me", "items"]})]);
    app
}

/// Makes a key for jane with these scopes; returns its id and the key.
fn make(app: &App, scopes: &[&str]) -> (String, String) {
    made(&call(app, ("POST", OWN), &token("jane", &JANES), &json!({"name": "k", "scopes": scopes})))
}

fn made(answer: &Response) -> (String, String) {
    assert_eq!(answer.status, 201, "{}", answer.body);
    let answer = answer.json();
    let text = |name: &str| answer[name].as_str().expect("a text").to_owned();
    (text("id"), text("key"))
}

/// A GET with the key in each of its places but Basic.
fn shown(app: &App, path: &str, key: &str) -> [Response; 2] {
    let bearer = format!("Bearer {key}");
    [("authorization", bearer.as_str()), ("x-api-key", key)]
        .map(|header| app.send("GET", path, &[header], ""))
}

fn basic(app: &App, name: &str, password: &str) -> Response {
    let shown = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    app.send("GET", "/basic/users/me", &[("authorization", &format!("Basic {shown}"))], "")
}

#[test]
fn a_key_is_shown_once_and_opens_what_its_scopes_open() {
    let app = with_keys("");
    let body = json!({"name": "nightly build", "scopes": ["me"], "expires_at": "2099-01-31"});
    let answer = call(&app, ("POST", OWN), &token("jane", &JANES), &body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (id, key) = made(&answer);
    assert_eq!(answer.json()["expires_at"], "2099-02-01T00:00:00Z");
    assert!(key.len() == 75 && key.starts_with(&format!("bwk_{id}")), "{key}");
    for answer in shown(&app, "/users/me", &key) {
        assert_eq!((answer.status, &answer.json()["username"]), (200, &json!("jane")));
    }
    let [bearer, header] = shown(&app, "/users/me/items", &key);
    assert_refused(&bearer, 401, r#"Bearer scope="items me""#, "Not enough permissions");
    assert_refused(&header, 401, "APIKey", "Not enough permissions");
    let listed = call(&app, ("GET", OWN), &token("jane", &JANES), &Value::Null);
    assert!(!listed.body.contains(&key) && !listed.body.contains(&key[26..69]));
    let [record] = listed.json().as_array().expect("a list").clone().try_into().expect("one");
    assert_eq!(
        (&record["id"], &record["name"], &record["scopes"]),
        (&json!(id), &json!("nightly build"), &json!(["me"])),
    );
    assert_eq!(record["expires_at"], "2099-02-01T00:00:00Z");
}

#[test]
fn the_last_use_is_known_by_its_day() {
    let app = with_keys("");
    let (id, key) = make(&app, &["me"]);
    let (_, unused) = make(&app, &["me"]);
    for _ in 0..3 {
        assert!(shown(&app, "/users/me", &key).iter().all(|answer| answer.status == 200));
    }
    let wrong = format!("{}{}", &unused[..26], &key[26..]);
    assert!(shown(&app, "/users/me", &wrong).iter().all(|answer| answer.status == 401));
    let days = eventually("the day", || {
        let listed = call(&app, ("GET", OWN), &token("jane", &JANES), &Value::Null).json();
        let mut keys = [0, 1].map(|at| listed[at].clone());
        keys.sort_by_key(|key| key["id"] != id);
        let days = keys.map(|key| key["last_used"].clone());
        days.iter().any(|day| !day.is_null()).then_some(days)
    });
    let day = days[0].as_str().expect("a day");
    assert!(day.len() == 10 && day > "2026-01-01" && days[1].is_null(), "{days:?}");
}

#[test]
fn every_guard_takes_a_key_for_what_its_owner_holds_now() {
    let app = with_keys("");
    let root = token("root", &crate::people::ALL);
    let body = json!({"name": "k", "scopes": ["users:read", "users:write", "me", "items"]});
    let (_, key) = made(&call(&app, ("POST", OWN), &root, &body));
    let headers = [("x-api-key", key.as_str()), ("content-type", "application/json")];
    for (method, path, body, status) in [
        ("GET", "/users", "", 200),
        ("GET", "/users/me/items/", "", 200),
        ("GET", "/status", "", 200),
        ("PATCH", "/users/jane", r#"{"full_name":"Jane"}"#, 200),
        ("PUT", "/users/jane/password", r#"{"password":"green-heron-43"}"#, 204),
        ("GET", OWN, "", 401),
    ] {
        let answer = app.send(method, path, &headers, body);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
    }
    let (_, janes) = make(&app, &["me", "items"]);
    assert_eq!(shown(&app, "/users/me/items", &janes).map(|answer| answer.status), [200, 200]);
    let scopes = json!({"scopes": ["me"]});
    assert_eq!(admin(&app, ("PUT", "/users/jane/scopes"), &scopes).status, 200);
    assert_eq!(shown(&app, "/users/me/items", &janes).map(|answer| answer.status), [401, 401]);
    assert_eq!(shown(&app, "/users/me", &janes).map(|answer| answer.status), [200, 200]);
}

#[test]
fn a_key_in_place_of_a_password_is_its_owners_and_costs_no_hash() {
    let app = server("").args(["--demo"]).env("BAILIWICK__ADMIN__PUBLIC", "true").spawn();
    import(&app, &[json!({"username": "jane", "scopes": JANES}), json!({"username": "bob"})]);
    let (_, key) = make(&app, &[]);
    let hashes = || {
        let metrics = app.get("/metrics").body;
        let mut lines = metrics.lines();
        let line = lines.find(|line| line.starts_with("bailiwick_password_hash_operations_total"));
        line.expect("the metric").to_owned()
    };
    let before = hashes();
    assert_eq!(basic(&app, "jane", &key).status, 200);
    for (name, key) in [("bob", &*key), ("Jane", &key), ("nobody", &key), ("", &key)] {
        let answer = basic(&app, name, key);
        assert_refused(&answer, 401, "Basic", "Incorrect username or password");
    }
    assert_eq!(hashes(), before);
    // What is no key is a password.
    assert_eq!(basic(&app, "jane", &key[..74]).status, 401);
    assert_ne!(hashes(), before);
    let form = format!("username=jane&password={key}");
    let headers = [("content-type", crate::harness::FORM)];
    assert_eq!(app.send("POST", "/token", &headers, &form).status, 400, "a key gets no token");
}

#[test]
fn a_key_makes_no_key_and_no_scope_grows() {
    let app = with_keys("");
    let (id, key) = make(&app, &JANES);
    let body = json!({"name": "k", "scopes": []});
    let answer = call(&app, ("POST", OWN), &key, &body);
    assert_eq!(answer.status, 403, "{}", answer.body);
    assert_eq!(answer.json()["detail"], "An API key cannot make API keys");
    for (scopes, asked) in [
        (&["api-keys:write", "me"][..], json!(["items"])),
        (&["api-keys:write", "me"], json!(["me", "api-keys:write", "items"])),
        (&["api-keys:write", "me", "users:write"], json!(["users:write"])),
    ] {
        let body = json!({"name": "k", "scopes": asked});
        let answer = call(&app, ("POST", OWN), &token("jane", scopes), &body);
        assert_eq!(answer.status, 403, "{scopes:?} {asked}: {}", answer.body);
    }
    let too_few = call(&app, ("POST", OWN), &token("jane", &["me"]), &body);
    assert_refused(&too_few, 401, r#"Bearer scope="api-keys:write""#, "Not enough permissions");
    // It may end itself, though.
    let path = format!("{OWN}/{id}");
    assert_eq!(call(&app, ("DELETE", &path), &key, &Value::Null).status, 204);
    assert_eq!(call(&app, ("DELETE", &path), &key, &Value::Null).status, 401);
}

#[test]
fn a_bad_body_is_told_field_by_field() {
    let app = with_keys("");
    let token = token("jane", &JANES);
    for (body, fields) in [
        (json!({}), vec!["name", "scopes"]),
        (json!({"name": "", "scopes": []}), vec!["name"]),
        (json!({"name": "x".repeat(101), "scopes": "me"}), vec!["name", "scopes"]),
        (json!({"name": "a\nb", "scopes": ["nix", "me"]}), vec!["name", "scopes"]),
        (json!({"name": 7, "scopes": [7]}), vec!["name", "scopes"]),
        (json!({"name": "k", "scopes": [], "expires_at": "soon"}), vec!["expires_at"]),
        (json!({"name": "k", "scopes": [], "expires_at": "2020-01-01"}), vec!["expires_at"]),
        (json!({"name": "k", "scopes": [], "expires_at": "2099-01-01T00:00"}), vec!["expires_at"]),
        (json!({"name": "k", "scopes": [], "expires_at": 4_070_908_800_u64}), vec!["expires_at"]),
        (json!({"name": "k", "scopes": [], "key": "bwk_mine"}), vec!["key"]),
    ] {
        let answer = call(&app, ("POST", OWN), &token, &body);
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        let answer = answer.json();
        let found = answer["detail"].as_array().expect("a list").iter();
        let found: Vec<_> = found.map(|fault| fault["loc"][1].as_str().expect("it")).collect();
        assert_eq!(found, fields, "{body}: {answer}");
    }
    assert_eq!(call(&app, ("GET", OWN), &token, &Value::Null).json(), json!([]));
    let forever = json!({"name": "한국 🗝", "scopes": [], "expires_at": null});
    let (_, key) = made(&call(&app, ("POST", OWN), &token, &forever));
    // Without a scope it opens what asks for none.
    assert_eq!(shown(&app, "/status", &key).map(|answer| answer.status), [200, 200]);
    assert_eq!(shown(&app, "/users/me", &key).map(|answer| answer.status), [401, 401]);
}

#[test]
fn what_is_no_key_of_ours_is_left_alone() {
    let app = with_keys("");
    let (_, key) = make(&app, &["me"]);
    let bearer = format!("Bearer {}", token("jane", &["me"]));
    let wrong_sum = format!("{}{}", &key[..74], if key.ends_with('0') { "1" } else { "0" });
    let lower = key.to_lowercase();
    for other in ["swordfish", "bwk_", "bwk_x", &wrong_sum, &key[..74], &key[4..], &lower] {
        let alone = app.send("GET", "/users/me", &[("x-api-key", other)], "");
        assert_refused(&alone, 401, "Bearer", "Not authenticated");
        let headers = [("authorization", bearer.as_str()), ("x-api-key", other)];
        assert_eq!(app.send("GET", "/users/me", &headers, "").status, 200, "{other}");
    }
    // Of two credentials the first place counts.
    let headers = [("authorization", "Bearer junk"), ("x-api-key", key.as_str())];
    assert_eq!(app.send("GET", "/users/me", &headers, "").status, 401);
    let headers = [("authorization", "Basic !"), ("x-api-key", key.as_str())];
    assert_eq!(app.send("GET", "/users/me", &headers, "").status, 200);
}

/// An application with keys of its own in the same header, and guarded routes.
#[test]
fn an_applications_own_keys_and_guards_go_on() {
    let app = Example::spawn("orders");
    let add = ["users", "add", "ci", "--scope", "me", "--scope", "orders:read", "--no-password"];
    assert!(app.command(&add, "").status.success());
    let key =
        app.command(&["api-keys", "add", "ci", "k", "--scope", "me", "--scope", "orders:read"], "");
    assert!(key.status.success(), "{key:?}");
    let key = String::from_utf8(key.stdout).expect("a key").trim().to_owned();
    assert_eq!(app.get_as("/orders", &format!("Bearer {key}")).status, 200);
    assert_eq!(app.send("GET", "/orders", &[("x-api-key", &key)], "").status, 200);
    assert_eq!(app.send("GET", "/orders", &[("x-api-key", "swordfish")], "").status, 401);
}

#[test]
fn no_secret_is_logged() {
    let app = with_keys("[logging]\nlevel = \"debug\"\n");
    let (id, key) = make(&app, &["me"]);
    shown(&app, "/users/me", &key);
    basic(&app, "jane", &key);
    basic(&app, "root", &key);
    app.get(&format!("/users/me?api_key={key}"));
    app.get("/last");
    app.stdout.wait_for("/last");
    app.stderr.wait_for("other_users_key");
    let all = app.stdout.text() + &app.stderr.text();
    assert!(all.contains(&id) && !all.contains(&key[26..69]), "{all}");
}
