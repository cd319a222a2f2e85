//! `POST /oauth/revoke`: whoever holds a token may end it.

use crate::harness::{App, FORM, Response};
use crate::people::{PASSWORD, import, log_in, server};
use crate::signer::{claims, now, sign};
use serde_json::{Value, json};

const ON: &str = "[server]\npublic_url = \"http://localhost:8000\"\n";

fn with_bob() -> App {
    let app = server(ON).spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    app
}

fn login(app: &App) -> String {
    let fields = [("username", "bob"), ("password", PASSWORD), ("scope", "me")];
    log_in(app, &fields).json()["access_token"].as_str().expect("a token").to_owned()
}

fn send(app: &App, form: &str) -> Response {
    app.send("POST", "/oauth/revoke", &[("content-type", FORM)], form)
}

fn revoke(app: &App, token: &str) {
    let answer = send(app, &format!("token={token}"));
    assert_eq!((answer.status, answer.body.as_str()), (200, ""));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

fn me(app: &App, token: &str) -> u16 {
    app.get_as("/users/me", token).status
}

#[test]
fn a_token_ends_and_no_other() {
    let app = with_bob();
    let [one, other] = [(); 2].map(|()| login(&app));
    assert_eq!((me(&app, &one), me(&app, &other)), (200, 200));
    revoke(&app, &one);
    let answer = app.get_as("/users/me", &one);
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json(), json!({"detail": "Could not validate credentials"}));
    assert_eq!(me(&app, &other), 200);
    revoke(&app, &one);
    assert_eq!((me(&app, &one), me(&app, &other), me(&app, &login(&app))), (401, 200, 200));
}

/// Whichever of its tokens: a copy that was found somewhere is good enough to end it.
#[test]
fn a_refresh_token_ends_its_login_and_no_other() {
    let app = server(&format!("{ON}[tokens]\npassword_refresh = true\n")).spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    let fields = [("username", "bob"), ("password", PASSWORD), ("scope", "me")];
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let refresh = |token: &Value| {
        log_in(&app, &[("grant_type", "refresh_token"), ("refresh_token", &text(token))])
    };
    let [one, two, stays] = [(); 3].map(|()| log_in(&app, &fields).json());
    for (login, ends_by_first, hint) in [(one, true, "refresh_token"), (two, false, "access_token")]
    {
        let first = &login["refresh_token"];
        let next = refresh(first).json();
        // Tampered with, it is nobody's.
        let other = if text(first).ends_with('A') { "E" } else { "A" };
        revoke(&app, &format!("{}{other}", &text(first)[..text(first).len() - 1]));
        let all = [&login, &next].map(|response| text(&response["access_token"]));
        assert!(all.iter().all(|token| me(&app, token) == 200));
        let token = text(if ends_by_first { first } else { &next["refresh_token"] });
        assert_eq!(send(&app, &format!("token={token}&token_type_hint={hint}")).status, 200);
        assert!(all.iter().all(|token| me(&app, token) == 401), "at once");
        for token in [first, &next["refresh_token"]] {
            let answer = refresh(token);
            assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_grant")));
        }
        revoke(&app, &token);
    }
    assert_eq!(me(&app, &text(&stays["access_token"])), 200);
    // An access token ends alone.
    revoke(&app, &text(&stays["access_token"]));
    assert_eq!(me(&app, &text(&stays["access_token"])), 401);
    let next = refresh(&stays["refresh_token"]).json();
    assert_eq!(me(&app, &text(&next["access_token"])), 200);
}

/// They may have no `jti`, or the same one in all.
#[test]
fn a_token_of_another_application_ends_and_no_other() {
    let app = with_bob();
    for jti in [json!(null), json!("7"), json!("00ff000000000000000000000000abcd")] {
        let bob = |exp: i64| {
            let mut all = json!({"sub": "bob", "scopes": ["me"], "exp": now() + exp});
            if !jti.is_null() {
                all["jti"] = jti.clone();
            }
            sign(&all)
        };
        let (one, other) = (bob(600), bob(601));
        assert_eq!((me(&app, &one), me(&app, &other)), (200, 200), "{jti}");
        revoke(&app, &one);
        let then = if jti.as_str().is_some_and(|jti| jti.len() == 32) { 401 } else { 200 };
        assert_eq!((me(&app, &one), me(&app, &other)), (401, then), "{jti}");
    }
}

/// RFC 7009 §2.2: what is no token has ended already. Nobody ends a token without having it.
#[test]
fn what_is_no_valid_token_ends_nothing() {
    let app = with_bob();
    let bob = login(&app);
    let held = claims(&bob);
    let (message, signature) = bob.rsplit_once('.').expect("a signature");
    let forged = format!("{message}.{}", signature.chars().rev().collect::<String>());
    let mut expired = held.clone();
    expired["exp"] = json!(now() - 10);
    for token in ["x", "a.b.c", &forged, &sign(&expired), held["jti"].as_str().expect("a text")] {
        revoke(&app, token);
        assert_eq!(me(&app, &bob), 200, "{token}");
    }
    assert_eq!(send(&app, &format!("token={bob}&token_type_hint=refresh_token")).status, 200);
    assert_eq!(me(&app, &bob), 401, "a hint is no more than that");
}

#[test]
fn a_form_must_name_one_token() {
    let app = with_bob();
    let bob = login(&app);
    for form in [
        String::new(),
        "token=".to_owned(),
        "tokens=x".to_owned(),
        format!("token={bob}&token={bob}"),
        format!("token={bob}&token="),
        format!("token={bob}&token_type_hint=a&token_type_hint=a"),
    ] {
        let answer = send(&app, &form);
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("invalid_request")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let body = json!({"token": bob}).to_string();
    let answer = app.send("POST", "/oauth/revoke", &[("content-type", "application/json")], &body);
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(send(&app, &format!("token={}", "x".repeat(1 << 20))).status, 413);
    assert_eq!(me(&app, &bob), 200);
}

/// FastAPI's users see nothing of it until they say where clients reach the server.
#[test]
fn without_a_public_url_there_is_no_such_path() {
    let app = server("").spawn();
    assert_eq!(send(&app, "token=x").status, 404);
    let document = app.get("/openapi.json").json();
    assert!(document["paths"].get("/oauth/revoke").is_none());
    let document = with_bob().get("/openapi.json").json();
    assert!(document["paths"]["/oauth/revoke"]["post"]["responses"]["200"].is_object());
}
