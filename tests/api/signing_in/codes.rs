//! Codes: what they are redeemed for, by whom, and how often.

use super::{Client, REDIRECT, VERIFIER, assert_error, done, me, sent, walk, with_pages};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::{Visitor, form};
use crate::harness::eventually;
use crate::signer::claims;
use jsonwebtoken::decode_header;
use serde_json::json;

#[test]
fn a_newcomer_signs_in_with_the_default_settings() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--name", "Photo album"]);
    let mut browser = Visitor::of(&app);
    let told = sent(&walk(&mut browser, &web.request(&[("nonce", "n")])));
    assert_eq!(told["state"], "s&t=a te");
    assert_eq!((told["iss"].as_str(), told.len()), (URL, 3), "{told:?}");

    let answer = web.redeem(&told["code"], &[]);
    assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
    let tokens = answer.json();
    assert_eq!((&tokens["scope"], &tokens["expires_in"]), (&json!("openid me"), &json!(1800)));
    assert_eq!(me(&app, &tokens), 200);

    // A key pair signs it whatever `tokens.algorithm` is.
    let token = tokens["access_token"].as_str().expect("a token");
    let head = decode_header(token).expect("a header");
    assert_eq!(head.typ.as_deref(), Some("at+jwt"));
    let read = claims(token);
    assert_eq!(
        (&read["client_id"], &read["aud"], &read["iss"]),
        (&json!("web"), &json!(URL), &json!(URL))
    );
    assert_eq!((&read["amr"], &read["username"]), (&json!(["pwd"]), &json!("bob")));

    // The next time, nobody is asked for anything.
    let again = browser.get(&web.request(&[]));
    assert!(sent(&again).contains_key("code"), "{again:?}");
}

#[test]
fn a_code_is_redeemed_once_by_whoever_asked_for_it() {
    let app = with_pages("");
    let (web, other) = (Client::add(&app, "web", &[]), Client::add(&app, "other", &[]));
    let mut browser = Visitor::of(&app);
    let code = web.code(&mut browser, &[]);

    // Nothing of this uses it up.
    let wrong = VERIFIER.replace('d', "e");
    for more in [
        &[("code_verifier", "")][..],
        &[("code_verifier", &wrong)],
        &[("code_verifier", "short")],
        &[("redirect_uri", "https://app.example.com/other")],
        &[("redirect_uri", "https://app.example.com/cb/")],
    ] {
        assert_error(&web.redeem(&code, more), 400, "invalid_grant");
    }
    assert_error(&other.redeem(&code, &[]), 400, "invalid_grant");
    assert_error(
        &web.redeem(&code, &[("resource", "https://evil.example")]),
        400,
        "invalid_target",
    );
    assert_error(&web.redeem("x", &[]), 400, "invalid_grant");
    assert_error(&web.redeem(&code, &[("code", "")]), 400, "invalid_request");
    let answer = web.redeem(&code, &[]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let tokens = answer.json();

    // A client that sends it twice by mistake keeps its tokens, but gets no more.
    assert_error(&web.redeem(&code, &[]), 400, "invalid_grant");
    assert_eq!(me(&app, &tokens), 200);
    // Anybody else has stolen it.
    assert_error(&other.redeem(&code, &[]), 400, "invalid_grant");
    assert_eq!(me(&app, &tokens), 401);
    assert_error(&web.refresh(&tokens["refresh_token"], &[]), 400, "invalid_grant");

    let code = web.code(&mut browser, &[]);
    let tokens = web.redeem(&code, &[]).json();
    assert_error(&web.redeem(&code, &[("code_verifier", &wrong)]), 400, "invalid_grant");
    assert_eq!(me(&app, &tokens), 401, "the thief has another verifier");
}

#[test]
fn a_verifier_proves_where_the_code_went() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let code = web.code(&mut browser, &[]);
    assert_eq!(web.redeem(&code, &[("redirect_uri", "")]).status, 200, "OAuth 2.1 §4.1.3");
    let old = Client::add(&app, "old", &["--require-pkce=false"]);
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let code = old.code(&mut browser, &without);
    let plain = [("code_verifier", "")];
    assert_error(&old.redeem(&code, &[plain[0], ("redirect_uri", "")]), 400, "invalid_grant");
    assert_eq!(old.redeem(&code, &plain).status, 200);
}

