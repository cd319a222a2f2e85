//! What attackers try: each by its name in RFC 9700 and in OpenID Connect's security considerations.

use super::{
    Client, VERIFIER, assert_error, assert_shown, decide, local, log_in_at, login_page, me, sent,
    walk, with_pages,
};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::{Visitor, form};
use crate::harness::FORM;
use crate::people::{PASSWORD, import};
use serde_json::json;

/// RFC 9700 §4.11: this server sends nobody where nobody is registered.
#[test]
fn open_redirects() {
    let app = with_pages("");
    let web =
        Client::add(&app, "web", &["--post-logout-redirect-uri", "https://app.example.com/bye"]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[]);
    let hint = tokens["id_token"].as_str().expect("it");
    for evil in [
        "https://evil.example",
        "//evil.example",
        "https://app.example.com.evil.example/bye",
        "javascript:alert(1)",
    ] {
        let quoted = form_urlencoded::byte_serialize(evil.as_bytes()).collect::<String>();
        for path in [
            web.request(&[("redirect_uri", evil)]),
            format!("/auth/login?flow={quoted}"),
            format!("/oauth/logout?id_token_hint={hint}&post_logout_redirect_uri={quoted}"),
            format!("/oauth/logout?post_logout_redirect_uri={quoted}"),
        ] {
            let answer = browser.get(&path);
            let location = answer.header("location").unwrap_or(URL);
            assert!(location.starts_with(URL) && answer.status < 500, "{path}: {location}");
        }
    }
}

/// RFC 9700 §4.5: a code that somebody else has got.
#[test]
fn code_injection() {
    let app = with_pages("");
    let (web, spa) = (Client::add(&app, "web", &[]), Client::public(&app, "spa", &[]));
    let mut victim = Visitor::of(&app);
    // Into the thief's own session at the same client, whose verifier is another.
    for client in [&web, &spa] {
        let code = client.code(&mut victim, &[]);
        let own = "another-verifier-of-the-thief-0123456789-abcdef";
        assert_error(&client.redeem(&code, &[("code_verifier", own)]), 400, "invalid_grant");
        assert_eq!(client.redeem(&code, &[]).status, 200, "and it still counts for the victim");
    }
}

/// RFC 9700 §4.4: a code of one client, shown by another.
#[test]
fn mixed_codes() {
    let app = with_pages("");
    let (web, evil) = (Client::add(&app, "web", &[]), Client::add(&app, "evil", &[]));
    let spa = Client::public(&app, "spa", &[]);
    let mut browser = Visitor::of(&app);
    let told = sent(&walk(&mut browser, &web.request(&[])));
    assert_eq!(told["iss"], URL, "RFC 9207");
    for thief in [&evil, &spa] {
        assert_error(&thief.redeem(&told["code"], &[]), 400, "invalid_grant");
    }
    // It does not help to say that it is the other one.
    let answer = spa.redeem(&told["code"], &[("client_id", "web")]);
    assert_error(&answer, 401, "invalid_client");
    assert_eq!(web.redeem(&told["code"], &[]).status, 200);
}

/// RFC 9700 §4.8.2: a challenge that somebody takes away.
#[test]
fn pkce_downgrade() {
    let app = with_pages("");
    let old = Client::add(&app, "old", &["--require-pkce=false"]);
    let mut browser = Visitor::of(&app);
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = old.code(&mut browser, &without);
    assert_error(&old.redeem(&code, &[]), 400, "invalid_grant");
    let code = old.code(&mut browser, &[]);
    assert_error(&old.redeem(&code, &[("code_verifier", "")]), 400, "invalid_grant");
    let plain = [("code_challenge", VERIFIER), ("code_challenge_method", "plain")];
    super::assert_told(&browser.get(&old.request(&plain)), "invalid_request");
}

/// RFC 9700 §4.7: forms that other sites send.
#[test]
fn csrf_on_every_form() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    import(&app, &[json!({"username": "carol", "scopes": ["me"]})]);
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", PASSWORD);
    let mut thief = Visitor::of(&app);
    thief.log_in("carol", PASSWORD);

    let page = browser.get(&web.request(&[]));
    let (action, token) = form(&page.body, "/auth/consent");
    let of_thief = form(&thief.get(&web.request(&[])).body, "/auth/consent").1;
    let other = browser.get(&web.request(&[("scope", "openid items")]));
    let of_other = form(&other.body, "/auth/consent").1;
    let decision = ("decision", "allow");
    for token in ["", "x", &of_thief, &of_other, &token[1..]] {
        let answer = browser.post(&action, &[("form_token", token), decision]);
        assert_shown(&answer, 403, "out of date");
    }
    for site in [Some("cross-site"), Some("same-site"), None] {
        browser.site = site;
        let answer = browser.post(&action, &[("form_token", &token), decision]);
        assert_shown(&answer, 403, "out of date");
    }
    browser.site = Some("same-origin");
    for (query, token) in [("", token.as_str()), ("?flow=", &token), ("?flow=x", &token)] {
        let answer =
            browser.post(&format!("/auth/consent{query}"), &[("form_token", token), decision]);
        assert_shown(&answer, 403, "out of date");
    }
    let twice = [("form_token", token.as_str()), decision, ("decision", "deny")];
    assert_shown(&browser.post(&action, &twice), 400, "decision");
    assert_shown(
        &browser.post(&action, &[("form_token", &token), ("decision", "x")]),
        400,
        "decision",
    );
    assert!(sent(&browser.post(&action, &[("form_token", &token), decision])).contains_key("code"));

    let page = browser.get("/oauth/logout");
    let (action, token) = form(&page.body, "/auth/sign-out");
    let of_thief = form(&thief.get("/oauth/logout").body, "/auth/sign-out").1;
    for token in ["", "x", &of_thief] {
        assert_shown(&browser.post(&action, &[("form_token", token)]), 403, "out of date");
    }
    browser.site = Some("cross-site");
    assert_shown(&browser.post(&action, &[("form_token", &token)]), 403, "out of date");
    browser.site = Some("same-origin");
    assert_eq!(browser.get("/auth/account").status, 200, "still signed in");
    assert_eq!(browser.post(&action, &[("form_token", &token)]).status, 303);
    assert_eq!(browser.get("/auth/account").status, 303);
}

