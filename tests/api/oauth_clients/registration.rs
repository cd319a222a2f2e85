//! `/oauth/clients`, in the words of RFC 7591.

use super::keys::jwks;
use super::{issuing, jane};
use crate::harness::{App, Response};
use crate::people::{ALL, admin, assert_refused, call, import, server};
use crate::signer::token;
use serde_json::{Value, json};

const ALL_CLIENTS: &str = "/oauth/clients";

fn register(app: &App, body: &Value) -> Response {
    admin(app, ("POST", ALL_CLIENTS), body)
}

#[test]
fn a_client_is_registered_shown_replaced_and_deleted() {
    let app = issuing("");
    let body = json!({
        "client_name": "The app",
        "redirect_uris": ["https://app.example.com/cb"],
        "grant_types": ["authorization_code", "password"],
        "scope": "me items",
        "contacts": ["what is not known is ignored"],
        "software_id": "x",
    });
    let answer = register(&app, &body);
    assert_eq!((answer.status, answer.header("cache-control")), (201, Some("no-store")));
    let made = answer.json();
    let id = made["client_id"].as_str().expect("an id").to_owned();
    let secret = made["client_secret"].as_str().expect("a secret").to_owned();
    assert_eq!(
        (&made["client_secret_expires_at"], &made["scope"]),
        (&json!(0), &json!("me items"))
    );
    assert_eq!(jane(&app, Some((&id, &secret)), &[]).status, 200);
    let path = format!("{ALL_CLIENTS}/{id}");
    let shown = admin(&app, ("GET", &path), &Value::Null);
    assert!(!shown.body.contains(&secret), "{}", shown.body);
    let shown = shown.json();
    assert_eq!((&shown["client_name"], &shown["source"]), (&json!("The app"), &json!("database")));
    assert_eq!(shown["secrets"][0]["expires_at"], Value::Null);
    // All of it is replaced: the name is gone.
    let body = json!({"client_id": id, "grant_types": ["password"], "scope": "me"});
    let replaced = admin(&app, ("PUT", &path), &body);
    assert_eq!(replaced.status, 200, "{}", replaced.body);
    let replaced = replaced.json();
    assert_eq!((&replaced["client_name"], &replaced["scope"]), (&Value::Null, &json!("me")));
    assert_eq!(jane(&app, Some((&id, &secret)), &[("scope", "me")]).status, 200);
    let rotated = admin(&app, ("POST", &format!("{path}/secret")), &json!({"keep_old_seconds": 0}));
    assert_eq!(rotated.status, 201, "{}", rotated.body);
    let other = rotated.json()["client_secret"].as_str().expect("a secret").to_owned();
    assert_eq!(jane(&app, Some((&id, &secret)), &[]).status, 401);
    assert_eq!(jane(&app, Some((&id, &other)), &[]).status, 200);
    assert_eq!(admin(&app, ("DELETE", &path), &Value::Null).status, 204);
    for (method, path) in [("GET", &*path), ("DELETE", &path), ("GET", "/oauth/clients/..%2fusers")]
    {
        let gone = admin(&app, (method, path), &Value::Null);
        assert_eq!((gone.status, &gone.json()["detail"]), (404, &json!("Client not found")));
    }
    let all = app.stdout.text() + &app.stderr.text();
    assert!(!all.contains(&secret) && !all.contains(&other), "{all}");
}

#[test]
fn an_id_and_a_secret_may_be_brought() {
    let app = issuing("");
    let secret = "a-secret-from-another-server-that-is-long";
    let body = json!({"client_id": "brought", "client_secret": secret, "grant_types": ["password"], "scope": "me"});
    let made = register(&app, &body);
    assert_eq!(made.status, 201, "{}", made.body);
    assert!(!made.body.contains(secret), "{}", made.body);
    assert_eq!(jane(&app, Some(("brought", secret)), &[]).status, 200);
    assert_eq!(register(&app, &body).status, 409);
    let public = json!({"client_id": "public", "token_endpoint_auth_method": "none", "grant_types": ["password"]});
    assert_eq!(register(&app, &public).json()["client_secret"], Value::Null);
    let signer = json!({"client_id": "signer", "token_endpoint_auth_method": "private_key_jwt",
        "jwks": jwks(), "grant_types": ["client_credentials"]});
    let made = register(&app, &signer);
    assert_eq!((made.status, &made.json()["client_secret"]), (201, &Value::Null), "{}", made.body);
    let shown = admin(&app, ("GET", "/oauth/clients/signer"), &Value::Null).json();
    assert_eq!(shown["jwks"], jwks());
}

