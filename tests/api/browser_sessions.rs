//! Logins at the login page and the sessions that browsers have then.

pub(crate) mod visitor;

mod account;
mod forms;

use crate::audit::audit_action::AuditAction;
use crate::harness::App;
use crate::people::{ALL, PASSWORD, admin, import, server};
use serde_json::{Value, json};
use visitor::{Visitor, at};

/// Where browsers reach the servers of these tests; cookies and redirects say so.
pub(crate) const URL: &str = "http://127.0.0.1:9";

/// A server with `bob`, `root`, and pages.
pub(crate) fn with_pages(config: &str) -> App {
    let app = server(&format!("[server]\npublic_url = '{URL}'\n{config}")).spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    app
}

/// johndoe logs in with a browser, or also out; returns what the audit log says of it.
pub(crate) fn provoke(app: &App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    let mut browser = Visitor::of(app);
    browser.log_in("johndoe", PASSWORD);
    if action == AuditAction::SessionEnd {
        browser.sign_out();
        return vec![("outcome", "accepted"), ("who", "johndoe"), ("whom", "johndoe")];
    }
    vec![("outcome", "accepted"), ("who", "johndoe"), ("amr", "pwd")]
}

#[test]
fn a_login_gets_a_session_and_its_end_takes_it() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    let away = browser.get("/auth/account");
    assert_eq!((away.status, away.header("location")), (303, Some(&*at("/auth/login"))));
    let page = browser.get("/auth/login");
    assert_eq!(page.status, 200);
    for part in [
        "name=\"username\"",
        "autocomplete=\"username\"",
        "name=\"password\"",
        "autocomplete=\"current-password\"",
        "<html lang=\"en\">",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let logged_in = browser.try_log_in("bob", PASSWORD);
    assert_eq!(
        (logged_in.status, logged_in.header("location")),
        (303, Some(&*at("/auth/account")))
    );
    let account = browser.get("/auth/account");
    assert!(account.status == 200 && account.body.contains("bob"), "{}", account.body);
    let again = browser.get("/auth/login");
    assert_eq!((again.status, again.header("location")), (303, Some(&*at("/auth/account"))));
    let cookie = browser.cookie("bailiwick-9").expect("a session").to_owned();
    browser.sign_out();
    assert_eq!(browser.cookie("bailiwick-9"), None);
    assert_eq!(browser.get("/auth/account").status, 303);
    browser.set_cookie("bailiwick-9", &cookie);
    assert_eq!(browser.get("/auth/account").status, 303, "the cookie is worth nothing any more");
}

#[test]
fn a_session_has_a_new_id_at_login() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    // An attacker cannot choose it.
    let planted = "x".repeat(43);
    browser.set_cookie("bailiwick-9", &planted);
    browser.log_in("bob", PASSWORD);
    let first = browser.cookie("bailiwick-9").expect("a session").to_owned();
    assert_ne!(first, planted);
    browser.log_in("bob", PASSWORD);
    assert_ne!(browser.cookie("bailiwick-9"), Some(&*first));
    let mut thief = Visitor::of(&app);
    thief.set_cookie("bailiwick-9", &first);
    assert_eq!(thief.get("/auth/account").status, 303, "the old one has ended");
    browser.log_in("root", PASSWORD);
    assert!(browser.get("/auth/account").body.contains("root"));
}

#[test]
fn what_ends_tokens_ends_sessions() {
    let app = with_pages("");
    let ends: [(&str, (&str, &str), Value); 4] = [
        ("bob", ("DELETE", "/users/bob/sessions"), Value::Null),
        ("bob", ("PUT", "/users/bob/password"), json!({"password": "green-heron-43"})),
        ("dora", ("PATCH", "/users/dora"), json!({"disabled": true})),
        ("emil", ("DELETE", "/users/emil"), Value::Null),
    ];
    import(&app, &[json!({"username": "dora"}), json!({"username": "emil"})]);
    for (user, route, body) in ends {
        let mut browser = Visitor::of(&app);
        browser.log_in(user, PASSWORD);
        assert_eq!(browser.get("/auth/account").status, 200);
        let done = admin(&app, route, &body).status;
        assert!((200..300).contains(&done), "{route:?}: {done}");
        assert_eq!(browser.get("/auth/account").status, 303, "{route:?}");
    }
}

#[test]
fn without_a_public_url_there_are_no_pages() {
    let app = server("").spawn();
    for path in ["/auth/login", "/auth/account", "/auth/style.css", "/auth/account/sign-out"] {
        for method in ["GET", "POST"] {
            assert_eq!(app.send(method, path, &[], "").status, 404, "{method} {path}");
        }
    }
}
