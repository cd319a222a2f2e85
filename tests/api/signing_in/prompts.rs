//! What the user is asked: to log in, to choose, to allow; and what a client that wants no page is told.

use super::{
    Client, REDIRECT, assert_told, decide, done, local, log_in_at, login_page, sent, verify, walk,
    with_pages,
};
use crate::browser_sessions::visitor::Visitor;
use crate::harness::eventually;
use crate::people::import;
use serde_json::json;

#[test]
fn prompt_none_shows_no_page() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let none = web.request(&[("prompt", "none")]);
    let mut browser = Visitor::of(&app);
    assert_told(&browser.get(&none), "login_required");
    browser.log_in("bob", crate::people::PASSWORD);
    assert_told(&browser.get(&none), "consent_required");
    walk(&mut browser, &web.request(&[]));
    assert!(sent(&browser.get(&none)).contains_key("code"));
    assert_told(
        &browser.get(&web.request(&[("prompt", "none"), ("scope", "openid items")])),
        "consent_required",
    );
    for other in
        ["none login", "consent none", "none none x", "none x", "x", "login x", "create", "Login"]
    {
        assert_told(&browser.get(&web.request(&[("prompt", other)])), "invalid_request");
    }
    assert_told(
        &browser.get(&web.request(&[("prompt", "none"), ("max_age", "0")])),
        "login_required",
    );
    browser.sign_out();
    assert_told(&browser.get(&none), "login_required");
}

/// A login that was asked for is met by it, and asked for once.
#[test]
fn prompt_login_and_max_age_want_a_new_login() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let first = web.verified(&web.sign_in(&mut browser, &[]));
    for more in [("prompt", "login"), ("max_age", "0")] {
        let page = login_page(&mut browser, &web.request(&[more]));
        assert!(page.body.contains("value=\"bob\""), "{}", page.body);
        let answer = log_in_at(&mut browser, &page, "bob");
        let back = local(&answer).expect("back to the request");
        let code = sent(&browser.get(&back)).remove("code").expect("a code");
        let second = web.verified(&web.redeem(&code, &[]).json());
        assert!(second["auth_time"].as_i64() >= first["auth_time"].as_i64());
        assert_eq!((&second["sub"], &second["sid"]), (&first["sub"], &first["sid"]));
        // The same address again is met, too; another request is not.
        assert!(sent(&browser.get(&back)).contains_key("code"));
        let flow = &back[back.find("flow=").expect("a flow")..];
        let other = format!("{}&{flow}", web.request(&[more, ("state", "other")]));
        assert!(local(&browser.get(&other)).is_some_and(|it| it.starts_with("/auth/login")));
    }
    let lenient = browser.get(&web.request(&[("max_age", "10000")]));
    assert!(sent(&lenient).contains_key("code"));
    for wrong in ["-1", "x", "1.5", " "] {
        assert_told(&browser.get(&web.request(&[("max_age", wrong)])), "invalid_request");
    }
}

#[test]
fn an_old_session_is_too_old_for_max_age() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    web.sign_in(&mut browser, &[]);
    eventually("a session of more than a second", || {
        let answer = browser.get(&web.request(&[("max_age", "1")]));
        local(&answer).filter(|it| it.starts_with("/auth/login"))
    });
}

#[test]
fn consent_is_remembered_for_each_client_and_scope() {
    let app = with_pages("");
    let (web, other) = (Client::add(&app, "web", &[]), Client::add(&app, "other", &[]));
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", crate::people::PASSWORD);
    let asks = |browser: &mut Visitor<'_>, path: &str| {
        let page = browser.get(path);
        let asks = page.body.contains("action=\"/auth/consent");
        (asks, page)
    };
    let (_, page) = asks(&mut browser, &web.request(&[("scope", "openid me")]));
    for part in [
        "web",
        "bob",
        "Know that it is you",
        "Read information about the current user",
        "app.example.com",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_told(&decide(&mut browser, &page, "deny"), "access_denied");
    let (asks_again, page) = asks(&mut browser, &web.request(&[("scope", "openid me")]));
    assert!(asks_again && sent(&decide(&mut browser, &page, "allow")).contains_key("code"));
    for (path, expected) in [
        (web.request(&[("scope", "openid me")]), false),
        (web.request(&[("scope", "me")]), false),
        (web.request(&[("scope", "me items")]), true),
        (web.request(&[("scope", "openid me"), ("prompt", "consent")]), true),
        (other.request(&[("scope", "openid me")]), true),
    ] {
        assert_eq!(asks(&mut browser, &path).0, expected, "{path}");
    }
    // Another client of the same name asks for itself.
    done(&app, &["clients", "delete", "web"]);
    let again = Client::add(&app, "web", &[]);
    eventually("the other client", || {
        asks(&mut browser, &again.request(&[("scope", "openid me")])).0.then_some(())
    });
}

