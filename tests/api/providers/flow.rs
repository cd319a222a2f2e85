//! A client's request, answered by somebody who logs in at a provider.

use super::idp::Idp;
use super::{back, claims, is_in, with};
use crate::browser_sessions::visitor::{Visitor, form};
use crate::browser_sessions::with_pages;
use crate::harness::Response;
use crate::signer::now;
use crate::signing_in::{Client, decide, local, login_page, sent, walk};
use serde_json::json;

/// Presses the provider's button on a page of `/auth/login`; returns where the browser is sent.
fn depart(browser: &mut Visitor<'_>, page: &Response) -> Response {
    let (action, token) = form(&page.body, "/auth/up/idp");
    browser.post(&action, &[("form_token", &token)])
}

/// To the provider and back; returns where the browser is sent then, on this server.
fn through(browser: &mut Visitor<'_>, idp: &Idp, page: &Response) -> String {
    let departed = depart(browser, page);
    let arrived = browser.get(&back(idp, "idp", &departed));
    local(&arrived).unwrap_or_else(|| panic!("{arrived:?}"))
}

#[test]
fn the_flow_carries_on_and_ends_at_the_client_with_a_code() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\nscope_rules = ['*: me']");
    let client = Client::add(&app, "web", &["--name", "Photo album"]);
    let mut browser = Visitor::of(&app);
    let asks = [("scope", "openid profile email me items"), ("nonce", "n-1")];
    let page = login_page(&mut browser, &client.request(&asks));
    assert!(page.body.contains("Photo album"), "{}", page.body);
    let on = through(&mut browser, &idp, &page);
    let asked = browser.get(&on);
    assert!(asked.body.contains("Photo album") && asked.body.contains("jane"), "{}", asked.body);
    let told = sent(&decide(&mut browser, &asked, "allow"));
    assert_eq!(told["state"], "s&t=a te");
    let tokens = client.redeem(&told["code"], &[]).json();
    assert_eq!(tokens["scope"], "openid profile email me", "what the rules give, and no more");
    let says = client.verified(&tokens);
    assert_eq!((&says["nonce"], &says["amr"]), (&json!("n-1"), &json!(["fed"])));
    let bearer = format!("Bearer {}", tokens["access_token"].as_str().expect("a token"));
    let user = app.send("GET", "/oauth/userinfo", &[("authorization", &bearer)], "").json();
    assert_eq!(
        (&user["preferred_username"], &user["name"], &user["sub"]),
        (&json!("jane"), &json!("Jane Doe"), &says["sub"])
    );

    // The session stays: the next request needs no page.
    let again = browser.get(&client.request(&[("scope", "openid me"), ("prompt", "none")]));
    assert!(sent(&again).contains_key("code"));
}

#[test]
fn whoever_has_to_log_in_again_does_so_at_the_provider() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\nscope_rules = ['*: me']");
    let client = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let page = login_page(&mut browser, &client.request(&[]));
    let on = through(&mut browser, &idp, &page);
    let asked = browser.get(&on);
    sent(&decide(&mut browser, &asked, "allow"));
    for more in [("prompt", "login"), ("max_age", "0")] {
        let page = login_page(&mut browser, &client.request(&[more]));
        let departed = depart(&mut browser, &page);
        let place = departed.header("location").expect("to the provider");
        assert!(place.contains("&prompt=login&max_age=0"), "{place}");
        let arrived = browser.get(&back(&idp, "idp", &departed));
        let told = browser.get(&local(&arrived).expect("back to the request"));
        assert!(sent(&told).contains_key("code"), "once is enough: {told:?}");
    }

    // Who only wants to see other accounts does not have to log in again at a provider.
    let page = browser.get(&client.request(&[("prompt", "select_account")]));
    let start = page.body.find("/auth/login?flow=").expect("another account");
    let page = browser.get(page.body[start..].split('"').next().expect("its end"));
    let departed = depart(&mut browser, &page);
    let place = departed.header("location").expect("to the provider");
    assert!(place.contains("&prompt=select_account") && !place.contains("max_age"), "{place}");
    let mut other = Visitor::of(&app);
    let page = login_page(&mut other, &client.request(&[]));
    assert!(through(&mut other, &idp, &page).starts_with("/oauth/authorize"), "nobody had to");
}