#[test]
fn tokens_end_with_the_session_unless_they_are_offline() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let bound = web.sign_in(&mut browser, &[]);
    let offline = web.sign_in(&mut browser, &[("scope", "openid me offline_access")]);
    let renewed = web.refresh(&bound["refresh_token"], &[]).json();
    assert_eq!((me(&app, &renewed), &renewed["scope"]), (200, &json!("openid me")));
    let [before, after] = [&bound, &renewed].map(|tokens| web.verified(tokens));
    for claim in ["sub", "sid", "auth_time", "amr", "aud", "iss"] {
        assert_eq!(after[claim], before[claim], "{claim}");
    }
    assert_ne!(renewed["id_token"], bound["id_token"]);

    let unused = web.code(&mut browser, &[]);
    browser.sign_out();
    for tokens in [&bound, &renewed] {
        eventually("the end of the session's tokens", || (me(&app, tokens) == 401).then_some(()));
        assert_error(&web.refresh(&tokens["refresh_token"], &[]), 400, "invalid_grant");
    }
    assert_error(&web.redeem(&unused, &[]), 400, "invalid_grant");
    assert_eq!(me(&app, &offline), 200);
    let next = web.refresh(&offline["refresh_token"], &[]).json();
    assert_eq!(me(&app, &next), 200);
    done(&app, &["users", "sign-out", "bob"]);
    eventually("the end of all of bob's tokens", || (me(&app, &next) == 401).then_some(()));
    assert_error(&web.refresh(&next["refresh_token"], &[]), 400, "invalid_grant");
}

/// A code is worth what its user still allows.
#[test]
fn a_code_ends_with_the_consent() {
    let app = with_pages("");
    let device = ["--redirect-uri", "http://127.0.0.1/cb", "--skip-consent"];
    let (web, own) = (Client::add(&app, "web", &[]), Client::public(&app, "own", &device));
    let mut browser = Visitor::of(&app);
    let device = ("redirect_uri", "http://127.0.0.1:7/cb");
    for (client, more) in [(&web, &[][..]), (&own, &[device])] {
        let code = client.code(&mut browser, more);
        let page = browser.get("/auth/account");
        let (path, token) = form(&page.body, "/auth/account/clients/withdraw");
        let fields = [("form_token", &*token), ("client_id", client.id)];
        assert_eq!(browser.post(&path, &fields).status, 303);
        assert_error(&client.redeem(&code, more), 400, "invalid_grant");
        // Allowed again, the client signs in again.
        client.sign_in(&mut browser, more);
    }
    // Nobody is asked for this, so nothing is withdrawn.
    own.sign_in(&mut browser, &[]);
}

#[test]
fn a_client_without_refresh_tokens_gets_none() {
    let app = with_pages("");
    let add = ["clients", "add", "plain", "--redirect-uri", REDIRECT, "--scope", "me"];
    done(&app, &[&add[..], &["--auth-method", "none"]].concat());
    let plain = Client { app: &app, id: "plain", secret: None };
    let mut browser = Visitor::of(&app);
    let tokens = plain.sign_in(&mut browser, &[("scope", "openid me offline_access")]);
    assert!(tokens.get("refresh_token").is_none(), "{tokens}");
    assert_eq!(tokens["scope"], "openid me");
    browser.sign_out();
    eventually("the end of its token", || (me(&app, &tokens) == 401).then_some(()));
}

#[test]
fn tokens_have_the_scopes_that_user_and_client_have() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    for (asked, given) in [
        ("openid me items", "openid me items"),
        // Nobody knows the first; the second is not the client's.
        ("openid address users:read me", "openid me"),
        ("me", "me"),
        ("openid profile email", "openid profile email"),
    ] {
        let tokens = web.sign_in(&mut browser, &[("scope", asked)]);
        assert_eq!(tokens["scope"], given);
        assert_eq!(tokens.get("id_token").is_some(), given.contains("openid"));
    }
    // Without any, all that the client has.
    let tokens = web.sign_in(&mut browser, &[("scope", "")]);
    assert_eq!(tokens["scope"], "me items");
    done(&app, &["users", "set-scopes", "bob", "items"]);
    eventually("bob's scopes", || {
        (web.sign_in(&mut browser, &[])["scope"] == "openid").then_some(())
    });
}

#[test]
fn a_resource_is_what_the_token_is_for() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let mcp = format!("{URL}/mcp");
    let tokens = web.sign_in(&mut browser, &[("resource", &mcp)]);
    let read = |tokens: &serde_json::Value| claims(tokens["access_token"].as_str().expect("it"));
    assert_eq!(read(&tokens)["aud"], json!([URL, mcp]));
    assert_eq!(me(&app, &tokens), 200);
    let renewed = web.refresh(&tokens["refresh_token"], &[]).json();
    assert_eq!(read(&renewed)["aud"], json!([URL, mcp]));
}