#[test]
fn own_clients_do_not_ask_but_on_a_device_everyone_does() {
    let app = with_pages("");
    let device = ["http://127.0.0.1/cb", "com.example.app:/cb"];
    let [one, two] = device.map(|uri| ["--redirect-uri", uri]);
    let more = [&["--skip-consent"][..], &one, &two].concat();
    let own = Client::public(&app, "own", &more);
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", crate::people::PASSWORD);
    assert!(sent(&browser.get(&own.request(&[]))).contains_key("code"));
    assert!(browser.get(&own.request(&[("prompt", "consent")])).body.contains("/auth/consent"));
    for uri in ["http://127.0.0.1:51004/cb", "com.example.app:/cb"] {
        let uri = ("redirect_uri", uri);
        for _ in 0..2 {
            let page = browser.get(&own.request(&[uri]));
            assert!(page.body.contains("an application on this device"), "{}", page.body);
            let told = decide(&mut browser, &page, "allow");
            assert!(told.header("location").is_some_and(|it| it.starts_with(uri.1)), "{told:?}");
            assert!(sent(&told).contains_key("code"));
        }
        assert_told(&browser.get(&own.request(&[uri, ("prompt", "none")])), "consent_required");
    }
}

#[test]
fn an_account_is_chosen() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--name", "Photo album"]);
    import(&app, &[json!({"username": "carol", "scopes": ["me"]})]);
    let mut browser = Visitor::of(&app);
    let first = web.verified(&web.sign_in(&mut browser, &[]));
    let path = web.request(&[("prompt", "select_account")]);
    let page = browser.get(&path);
    assert!(
        page.body.contains("Continue as bob") && page.body.contains("Photo album"),
        "{}",
        page.body
    );
    let link = |page: &str, text: &str| {
        let at = page.find(text).unwrap_or_else(|| panic!("{text}: {page}"));
        let start = page[..at].rfind("href=\"").expect("a link") + 6;
        let end = page[start..].find('"').expect("an end") + start;
        page[start..end].replace("&#38;", "&").replace("&amp;", "&")
    };
    let same = link(&page.body, "Continue as bob");
    assert!(sent(&browser.get(&same)).contains_key("code"));
    // The choice is this session's.
    let mut stranger = Visitor::of(&app);
    stranger.log_in("carol", crate::people::PASSWORD);
    assert!(stranger.get(&same).body.contains("Continue as carol"));

    let other = link(&page.body, "Use another account");
    let login = browser.get(&other);
    let answer = log_in_at(&mut browser, &login, "carol");
    let code = walk(&mut browser, &local(&answer).expect("back"));
    let code = sent(&code).remove("code").expect("a code");
    let second = web.verified(&web.redeem(&code, &[]).json());
    assert_ne!(second["sub"], first["sub"]);
}

