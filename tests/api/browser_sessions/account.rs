//! The account page and the sessions' API: what is shown, changed and ended.

use super::visitor::{Visitor, at, form};
use super::with_pages;
use crate::example_server::Example;
use crate::harness::{FORM, Response, eventually};
use crate::people::{PASSWORD, admin, call, can_log_in};
use crate::signer::token;
use crate::signing_in::{Client, me};
use serde_json::{Value, json};

const NEW: &str = "green-heron-43";

fn own(browser: &mut Visitor<'_>, path: &str) -> (String, String) {
    let (action, token) = form(&browser.get("/auth/account").body, path);
    (action.split('#').next().unwrap_or_default().to_owned(), token)
}

fn send(browser: &mut Visitor<'_>, path: &str, fields: &[(&str, &str)]) -> Response {
    let (action, token) = own(browser, path);
    browser.post(&action, &[&[("form_token", token.as_str())], fields].concat())
}

#[test]
fn a_password_is_changed_and_only_this_browser_stays() {
    let app = with_pages("");
    let (mut here, mut there) = (Visitor::of(&app), Visitor::of(&app));
    here.log_in("bob", PASSWORD);
    there.log_in("bob", PASSWORD);
    let path = "/auth/account/password";
    for (old, new, text) in [
        ("wrong", NEW, "not your current password"),
        (PASSWORD, "short", "at least 8 characters"),
        (PASSWORD, &"x".repeat(72), "too long"),
        (PASSWORD, "password1", "Many people use that password"),
    ] {
        let refused = send(&mut here, path, &[("old_password", old), ("new_password", new)]);
        assert_eq!(refused.status, 400, "{text}");
        assert!(refused.body.contains(text) && refused.body.contains("role=\"alert\""), "{text}");
        assert!(!refused.body.contains(PASSWORD) && !refused.body.contains(NEW));
    }
    let done = send(&mut here, path, &[("old_password", PASSWORD), ("new_password", NEW)]);
    assert_eq!(done.header("location"), Some(&*at("/auth/account?done=password")));
    let page = here.get("/auth/account?done=password");
    assert!(page.status == 200 && page.body.contains("Your password is changed"));
    assert_eq!(there.get("/auth/account").status, 303);
    assert!(can_log_in(&app, "bob", NEW) && !can_log_in(&app, "bob", PASSWORD));
}

