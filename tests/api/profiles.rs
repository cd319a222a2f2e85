//! Both profiles and the realm, in real responses: the table of `src/api_error/challenge.rs`.

use crate::harness::{App, Response};
use crate::people::{ALL, PASSWORD, administered, assert_refused, call, import, log_in};
use crate::signer::token;
use serde_json::{Value, json};

const INVALID: &str = "error=\"invalid_token\", error_description=\"The access token is malformed, expired, revoked or unknown\"";
const LACKS: &str =
    "error=\"insufficient_scope\", error_description=\"The access token lacks a scope\"";

fn started(security: &str) -> App {
    let app = administered(&format!("[security]\n{security}\n"));
    import(
        &app,
        &[
            json!({"username": "bob", "scopes": ["me", "items"]}),
            json!({"username": "off", "scopes": ["me", "items"], "disabled": true}),
        ],
    );
    app
}

fn basic(app: &App, login: Option<&str>) -> Response {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let value = login.map(|login| format!("Basic {}", encode(login)));
    let headers: Vec<_> = value.iter().map(|value| ("authorization", value.as_str())).collect();
    app.send("GET", "/basic/users/me", &headers, "")
}

/// Checks each line of the table: absent, invalid, missing scope, Basic absent, Basic wrong.
fn assert_table(app: &App, [absent, invalid, few, basic_challenge]: [&str; 4], strict: bool) {
    let path = "/users/me/items";
    assert_refused(&app.get(path), 401, absent, "Not authenticated");
    let bad = app.get_as(path, "bad");
    assert_refused(&bad, 401, invalid, "Could not validate credentials");
    let poor = app.get_as(path, &token("bob", &["me"]));
    assert_refused(&poor, if strict { 403 } else { 401 }, few, "Not enough permissions");
    assert_refused(&basic(app, None), 401, basic_challenge, "Not authenticated");
    let wrong = basic(app, Some("bob:wrong"));
    assert_refused(&wrong, 401, basic_challenge, "Incorrect username or password");
    assert_eq!(app.get_as(path, &token("bob", &["me", "items"])).status, 200);
    assert_eq!(basic(app, Some(&format!("bob:{PASSWORD}"))).status, 200);
    // A disabled user is told so, or in the strict profile is treated as unknown.
    let by_token = app.get_as(path, &token("off", &["me", "items"]));
    let by_basic = basic(app, Some(&format!("off:{PASSWORD}")));
    if strict {
        assert_refused(&by_token, 401, invalid, "Could not validate credentials");
        assert_refused(&by_basic, 401, basic_challenge, "Could not validate credentials");
    } else {
        assert_refused(&by_token, 400, "", "Inactive user");
        assert_refused(&by_basic, 400, "", "Inactive user");
    }
}

#[test]
fn the_fastapi_profile() {
    let scope = "Bearer scope=\"items me\"";
    assert_table(&started(""), ["Bearer", scope, scope, "Basic"], false);
}

#[test]
fn the_fastapi_profile_with_a_realm() {
    let app = started("realm = \"the house\"");
    let scope = "Bearer realm=\"the house\", scope=\"items me\"";
    let absent = "Bearer realm=\"the house\"";
    assert_table(&app, [absent, scope, scope, "Basic realm=\"the house\""], false);
}

#[test]
fn the_strict_profile() {
    for (realm, security) in [
        ("bailiwick", "profile = \"strict\""),
        ("the house", "profile = \"strict\"\nrealm = \"the house\""),
    ] {
        let with = |more: &str| format!("Bearer realm=\"{realm}\", {more}");
        assert_table(
            &started(security),
            [
                &with("scope=\"items me\""),
                &with(&format!("{INVALID}, scope=\"items me\"")),
                &with(&format!("{LACKS}, scope=\"items me\"")),
                &format!("Basic realm=\"{realm}\", charset=\"UTF-8\""),
            ],
            true,
        );
    }
}

#[test]
fn only_the_strict_profile_gives_a_disabled_user_no_token() {
    for (security, gives) in [("", true), ("profile = \"strict\"", false)] {
        let app = started(security);
        let answer = log_in(&app, &[("username", "off"), ("password", PASSWORD), ("scope", "me")]);
        if gives {
            assert_eq!(answer.status, 200, "{}", answer.body);
        } else {
            let detail = "Inactive user";
            let body =
                json!({"detail": detail, "error": "invalid_grant", "error_description": detail});
            assert_eq!((answer.status, answer.json()), (400, body));
        }
        // A client that does not know the password learns nothing about the user.
        let answer = log_in(&app, &[("username", "off"), ("password", "wrong")]);
        assert_eq!(answer.json()["detail"], "Incorrect username or password");
    }
}

/// A refusal by a rule is 403 in both, without a challenge: other credentials would not help.
#[test]
fn a_refusal_by_a_rule_has_no_challenge() {
    for security in ["", "profile = \"strict\""] {
        let app = started(security);
        let answer = call(&app, ("DELETE", "/users/root"), &token("root", &ALL), &Value::Null);
        let detail = "This would leave no enabled user with the scope `users:write`";
        assert_refused(&answer, 403, "", detail);
    }
}

/// The strict document shows the 403 of missing scopes; the other does not.
#[test]
fn the_document_follows_the_profile() {
    for (security, shown) in [("", false), ("profile = \"strict\"", true)] {
        let document = started(security).get("/openapi.json").json();
        let answers = &document["paths"]["/users/me"]["get"]["responses"];
        assert_eq!(answers.get("403").is_some(), shown, "{answers}");
        let rule = &document["paths"]["/users/{username}"]["delete"]["responses"]["403"];
        assert!(rule.is_object(), "the rule of the last holder is 403 in both");
    }
}