#[test]
fn what_is_not_valid_is_told_and_nothing_is_registered() {
    let app = issuing("");
    for (more, error) in [
        (json!({"redirect_uris": ["https://a.example/#x"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["app.example.com"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["view-source:https://a.example/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.example:0/"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.example/%0d%0a"]}), "invalid_redirect_uri"),
        (json!({"redirect_uris": ["https://a.example/?c%6fde=x"]}), "invalid_redirect_uri"),
        (
            json!({"post_logout_redirect_uris": ["jar:https://a.example!/"]}),
            "invalid_client_metadata",
        ),
        (json!({"grant_types": ["authorization_code"]}), "invalid_redirect_uri"),
        (json!({"grant_types": ["implicit"]}), "invalid_client_metadata"),
        (json!({"token_endpoint_auth_method": "client_secret_jwt"}), "invalid_client_metadata"),
        (
            json!({"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]}),
            "invalid_client_metadata",
        ),
        (json!({"token_endpoint_auth_method": "private_key_jwt"}), "invalid_client_metadata"),
        (json!({"jwks": {"keys": [{"kty": "oct", "k": "eA"}]}}), "invalid_client_metadata"),
        (json!({"jwks": [7]}), "invalid_client_metadata"),
        (json!({"jwks_uri": "http://app.example.com/keys"}), "invalid_client_metadata"),
        (json!({"scope": "root"}), "invalid_client_metadata"),
        (json!({"scope": "a\"b"}), "invalid_client_metadata"),
        (json!({"client_name": "x".repeat(101)}), "invalid_client_metadata"),
        (json!({"client_secret": "short"}), "invalid_client_metadata"),
    ] {
        let mut body = json!({"grant_types": ["password"]});
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        let answer = register(&app, &body);
        let found = answer.json();
        assert_eq!(
            (answer.status, &found["error"]),
            (400, &json!(error)),
            "{more}: {}",
            answer.body
        );
        assert!(found["error_description"].is_string() && found["detail"].is_string(), "{found}");
    }
    for (more, field) in [
        (json!({"client_id": "7"}), "client_id"),
        (json!({"client_id": "bailiwick"}), "client_id"),
        (json!({"client_id": 7}), "client_id"),
        (json!({"redirect_uris": "https://a.example/"}), "redirect_uris"),
        (json!({"scope": ["me"]}), "scope"),
        (json!({"introspect": "perhaps"}), "introspect"),
    ] {
        let answer = register(&app, &more);
        assert_eq!(answer.status, 422, "{more}: {}", answer.body);
        assert_eq!(answer.json()["detail"][0]["loc"], json!(["body", field]), "{}", answer.body);
    }
    assert_eq!(register(&app, &json!({"client_name": "x".repeat(1 << 20)})).status, 413);
    assert_eq!(admin(&app, ("GET", ALL_CLIENTS), &Value::Null).json()["clients"], json!([]));
}

#[test]
fn only_who_holds_the_scope_may_and_no_scope_grows() {
    let app = issuing("");
    import(&app, &[json!({"username": "ops", "scopes": ["me", "oauth:clients"]})]);
    let mine = token("ops", &["me", "oauth:clients"]);
    let body = json!({"client_id": "c", "grant_types": ["password"], "scope": "me"});
    for (method, path) in [
        ("GET", ALL_CLIENTS),
        ("POST", ALL_CLIENTS),
        ("GET", "/oauth/clients/c"),
        ("PUT", "/oauth/clients/c"),
        ("DELETE", "/oauth/clients/c/"),
        ("POST", "/oauth/clients/c/secret"),
    ] {
        let others = call(&app, (method, path), &token("jane", &["me"]), &body);
        assert_refused(&others, 401, r#"Bearer scope="oauth:clients""#, "Not enough permissions");
        assert_eq!(app.send(method, path, &[], "").status, 401);
    }
    assert_eq!(call(&app, ("POST", ALL_CLIENTS), &mine, &body).status, 201);
    let large = json!({"client_id": "d", "grant_types": ["password"], "scope": "me items"});
    assert_eq!(call(&app, ("POST", ALL_CLIENTS), &mine, &large).status, 403);
    assert_eq!(register(&app, &large).status, 201);
    let spy = json!({"grant_types": ["password"], "scope": "", "introspect": true});
    // Who could change it could become it.
    for (method, path, body) in [
        ("PUT", "/oauth/clients/c", &large),
        ("PUT", "/oauth/clients/d", &body),
        ("POST", "/oauth/clients/d/secret", &json!({})),
        // Or register another one of its name.
        ("DELETE", "/oauth/clients/d", &json!({})),
        // All tokens tell of all users.
        ("PUT", "/oauth/clients/c", &spy),
        ("POST", ALL_CLIENTS, &spy),
    ] {
        let mut body = body.clone();
        drop(body.as_object_mut().expect("an object").remove("client_id"));
        let answer = call(&app, (method, path), &mine, &body);
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
    }
    // By a token that carries less than its user may.
    let narrow = token("root", &["oauth:clients"]);
    assert_eq!(call(&app, ("POST", "/oauth/clients/c/secret"), &narrow, &json!({})).status, 403);
    assert_eq!(call(&app, ("POST", "/oauth/clients/c/secret"), &mine, &json!({})).status, 201);
    assert_eq!(call(&app, ("DELETE", "/oauth/clients/c"), &mine, &Value::Null).status, 204);
    assert_eq!(register(&app, &spy).status, 201);
}

#[test]
fn there_are_no_clients_without_a_url() {
    let app = server("").spawn();
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    import(&app, &[json!({"username": "jane", "scopes": ["me"]})]);
    assert_eq!(register(&app, &json!({"grant_types": ["password"]})).status, 404);
    assert!(!app.get("/openapi.json").body.contains("/oauth/clients"));
    let add = ["clients", "add", "app", "--grant-type", "password"];
    assert!(app.command(&add, "").status.success());
    assert_eq!(jane(&app, Some(("app", "wrong")), &[]).status, 200, "as with FastAPI");
    let with = issuing("");
    assert!(with.get("/openapi.json").json()["paths"]["/oauth/clients"].is_object());
}
