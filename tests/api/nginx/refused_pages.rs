//! What nginx refuses where people sign in: a page, not JSON; and whom it lets in.

use super::{Nginx, free_address};
use crate::browser_sessions::{URL, visitor::form};
use crate::harness::{App, FORM, Response, connect, eventually, read_response};
use std::io::Write as _;
use std::thread;

/// Where people sign in.
const PAGES: [&str; 6] = [
    "/auth/login",
    "/auth/login/",
    "/auth/account",
    "/oauth/authorize",
    "/oauth/logout",
    "/auth/x",
];

fn with_pages() -> App {
    App::demo().config(&format!("[server]\npublic_url = '{URL}'\n")).spawn()
}

#[track_caller]
fn assert_page(answer: &Response, status: u16, title: &str) {
    assert_eq!((answer.status, answer.header("content-type")), (status, Some("text/html")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let policy = answer.header("content-security-policy").expect("a policy");
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(answer.body.contains(&format!("<h1>{title}</h1>")), "{}", answer.body);
    assert_eq!(answer.header("retry-after"), (status != 413).then_some("1"));
}

#[test]
fn floods_of_pages_are_refused_by_a_page() {
    let app = with_pages();
    let slow = [("rate=50r/s", "rate=1r/m"), ("burst=200", "burst=3")];
    for path in PAGES {
        let nginx = Nginx::with(&app.address, &slow);
        let refused = eventually("a refusal", || {
            Some(nginx.send("GET", path, &[], "")).filter(|it| it.status == 429)
        });
        assert_page(&refused, 429, "Too Many Requests");
        // One limit for all of them; those of the API are their own.
        assert_eq!(nginx.send("POST", "/auth/login", &[("content-type", FORM)], "a=b").status, 429);
        assert_eq!(nginx.send("GET", "/oauth/jwks", &[], "").status, 200);
        assert_eq!(nginx.send("GET", "/.well-known/openid-configuration", &[], "").status, 200);
        let form = "username=johndoe&password=1234";
        assert_eq!(nginx.send("POST", "/token", &[("content-type", FORM)], form).status, 200);
    }
}

/// Many people from one address at the same time: each opens the page with what belongs to it, and logs in.
#[test]
fn a_whole_company_may_sign_in_at_once() {
    let app = with_pages();
    let nginx = Nginx::before(&app.address);
    thread::scope(|scope| {
        for _ in 0..30 {
            scope.spawn(|| {
                let page = nginx.send("GET", "/auth/login", &[], "");
                assert_eq!(page.status, 200, "{}", page.body);
                for file in ["/auth/style.css", "/auth/icon.svg"] {
                    let file = nginx.send("GET", file, &[], "");
                    assert_eq!(
                        (file.status, file.header("cache-control")),
                        (200, Some("no-cache"))
                    );
                }
                let cookie = page.header("set-cookie").and_then(|it| it.split(';').next());
                let (action, token) = form(&page.body, "/auth/login");
                let body = format!("form_token={token}&username=johndoe&password=1234");
                let headers = [
                    ("content-type", FORM),
                    ("cookie", cookie.expect("a cookie")),
                    ("sec-fetch-site", "same-origin"),
                ];
                let answer = nginx.send("POST", &action, &headers, &body);
                // 503: the queue of those who wait for a hash is full.
                assert!(matches!(answer.status, 303 | 503), "{}: {}", answer.status, answer.body);
            });
        }
    });
}

#[test]
fn without_a_server_there_is_a_page() {
    let nginx = Nginx::before(&free_address());
    for path in PAGES {
        assert_page(&nginx.send("GET", path, &[], ""), 502, "Bad Gateway");
    }
    let answer = nginx.send("GET", "/oauth/userinfo", &[], "");
    assert_eq!(answer.json()["detail"], "Bad Gateway");
}

#[test]
fn a_form_over_the_limit_is_refused_by_a_page() {
    let nginx = Nginx::before(&free_address());
    for path in PAGES {
        let mut stream = connect(&nginx.address);
        write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 40000\r\n\r\n")
            .expect("sent");
        assert_page(&Response::shown(&read_response(&mut stream)), 413, "Content Too Large");
    }
}
