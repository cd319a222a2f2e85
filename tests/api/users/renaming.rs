//! Users can change their name and remain the same user.

use crate::example_server::Example;
use crate::harness::{App, Response, eventually};
use crate::people::{ALL, PASSWORD, admin, administered, call, can_log_in, import, run, segment};
use crate::signer::token;
use serde_json::{Value, json};

fn rename(app: &App, from: &str, to: &str) -> Response {
    let path = format!("/users/{}", segment(from));
    admin(app, ("PATCH", &path), &json!({ "username": to }))
}

fn with_alice() -> App {
    let app = administered("");
    import(&app, &[json!({"username": "alice", "scopes": ["me", "items"]})]);
    app
}

fn me(app: &App, bearer: &str) -> Result<Value, u16> {
    let answer = app.get_as("/users/me", bearer);
    if answer.status == 200 { Ok(answer.json()["username"].clone()) } else { Err(answer.status) }
}

fn basic(app: &App, name: &str) -> u16 {
    use base64::Engine as _;
    let login = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{PASSWORD}"));
    app.send("GET", "/basic/users/me", &[("authorization", &format!("Basic {login}"))], "").status
}

#[test]
fn a_renamed_user_keeps_everything_but_the_name() {
    let app = with_alice();
    let before = admin(&app, ("GET", "/users/alice"), &Value::Null).json();
    let bearer = app.login("alice", PASSWORD, "me items");
    let answer = rename(&app, "alice", "alicia");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut expected = before;
    expected["username"] = json!("alicia");
    expected["updated_at"] = answer.json()["updated_at"].clone();
    assert_eq!(answer.json(), expected);
    assert_eq!(admin(&app, ("GET", "/users/alicia"), &Value::Null).json(), expected);
    assert_eq!(admin(&app, ("GET", "/users/alice"), &Value::Null).status, 404);

    assert_eq!(me(&app, &bearer), Ok(json!("alicia")));
    let items = app.get_as("/users/me/items", &bearer);
    assert_eq!(items.json()[0]["owner"], "alicia");
    assert!(can_log_in(&app, "alicia", PASSWORD) && !can_log_in(&app, "alice", PASSWORD));
    assert_eq!((basic(&app, "alicia"), basic(&app, "alice")), (200, 401));
    assert_eq!(me(&app, &app.login("alicia", PASSWORD, "me")), Ok(json!("alicia")));

    // With other fields, and back again.
    let change = json!({"username": "alice", "email": "a@example.com", "full_name": null});
    let answer = admin(&app, ("PATCH", "/users/alicia"), &change);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(
        (&answer.json()["email"], &answer.json()["username"]),
        (&change["email"], &json!("alice"))
    );
    assert_eq!(me(&app, &bearer), Ok(json!("alice")));
}

/// A user who takes the name gets no part in the tokens of the one who gave it up.
#[test]
fn tokens_follow_the_renamed_user() {
    let app = with_alice();
    let bearer = app.login("alice", PASSWORD, "me");
    let elsewhere = token("alice", &["me"]);
    assert_eq!(me(&app, &elsewhere), Ok(json!("alice")));
    assert_eq!(rename(&app, "alice", "alicia").status, 200);
    assert_eq!(me(&app, &elsewhere), Err(401), "nobody has the name");
    import(&app, &[json!({"username": "alice", "scopes": ["me"]})]);
    let others = app.login("alice", PASSWORD, "me");
    for _ in 0..8 {
        assert_eq!(me(&app, &bearer), Ok(json!("alicia")));
        assert_eq!(me(&app, &others), Ok(json!("alice")));
        assert_eq!(me(&app, &elsewhere), Err(401), "that was the earlier alice's");
        assert_eq!(me(&app, &token("alicia", &["me"])), Ok(json!("alicia")));
    }
    assert_eq!(admin(&app, ("DELETE", "/users/alicia"), &Value::Null).status, 204);
    assert_eq!(rename(&app, "alice", "alicia").status, 200);
    assert_eq!((me(&app, &bearer), me(&app, &others)), (Err(401), Ok(json!("alicia"))));
}

#[test]
fn a_new_name_must_satisfy_the_rules_for_new_users() {
    let app = with_alice();
    for (name, kind) in [
        (json!("me"), "value_error"),
        (json!(""), "string_too_short"),
        (json!("a".repeat(129)), "string_too_long"),
        (json!("a\nb"), "value_error"),
        (json!(" alice"), "value_error"),
        (json!("аlice"), "value_error"),
        (json!(null), "string_type"),
        (json!(7), "string_type"),
        (json!(["bob"]), "string_type"),
    ] {
        let body = json!({"username": name, "disabled": "x"});
        let answer = admin(&app, ("PATCH", "/users/alice"), &body);
        assert_eq!(answer.status, 422, "{name}: {}", answer.body);
        let problems = answer.json()["detail"].clone();
        assert_eq!(problems[0]["loc"], json!(["body", "username"]), "{problems}");
        assert_eq!((&problems[0]["type"], &problems[0]["input"]), (&json!(kind), &name));
        assert_eq!(problems[1]["loc"], json!(["body", "disabled"]), "{problems}");
        let created = json!({"username": name, "password": PASSWORD});
        let created = admin(&app, ("POST", "/users"), &created).json();
        assert_eq!(created["detail"][0], problems[0]);
    }
    import(&app, &[json!({"username": "bob"})]);
    let taken = rename(&app, "alice", "bob");
    assert_eq!((taken.status, taken.json()), (409, json!({"detail": "User already exists"})));
    let missing = rename(&app, "nobody", "bob");
    assert_eq!((missing.status, missing.json()), (404, json!({"detail": "User not found"})));
    for name in super::AWKWARD {
        assert_eq!(rename(&app, "alice", name).json()["username"], name);
        assert_eq!(rename(&app, name, "alice").status, 200, "{name}");
    }
    assert_eq!(rename(&app, "alice", "alice").status, 200, "its own");
}

