//! Keys of others, and service accounts.

use super::{OWN, basic, made, shown, with_keys};
use crate::people::{ALL, PASSWORD, admin, call, can_log_in, import, log_in, run};
use crate::signer::token;
use serde_json::{Value, json};

const OF_SVC: &str = "/users/svc/api-keys";

#[test]
fn an_administrator_makes_lists_and_revokes_the_keys_of_others() {
    let app = with_keys("");
    let body = json!({"name": "deploy", "scopes": ["me", "items"]});
    let (id, key) = made(&admin(&app, ("POST", OF_SVC), &body));
    for answer in shown(&app, "/users/me/items", &key) {
        assert_eq!((answer.status, &answer.json()[0]["owner"]), (200, &json!("svc")));
    }
    let listed = admin(&app, ("GET", &format!("{OF_SVC}/")), &Value::Null);
    assert_eq!((listed.status, &listed.json()[0]["id"]), (200, &json!(id)));
    assert!(!listed.body.contains(&key));
    let wrong = format!("/users/jane/api-keys/{id}");
    assert_eq!(admin(&app, ("DELETE", &wrong), &Value::Null).status, 404);
    assert_eq!(shown(&app, "/users/me", &key)[0].status, 200);
    let path = format!("{OF_SVC}/{id}");
    assert_eq!(admin(&app, ("DELETE", &path), &Value::Null).status, 204);
    assert_eq!(shown(&app, "/users/me", &key).map(|answer| answer.status), [401, 401]);
    assert_eq!(admin(&app, ("DELETE", &path), &Value::Null).status, 404);
}

#[test]
fn only_administrators_may_and_nobody_is_given_more() {
    let app = with_keys("");
    let body = json!({"name": "k", "scopes": ["items"]});
    let jane = token("jane", &["me", "items", "api-keys:write"]);
    for (method, path) in [
        ("GET", OF_SVC),
        ("POST", OF_SVC),
        ("DELETE", "/users/svc/api-keys/0000000000000000000000"),
    ] {
        let body = if method == "POST" { &body } else { &Value::Null };
        assert_eq!(call(&app, (method, path), &jane, body).status, 401, "{method} {path}");
    }
    let post = |path: &str, scopes: &[&str], body: &Value| {
        call(&app, ("POST", path), &token("root", scopes), body)
    };
    // Not in the token that makes it; not the owner's.
    assert_eq!(post(OF_SVC, &["users:write"], &body).status, 403);
    let more = json!({"name": "k", "scopes": ["users:read"]});
    assert_eq!(post(OF_SVC, &ALL, &more).status, 403);
    assert_eq!(post("/users/nobody/api-keys", &ALL, &body).status, 404);
    assert_eq!(admin(&app, ("GET", "/users/nobody/api-keys"), &Value::Null).status, 404);
    let (_, key) = made(&post("/users/root/api-keys", &ALL, &json!({"name": "k", "scopes": ALL})));
    let by_key = call(&app, ("POST", OF_SVC), &key, &body);
    assert_eq!(by_key.status, 403, "{}", by_key.body);
    assert_eq!(admin(&app, ("GET", OF_SVC), &Value::Null).json(), json!([]));
    let put = call(&app, ("PUT", OWN), &jane, &body);
    assert_eq!((put.status, put.header("allow")), (405, Some("GET, POST")));
}

#[test]
fn a_service_account_cannot_log_in() {
    let app = with_keys("");
    run(&app, &["users", "add", "robot", "--no-password", "--scope", "me"], "");
    import(&app, &[json!({"username": "imported", "hashed_password": "!", "scopes": ["me"]})]);
    for name in ["robot", "svc", "imported"] {
        for password in ["", "!", PASSWORD, "null"] {
            let answer = log_in(&app, &[("username", name), ("password", password)]);
            assert!(matches!(answer.status, 400 | 422), "{name} {password:?}: {}", answer.body);
            assert_eq!(basic(&app, name, password).status, 401, "{name} {password:?}");
        }
        let path = format!("/users/{name}/api-keys");
        let (_, key) = made(&admin(&app, ("POST", &path), &json!({"name": "k", "scopes": ["me"]})));
        assert_eq!(shown(&app, "/users/me", &key).map(|answer| answer.status), [200, 200]);
        assert_eq!(basic(&app, name, &key).status, 200);
        let change = json!({"old_password": "!", "password": "green-heron-43"});
        assert_eq!(call(&app, ("PUT", "/users/me/password"), &key, &change).status, 400);
    }
    assert!(!can_log_in(&app, "robot", "!"));
}
