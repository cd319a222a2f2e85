//! The login form: what is wrong with it is said, what was typed stays, and nobody else sends it.

use super::visitor::{Visitor, at, form};
use super::with_pages;
use crate::harness::{App, FORM};
use crate::people::{PASSWORD, server};

#[test]
fn what_is_wrong_is_said_and_what_was_typed_stays() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    for (username, password, text) in [
        ("bob", "wrong", "do not match"),
        ("no\"body", PASSWORD, "do not match"),
        ("", PASSWORD, "Enter your username"),
        ("bob", "", "Enter your password"),
        (" ", " ", "Enter your username"),
    ] {
        let answer = browser.try_log_in(username, password);
        assert_eq!(answer.status, 400, "{username} {password}");
        assert!(answer.body.contains(text) && answer.body.contains("role=\"alert\""), "{text}");
        let typed = username.trim().replace('"', "&#34;");
        assert!(answer.body.contains(&format!("value=\"{typed}\"")), "{}", answer.body);
        assert!(!answer.body.contains(PASSWORD), "the password is never sent back");
        assert_eq!(browser.cookie("bailiwick-9"), None);
    }
    browser.language = "ko-KR,ko;q=0.9,en;q=0.8";
    let answer = browser.try_log_in("bob", "wrong");
    assert!(answer.body.contains("lang=\"ko\"") && answer.body.contains("비밀번호"));
    let spaced = browser.try_log_in(" bob ", PASSWORD);
    assert_eq!(spaced.status, 303, "keyboards of phones add a space");
}

/// Cross-site request forgery, and a login in the attacker's name.
#[test]
fn a_form_from_elsewhere_logs_nobody_in() {
    let app = with_pages("");
    let attempt = |site: Option<&'static str>, origin: Option<&str>, token: Option<&str>| {
        let mut browser = Visitor::of(&app);
        let page = browser.get("/auth/login");
        let own = form(&page.body, "/auth/login").1;
        let fields =
            [("form_token", token.unwrap_or(&own)), ("username", "bob"), ("password", PASSWORD)];
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let headers: Vec<_> = [("content-type", FORM)]
            .into_iter()
            .chain(origin.map(|origin| ("origin", origin)))
            .collect();
        browser.site = site;
        let answer = browser.send("POST", "/auth/login", &headers, &body.finish());
        assert_eq!(answer.status == 303, browser.cookie("bailiwick-9").is_some());
        answer.status
    };
    let here = super::URL;
    assert_eq!(attempt(Some("same-origin"), None, None), 303);
    assert_eq!(attempt(None, Some(here), None), 303, "a browser that does not say it");
    for site in ["cross-site", "same-site", "", "x"] {
        assert_eq!(attempt(Some(site), Some(here), None), 403, "{site}");
    }
    for origin in [None, Some("null"), Some("http://127.0.0.1"), Some("http://evil.example")] {
        assert_eq!(attempt(None, origin, None), 403, "{origin:?}");
    }
    for token in ["", "x", &"A".repeat(43)] {
        assert_eq!(attempt(Some("same-origin"), Some(here), Some(token)), 403, "{token}");
    }
    let mut another = Visitor::of(&app);
    let foreign = form(&another.get("/auth/login").body, "/auth/login").1;
    assert_eq!(attempt(None, Some(here), Some(&foreign)), 403, "another browser's form");
    let page = Visitor::of(&app).try_log_in_from("cross-site");
    assert!(page.contains("out of date"), "{page}");
}

impl Visitor<'_> {
    fn try_log_in_from(&mut self, site: &'static str) -> String {
        let token = form(&self.get("/auth/login").body, "/auth/login").1;
        self.site = Some(site);
        self.post("/auth/login", &[("form_token", &token), ("username", "bob"), ("password", "x")])
            .body
    }
}

