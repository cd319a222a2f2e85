//! Every parameter of an authorization request: missing, twice, empty, malformed, huge.

use super::{CHALLENGE, Client, REDIRECT, assert_shown, assert_told, local, sent, with_pages};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::{Visitor, at};
use crate::harness::FORM;

/// Nobody is told of a request that is nobody's: a redirect could lead anywhere.
#[test]
fn an_unknown_client_or_redirect_uri_never_redirects() {
    let app = with_pages("");
    let loopback = ["--redirect-uri", "http://127.0.0.1/cb"];
    let web = Client::add(&app, "web", &loopback);
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", crate::people::PASSWORD);
    for (more, detail) in [
        (&[("client_id", "")][..], "client_id"),
        (&[("client_id", "nobody")], "client_id"),
        (&[("client_id", "7")], "client_id"),
        (&[("client_id", "bailiwick")], "client_id"),
        (&[("client_id", "WEB")], "client_id"),
        (&[("client_id", "web'--")], "client_id"),
        (&[("redirect_uri", "")], "redirect_uri"),
        (&[("redirect_uri", "https://evil.example/cb")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com/cb/")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com/cb?x=1")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com/cb#x")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com.evil.example/cb")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com@evil.example/cb")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com\\@evil.example/cb")], "redirect_uri"),
        (&[("redirect_uri", "https://app.example.com/%63b")], "redirect_uri"),
        (&[("redirect_uri", "HTTPS://app.example.com/cb")], "redirect_uri"),
        (&[("redirect_uri", "http://app.example.com/cb")], "redirect_uri"),
        (&[("redirect_uri", "//app.example.com/cb")], "redirect_uri"),
        (&[("redirect_uri", "javascript:alert(1)")], "redirect_uri"),
        (&[("redirect_uri", "http://127.0.0.1:1/cb/../evil")], "redirect_uri"),
        (&[("redirect_uri", "http://localhost:1/cb")], "redirect_uri"),
        (&[("redirect_uri", "http://127.0.0.1:1@evil.example/cb")], "redirect_uri"),
    ] {
        // Whatever else is wrong with it.
        for also in
            [&[][..], &[("prompt", "none")], &[("response_type", "token")], &[("scope", "\"")]]
        {
            assert_shown(&browser.get(&web.request(&[more, also].concat())), 400, detail);
        }
    }
    for name in ["client_id", "redirect_uri"] {
        let twice = format!("{}&{name}=https%3A%2F%2Fevil.example", web.request(&[]));
        assert_shown(&browser.get(&twice), 400, name);
    }
    assert_shown(&browser.get("/oauth/authorize"), 400, "client_id");
}

#[test]
fn what_is_wrong_otherwise_is_told_the_client() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let long = "x".repeat(3 * 1024);
    let many = "me x ".repeat(800);
    for (more, error) in [
        (&[("response_type", "")][..], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("response_type", "id_token")], "unsupported_response_type"),
        (&[("response_type", "code id_token")], "unsupported_response_type"),
        (&[("response_type", "code token")], "unsupported_response_type"),
        (&[("response_type", "none")], "unsupported_response_type"),
        (&[("response_mode", "fragment")], "invalid_request"),
        (&[("response_mode", "query.jwt")], "invalid_request"),
        (&[("scope", "openid \"")], "invalid_scope"),
        (&[("scope", "users:read")], "invalid_scope"),
        (&[("scope", "address unheard-of")], "invalid_scope"),
        (&[("scope", "openid é")], "invalid_scope"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", ""), ("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "")], "invalid_request"),
        (&[("code_challenge_method", "plain")], "invalid_request"),
        (&[("code_challenge_method", "s256")], "invalid_request"),
        (&[("code_challenge", "short")], "invalid_request"),
        (&[("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM")], "invalid_request"),
        (&[("request", "eyJhbGciOiJub25lIn0.e30.")], "request_not_supported"),
        (&[("request_uri", "https://app.example.com/r")], "request_uri_not_supported"),
        (&[("registration", "{}")], "registration_not_supported"),
        (&[("resource", "https://evil.example/")], "invalid_target"),
        (&[("resource", "http://127.0.0.1:9.evil.example/")], "invalid_target"),
        (&[("resource", "http://127.0.0.1:9/a/../b")], "invalid_target"),
        (&[("resource", "/mcp")], "invalid_target"),
        (&[("state", long.as_str())], "invalid_request"),
        (&[("nonce", long.as_str())], "invalid_request"),
        (&[("scope", long.as_str())], "invalid_scope"),
        (&[("scope", many.as_str())], "invalid_request"),
        (&[("prompt", "create")], "invalid_request"),
        (&[("login_hint", long.as_str())], "invalid_request"),
    ] {
        assert_told(&browser.get(&web.request(more)), error);
    }
    for name in [
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
        "prompt",
        "max_age",
        "login_hint",
        "ui_locales",
        "id_token_hint",
    ] {
        let value = if name == "code_challenge" { CHALLENGE } else { "1" };
        let twice = format!("{}&{name}={value}&{name}=x", web.request(&[(name, "")]));
        assert_told(&browser.get(&twice), "invalid_request");
    }
    // An empty parameter counts as absent, and an unknown one for nothing.
    let empty = format!("{}&nonce=&prompt=&max_age=&resource=&request=&x=1&x=2", web.request(&[]));
    assert!(local(&browser.get(&empty)).is_some_and(|it| it.starts_with("/auth/login")));
    let huge = format!("{}&x={}", web.request(&[]), "x".repeat(32 * 1024));
    assert!((400..500).contains(&browser.get(&huge).status));
}

