//! What an application may do with a token of its user: not manage the account.

use super::{CHALLENGE, Client, VERIFIER, decide, me, with_pages};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::Visitor;
use crate::harness::{App, Response, eventually};
use crate::people::{PASSWORD, call, import, log_in};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What only users do.
const ACCOUNT: [(&str, &str); 7] = [
    ("PUT", "/users/me/password"),
    ("DELETE", "/users/me/sessions"),
    ("GET", "/users/me/sessions"),
    ("DELETE", "/users/me/sessions/00000000000000000000000000000000"),
    ("GET", "/users/me/api-keys"),
    ("POST", "/users/me/api-keys"),
    ("DELETE", "/users/me/api-keys/7Qx0Vb3JmW9tYc2ZkR5nLa"),
];

fn body(method: &str, path: &str) -> Value {
    match (method, path) {
        ("PUT", _) => json!({"old_password": PASSWORD, "password": "green-heron-43"}),
        ("POST", _) => json!({"name": "backdoor", "scopes": ["me"]}),
        _ => Value::Null,
    }
}

/// An application that carol has allowed all that it may ask for.
fn allowed<'a>(app: &'a App, id: &'a str, more: &[&str]) -> (Client<'a>, Visitor<'a>, Value) {
    let client = Client::add(app, id, &[&["--scope", "api-keys:write"], more].concat());
    let mut browser = Visitor::of(app);
    browser.log_in("carol", PASSWORD);
    let tokens = client.sign_in(&mut browser, &[("scope", "openid me api-keys:write")]);
    (client, browser, tokens)
}

fn with_carol(config: &str) -> App {
    let app = with_pages(config);
    import(&app, &[json!({"username": "carol", "scopes": ["me", "api-keys:write"]})]);
    app
}

fn token(tokens: &Value) -> &str {
    tokens["access_token"].as_str().expect("a token")
}

fn assert_refused(app: &App, token: &str, challenge: &str) {
    for route in ACCOUNT {
        let answer = call(app, route, token, &body(route.0, route.1));
        assert_eq!(answer.status, 403, "{route:?}: {}", answer.body);
        assert_eq!(
            answer.json()["detail"],
            "An application that the user has signed in to cannot manage the account"
        );
        assert_eq!(answer.header("www-authenticate"), Some(challenge), "{route:?}");
    }
}

#[test]
fn an_application_does_not_manage_its_users_account() {
    let app = with_carol("");
    let (web, mut browser, tokens) = allowed(&app, "web", &["--grant-type", "password"]);
    assert_refused(&app, token(&tokens), "Bearer");
    let renewed = web.refresh(&tokens["refresh_token"], &[]).json();
    assert_refused(&app, token(&renewed), "Bearer");
    // The same with a token that the client got for the password.
    let secret = web.secret.clone().expect("a secret");
    let of_client = [("client_id", "web"), ("client_secret", secret.as_str())];
    let fields = [
        &[("username", "carol"), ("password", PASSWORD), ("scope", "me api-keys:write")],
        &of_client[..],
    ];
    let by_password = log_in(&app, &fields.concat()).json();
    assert_refused(&app, token(&by_password), "Bearer");
    // Nothing has happened, and what the client is for goes on.
    assert_eq!((me(&app, &tokens), me(&app, &by_password)), (200, 200));
    assert_eq!(browser.get("/auth/account").status, 200);
}

#[test]
fn an_application_does_not_manage_it_with_other_keys_and_answers_either() {
    let app = with_carol("[tokens]\nalgorithm = 'EdDSA'\n[security]\nprofile = 'strict'\n");
    let (_, _, tokens) = allowed(&app, "web", &[]);
    assert_refused(
        &app,
        token(&tokens),
        "Bearer realm=\"bailiwick\", error=\"insufficient_scope\", error_description=\"An application \
         that the user has signed in to cannot manage the account\"",
    );
}

/// Users by themselves, the operator's own applications, and the documentation.
#[test]
fn users_and_the_operators_own_applications_manage_it() {
    let app = with_carol("");
    let listed = |token: &str| {
        let sessions = call(&app, ("GET", "/users/me/sessions"), token, &Value::Null).status;
        (sessions, call(&app, ("GET", "/users/me/api-keys"), token, &Value::Null).status)
    };
    let fields = [("username", "carol"), ("password", PASSWORD), ("scope", "me api-keys:write")];
    let plain = log_in(&app, &fields).json();
    assert_eq!(listed(token(&plain)), (200, 200));
    // FastAPI's form has a field for a client that nobody has registered.
    let unknown = [&fields[..], &[("client_id", "swagger")]].concat();
    assert_eq!(listed(token(&log_in(&app, &unknown).json())), (200, 200));
    let (_, mut browser, own) = allowed(&app, "own", &["--skip-consent"]);
    assert_eq!(listed(token(&own)), (200, 200));

    let docs = Client { app: &app, id: "bailiwick-docs", secret: None };
    let back = format!("{URL}/docs/oauth2-redirect");
    let asks =
        [("redirect_uri", &*back), ("scope", "me api-keys:write"), ("code_challenge", CHALLENGE)];
    let answer = browser.get(&docs.request(&asks));
    // On this machine, everybody is asked.
    let answer = decide(&mut browser, &answer, "allow");
    let code = code_of(&answer);
    let redeems = [("redirect_uri", &*back), ("code_verifier", VERIFIER)];
    let tokens = docs.redeem(&code, &redeems).json();
    assert_eq!(listed(token(&tokens)), (200, 200));

    let ended = call(&app, ("DELETE", "/users/me/sessions"), token(&own), &Value::Null);
    assert_eq!(ended.status, 204, "{}", ended.body);
    eventually("the end of all sessions", || {
        (browser.get("/auth/account").status == 303).then_some(())
    });
}

fn code_of(answer: &Response) -> String {
    let location = answer.header("location").unwrap_or_else(|| panic!("{answer:?}"));
    let (_, query) = location.split_once('?').expect("a query");
    let told: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    told["code"].clone()
}