/// A browser that is opened with twenty tabs asks for twenty pages before it has a cookie.
#[test]
fn each_of_twenty_tabs_logs_in() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    let tokens: Vec<_> = (0..20)
        .map(|_| {
            browser.forget_cookie("bailiwick-9-pre");
            form(&browser.get("/auth/login").body, "/auth/login").1
        })
        .collect();
    for token in &tokens {
        let fields = [("form_token", token.as_str()), ("username", "bob"), ("password", PASSWORD)];
        let answer = browser.post("/auth/login", &fields);
        assert_eq!((answer.status, answer.header("location")), (303, Some(&*at("/auth/account"))));
        assert_eq!(browser.get("/auth/account").status, 200);
    }
}

#[test]
fn odd_forms_get_a_page_that_says_so() {
    let app = with_pages("");
    let mut browser = Visitor::of(&app);
    let huge = format!("username={}", "x".repeat(20_000));
    for (headers, body) in [
        (&[("content-type", FORM)][..], "username=a&username=b"),
        (&[("content-type", FORM)], "form_token=a&form_token=b"),
        (&[("content-type", FORM)], &huge),
        (&[("content-type", "application/json")], "{}"),
        (&[("content-type", "multipart/form-data; boundary=x")], "--x--"),
    ] {
        let answer = browser.send("POST", "/auth/login", headers, body);
        assert_eq!(answer.status, 400, "{headers:?} {}", answer.body);
        assert!(answer.body.starts_with("<!doctype html>"), "{}", answer.body);
    }
    assert_eq!(browser.get("/auth/login?flow=a&flow=b").status, 400);
    for path in ["/auth/login?flow=", "/auth/login?flow=x", "/auth/login?flow=%00&x=1"] {
        assert_eq!(browser.get(path).status, 200, "{path}");
    }
    let long = format!("/auth/login?flow={}", "x".repeat(7_000));
    assert_eq!(browser.get(&long).status, 200);
    assert_eq!(app.send("PUT", "/auth/login", &[], "").header("allow"), Some("GET, HEAD, POST"));
}

#[test]
fn no_other_page_frames_it_and_no_cache_keeps_it() {
    let app = with_pages("");
    let page = app.get("/auth/login");
    let policy = page.header("content-security-policy").expect("a policy");
    for part in
        ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"]
    {
        assert!(policy.contains(part), "{policy}");
    }
    assert_eq!(page.header("x-frame-options"), Some("DENY"));
    assert_eq!(page.header("referrer-policy"), Some("same-origin"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert!(!page.body.contains("<script"));
    let style = page.body.split("href=\"").find(|it| it.starts_with("/auth/style.css")).unwrap();
    let style = app.get(style.split('"').next().unwrap());
    assert_eq!(style.status, 200);
    assert!(style.header("cache-control").unwrap().contains("immutable"));
    assert_eq!(app.get("/auth/style.css").header("cache-control"), Some("no-cache"));
}

#[test]
fn guesses_are_counted_and_a_known_browser_is_not_locked_out() {
    let config = "[server]\npublic_url = 'http://127.0.0.1:9'\n[logins]\nthrottle = true\n\
        known_network_burst = 3\nunknown_network_burst = 3\nknown_device_burst = 3\n";
    let app = server("").env("BAILIWICK__LOGINS__THROTTLE", "true").config(config).spawn();
    crate::people::import(&app, &[serde_json::json!({"username": "bob"})]);
    let mut known = Visitor::of(&app);
    known.log_in("bob", PASSWORD);
    let mut stranger = Visitor::of(&app);
    let statuses: Vec<_> = (0..6).map(|_| stranger.try_log_in("bob", "wrong").status).collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    let refused = stranger.try_log_in("bob", PASSWORD);
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").is_some() && refused.body.contains("Try again in"));
    assert_eq!(known.try_log_in("bob", "wrong").status, 400);
    known.log_in("bob", PASSWORD);
    stranger.set_cookie("bailiwick-9-device", &"A".repeat(43));
    assert_eq!(stranger.try_log_in("bob", PASSWORD).status, 429, "no cookie of ours");
}

/// What is under way is in the address, and the log does not keep it.
#[test]
fn the_access_log_keeps_no_flow() {
    let app: App = with_pages("");
    app.get("/auth/login?flow=hidden&login_hint=jane");
    let line = app.stdout.wait_for("GET /auth/login");
    assert!(line.contains("flow=***&login_hint=***"), "{line}");
}