/// RFC 9700 §4.16: pages that other sites show in a frame.
#[test]
fn clickjacking() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let login = login_page(&mut browser, &web.request(&[]));
    browser.log_in("bob", PASSWORD);
    let consent = browser.get(&web.request(&[]));
    assert!(consent.body.contains("/auth/consent"));
    let posted = walk(&mut browser, &web.request(&[("response_mode", "form_post")]));
    let choose = browser.get(&web.request(&[("prompt", "select_account")]));
    let pages = [
        login,
        consent,
        posted,
        choose,
        browser.get("/oauth/logout"),
        browser.get("/auth/signed-out"),
        browser.get("/oauth/authorize"),
    ];
    for page in pages {
        assert_eq!(page.header("x-frame-options"), Some("DENY"), "{page:?}");
        let policy = page.header("content-security-policy").expect("a policy");
        assert!(
            policy.contains("frame-ancestors 'none'") && policy.contains("default-src 'none'"),
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}

/// A flow that an attacker has begun: whoever logs in by it does so in an own session.
#[test]
fn session_fixation() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut thief = Visitor::of(&app);
    let login = local(&thief.get(&web.request(&[]))).expect("the login page");
    let mut victim = Visitor::of(&app);
    let page = victim.get(&login);
    let back = local(&log_in_at(&mut victim, &page, "bob")).expect("back");
    // The URL that the victim comes back to is worth nothing without the victim's cookie.
    let answer = thief.get(&back);
    assert!(local(&answer).is_some_and(|it| it.starts_with("/auth/login")), "{answer:?}");
    assert_eq!(thief.get("/auth/account").status, 303);
}

/// RFC 9700 §4.7: the attacker's code in the victim's browser. The client tells by `state`, which comes
/// back as it was.
#[test]
fn login_csrf() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    for state in ["abc", "a b+c%20d&e=f", "한글", "{\"x\":1}"] {
        let told = sent(&walk(&mut browser, &web.request(&[("state", state)])));
        assert_eq!(told["state"], state);
    }
    assert!(!sent(&walk(&mut browser, &web.request(&[("state", "")]))).contains_key("state"));
    // Nor does another site log the victim in here.
    let mut victim = Visitor::of(&app);
    let page = victim.get("/auth/login");
    let (action, token) = form(&page.body, "/auth/login");
    victim.site = Some("cross-site");
    let fields = [("form_token", &*token), ("username", "bob"), ("password", PASSWORD)];
    assert_eq!(victim.post(&action, &fields).status, 403);
}

/// RFC 9700 §4.2: what is in the address reaches nobody by `Referer`, and no log.
#[test]
fn referrer_leaks() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let login = login_page(
        &mut browser,
        &web.request(&[("state", "s3cret-state"), ("login_hint", "jane-hint")]),
    );
    assert_eq!(login.header("referrer-policy"), Some("same-origin"));
    let answer =
        walk(&mut browser, &web.request(&[("state", "s3cret-state"), ("login_hint", "jane-hint")]));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let code = &sent(&answer)["code"];
    let tokens = web.redeem(code, &[]).json();
    let hint = tokens["id_token"].as_str().expect("it");
    browser.get(&format!("/oauth/logout?id_token_hint={hint}"));
    let log = app.stdout.text() + &app.stderr.text();
    assert!(log.contains("/oauth/authorize"), "{log}");
    for secret in ["s3cret-state", "jane-hint", code, hint, VERIFIER] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

/// A form, and only a form that a browser has sent here, gets a cookie's user to allow something; the API's
/// bearer tokens do not open pages, nor do sessions open the API.
#[test]
fn confused_credentials() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[]);
    assert_eq!(browser.get("/users/me").status, 401, "a session is no token");
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("it"));
    let answer = app.send("GET", "/auth/account", &[("authorization", &bearer)], "");
    assert_eq!(answer.status, 303, "a token is no session");
    // An ID token and a code open nothing.
    let id_token = tokens["id_token"].as_str().expect("it");
    assert_eq!(app.get_as("/users/me", id_token).status, 401);
    assert_eq!(app.get_as("/oauth/userinfo", id_token).status, 401);
    let body = format!("token={id_token}");
    let revoked = app.send("POST", "/oauth/revoke", &[("content-type", FORM)], &body);
    assert_eq!((revoked.status, me(&app, &tokens)), (200, 200));
    let page = browser.get(&web.request(&[("prompt", "consent")]));
    assert!(sent(&decide(&mut browser, &page, "allow")).contains_key("code"));
}