#[test]
fn sessions_are_listed_and_ended_on_the_page() {
    let app = with_pages("");
    let mut browsers: Vec<_> = (0..3).map(|_| Visitor::of(&app)).collect();
    for (browser, agent) in browsers.iter_mut().zip(["Firefox/1 Windows", "Safari/1 iPhone", "x"]) {
        browser.agent = agent;
        browser.log_in("bob", PASSWORD);
    }
    let mut others = browsers.split_off(1);
    let here = &mut browsers[0];
    let page = here.get("/auth/account").body;
    for text in ["Firefox on Windows", "This device", "Safari on iPhone", "Unknown browser"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let listed = call(&app, ("GET", "/users/me/sessions"), &token("bob", &["me"]), &Value::Null);
    let listed = listed.json();
    let phone = listed.as_array().unwrap().iter().find(|it| it["system"] == "iPhone").unwrap();
    let sid = phone["sid"].as_str().unwrap();
    assert_eq!(
        (&phone["browser"], &phone["user_agent"]),
        (&json!("Safari"), &json!("Safari/1 iPhone"))
    );
    let ended = send(here, "/auth/account/sessions", &[("sid", sid)]);
    assert_eq!(ended.header("location"), Some(&*at("/auth/account?done=session")));
    assert_eq!(
        (others[0].get("/auth/account").status, others[1].get("/auth/account").status),
        (303, 200)
    );
    let again = send(here, "/auth/account/sessions", &[("sid", sid)]);
    assert!(again.status == 400 && again.body.contains("has ended already"));
    assert_eq!(send(here, "/auth/account/sessions", &[("sid", "x")]).status, 400);
    send(here, "/auth/account/sessions", &[]);
    assert_eq!(
        (here.get("/auth/account").status, others[1].get("/auth/account").status),
        (200, 303)
    );
}

#[test]
fn sessions_are_listed_and_ended_by_the_api() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", PASSWORD);
    let listed = admin(&app, ("GET", "/users/bob/sessions"), &Value::Null);
    assert_eq!(listed.status, 200, "{}", listed.body);
    let sid = listed.json()[0]["sid"].as_str().unwrap().to_owned();
    let of = |user: &str| format!("/users/{user}/sessions/{sid}");
    let bob = token("bob", &["me"]);
    for (path, by, status) in [
        (of("bob"), bob.as_str(), 401),
        (of("root"), &token("root", &["users:write"]), 404),
        (of("me"), &token("root", &["me"]), 404),
        ("/users/me/sessions/x".to_owned(), &bob, 404),
    ] {
        assert_eq!(call(&app, ("DELETE", &path), by, &Value::Null).status, status, "{path}");
        assert_eq!(browser.get("/auth/account").status, 200);
    }
    assert_eq!(admin(&app, ("GET", "/users/nobody/sessions"), &Value::Null).status, 404);
    assert_eq!(call(&app, ("DELETE", &of("me")), &bob, &Value::Null).status, 204);
    assert_eq!(browser.get("/auth/account").status, 303);
    browser.log_in("bob", PASSWORD);
    let sid = admin(&app, ("GET", "/users/bob/sessions"), &Value::Null).json()[0]["sid"].clone();
    let path = format!("/users/bob/sessions/{}", sid.as_str().unwrap());
    assert_eq!(admin(&app, ("DELETE", &path), &Value::Null).status, 204);
    assert_eq!(browser.get("/auth/account").status, 303);
    let cookie = "bailiwick-9=x";
    assert_eq!(app.send("GET", "/users/me/sessions", &[("cookie", cookie)], "").status, 401);
}

#[test]
fn api_keys_are_made_shown_once_and_revoked() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    browser.log_in("root", PASSWORD);
    let path = "/auth/account/api-keys";
    let made =
        send(&mut browser, path, &[("name", "nightly <b>"), ("scope me", "1"), ("days", "30")]);
    assert_eq!(made.status, 200, "{}", made.body);
    let key = made.body.split("<code>").nth(1).expect("the key").split('<').next().unwrap();
    assert!(key.starts_with("bwk_"), "{key}");
    assert_eq!(app.get_as("/users/me", key).status, 200);
    assert_eq!(app.get_as("/users", key).status, 401, "a scope that was not ticked");
    let page = browser.get("/auth/account").body;
    assert!(page.contains("nightly &#60;b&#62;") && !page.contains(key), "{page}");
    for (name, days, status) in
        [("", "30", 400), ("x", "0", 400), ("x", "no", 400), (&"x".repeat(101), "", 400)]
    {
        assert_eq!(send(&mut browser, path, &[("name", name), ("days", days)]).status, status);
    }
    let id = page.split("name=\"id\" value=\"").nth(1).expect("an id").split('"').next().unwrap();
    let revoked = send(&mut browser, "/auth/account/api-keys/revoke", &[("id", id)]);
    assert_eq!(revoked.header("location"), Some(&*at("/auth/account?done=key")));
    assert_eq!(app.get_as("/users/me", key).status, 401);
    let mut other = Visitor::of(&app);
    other.log_in("bob", PASSWORD);
    let page = other.get("/auth/account").body;
    assert!(!page.contains("api-keys"), "bob may have none");
    let token = own(&mut other, "/auth/account/password").1;
    let fields = [("form_token", token.as_str()), ("name", "x"), ("days", "30")];
    assert_eq!(other.post(path, &fields).status, 403);
}