#[test]
fn a_hint_says_whose_session_is_expected() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    import(&app, &[json!({"username": "carol", "scopes": ["me"]})]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[]);
    let hint = tokens["id_token"].as_str().expect("an ID token").to_owned();
    let none = [("prompt", "none"), ("id_token_hint", hint.as_str())];
    assert!(sent(&browser.get(&web.request(&none))).contains_key("code"));
    let broken = [("prompt", "none"), ("id_token_hint", "x")];
    assert_told(&browser.get(&web.request(&broken)), "login_required");
    browser.sign_out();
    browser.log_in("carol", crate::people::PASSWORD);
    assert_told(&browser.get(&web.request(&none)), "login_required");
    assert_eq!(verify(&app, "web", &hint)["aud"], "web");

    // Somebody else may log out for it, but cannot take the place of its user.
    let request = web.request(&none[1..]);
    let page = login_page(&mut browser, &request);
    assert!(!page.body.contains("bob") && !page.body.contains("carol"), "{}", page.body);
    let answer = log_in_at(&mut browser, &page, "carol");
    assert_told(&browser.get(&local(&answer).expect("back")), "login_required");
    let page = login_page(&mut browser, &request);
    let answer = log_in_at(&mut browser, &page, "bob");
    let told = sent(&browser.get(&local(&answer).expect("back")));
    let again = web.verified(&web.redeem(&told["code"], &[]).json());
    assert_eq!(again["sub"], web.verified(&tokens)["sub"]);
}

/// The hint is not in the address of the login page, and counts all the same: also for the question what
/// the client may do, and in a browser where nobody was logged in.
#[test]
fn a_hint_outlives_the_login_page() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    import(&app, &[json!({"username": "carol", "scopes": ["me"]})]);
    let tokens = web.sign_in(&mut Visitor::of(&app), &[]);
    let hint = tokens["id_token"].as_str().expect("an ID token").to_owned();
    let hinted = [("id_token_hint", hint.as_str())];
    for prompt in ["", "consent", "select_account"] {
        let request = web.request(&[hinted[0], ("prompt", prompt)]);
        let mut browser = Visitor::of(&app);
        let page = login_page(&mut browser, &request);
        assert!(!page.body.contains("value=\"bob\""), "a stranger learns no name: {}", page.body);
        let answer = log_in_at(&mut browser, &page, "carol");
        assert_told(&browser.get(&local(&answer).expect("back")), "login_required");
    }
    // From the question, somebody else goes on.
    let mut browser = Visitor::of(&app);
    let page = login_page(&mut browser, &web.request(&[hinted[0], ("prompt", "consent")]));
    let answer = log_in_at(&mut browser, &page, "bob");
    let asked = browser.get(&local(&answer).expect("back"));
    let start = asked.body.find("/auth/login?flow=").expect("another account");
    let page = browser.get(asked.body[start..].split('"').next().expect("its end"));
    let answer = log_in_at(&mut browser, &page, "carol");
    assert_told(&browser.get(&local(&answer).expect("back")), "login_required");
}

/// A login answers the request that asked for it, and no other one.
#[test]
fn a_login_in_another_tab_is_not_the_one_that_was_asked_for() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    web.sign_in(&mut browser, &[]);
    for more in [("prompt", "login"), ("max_age", "0")] {
        let request = web.request(&[more]);
        let login = local(&browser.get(&request)).expect("to the login page");
        let tab = browser.get(&login);
        browser.log_in("bob", crate::people::PASSWORD);
        let flow = &login[login.find("flow=").expect("flow=")..];
        let again = browser.get(&format!("{request}&{flow}"));
        let again = local(&again).unwrap_or_else(|| panic!("{more:?}: {again:?}"));
        assert!(again.starts_with("/auth/login?flow="), "{again}");
        // The form that was asked for still does.
        let answer = log_in_at(&mut browser, &tab, "bob");
        assert!(sent(&browser.get(&local(&answer).expect("back"))).contains_key("code"));
    }
}

#[test]
fn hints_reach_the_login_page() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--name", "Photo album"]);
    let mut browser = Visitor::of(&app);
    let hints = [("login_hint", "jane@example.com"), ("ui_locales", "fr ko-KR en")];
    let page = login_page(&mut browser, &web.request(&hints));
    assert!(page.body.contains("value=\"jane@example.com\""), "{}", page.body);
    assert!(
        page.body.contains("lang=\"ko\"") && page.body.contains("Photo album"),
        "{}",
        page.body
    );
    assert_eq!(REDIRECT, "https://app.example.com/cb");
}
