//! Parts of the library that an application combines itself, in `examples/note.rs`.

use crate::example_server::Example;
use crate::harness::Response;
use crate::signer::{SECRET, claims, now, sign};
use serde_json::{Value, json};

const ITEMS: &str = "/t005/by-hand/users/me/items";
const TENANT: &str = "/t005/by-hand/tenant";

fn note() -> Example {
    Example::spawn_with("note", &[("NOTE__TOKENS__SECRET", SECRET)])
}

fn log_in(app: &Example, form: &str) -> Response {
    app.post_form("/t005/by-hand/token", &format!("username=johndoe&{form}"))
}

fn token(app: &Example, scope: &str) -> String {
    let answer = log_in(app, &format!("grant_type=password&password=1234&scope={scope}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

fn get(app: &Example, path: &str, token: &str) -> (u16, Value, Option<String>) {
    let answer = app.get_as(path, &format!("Bearer {token}"));
    let challenge = answer.header("www-authenticate").map(str::to_owned);
    (answer.status, answer.json(), challenge)
}

#[test]
fn a_token_has_claims_and_a_lifetime_of_the_applications_own() {
    let app = note();
    let before = now();
    let access = token(&app, "items++me+items");
    let held = claims(&access);
    assert_eq!((&held["sub"], &held["tenant"]), (&json!("johndoe"), &json!("acme")));
    assert_eq!((&held["scopes"], &held["scope"]), (&json!(["items", "me"]), &json!("items me")));
    assert!(held["bailiwick_id"].is_i64() && held["jti"].is_string(), "{held}");
    let issued = held["iat"].as_i64().expect("seconds");
    assert!((before..=now()).contains(&issued));
    assert_eq!(held["exp"], json!(issued + 900));
    let items = json!([{"item_id": "Foo", "owner": "johndoe", "tenant": "acme"}]);
    assert_eq!(get(&app, ITEMS, &access), (200, items, None));
    assert_eq!(get(&app, TENANT, &access).1, "acme");
    // The server's own routes accept it, too.
    assert_eq!(get(&app, "/users/me", &access).1["username"], "johndoe");

    // Without the claim it is not a token of this application, whoever signed it.
    let bare = sign(&json!({"sub": "johndoe", "scopes": ["me", "items"], "exp": now() + 600}));
    assert_eq!(get(&app, "/users/me", &bare).0, 200);
    let detail = json!({"detail": "Could not validate credentials"});
    let scope = "Bearer scope=\"items me\"".to_owned();
    assert_eq!(get(&app, ITEMS, &bare), (401, detail.clone(), Some(scope.clone())));
    assert_eq!(get(&app, TENANT, &bare), (401, detail.clone(), Some("Bearer".to_owned())));
    assert_eq!(get(&app, ITEMS, "x"), (401, detail, Some(scope)));
}

#[test]
fn scope_str_lists_what_the_whole_chain_requires() {
    let app = note();
    let few = json!({"detail": "Not enough permissions"});
    let challenge = Some("Bearer scope=\"items me\"".to_owned());
    for scope in ["", "me", "items"] {
        let access = token(&app, scope);
        assert_eq!(get(&app, ITEMS, &access), (401, few.clone(), challenge.clone()), "{scope}");
        assert_eq!(get(&app, TENANT, &access), (200, json!("acme"), None), "{scope}");
    }
    for scope in ["users:write", "me+admin", "a\"b"] {
        let answer = log_in(&app, &format!("grant_type=password&password=1234&scope={scope}"));
        assert_eq!((answer.status, answer.json()), (400, few.clone()), "{scope}");
    }
    let wrong = log_in(&app, "grant_type=password&password=wrong&scope=me");
    assert_eq!(wrong.json()["detail"], "Incorrect username or password");
}

/// The strict form on one route, the lax one on the others.
#[test]
fn each_route_chooses_its_form() {
    let app = note();
    let lax = app.post_form("/t005/token", "username=johndoe&password=1234");
    assert_eq!(lax.status, 200, "{}", lax.body);
    for (form, kind) in [
        ("password=1234", "missing"),
        ("password=1234&grant_type=", "missing"),
        ("password=1234&grant_type=refresh_token", "string_pattern_mismatch"),
    ] {
        let strict = log_in(&app, form);
        let problem = &strict.json()["detail"][0];
        assert_eq!((strict.status, &problem["type"]), (422, &json!(kind)), "{form}");
        assert_eq!(problem["loc"], json!(["body", "grant_type"]));
    }
    let schema = |path: &str| {
        let document = app.document();
        let body = &document["paths"][path]["post"]["requestBody"]["content"];
        body["application/x-www-form-urlencoded"]["schema"].clone()
    };
    let (strict, lax) = (schema("/t005/by-hand/token"), schema("/t005/token"));
    assert_eq!(strict["required"], json!(["grant_type", "username", "password"]));
    assert_eq!(strict["properties"]["grant_type"]["pattern"], "^password$");
    assert_eq!(lax["required"], json!(["username", "password"]));
    assert_eq!(lax["properties"]["grant_type"]["pattern"], "^(password)?$");
}
