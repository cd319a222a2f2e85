//! RP-initiated logout: with a hint at once, without one after a question, and never to an unknown place.

use super::{Client, assert_shown, local, with_pages};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::{Visitor, at, form};
use crate::harness::{App, FORM, Response, eventually, run_tool};
use crate::people::{import, run};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

const BYE: &str = "https://app.example.com/bye";

fn path(more: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(more);
    format!("/oauth/logout?{}", query.finish())
}

fn is_signed_in(browser: &mut Visitor<'_>) -> bool {
    browser.get("/auth/account").status == 200
}

/// The redirect, to a client or to the page that says so.
fn location(answer: &Response) -> &str {
    assert_eq!(answer.status, 303, "{answer:?}");
    answer.header("location").expect("a redirect")
}

#[test]
fn a_hint_ends_the_session_and_leads_back() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--post-logout-redirect-uri", BYE]);
    for (more, expected) in [
        (&[][..], at("/auth/signed-out")),
        (&[("post_logout_redirect_uri", BYE)], BYE.to_owned()),
        (&[("post_logout_redirect_uri", BYE), ("state", "a b&c")], format!("{BYE}?state=a+b%26c")),
        (&[("post_logout_redirect_uri", BYE), ("client_id", "web")], BYE.to_owned()),
    ] {
        let mut browser = Visitor::of(&app);
        let tokens = web.sign_in(&mut browser, &[]);
        let hint = ("id_token_hint", tokens["id_token"].as_str().expect("it"));
        let answer = browser.get(&path(&[&[hint][..], more].concat()));
        assert_eq!(location(&answer), expected);
        assert!(!is_signed_in(&mut browser), "{more:?}");
        // Again, there is nothing left to end.
        let again = browser.get(&path(&[&[hint][..], more].concat()));
        assert_eq!(location(&again), expected);
    }
    let mut browser = Visitor::of(&app);
    let page = browser.get("/auth/signed-out");
    assert!(page.status == 200 && page.body.contains("You are signed out"), "{}", page.body);
}

/// A client that was away for long still knows who it was. No test waits for the end of an ID token: this
/// one is signed with a key that the server got from outside.
#[test]
fn an_expired_hint_counts_and_a_forged_one_does_not() {
    // Commands are run with the secret of this one.
    let config = format!("[server]\npublic_url = '{URL}'\n[passwords]\nbcrypt_cost = 4\n");
    let app = App::bare().config(&config).spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    let web = Client::add(&app, "web", &["--post-logout-redirect-uri", BYE]);
    let mut browser = Visitor::of(&app);
    let read = web.verified(&web.sign_in(&mut browser, &[]));
    let make = |name: &str| {
        let file = app.folder().join(name);
        let mut openssl = Command::new("openssl");
        run_tool(
            openssl
                .args(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"])
                .arg(&file),
        );
        let der = file.with_extension("der");
        let mut openssl = Command::new("openssl");
        openssl.args(["rsa", "-traditional", "-outform", "DER", "-in"]).arg(&file);
        run_tool(openssl.arg("-out").arg(&der));
        EncodingKey::from_rsa_der(&fs::read(der).expect("a key"))
    };
    let (known, unknown) = (make("known.pem"), make("unknown.pem"));
    let before = app.get("/oauth/jwks").json();
    run(&app, &["keys", "import", "known.pem", "--now"], "");
    let kid = eventually("the imported key", || {
        let now = app.get("/oauth/jwks").json();
        let is_new = |key: &&Value| !before["keys"].as_array().expect("keys").contains(key);
        let key = now["keys"].as_array().expect("keys").iter().find(is_new).cloned();
        key.map(|key| key["kid"].as_str().expect("a kid").to_owned())
    });
    let sign = |by: &EncodingKey, typ: &str, more: Value| {
        let mut claims = read.clone();
        claims["exp"] = json!(1_000);
        claims["iat"] = json!(1);
        claims.as_object_mut().expect("claims").extend(more.as_object().expect("it").clone());
        let head = Header {
            typ: Some(typ.to_owned()),
            kid: Some(kid.clone()),
            ..Header::new(Algorithm::RS256)
        };
        encode(&head, &claims, by).expect("signed")
    };
    let asks = |browser: &mut Visitor<'_>, hint: &str| {
        browser.get(&path(&[("id_token_hint", hint), ("post_logout_redirect_uri", BYE)])).status
            == 200
    };
    let none = json!({});
    for forged in [
        sign(&unknown, "JWT", none.clone()),
        sign(&known, "at+jwt", none.clone()),
        sign(&known, "logout+jwt", none.clone()),
        sign(&known, "JWT", json!({"iss": "https://evil.example"})),
        sign(&known, "JWT", json!({"sub": "bob"})),
        sign(&known, "JWT", json!({"aud": ["web", "other"]})),
    ] {
        assert!(asks(&mut browser, &forged) && is_signed_in(&mut browser));
    }
    let hint = sign(&known, "JWT", none);
    let answer = browser.get(&path(&[("id_token_hint", &hint), ("post_logout_redirect_uri", BYE)]));
    assert_eq!(location(&answer), BYE);
    assert!(!is_signed_in(&mut browser));
}

