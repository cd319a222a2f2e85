//! `/users` over HTTP: create, show, list, change, delete.

mod actors;
mod algorithm;
mod commands;
mod fields;
mod foreign;
mod keepers;
mod last_login;
mod names;
mod passwords;
mod renaming;
mod sign_out;

use crate::harness::App;
use crate::people::{PASSWORD, admin, administered, can_log_in, import, log_in, segment, server};
use serde_json::{Value, json};

/// Names that would break an unquoted URL or query.
const AWKWARD: [&str; 11] = [
    "with space",
    "100%",
    "a%2Fb",
    "a/b",
    "/",
    "a?b=c#d",
    "a+b;c&d",
    "Ünïcode 한국어 🦉",
    "' OR 1=1 --",
    "\"quoted\\\"",
    "ends/me/",
];

fn create(app: &App, username: &str) -> Value {
    let body = json!({"username": username, "password": PASSWORD});
    let answer = admin(app, ("POST", "/users"), &body);
    assert_eq!(answer.status, 201, "{username}: {}", answer.body);
    let location = answer.header("location").expect("where the new user is");
    let found = admin(app, ("GET", location), &Value::Null);
    assert_eq!((found.status, found.json()), (200, answer.json()), "{location}");
    answer.json()
}

#[test]
fn a_user_is_created_changed_and_deleted_over_http() {
    let app = administered("");
    let body = json!({
        "username": "bob",
        "password": PASSWORD,
        "email": "bob@example.com",
        "full_name": "Bob Builder",
        "scopes": ["me", "items"],
    });
    let answer = admin(&app, ("POST", "/users"), &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let created = answer.json();
    let times = (created["created_at"].clone(), created["updated_at"].clone());
    assert_eq!(times.0, times.1);
    assert_eq!(
        created,
        json!({
            "username": "bob",
            "email": "bob@example.com",
            "full_name": "Bob Builder",
            "disabled": false,
            "scopes": ["me", "items"],
            "last_login": null,
            "created_at": times.0,
            "updated_at": times.1,
        }),
    );
    let time = times.0.as_str().expect("a text");
    assert!(time.len() == 20 && time.ends_with('Z'), "RFC 3339: {time}");

    let shown = admin(&app, ("GET", "/users/bob"), &Value::Null);
    assert_eq!((shown.status, shown.json()), (200, created));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    let login = log_in(&app, &[("username", "bob"), ("password", PASSWORD), ("scope", "me")]);
    assert_eq!(login.json()["scope"], "me");
    let token = login.json()["access_token"].as_str().expect("a token").to_owned();
    assert_eq!(app.get_as("/users/me", &token).status, 200);

    let again = admin(&app, ("POST", "/users"), &body);
    assert_eq!((again.status, again.json()), (409, json!({"detail": "User already exists"})));
    let other = json!({"username": "Bob", "password": PASSWORD});
    assert_eq!(admin(&app, ("POST", "/users"), &other).status, 201, "names are case-sensitive");

    let gone = admin(&app, ("DELETE", "/users/bob"), &Value::Null);
    assert_eq!((gone.status, gone.body.as_str()), (204, ""));
    assert_eq!(app.get_as("/users/me", &token).status, 401, "a deleted user's token");
    assert!(!can_log_in(&app, "bob", PASSWORD));
    for (method, path, body) in [
        ("GET", "/users/bob", Value::Null),
        ("DELETE", "/users/bob", Value::Null),
        ("PATCH", "/users/bob", json!({})),
        ("PUT", "/users/bob/password", json!({"password": PASSWORD})),
        ("PUT", "/users/bob/scopes", json!({"scopes": []})),
    ] {
        let answer = admin(&app, (method, path), &body);
        let missing = (404, json!({"detail": "User not found"}));
        assert_eq!((answer.status, answer.json()), missing, "{method} {path}");
    }
}

/// Even if both are created within the same second. Tokens of another application carry only the
/// name, so they may be the earlier user's.
#[test]
fn a_new_user_does_not_inherit_the_tokens_of_an_earlier_one() {
    let app = administered("");
    let body = json!({"username": "bob", "password": PASSWORD, "scopes": ["me"]});
    let token = || {
        let login = log_in(&app, &[("username", "bob"), ("password", PASSWORD), ("scope", "me")]);
        login.json()["access_token"].as_str().expect("a token").to_owned()
    };
    assert_eq!(admin(&app, ("POST", "/users"), &body).status, 201);
    let before = token();
    assert_eq!(app.get_as("/users/me", &before).status, 200);
    assert_eq!(admin(&app, ("DELETE", "/users/bob"), &Value::Null).status, 204);
    assert_eq!(admin(&app, ("POST", "/users"), &body).status, 201);
    assert_eq!(app.get_as("/users/me", &before).status, 401);
    let after = token();
    assert_eq!(app.get_as("/users/me", &after).status, 200);
    let elsewhere = crate::signer::token("bob", &["me"]);
    assert_eq!(app.get_as("/users/me", &elsewhere).status, 401);
    // Whatever else changes, it remains the same user.
    let change = json!({"full_name": "Bob", "email": "bob@example.com"});
    assert_eq!(admin(&app, ("PATCH", "/users/bob"), &change).status, 200);
    assert_eq!(app.get_as("/users/me", &after).status, 200);
}

#[test]
fn any_name_works_in_every_url() {
    let app = administered("");
    for name in AWKWARD {
        create(&app, name);
        let path = format!("/users/{}", segment(name));
        let at = |rest: &str| format!("{path}{rest}");
        for path in [at(""), at("/")] {
            let shown = admin(&app, ("GET", &path), &Value::Null);
            assert_eq!(shown.status, 200, "{path}: {}", shown.body);
            assert_eq!(shown.json()["username"], name);
        }
        let changed = admin(&app, ("PATCH", &path), &json!({"full_name": name}));
        assert_eq!(changed.json()["full_name"], name);
        let scopes = admin(&app, ("PUT", &at("/scopes")), &json!({"scopes": ["me"]}));
        assert_eq!(scopes.json()["scopes"], json!(["me"]), "{name}");
        let password = json!({"password": "another-heron-43"});
        assert_eq!(admin(&app, ("PUT", &at("/password")), &password).status, 204, "{name}");
        let form = [("username", name), ("password", "another-heron-43"), ("scope", "me")];
        let token = log_in(&app, &form).json()["access_token"].as_str().expect("it").to_owned();
        assert_eq!(app.get_as("/users/me", &token).json()["username"], name);
        let page = admin(&app, ("GET", &format!("/users?after={}", segment(name))), &Value::Null);
        assert_eq!(page.status, 200);
        assert!(!page.body.contains(&json!(name).to_string()), "after is exclusive: {name}");
        assert_eq!(admin(&app, ("DELETE", &path), &Value::Null).status, 204, "{name}");
    }
}

#[test]
fn the_pages_together_hold_every_user_once_in_order() {
    let app = administered("");
    let mut names: Vec<String> = (0..239).map(|n| format!("user {n:03} / 100% {n}")).collect();
    names.extend(AWKWARD.map(str::to_owned));
    let users: Vec<_> = names.iter().map(|name| json!({"username": name})).collect();
    import(&app, &users);
    names.push("root".to_owned());
    names.sort_unstable();

    for (limit, pages) in [(1000, 1), (251, 1), (250, 2), (100, 3), (7, 36), (1, 251)] {
        let (mut seen, mut after, mut count) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/users?limit={limit}{after}");
            let page = admin(&app, ("GET", &path), &Value::Null);
            assert_eq!(page.status, 200, "{path}: {}", page.body);
            let page = page.json();
            let users = page["users"].as_array().expect("users");
            assert!(users.len() <= limit);
            count += 1;
            seen.extend(users.iter().map(|u| u["username"].as_str().expect("a name").to_owned()));
            match &page["next"] {
                Value::Null => break,
                next => {
                    assert_eq!(
                        Some(next.as_str().expect("a name")),
                        seen.last().map(String::as_str)
                    );
                    after = format!("&after={}", segment(next.as_str().expect("a name")));
                }
            }
        }
        assert_eq!((count, &seen), (pages, &names), "limit {limit}");
    }
    let usual = admin(&app, ("GET", "/users"), &Value::Null).json();
    assert_eq!(usual["users"].as_array().map(Vec::len), Some(100));
    let behind = admin(&app, ("GET", "/users?after=%F4%8F%BF%BF"), &Value::Null).json();
    assert_eq!(behind, json!({"users": [], "next": null}), "behind the last name");
    let gone = admin(&app, ("GET", "/users?limit=1&after=user%20238%20"), &Value::Null).json();
    assert_eq!(gone["users"][0]["username"], "user 238 / 100% 238", "`after` need not exist");
}