#[test]
fn only_holders_of_users_write_rename() {
    let app = with_alice();
    import(&app, &[json!({"username": "writer", "scopes": ["users:write"]})]);
    let to = |path: &str, bearer: &str| {
        call(&app, ("PATCH", path), bearer, &json!({"username": "boss"})).status
    };
    assert_eq!(to("/users/alice", &token("alice", &["me", "items"])), 401);
    assert_eq!(to("/users/me", &token("writer", &["users:write"])), 405);
    assert_eq!(to("/users/writer", &token("root", &["users:read"])), 401);
    let bearer = app.login("writer", PASSWORD, "users:write");
    assert_eq!(to("/users/writer", &bearer), 200, "itself");
    let change = json!({"full_name": "Boss"});
    assert_eq!(call(&app, ("PATCH", "/users/boss"), &bearer, &change).status, 200);
    // A rename never removes the last administrator.
    assert_eq!(admin(&app, ("DELETE", "/users/boss"), &Value::Null).status, 204);
    assert_eq!(rename(&app, "root", "groot").status, 200);
    let groot = token("groot", &ALL);
    let last = call(&app, ("DELETE", "/users/groot"), &groot, &Value::Null);
    assert_eq!(last.status, 403, "{}", last.body);
}

#[test]
fn the_command_renames_within_a_second() {
    let app = with_alice();
    let bearer = app.login("alice", PASSWORD, "me");
    assert_eq!(me(&app, &bearer), Ok(json!("alice")));
    let said = app.command(&["users", "rename", "alice", "alicia"], "");
    assert_eq!(String::from_utf8_lossy(&said.stdout), "alice: renamed to alicia\n");
    eventually("the new name", || {
        let shown = me(&app, &bearer).expect("the token stays valid");
        (shown == json!("alicia")).then_some(())
    });
    assert!(can_log_in(&app, "alicia", PASSWORD) && !can_log_in(&app, "alice", PASSWORD));
    import(&app, &[json!({"username": "alice", "scopes": ["me"]})]);
    run(&app, &["users", "rename", "alicia", "alison"], "");
    run(&app, &["users", "rename", "alice", "alicia"], "");
    eventually("the next names", || {
        let shown = me(&app, &bearer).expect("the token stays valid");
        (shown == json!("alison")).then_some(())
    });
    for (args, code, says) in [
        (["nobody", "carol"], 1, "nobody: no such user"),
        (["alison", "alicia"], 1, "alicia: a user with that name already exists"),
        (["alison", "me"], 2, "should not be `me`"),
        (["alison", "аlice"], 2, "should not mix scripts"),
    ] {
        let ended = app.command(&[&["users", "rename"][..], &args].concat(), "");
        let line = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert_eq!(ended.status.code(), Some(code), "{line}");
        assert!(line.contains(says) && line.lines().count() == 1, "{line}");
    }
}

#[test]
fn case_insensitive_names_can_change_their_case() {
    let app = administered("[users]\ncase_insensitive = true\n");
    import(&app, &["Alice", "bob"].map(|name| json!({"username": name, "scopes": ["me"]})));
    let bearer = app.login("Alice", PASSWORD, "me");
    for name in ["alice", "aLICE"] {
        let current = me(&app, &bearer).expect("it stays valid");
        let answer = rename(&app, current.as_str().expect("a name"), name);
        assert_eq!(answer.json()["username"], name, "{}", answer.body);
        assert!(can_log_in(&app, "ALICE", PASSWORD));
    }
    for taken in ["BOB", "Bob", "bob"] {
        assert_eq!(rename(&app, "aLICE", taken).status, 409, "{taken}");
    }
    assert_eq!(rename(&app, "aLICE", "Carol").status, 200);
    assert!(can_log_in(&app, "cAROL", PASSWORD) && !can_log_in(&app, "alice", PASSWORD));
    assert_eq!(rename(&app, "bob", "ALICE").status, 200);
    assert!(can_log_in(&app, "alice", PASSWORD));
}

/// An application that verifies tokens itself can look up their user.
#[test]
fn an_applications_own_chain_follows_the_user() {
    let app = Example::spawn("note");
    let form = "grant_type=password&username=johndoe&password=1234&scope=me+items";
    let login = app.post_form("/t005/by-hand/token", form);
    let bearer = format!("Bearer {}", login.json()["access_token"].as_str().expect("a token"));
    let renamed = app.command(&["users", "rename", "johndoe", "jane"], "");
    assert!(renamed.status.success(), "{renamed:?}");
    eventually("the new name", || {
        let items = app.get_as("/t005/by-hand/users/me/items", &bearer);
        assert_eq!(items.status, 200, "{}", items.body);
        (items.json()[0]["owner"] == "jane").then_some(())
    });
}
