//! `POST /register`: strangers make accounts, if the settings say so.

use crate::harness::{App, Response, bailiwick, eventually, run};
use serde_json::{Value, json};
use std::fs;

const PASSWORD: &str = "quiet river stone";

fn server(config: &str) -> App {
    let quick = "[passwords]\nbcrypt_cost = 4\n[server]\nforwarded_allow_ips = [\"127.0.0.1\"]\n";
    App::bare().config(&format!("{quick}{config}")).spawn()
}

fn open(config: &str) -> App {
    server(&format!("[registration]\nenabled = true\n{config}"))
}

fn register(app: &App, address: &str, body: &Value) -> Response {
    let headers = [("content-type", "application/json"), ("x-forwarded-for", address)];
    app.send("POST", "/register", &headers, &body.to_string())
}

fn named(name: &str) -> Value {
    json!({"username": name, "password": PASSWORD})
}

#[test]
fn it_is_closed_unless_it_is_opened() {
    let app = server("");
    assert_eq!(register(&app, "192.0.2.1", &named("jane")).status, 404);
    assert!(app.get("/openapi.json").json()["paths"]["/register"].is_null());
}

#[test]
fn whoever_registers_logs_in_with_the_scopes_of_the_settings() {
    let app = open("scopes = [\"me\", \"items\"]\n");
    let jane = json!({
        "username": "jane", "password": PASSWORD, "email": "jane@example.com", "full_name": "Jane Doe",
    });
    let made = register(&app, "192.0.2.1", &jane);
    let expected = json!({
        "username": "jane", "email": "jane@example.com", "full_name": "Jane Doe", "disabled": false,
    });
    assert_eq!((made.status, made.json()), (201, expected));
    assert_eq!(made.header("cache-control"), Some("no-store"));
    let token = app.login("jane", PASSWORD, "me items");
    assert_eq!(app.get_as("/users/me", &token).json()["full_name"], "Jane Doe");
    assert_eq!(app.get_as("/users/me/items", &token).status, 200);
    let refused = app.command(&["users", "show", "jane", "--json"], "");
    let shown: Value = serde_json::from_slice(&refused.stdout).expect("JSON");
    assert_eq!(shown["scopes"], json!(["me", "items"]));
}

#[test]
fn what_is_wrong_is_told_at_once_and_names_stay_whose_they_are() {
    let app = open("[users]\nunique_email = true\n");
    let wrong = json!({
        "username": "", "password": "1234", "email": 7, "scopes": ["users:write"],
        "disabled": false,
    });
    let refused = register(&app, "192.0.2.1", &wrong);
    assert_eq!(refused.status, 422);
    let found = refused.json();
    let found: Vec<_> = found["detail"].as_array().expect("a list").iter().collect();
    let mut fields: Vec<_> =
        found.iter().map(|one| one["loc"][1].as_str().expect("a field")).collect();
    fields.sort_unstable();
    assert_eq!(fields, ["disabled", "email", "password", "scopes", "username"], "{found:?}");
    assert!(!refused.body.contains("1234"), "{}", refused.body);
    let with_address =
        |name: &str| json!({"username": name, "password": PASSWORD, "email": "jane@example.com"});
    assert_eq!(register(&app, "192.0.2.1", &with_address("jane")).status, 201);
    let name = register(&app, "192.0.2.1", &named("jane"));
    let address = register(&app, "192.0.2.1", &with_address("bob"));
    let detail = json!({"detail": "The username or e-mail address is taken"});
    assert_eq!((name.status, name.json()), (409, detail));
    assert_eq!((address.status, address.body), (name.status, name.body), "nobody learns which");
    assert_eq!(register(&app, "192.0.2.1", &named("me")).status, 422, "a reserved name");
}

#[test]
fn registrations_are_limited_by_network() {
    let app = open("burst = 3\nevery = \"10m\"\n");
    let from = |address: &str, name: &str| register(&app, address, &named(name));
    assert_eq!(from("192.0.2.1", "a1").status, 201);
    assert_eq!(from("192.0.2.2", "a1").status, 409, "counts, since it tells of a name");
    assert_eq!(register(&app, "192.0.2.1", &json!({"username": "a2"})).status, 422);
    assert_eq!(from("192.0.2.3", "a3").status, 201);
    let refused = from("192.0.2.4", "a4");
    assert_eq!(refused.status, 429);
    assert_eq!(refused.json(), json!({"detail": "Too many attempts, try again later"}));
    let wait: u64 = refused.header("retry-after").expect("a time").parse().expect("seconds");
    assert!((1..=600).contains(&wait), "{wait}");
    assert_eq!(from("198.51.100.1", "a4").status, 201, "another network");
    // The logins of the network are counted apart.
    app.login("a1", PASSWORD, "me");
}

#[test]
fn it_is_in_the_audit_log_and_in_the_document() {
    let app = open("[audit]\nretain_days = 1\n");
    assert_eq!(register(&app, "192.0.2.1", &named("jane")).status, 201);
    assert_eq!(register(&app, "192.0.2.1", &named("jane")).status, 409);
    let audit = ["audit", "--user", "jane", "--format", "json"];
    let events = eventually("two events", || {
        let text = String::from_utf8(app.command(&audit, "").stdout).expect("UTF-8");
        let events: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        (events.len() == 2).then_some(events)
    });
    for (event, (outcome, reason)) in
        events.iter().zip([("accepted", json!(null)), ("refused", json!("name_taken"))])
    {
        assert_eq!(event["what"], "user_create", "{event}");
        assert_eq!((&event["outcome"], &event["reason"]), (&json!(outcome), &reason), "{event}");
        assert_eq!((&event["address"], &event["who"]), (&json!("192.0.2.1"), &json!(null)));
        assert_eq!(event["scopes"], "me", "{event}");
    }
    let operation = &app.get("/openapi.json").json()["paths"]["/register"]["post"];
    for status in ["201", "409", "413", "415", "422", "429", "503"] {
        assert!(operation["responses"][status].is_object(), "{status}: {operation}");
    }
    assert_eq!(operation["security"], json!([]), "{operation}");
}

#[test]
fn scopes_of_newcomers_must_be_declared() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("a.toml");
    fs::write(&file, "[registration]\nscopes = [\"me\", \"orders:read\"]\n").expect("written");
    let output = run(bailiwick(folder.path()).arg("--config").arg(&file).arg("check-config"), "");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(text.contains("registration.scopes: `orders:read` is not a declared scope"), "{text}");
}