/// A provider that does not ask again, says so or says nothing.
#[test]
fn a_provider_is_not_believed_that_does_not_tell_of_a_new_login() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\nscope_rules = ['*: me']");
    let client = Client::add(&app, "own", &["--skip-consent"]);
    let mut browser = Visitor::of(&app);
    for (auth_time, wants) in [
        (json!(now() - 3600), ("prompt", "login")),
        (json!(null), ("prompt", "login")),
        (json!(null), ("max_age", "600")),
    ] {
        idp.says(claims(json!({"auth_time": auth_time})));
        let page = login_page(&mut browser, &client.request(&[wants]));
        let departed = depart(&mut browser, &page);
        let page = browser.get(&back(&idp, "idp", &departed));
        let is_told = page.status == 400 && page.body.contains("cannot confirm a new sign-in");
        assert!(is_told, "{auth_time} {wants:?}: {}", page.body);
        // Another way is left.
        let start = page.body.find("/auth/login?flow=").expect("the way back");
        let way = page.body[start..].split('"').next().expect("its end");
        assert!(sent(&walk(&mut browser, way)).contains_key("code"));
        browser = Visitor::of(&app);
    }
    app.stderr.wait_for("what=provider_login outcome=refused reason=login_not_renewed");
    // Where nobody asked for one, it does not matter.
    let page = login_page(&mut browser, &client.request(&[]));
    assert!(through(&mut browser, &idp, &page).starts_with("/oauth/authorize"));
}

#[test]
fn github_cannot_log_anybody_in_again() {
    let app = with_pages(
        "[providers.idp]\npreset = 'github'\nclient_id = 'b'\n\
                          token_endpoint_auth_method = 'none'\n",
    );
    let client = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let page = login_page(&mut browser, &client.request(&[("prompt", "login")]));
    let page = depart(&mut browser, &page);
    assert!(page.status == 400 && page.body.contains("cannot confirm a new"), "{}", page.body);
    app.stderr.wait_for("reason=login_not_renewed");
    let page = login_page(&mut browser, &client.request(&[]));
    let departed = depart(&mut browser, &page);
    let place = departed.header("location").expect("to the provider");
    assert!(place.starts_with("https://github.com/login/oauth/authorize?"), "{place}");
}

/// What goes wrong at the provider costs nothing: the request waits for another way to log in.
#[test]
fn a_refusal_leads_back_to_the_request() {
    let idp = Idp::start();
    let app = with(&idp, "");
    let client = Client::add(&app, "web", &[]);
    for fault in ["refused", "wrong", "unknown"] {
        let mut browser = Visitor::of(&app);
        let page = login_page(&mut browser, &client.request(&[("ui_locales", "ko")]));
        idp.says(claims(json!({"aud": if fault == "wrong" { "other" } else { "bailiwick" }})));
        let departed = depart(&mut browser, &page);
        let mut place = back(&idp, "idp", &departed);
        if fault == "refused" {
            place = place.replace("code=code-1", "error=access_denied");
        }
        let page = browser.get(&place);
        let is_refused = page.status == 400 || (fault == "unknown" && page.status == 403);
        assert!(is_refused && page.body.contains("lang=\"ko\""), "{fault}: {}", page.body);
        let start = page.body.find("/auth/login?flow=").expect("the way back");
        let way = page.body[start..].split('"').next().expect("its end");
        let told = sent(&walk(&mut browser, way));
        assert_eq!(told["state"], "s&t=a te");
        let claims = client.verified(&client.redeem(&told["code"], &[]).json());
        assert_eq!(claims["amr"], json!(["pwd"]), "bob has a password");
        is_in(&mut browser, "bob");
    }
}

/// Each tab has its own state, and none disturbs another.
#[test]
fn tabs_go_to_the_provider_side_by_side() {
    let idp = Idp::start();
    let app = with(&idp, "signup = 'anyone'\nscope_rules = ['*: me']");
    let client = Client::add(&app, "own", &["--skip-consent"]);
    let mut browser = Visitor::of(&app);
    let tabs: Vec<_> = (0..5)
        .map(|tab| {
            let request = client.request(&[("state", &format!("tab {tab}"))]);
            let page = login_page(&mut browser, &request);
            let departed = depart(&mut browser, &page);
            back(&idp, "idp", &departed)
        })
        .collect();
    for (tab, place) in tabs.iter().enumerate().rev() {
        let arrived = browser.get(place);
        let on = local(&arrived).unwrap_or_else(|| panic!("{arrived:?}"));
        let told = sent(&browser.get(&on));
        assert_eq!(told["state"], format!("tab {tab}"));
        let tokens = client.redeem(&told["code"], &[]);
        assert_eq!(tokens.status, 200, "{}", tokens.body);
    }
    is_in(&mut browser, "jane");
}
