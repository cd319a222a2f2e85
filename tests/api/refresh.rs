//! Refresh tokens of the password flow: renewed, shared, lost, stolen, ended.

mod requests;

use crate::harness::{App, FORM, Response, eventually, run_tool};
use crate::people::{ALL, PASSWORD, admin, call, import, log_in, run, server};
use crate::signer::claims;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::thread;

const ON: &str = "[tokens]\npassword_refresh = true\n";

/// A server with `bob`, and `root`, who may do everything.
fn with_bob(config: &str) -> App {
    let app = server(&format!("{ON}{config}")).spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    app
}

fn login(app: &App) -> Value {
    let fields = [("username", "bob"), ("password", PASSWORD), ("scope", "me items")];
    log_in(app, &fields).json()
}

/// `POST /token` with a refresh token, and more of a form.
fn send(app: &App, token: &str, more: &str) -> Response {
    let form = format!("grant_type=refresh_token&refresh_token={token}{more}");
    app.send("POST", "/token", &[("content-type", FORM)], &form)
}

fn refresh(app: &App, token: &Value) -> Value {
    let answer = send(app, text(token), "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

#[track_caller]
fn assert_refused(answer: &Response, error: &str, description: &str) {
    let body = json!({"detail": description, "error": error, "error_description": description});
    assert_eq!((answer.status, answer.json()), (400, body));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[track_caller]
fn assert_ended(app: &App, token: &Value) {
    let ended = "The refresh token is unknown, expired or revoked";
    assert_refused(&send(app, text(token), ""), "invalid_grant", ended);
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn me(app: &App, response: &Value) -> u16 {
    app.get_as("/users/me", text(&response["access_token"])).status
}

/// Changes the rows of the database.
pub(crate) fn execute(app: &App, statement: &str) {
    let code = "import sqlite3, sys\n\
                database = sqlite3.connect(sys.argv[1], timeout=20)\n\
                database.execute(sys.argv[2])\n\
                database.commit()";
    let mut python = Command::new("python3");
    run_tool(python.args(["-c", code]).arg(app.data_dir().join("bailiwick.db")).arg(statement));
}

#[test]
fn a_login_is_renewed_without_the_password() {
    let app = with_bob("");
    let first = login(&app);
    assert_eq!(first["token_type"], "bearer");
    let mut seen = BTreeSet::new();
    let mut last = first.clone();
    for _ in 0..3 {
        assert!(text(&last["refresh_token"]).starts_with("bwr_"));
        assert!(seen.insert(text(&last["refresh_token"]).to_owned()), "another one each time");
        assert_eq!(me(&app, &last), 200);
        let answer = send(&app, text(&last["refresh_token"]), "");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let next = answer.json();
        assert_eq!((&next["expires_in"], &next["scope"]), (&json!(1800), &json!("me items")));
        assert_ne!(next["access_token"], last["access_token"]);
        last = next;
    }
    let read = |response: &Value| claims(text(&response["access_token"]));
    assert_eq!(read(&last)["bailiwick_grant"], read(&first)["bailiwick_grant"]);
    assert_eq!((me(&app, &first), me(&app, &last)), (200, 200), "earlier ones have their own end");
    assert_ne!(read(&login(&app))["bailiwick_grant"], read(&first)["bailiwick_grant"]);
}

/// FastAPI's users see nothing of it.
#[test]
fn nothing_is_different_until_it_is_switched_on() {
    let app = server("").spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    let response = login(&app);
    assert!(response.get("refresh_token").is_none());
    assert!(claims(text(&response["access_token"])).get("bailiwick_grant").is_none());
    let answer = send(&app, "bwr_x", "");
    assert_eq!((answer.status, &answer.json()["detail"][0]["loc"][1]), (422, &json!("grant_type")));
    let documented = |app: &App| {
        let document = app.get("/openapi.json").json();
        let form = &document["paths"]["/token"]["post"]["requestBody"]["content"][FORM]["schema"];
        let response = &document["components"]["schemas"]["Token"]["properties"];
        [form["properties"].clone(), response.clone()].map(|it| it.get("refresh_token").is_some())
    };
    assert_eq!(documented(&app), [false, false]);
    assert_eq!(documented(&with_bob("")), [true, true]);
    let strict = server("[security]\nprofile = \"strict\"\n").spawn();
    let answer = send(&strict, "bwr_x", "");
    assert_eq!((answer.status, &answer.json()["error"]), (400, &json!("unsupported_grant_type")));
}

/// Its response may have been lost: the same one again, but not for ever.
#[test]
fn a_token_is_taken_again_for_a_while() {
    let app = with_bob("refresh_token_reuse_seconds = 2\n");
    let first = login(&app);
    let next = refresh(&app, &first["refresh_token"]);
    let again = refresh(&app, &first["refresh_token"]);
    assert_eq!(again["refresh_token"], next["refresh_token"]);
    assert_eq!((me(&app, &next), me(&app, &again)), (200, 200));
    eventually("the end of that time", || {
        let answer = send(&app, text(&first["refresh_token"]), "");
        (answer.status == 400).then_some(())
    });
    assert_ended(&app, &next["refresh_token"]);
    for response in [&first, &next, &again] {
        assert_eq!(me(&app, response), 401);
    }
    let app = with_bob("refresh_token_reuse_seconds = 0\n");
    let first = login(&app);
    let next = refresh(&app, &first["refresh_token"]);
    assert_ended(&app, &first["refresh_token"]);
    assert_ended(&app, &next["refresh_token"]);
    assert_eq!(me(&app, &next), 401);
}

#[test]
fn tabs_at_once_all_go_on() {
    let app = with_bob("");
    let mut token = login(&app)["refresh_token"].clone();
    for _ in 0..4 {
        let responses: Vec<Value> = thread::scope(|scope| {
            let tab = || scope.spawn(|| refresh(&app, &token));
            let tabs: Vec<_> = (0..32).map(|_| tab()).collect();
            tabs.into_iter().map(|tab| tab.join().expect("a response")).collect()
        });
        let next: BTreeSet<_> = responses.iter().map(|it| text(&it["refresh_token"])).collect();
        assert_eq!(next.len(), 1, "{next:?}");
        assert!(responses.iter().all(|response| me(&app, response) == 200));
        token = responses[0]["refresh_token"].clone();
    }
}

/// Whoever comes with an older token than the one before: the thief or the owner.
#[test]
fn a_stolen_token_ends_its_login_and_no_other() {
    let app = with_bob("");
    let other = login(&app);
    let stolen = login(&app);
    let mut all = vec![stolen.clone()];
    for _ in 0..3 {
        all.push(refresh(&app, &all[all.len() - 1]["refresh_token"]));
    }
    assert!(all.iter().all(|response| me(&app, response) == 200));
    assert_ended(&app, &stolen["refresh_token"]);
    for response in &all {
        assert_eq!(me(&app, response), 401);
        assert_ended(&app, &response["refresh_token"]);
    }
    assert_eq!(me(&app, &other), 200);
    assert_eq!(me(&app, &refresh(&app, &other["refresh_token"])), 200);
}

#[test]
fn an_unused_login_ends_and_so_does_every_other() {
    let app = with_bob("refresh_token_idle = \"10d\"\nrefresh_token_lifetime = \"20d\"\n");
    let login = login(&app);
    let next = refresh(&app, &login["refresh_token"]);
    let day = 24 * 60 * 60;
    execute(&app, &format!("UPDATE refresh_families SET seen = seen - {}", 10 * day - 60));
    let next = refresh(&app, &next["refresh_token"]);
    execute(&app, &format!("UPDATE refresh_families SET seen = seen - {}", 10 * day + 60));
    assert_ended(&app, &next["refresh_token"]);
    execute(&app, &format!("UPDATE refresh_families SET seen = seen + {}", 10 * day + 60));
    let next = refresh(&app, &next["refresh_token"]);
    execute(&app, &format!("UPDATE refresh_families SET expires = expires - {}", 20 * day));
    assert_ended(&app, &next["refresh_token"]);
    assert_eq!(me(&app, &next), 200, "the access token has its own end");
}

/// The login keeps its scopes, whatever one access token gets.
#[test]
fn an_access_token_may_have_fewer_scopes_but_never_more() {
    let app = with_bob("");
    let fields = [("username", "root"), ("password", PASSWORD), ("scope", "me items")];
    let token = log_in(&app, &fields).json()["refresh_token"].clone();
    let answer = send(&app, text(&token), "&scope=items");
    let next = answer.json();
    assert_eq!((answer.status, &next["scope"]), (200, &json!("items")));
    assert_eq!(claims(text(&next["access_token"]))["scopes"], json!(["items"]));
    let token = &next["refresh_token"];
    for (asked, refused) in [
        ("users:read", "Scope not allowed: users:read"),
        ("me+users:write+nobodys", "Scope not allowed: users:write nobodys"),
        ("%22", "Malformed scope"),
    ] {
        let answer = send(&app, text(token), &format!("&scope={asked}"));
        assert_refused(&answer, "invalid_scope", refused);
    }
    let next = refresh(&app, token);
    assert_eq!(next["scope"], "me items", "nothing was used up, and nothing is narrowed for ever");

    // What the user does not hold any more is left out, and is back when it is held again.
    let token = login(&app)["refresh_token"].clone();
    let set = |scopes: Value| {
        let answer = admin(&app, ("PUT", "/users/bob/scopes"), &json!({ "scopes": scopes }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    set(json!(["me", "users:read"]));
    let next = refresh(&app, &token);
    assert_eq!(next["scope"], "me");
    set(json!(["me", "items"]));
    assert_eq!(refresh(&app, &next["refresh_token"])["scope"], "me items");
}

/// As at a login: a token without any scope would look like one with all that was asked for.
#[test]
fn scopes_of_which_none_is_held_any_more_are_refused_and_nothing_is_used_up() {
    let app = with_bob("refresh_token_reuse_seconds = 0\n");
    let token = login(&app)["refresh_token"].clone();
    let set = |scopes: Value| {
        let answer = admin(&app, ("PUT", "/users/bob/scopes"), &json!({ "scopes": scopes }));
        assert_eq!(answer.status, 200, "{}", answer.body);
    };
    set(json!(["me"]));
    let refused = |more: &str, said: &str| {
        assert_refused(&send(&app, text(&token), more), "invalid_scope", said);
    };
    refused("&scope=items", "Scope not allowed: items");
    set(json!([]));
    refused("", "Scope not allowed: me items");
    refused("&scope=", "Scope not allowed: me items");
    set(json!(["items"]));
    // RFC 6749 §5.1: fewer than asked for are named.
    let answer = send(&app, text(&token), "&scope=me+items");
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("items")));

    // A login without scopes has none to lose.
    let fields = [("username", "bob"), ("password", PASSWORD)];
    let bare = log_in(&app, &fields).json();
    assert!(bare.get("scope").is_none(), "{bare}");
    assert!(refresh(&app, &bare["refresh_token"]).get("scope").is_none());
}

#[test]
fn a_disabled_user_is_refused_and_keeps_the_login() {
    let app = with_bob("refresh_token_reuse_seconds = 0\n");
    let token = login(&app)["refresh_token"].clone();
    run(&app, &["users", "disable", "bob"], "");
    for _ in 0..2 {
        assert_refused(&send(&app, text(&token), ""), "invalid_grant", "Inactive user");
    }
    let disabled = login(&app);
    assert!(disabled["access_token"].is_string() && disabled.get("refresh_token").is_none());
    run(&app, &["users", "enable", "bob"], "");
    let next = refresh(&app, &token);
    run(&app, &["users", "rename", "bob", "robert"], "");
    let next = refresh(&app, &next["refresh_token"]);
    assert_eq!(claims(text(&next["access_token"]))["sub"], "robert");
    assert_eq!(me(&app, &next), 200);
}

#[test]
fn the_end_of_a_users_tokens_is_that_of_its_logins() {
    let app = with_bob("");
    let set = json!({"password": "grey-heron-43"});
    let change = json!({"old_password": PASSWORD, "password": "grey-heron-43"});
    let ends: [&dyn Fn(&str); 5] = [
        &|_| run(&app, &["users", "sign-out", "bob"], ""),
        &|_| {
            let path = "/users/bob/password";
            assert_eq!(admin(&app, ("PUT", path), &set).status, 204);
            let back = json!({"password": PASSWORD});
            assert_eq!(admin(&app, ("PUT", path), &back).status, 204);
        },
        &|token| {
            let answer = call(&app, ("PUT", "/users/me/password"), token, &change);
            assert_eq!(answer.status, 204, "{}", answer.body);
            let back = json!({"password": PASSWORD});
            assert_eq!(admin(&app, ("PUT", "/users/bob/password"), &back).status, 204);
        },
        &|_| assert_eq!(admin(&app, ("DELETE", "/users/bob/sessions"), &Value::Null).status, 204),
        &|_| assert_eq!(admin(&app, ("DELETE", "/users/bob"), &Value::Null).status, 204),
    ];
    for end in ends {
        let first = login(&app);
        let next = refresh(&app, &first["refresh_token"]);
        end(text(&next["access_token"]));
        assert_ended(&app, &next["refresh_token"]);
        assert_ended(&app, &first["refresh_token"]);
        eventually("the end of the tokens", || (me(&app, &next) == 401).then_some(()));
    }
}
