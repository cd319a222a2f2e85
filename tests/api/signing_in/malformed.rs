//! What clients and browsers send wrongly: every parameter missing, twice, empty, huge, and not UTF-8; and the most
//! that they may send.

use super::{
    Client, REDIRECT, VERIFIER, assert_error, assert_shown, decide, form, local, log_in_at, sent,
    walk, with_pages,
};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::Visitor;
use crate::harness::{FORM, Response};
use crate::people::PASSWORD;

fn encoded(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// The fields with this one left out.
fn without<'a>(fields: &[(&'a str, &'a str)], name: &str) -> Vec<(&'a str, &'a str)> {
    fields.iter().copied().filter(|(known, _)| *known != name).collect()
}

/// None of it uses up the code.
#[test]
fn a_code_is_not_redeemed_by_a_malformed_form() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let secret = web.secret.clone().expect("a secret");
    let mut browser = Visitor::of(&app);
    let code = web.code(&mut browser, &[]);
    let good = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
        ("client_id", "web"),
        ("client_secret", secret.as_str()),
    ];
    let send = |body: &str| app.send("POST", "/token", &[("content-type", FORM)], body);
    let told = |answer: &Response| {
        let error = answer.json()["error"].as_str().map(str::to_owned);
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert!(answer.json().get("access_token").is_none(), "{answer:?}");
        error
    };
    for (name, empty, wrong) in [
        // Without one, it is FastAPI's form, and another grant is none of its words.
        ("grant_type", None, None),
        ("code", Some("invalid_request"), Some("invalid_grant")),
        // Left out, it counts (OAuth 2.1 §4.1.3).
        ("redirect_uri", None, Some("invalid_grant")),
        ("code_verifier", Some("invalid_grant"), Some("invalid_grant")),
        ("client_id", Some("invalid_request"), Some("invalid_client")),
        ("client_secret", Some("invalid_client"), Some("invalid_client")),
    ] {
        let rest = without(&good, name);
        if name != "redirect_uri" {
            let missing = send(&encoded(&rest));
            assert_eq!(told(&missing).as_deref(), empty, "{name} missing");
            let blank = send(&encoded(&[&rest[..], &[(name, "")]].concat()));
            assert_eq!(told(&blank).as_deref(), empty, "{name} empty");
        }
        let value = good.iter().find(|(known, _)| *known == name).expect("it").1;
        for again in [value, "x"] {
            let twice = send(&encoded(&[&good[..], &[(name, again)]].concat()));
            match (name, again) {
                // The last one counts in FastAPI's form.
                ("grant_type", "x") => assert_eq!(told(&twice), None),
                _ => assert_error(&twice, 400, "invalid_request"),
            }
        }
        let huge = "x".repeat(5000);
        for odd in [huge.as_str(), "%ff%00", "%0d%0a", "%22%3Cscript%3E", "\u{1F600}"] {
            let answer = send(&format!("{}&{name}={odd}", encoded(&rest)));
            assert_eq!(told(&answer).as_deref(), wrong, "{name}={odd:.20}");
            // What was sent may be in it, and no browser takes it for a page.
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        let larger = format!("{}&{name}={}", encoded(&rest), "x".repeat(40_000));
        assert_eq!(send(&larger).status, 413, "{name}");
    }
    let fresh = web.code(&mut browser, &[]);
    assert_eq!(web.redeem(&fresh, &[]).status, 200);
}

#[test]
fn forms_of_pages_are_read_whole_or_not_at_all() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let login = local(&browser.get(&web.request(&[]))).expect("the login page");
    let page = browser.get(&login);
    let (action, token) = form(&page.body, "/auth/login");
    let good = [("form_token", token.as_str()), ("username", "bob"), ("password", PASSWORD)];
    for (name, status) in [("form_token", 403), ("username", 422), ("password", 422)] {
        let rest = without(&good, name);
        for (kind, fields) in
            [("missing", rest.clone()), ("empty", [&rest[..], &[(name, "")]].concat())]
        {
            let answer = browser.post(&action, &fields);
            let is_refused = answer.status == status || (400..500).contains(&answer.status);
            assert!(is_refused && answer.header("location").is_none(), "{name} {kind}: {answer:?}");
        }
        let twice = browser.post(&action, &[&good[..], &[(name, "x")]].concat());
        assert_shown(&twice, 400, name);
        let huge = browser.post(&action, &[&rest[..], &[(name, &"x".repeat(5000))]].concat());
        assert!((400..500).contains(&huge.status), "{name}: {huge:?}");
        let bytes = format!("{}&{name}=%ff%00", encoded(&rest));
        let answer = browser.send("POST", &action, &[("content-type", FORM)], &bytes);
        assert!((400..500).contains(&answer.status), "{name}: {answer:?}");
    }
    for flow in ["", "?flow=", "?flow=x", "?flow=%00", "?flow=a&flow=b", "?x=%ff"] {
        let answer = browser.post(&format!("/auth/login{flow}"), &good);
        let location = answer.header("location").unwrap_or(URL);
        assert!(answer.status < 500 && location.starts_with(URL), "{flow}: {answer:?}");
    }
    let answer = browser.send("POST", &action, &[("content-type", "text/plain")], "x");
    assert!((400..500).contains(&answer.status), "{answer:?}");
}