/// Every form of the page.
#[test]
fn a_form_from_elsewhere_changes_nothing() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    browser.log_in("root", PASSWORD);
    let (_, token) = own(&mut browser, "/auth/account/password");
    let mut another = Visitor::of(&app);
    another.log_in("bob", PASSWORD);
    let foreign = own(&mut another, "/auth/account/password").1;
    for path in ["sign-out", "password", "sessions", "api-keys", "api-keys/revoke"] {
        let path = format!("/auth/account/{path}");
        for (site, token) in [
            (Some("cross-site"), token.as_str()),
            (None, token.as_str()),
            (Some("same-origin"), foreign.as_str()),
            (Some("same-origin"), ""),
        ] {
            browser.site = site;
            let fields = [
                ("form_token", token),
                ("old_password", PASSWORD),
                ("new_password", NEW),
                ("name", "x"),
                ("days", ""),
                ("id", "x"),
                ("sid", ""),
            ];
            let refused = browser.post(&path, &fields);
            assert_eq!(refused.status, 403, "{path} {site:?}");
            assert!(refused.body.contains("Nothing was changed"), "{}", refused.body);
        }
        browser.site = Some("same-origin");
        assert_eq!(browser.get("/auth/account").status, 200);
        let twice = format!("form_token={token}&form_token={token}");
        let answer = browser.send("POST", &path, &[("content-type", FORM)], &twice);
        assert_eq!(answer.status, 400, "{path}");
        assert_eq!(Visitor::of(&app).post(&path, &[]).status, 303, "nobody is logged in");
    }
}

#[test]
fn the_brand_is_that_of_the_settings() {
    let folder = tempfile::tempdir().expect("a folder");
    let logo = folder.path().join("logo.svg");
    std::fs::write(&logo, "<svg xmlns='http://www.w3.org/2000/svg'/>").expect("a file");
    let config = format!(
        "[pages]\nname = 'Acme & Co'\ncolour = '#aa3300'\nlanguage = 'ko'\nlogo = '{}'\n\
         links = ['Privacy = https://acme.example/privacy']\n",
        logo.display()
    );
    let app = with_pages(&config);
    let page = app.get("/auth/login").body;
    for text in ["Acme &#38; Co", "lang=\"ko\"", "href=\"https://acme.example/privacy\">Privacy"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let image = app.get("/auth/logo");
    assert_eq!((image.status, image.header("content-type")), (200, Some("image/svg+xml")));
    assert!(app.get("/auth/style.css").body.contains("--brand:#aa3300"));
}

/// A page of an application's own.
#[test]
fn an_applications_page_asks_for_a_session() {
    let app = Example::spawn_with("orders", &[("ORDERS__SERVER__PUBLIC_URL", super::URL)]);
    let mut browser = Visitor::of_example(&app);
    let away = browser.get("/shop?a=b");
    assert_eq!(away.status, 303);
    let login = away.header("location").expect("the login page").to_owned();
    let login = login.strip_prefix(super::URL).expect("here").to_owned();
    assert!(login.starts_with("/auth/login?flow="), "{login}");
    let (action, token) = form(&browser.get(&login).body, "/auth/login");
    let fields = [("form_token", token.as_str()), ("username", "johndoe"), ("password", "1234")];
    let back = browser.post(&action, &fields);
    assert_eq!(back.header("location"), Some(&*at("/shop?a=b")), "{}", back.body);
    let page = browser.get("/shop");
    assert!(page.status == 200 && page.body.contains("You are johndoe"), "{}", page.body);
    let token = page.body.split("value=\"").nth(1).expect("a token").split('"').next().unwrap();
    let order = |token: &str| [("form_token", token.to_owned()), ("item", "Foo".to_owned())];
    let sent = |browser: &mut Visitor<'_>, token: &str| {
        let order = order(token);
        let fields: Vec<_> = order.iter().map(|(name, value)| (*name, value.as_str())).collect();
        browser.post("/shop", &fields)
    };
    let ordered = sent(&mut browser, token);
    assert_eq!((ordered.status, &*ordered.body), (200, "johndoe has ordered Foo."));
    assert_eq!(sent(&mut browser, "x").status, 403);
    browser.site = Some("cross-site");
    assert_eq!(sent(&mut browser, token).status, 403);
    let anonymous = Visitor::of_example(&app).post("/shop", &[]);
    assert_eq!(
        anonymous.header("location"),
        Some(&*at("/auth/login")),
        "a form does not come back"
    );
}