/// Nobody is asked to allow nothing, and no token is issued for it.
#[test]
fn something_of_the_scopes_must_be_left() {
    let app = with_pages("");
    super::done(&app, &["clients", "add", "bare", "--redirect-uri", REDIRECT]);
    let bare = Client { app: &app, id: "bare", secret: None };
    let mut browser = Visitor::of(&app);
    for scope in ["", "me", "users:read"] {
        assert_told(&browser.get(&bare.request(&[("scope", scope)])), "invalid_scope");
    }
    // What the client may have, and the user has not.
    crate::people::import(&app, &[serde_json::json!({"username": "dora"})]);
    for (id, more) in [("own", &["--skip-consent"][..]), ("web", &[])] {
        let client = Client::add(&app, id, more);
        let mut browser = Visitor::of(&app);
        browser.log_in("dora", crate::people::PASSWORD);
        for prompt in ["", "none", "consent"] {
            let asked = browser.get(&client.request(&[("scope", "me items"), ("prompt", prompt)]));
            assert_told(&asked, "invalid_scope");
        }
        let openid = super::walk(&mut browser, &client.request(&[("scope", "openid")]));
        assert!(sent(&openid).contains_key("code"), "{openid:?}");
    }
}

#[test]
fn a_client_that_may_not_use_codes_is_told() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    super::done(&app, &["clients", "set", "web", "--grant-type", "client_credentials"]);
    let mut browser = Visitor::of(&app);
    let request = web.request(&[]);
    crate::harness::eventually("the change", || {
        let answer = browser.get(&request);
        (local(&answer).is_none()).then(|| assert_told(&answer, "unauthorized_client"))
    });
    super::assert_error(&web.redeem("x", &[]), 400, "unauthorized_client");
}

#[test]
fn a_public_client_cannot_do_without_a_challenge() {
    let app = with_pages("");
    let spa = Client::public(&app, "spa", &[]);
    let refused = app.command(&["clients", "set", "spa", "--require-pkce=false"], "");
    assert!(!refused.status.success(), "{refused:?}");
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let mut browser = Visitor::of(&app);
    assert_told(&browser.get(&spa.request(&without)), "invalid_request");
    let tokens = spa.sign_in(&mut browser, &[]);
    let next = spa.refresh(&tokens["refresh_token"], &[]).json();
    assert_ne!(next["refresh_token"], tokens["refresh_token"], "rotated");
}

#[test]
fn a_post_is_sent_on_as_a_get() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    // From the client's page.
    browser.site = Some("cross-site");
    let path = web.request(&[]);
    let (_, query) = path.split_once('?').expect("a query");
    let answer = browser.send("POST", "/oauth/authorize", &[("content-type", FORM)], query);
    assert_eq!((answer.status, answer.header("location")), (303, Some(&*at(&path))));
    for (media, body) in [("application/json", "{}"), ("text/plain", query)] {
        let answer = browser.send("POST", "/oauth/authorize", &[("content-type", media)], body);
        assert_shown(&answer, 400, "application/x-www-form-urlencoded");
    }
    let huge = "x=".to_owned() + &"y".repeat(10_000);
    let answer = browser.send("POST", "/oauth/authorize", &[("content-type", FORM)], &huge);
    assert_shown(&answer, 400, "too long");
    assert_eq!(browser.send("PUT", "/oauth/authorize", &[], "").status, 405);
}

#[test]
fn a_form_takes_the_response_to_the_client() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--name", "<script>alert(1)</script>"]);
    let mut browser = Visitor::of(&app);
    let more = [("response_mode", "form_post"), ("state", "\"><script>alert(1)</script>")];
    let page = super::walk(&mut browser, &web.request(&more));
    assert_eq!(page.status, 200);
    assert!(page.body.contains(&format!("action=\"{REDIRECT}\"")), "{}", page.body);
    for name in ["code", "state", "iss"] {
        assert!(page.body.contains(&format!("name=\"{name}\"")), "{name}: {}", page.body);
    }
    assert!(!page.body.contains("<script>alert"), "{}", page.body);
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains("script-src 'sha256-") && !policy.contains("form-action"), "{policy}");
    assert!(page.body.contains("<script>document.forms[0].submit()</script>"));
    // With any other policy that hides the rest, the form's `Origin` would be `null`.
    assert_eq!(page.header("referrer-policy"), Some("strict-origin"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let denied = browser.get(&web.request(&[more[0], ("prompt", "none"), ("max_age", "0")]));
    assert!(denied.body.contains("value=\"login_required\"") && denied.body.contains(URL));
    let told = sent(&super::walk(&mut browser, &web.request(&[("response_mode", "query")])));
    assert!(told.contains_key("code"));
}

/// A registered URI keeps its own query.
#[test]
fn parameters_are_added_to_a_query() {
    let app = with_pages("");
    let uri = "https://app.example.com/cb?tenant=a%20b";
    let web = Client::add(&app, "web", &["--redirect-uri", uri]);
    let mut browser = Visitor::of(&app);
    let answer = super::walk(&mut browser, &web.request(&[("redirect_uri", uri)]));
    let location = answer.header("location").expect("a redirect");
    assert!(location.starts_with(&format!("{uri}&code=")), "{location}");
    assert_eq!(sent(&answer)["tenant"], "a b");
}