#[test]
fn a_patch_tells_absent_from_null() {
    let app = administered("");
    import(&app, &[json!({"username": "p", "email": "e", "full_name": "f", "scopes": ["me"]})]);
    let patch = |body: Value| {
        let answer = admin(&app, ("PATCH", "/users/p"), &body);
        assert_eq!(answer.status, 200, "{}", answer.body);
        let user = answer.json();
        assert_eq!(user["scopes"], json!(["me"]), "scopes are not touched");
        (user["email"].clone(), user["full_name"].clone(), user["disabled"].clone())
    };
    assert_eq!(patch(json!({})), (json!("e"), json!("f"), json!(false)));
    assert_eq!(patch(json!({"email": null})), (json!(null), json!("f"), json!(false)));
    assert_eq!(patch(json!({"full_name": ""})), (json!(null), json!(""), json!(false)));
    assert_eq!(
        patch(json!({"email": "é", "disabled": true})),
        (json!("é"), json!(""), json!(true))
    );
    assert_eq!(patch(json!({"full_name": null})), (json!("é"), json!(null), json!(true)));
    assert_eq!(patch(json!({"disabled": false})), (json!("é"), json!(null), json!(false)));
    assert!(can_log_in(&app, "p", PASSWORD), "the password is not touched");
}

#[test]
fn other_methods_are_refused_with_those_that_are_allowed() {
    let app = administered("");
    for (method, path, allow) in [
        ("PUT", "/users", "GET, POST"),
        ("POST", "/users/root", "DELETE, GET, PATCH"),
        ("GET", "/users/root/password", "PUT"),
        ("DELETE", "/users/root/scopes/", "PUT"),
        ("GET", "/token", "POST"),
        ("PUT", "/docs", "GET, HEAD"),
    ] {
        let answer = admin(&app, (method, path), &Value::Null);
        assert_eq!(answer.status, 405, "{method} {path}: {}", answer.body);
        assert_eq!(answer.json(), json!({"detail": "Method Not Allowed"}));
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
    for path in ["/users/root/", "/nothing", "/users/root/x", "/users//", "/users/a/b/scopes"] {
        let known = path == "/users/root/";
        let answer = admin(&app, ("GET", path), &Value::Null);
        assert_eq!(answer.status, if known { 200 } else { 404 }, "{path}");
    }
}

/// Even on guarded routes, before a token is required.
#[test]
fn every_route_refuses_every_other_method() {
    let app = server("").spawn();
    let document = app.get("/openapi.json").json();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let mut allowed: Vec<_> =
            item.as_object().expect("an item").keys().map(|method| method.to_uppercase()).collect();
        allowed.sort();
        let path = path.replace("{username}", "nobody");
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            for path in [path.clone(), format!("{path}/")] {
                let answer = app.send(method, &path, &[], "");
                let refused = answer.status == 405;
                assert_eq!(refused, !allowed.iter().any(|it| it == method), "{method} {path}");
                if refused {
                    assert_eq!(answer.header("allow"), Some(&*allowed.join(", ")), "{path}");
                    assert_eq!(answer.header("www-authenticate"), None, "{method} {path}");
                }
            }
        }
    }
}