#[test]
fn a_profile_is_changed_as_the_rules_on_users_allow() {
    let app = with_pages("[users]\nunique_email = true\n");
    assert_eq!(
        admin(&app, ("PATCH", "/users/root"), &json!({"email": "root@example.com"})).status,
        200
    );
    let mut browser = Visitor::of(&app);
    browser.log_in("bob", PASSWORD);
    let path = "/auth/account/profile";
    let long = "x".repeat(257);
    for (name, email, text) in [
        (&*long, "bob@example.com", "at most 256 characters"),
        ("Bob\u{7}", "bob@example.com", "at most 256 characters"),
        ("Bob <b>", "bob", "Enter an e-mail address"),
        ("Bob <b>", "bob@", "Enter an e-mail address"),
        ("Bob <b>", "bob @example.com", "Enter an e-mail address"),
        ("Bob <b>", "root@example.com", "Somebody else has that e-mail address"),
    ] {
        let refused = send(&mut browser, path, &[("full_name", name), ("email", email)]);
        assert_eq!(refused.status, 400, "{text}");
        assert!(refused.body.contains(text), "{text}: {}", refused.body);
        assert!(refused.body.contains(&format!("value=\"{email}\"")), "it stays as typed");
        let user = admin(&app, ("GET", "/users/bob"), &Value::Null).json();
        assert_eq!((&user["full_name"], &user["email"]), (&Value::Null, &Value::Null));
    }
    let done =
        send(&mut browser, path, &[("full_name", " Bob <b> "), ("email", "bob@example.com")]);
    assert_eq!(done.header("location"), Some(&*at("/auth/account?done=profile")));
    let page = browser.get("/auth/account?done=profile").body;
    assert!(page.contains("Your profile is saved") && page.contains("Bob &#60;b&#62;"), "{page}");
    let user = admin(&app, ("GET", "/users/bob"), &Value::Null).json();
    assert_eq!(
        (&user["full_name"], &user["email"]),
        (&json!("Bob <b>"), &json!("bob@example.com"))
    );
    // What is empty goes, and nothing else of the user can be changed here.
    let fields = [("full_name", ""), ("email", ""), ("scopes", "users:write"), ("username", "x")];
    assert_eq!(send(&mut browser, path, &fields).status, 303);
    let user = admin(&app, ("GET", "/users/bob"), &Value::Null).json();
    assert_eq!((&user["full_name"], &user["email"]), (&Value::Null, &Value::Null));
    assert_eq!(user["scopes"], json!(["me", "items"]));
}

#[test]
fn what_a_client_was_allowed_is_taken_back() {
    let app = with_pages("");
    let (web, other) = (Client::add(&app, "web", &[]), Client::add(&app, "other", &[]));
    let mut browser = Visitor::of(&app);
    let wanted = [("scope", "openid me offline_access")];
    let tokens = web.sign_in(&mut browser, &wanted);
    let kept = other.sign_in(&mut browser, &wanted);
    let page = browser.get("/auth/account").body;
    for text in ["web", "other", "Know that it is you", "Read information about the current user"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    let path = "/auth/account/clients/withdraw";
    let done = send(&mut browser, path, &[("client_id", "web")]);
    assert_eq!(done.header("location"), Some(&*at("/auth/account?done=client")));
    assert!(!browser.get("/auth/account").body.contains("value=\"web\""));
    assert_eq!(web.refresh(&tokens["refresh_token"], &[]).status, 400);
    eventually("its access token ends", || (me(&app, &tokens) == 401).then_some(()));
    // Others keep what they have, and nothing is left to take back.
    assert_eq!((me(&app, &kept), other.refresh(&kept["refresh_token"], &[]).status), (200, 200));
    let again = send(&mut browser, path, &[("client_id", "web")]);
    assert!(again.status == 400 && again.body.contains("has no access any more"));
    assert_eq!(send(&mut browser, path, &[("client_id", "-")]).status, 400);
    // It has to ask again.
    let asked = browser.get(&web.request(&wanted));
    assert!(asked.body.contains("action=\"/auth/consent"), "{asked:?}");
}