#[test]
fn without_the_users_own_hint_the_user_is_asked() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--post-logout-redirect-uri", BYE]);
    import(&app, &[json!({"username": "carol", "scopes": ["me"]})]);
    let mut other = Visitor::of(&app);
    other.log_in("carol", crate::people::PASSWORD);
    let carols = web.sign_in(&mut other, &[]);
    let carols = carols["id_token"].as_str().expect("it");

    let mut browser = Visitor::of(&app);
    browser.log_in("bob", crate::people::PASSWORD);
    for (more, expected) in [
        (&[][..], at("/auth/signed-out")),
        (&[("id_token_hint", "x")], at("/auth/signed-out")),
        (&[("client_id", "web")], at("/auth/signed-out")),
        // Without the hint of its client, nobody is sent there.
        (&[("client_id", "web"), ("post_logout_redirect_uri", BYE)], at("/auth/signed-out")),
        (&[("post_logout_redirect_uri", "https://evil.example")], at("/auth/signed-out")),
        (&[("id_token_hint", carols), ("post_logout_redirect_uri", BYE)], BYE.to_owned()),
    ] {
        if !is_signed_in(&mut browser) {
            browser.log_in("bob", crate::people::PASSWORD);
        }
        let page = browser.get(&path(more));
        assert_eq!(page.status, 200, "{page:?}");
        assert!(
            page.body.contains("signed in as bob") && is_signed_in(&mut browser),
            "{}",
            page.body
        );
        let (action, token) = form(&page.body, "/auth/sign-out");
        let answer = browser.post(&action, &[("form_token", &token)]);
        assert_eq!(location(&answer), expected, "{more:?}");
        assert!(!is_signed_in(&mut browser));
    }
}

#[test]
fn bad_requests_are_shown_and_end_nothing() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--post-logout-redirect-uri", BYE]);
    Client::add(&app, "other", &["--post-logout-redirect-uri", "https://other.example/bye"]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[]);
    let hint = ("id_token_hint", tokens["id_token"].as_str().expect("it"));
    for uri in [
        "https://evil.example",
        "https://other.example/bye",
        "https://app.example.com/bye/",
        "https://app.example.com/cb",
    ] {
        let answer = browser.get(&path(&[hint, ("post_logout_redirect_uri", uri)]));
        assert_shown(&answer, 400, "post_logout_redirect_uri");
    }
    let answer = browser.get(&path(&[hint, ("client_id", "other")]));
    assert_shown(&answer, 400, "client_id");
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        let answer = browser.get(&path(&[hint, (name, "x"), (name, "y")]));
        assert_shown(&answer, 400, name);
    }
    assert!(is_signed_in(&mut browser));

    // A post is sent on, so that the cookie comes along.
    browser.site = Some("cross-site");
    let query = path(&[hint]);
    let (_, form) = query.split_once('?').expect("it");
    let answer = browser.send("POST", "/oauth/logout", &[("content-type", FORM)], form);
    let on = local(&answer).expect("on");
    assert_eq!(on, query);
    assert_eq!(location(&browser.get(&on)), at("/auth/signed-out"));
    browser.site = Some("same-origin");
    assert!(!is_signed_in(&mut browser));
}