#[test]
fn a_logout_leads_nowhere_by_malformed_parameters() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &["--post-logout-redirect-uri", REDIRECT]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[]);
    let hint = tokens["id_token"].as_str().expect("it");
    for name in ["id_token_hint", "post_logout_redirect_uri", "client_id", "state"] {
        let answer = browser.get(&format!("/oauth/logout?{name}=a&{name}=b"));
        assert_shown(&answer, 400, name);
        for value in ["", "%ff%00", "%0d%0aLocation:%20x", "%22%3E%3Cscript%3E", &"x".repeat(2000)]
        {
            let answer = browser.get(&format!("/oauth/logout?{name}={value}"));
            assert!(matches!(answer.status, 200 | 400), "{name}={value:.20}: {answer:?}");
            assert!(!answer.body.contains("\"><script>"), "{}", answer.body);
        }
    }
    // Another client's address, and one letter more.
    for uri in ["https://app.example.com/cb/", "https://app.example.com/cb?x=1", "%22", "x"] {
        let path = format!("/oauth/logout?id_token_hint={hint}x&post_logout_redirect_uri={uri}");
        assert_eq!(browser.get(&path).header("location"), None, "{uri}");
    }
    assert_eq!(browser.get("/auth/account").status, 200, "still signed in");
}

#[test]
fn a_token_for_userinfo_is_sent_once() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let tokens = web.sign_in(&mut Visitor::of(&app), &[]);
    let token = tokens["access_token"].as_str().expect("it");
    let bearer = format!("Bearer {token}");
    let send = |headers: &[(&str, &str)], body: &str| {
        let all = [&[("content-type", FORM)][..], headers].concat();
        app.send("POST", "/oauth/userinfo", &all, body)
    };
    let field = format!("access_token={token}");
    assert_eq!(send(&[], &field).status, 200);
    for (headers, body) in [
        (&[("authorization", bearer.as_str())][..], field.as_str()),
        (&[], &format!("{field}&{field}")),
    ] {
        assert_error(&send(headers, body), 400, "invalid_request");
    }
    for body in ["access_token=", "access_token=%ff%00", "x=1"] {
        let answer = send(&[], body);
        assert_eq!(answer.status, 401, "{body}");
        assert!(answer.header("www-authenticate").is_some_and(|it| it.starts_with("Bearer")));
    }
    assert_eq!(send(&[], &format!("access_token={}", "x".repeat(40_000))).status, 413);
}

/// What is taken before the login is taken after it, too: nobody types a password in vain.
#[test]
fn a_request_as_long_as_it_may_be_comes_through() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut through = 0;
    for hint in [0, 200, 256, 257, 700, 1000, 1400, 2300] {
        let hint = "h".repeat(hint);
        for length in (100..3000).step_by(100).rev() {
            let state = "s".repeat(length);
            let more =
                [("state", state.as_str()), ("login_hint", &hint), ("ui_locales", "fr ko en")];
            let mut browser = Visitor::of(&app);
            let first = browser.get(&web.request(&more));
            if local(&first).is_none() {
                // Too long, and the client is told so.
                assert_eq!(sent(&first)["error"], "invalid_request", "{length}");
                continue;
            }
            // The longest that is taken.
            let page = browser.get(&local(&first).expect("the login page"));
            assert_eq!(page.status, 200, "{length} {}", hint.len());
            let back = local(&log_in_at(&mut browser, &page, "bob")).expect("back");
            let page = browser.get(&back);
            let told = match page.status {
                200 => decide(&mut browser, &page, "allow"),
                _ => walk(&mut browser, &back),
            };
            assert_eq!(sent(&told)["state"], state, "{length} {}", hint.len());
            let choose =
                browser.get(&web.request(&[&more[..], &[("prompt", "select_account")]].concat()));
            assert!(matches!(choose.status, 200 | 303), "{choose:?}");
            through += 1;
            break;
        }
    }
    assert_eq!(through, 8);
}
