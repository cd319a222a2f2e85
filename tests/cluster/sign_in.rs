//! Logins over several servers on one database: every request of a flow meets another one, and what one has noted
//! is told by the others.

use crate::harness::{App, FORM, Response, eventually};
use crate::postgres::shared;
use crate::site::Site;
use crate::{PASSWORD, add, config, done};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::SeqCst};

/// Where browsers are told to reach the replicas; a proxy would be there.
pub(crate) const URL: &str = "http://127.0.0.1:9";

pub(crate) const REDIRECT: &str = "https://app.example.com/cb";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// A browser and a proxy that sends each request to the next replica.
pub(crate) struct Browser {
    replicas: Vec<App>,
    turn: Cell<usize>,
    cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn of(replicas: Vec<App>) -> Self {
        Self { replicas, turn: Cell::new(0), cookies: BTreeMap::new() }
    }

    /// Deletes its cookies.
    pub(crate) fn forget(&mut self) {
        self.cookies.clear();
    }

    fn next(&self) -> &App {
        let turn = self.turn.replace(self.turn.get() + 1);
        &self.replicas[turn % self.replicas.len()]
    }

    pub(crate) fn send(&mut self, method: &str, path: &str, body: &str) -> Response {
        let cookies: Vec<_> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let mut headers = vec![("sec-fetch-site", "same-origin"), ("cookie", cookies.as_str())];
        if !body.is_empty() {
            headers.push(("content-type", FORM));
        }
        let answer = self.next().send(method, path, &headers, body);
        let set: Vec<_> = answer.headers("set-cookie").map(str::to_owned).collect();
        for set in set {
            let (pair, attributes) = set.split_once(';').unwrap_or((&set, ""));
            let (name, value) = pair.split_once('=').expect("a cookie");
            if attributes.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    /// Sends the form that is on a page.
    pub(crate) fn submit(&mut self, page: &str, path: &str, more: &[(&str, &str)]) -> Response {
        let start =
            page.find(&format!("action=\"{path}")).unwrap_or_else(|| panic!("{path}: {page}"));
        let value = |after: &str| {
            let rest = &page[start..];
            let rest = &rest[rest.find(after).expect("its place") + after.len()..];
            rest[..rest.find('"').expect("an end")].replace("&#38;", "&").replace("&amp;", "&")
        };
        let (action, token) = (value("action=\""), value("name=\"form_token\" value=\""));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("form_token", &token).extend_pairs(more);
        self.send("POST", &action, &form.finish())
    }

    /// The same request by a client, which keeps no cookies.
    fn client(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Response {
        self.next().send(method, path, headers, body)
    }
}

fn local(answer: &Response) -> String {
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location").expect("a redirect");
    location.strip_prefix(URL).unwrap_or_else(|| panic!("{location}")).to_owned()
}

/// What the client `web` asks for.
pub(crate) fn request() -> String {
    format!(
        "/oauth/authorize?client_id=web&response_type=code&redirect_uri={}&scope=openid+me&state=s&\
         code_challenge={CHALLENGE}&code_challenge_method=S256",
        form_urlencoded::byte_serialize(REDIRECT.as_bytes()).collect::<String>(),
    )
}

#[test]
fn every_request_of_a_login_may_meet_another_replica() {
    signs_in_and_out(&shared().url(&shared().database()));
}

#[test]
fn every_request_of_a_login_may_meet_another_process_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    signs_in_and_out(&url);
}

/// A database with `jane` and the client `web`, whose secret is returned.
fn prepare(folder: &Path, url: &str, more: &[&str]) -> String {
    add(folder, url, "jane", &["me"]);
    let add_client = [
        "clients",
        "add",
        "web",
        "--redirect-uri",
        REDIRECT,
        "--scope",
        "me",
        "--grant-type",
        "authorization_code",
        "--grant-type",
        "refresh_token",
        "--post-logout-redirect-uri",
        REDIRECT,
    ];
    done(folder, url, &[&add_client[..], more].concat(), "").trim_end().to_owned()
}

fn start(url: &str) -> App {
    let public =
        format!("[server]\nworkers = 1\npublic_url = '{URL}'\n[outgoing]\nallow = ['127.0.0.1']\n");
    App::bare().config(&config(url)).config(&public).spawn()
}

/// jane logs in and allows what the client asks for; returns the code.
fn log_in(browser: &mut Browser) -> String {
    let login = local(&browser.send("GET", &request(), ""));
    let page = browser.send("GET", &login, "");
    let fields = [("username", "jane"), ("password", PASSWORD)];
    let back = local(&browser.submit(&page.body, "/auth/login", &fields));
    let page = browser.send("GET", &back, "");
    let told = browser.submit(&page.body, "/auth/consent", &[("decision", "allow")]);
    let location = told.header("location").expect("a redirect").to_owned();
    let query = location.strip_prefix(REDIRECT).expect("to the client").trim_start_matches('?');
    let mut told: BTreeMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    told.remove("code").unwrap_or_else(|| panic!("{told:?}"))
}

/// What the client sends for a code.
fn redeeming(code: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "authorization_code")
        .append_pair("code", code)
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("code_verifier", VERIFIER)
        .finish()
}

/// jane signs in with a client, and out again.
fn signs_in_and_out(url: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let secret = prepare(folder.path(), url, &[]);
    let mut browser = Browser::of((0..3).map(|_| start(url)).collect());
    let request = request();
    let asked = browser.client("GET", "/.well-known/openid-configuration", &[], "");
    assert_eq!(asked.json()["issuer"], URL);
    let code = log_in(&mut browser);

    let basic = format!("Basic {}", STANDARD.encode(format!("web:{secret}")));
    let headers = [("content-type", FORM), ("authorization", basic.as_str())];
    let redeem = redeeming(&code);
    let tokens = browser.client("POST", "/token", &headers, &redeem);
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let tokens = tokens.json();
    let text = |tokens: &Value, name: &str| tokens[name].as_str().expect("a text").to_owned();
    let userinfo = |browser: &Browser, token: &str| {
        let bearer = format!("Bearer {token}");
        browser.client("GET", "/oauth/userinfo", &[("authorization", &bearer)], "").status
    };
    let access = text(&tokens, "access_token");
    for _ in 0..3 {
        assert_eq!(userinfo(&browser, &access), 200);
    }
    // Once, on whichever replica.
    let again = browser.client("POST", "/token", &headers, &redeem);
    assert_eq!((again.status, &again.json()["error"]), (400, &Value::from("invalid_grant")));
    let refresh =
        format!("grant_type=refresh_token&refresh_token={}", text(&tokens, "refresh_token"));
    let renewed = browser.client("POST", "/token", &headers, &refresh);
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    // The next login needs no page, on any replica.
    for _ in 0..3 {
        let answer = browser.send("GET", &format!("{request}&prompt=none"), "");
        assert!(answer.header("location").is_some_and(|it| it.contains("code=")), "{answer:?}");
    }
    let out = format!("/oauth/logout?id_token_hint={}", text(&tokens, "id_token"));
    assert_eq!(local(&browser.send("GET", &out, "")), "/auth/signed-out");
    for _ in 0..3 {
        eventually("the end of the tokens", || (userinfo(&browser, &access) == 401).then_some(()));
        let answer = browser.send("GET", &format!("{request}&prompt=none"), "");
        assert!(answer.header("location").is_some_and(|it| it.contains("login_required")));
    }
}

/// What a server has noted is told by another one after it was killed, and another one after that.
#[test]
fn a_logout_is_told_by_whoever_is_left() {
    let database = shared().database();
    let url = shared().url(&database);
    let folder = tempfile::tempdir().expect("a folder");
    let status = Arc::new(AtomicU16::new(503));
    let site = {
        let status = Arc::clone(&status);
        Site::start(move |_| (status.load(SeqCst), String::new(), String::new()))
    };
    let uri = format!("{}/out", site.url);
    let secret = prepare(folder.path(), &url, &["--backchannel-logout-uri", &uri]);
    let mut browser = Browser::of(vec![start(&url)]);
    let code = log_in(&mut browser);
    let basic = format!("Basic {}", STANDARD.encode(format!("web:{secret}")));
    let headers = [("content-type", FORM), ("authorization", basic.as_str())];
    let tokens = browser.client("POST", "/token", &headers, &redeeming(&code)).json();
    let sid = read(tokens["id_token"].as_str().expect("it"))["sid"].clone();
    let hint = tokens["id_token"].as_str().expect("it");
    browser.send("GET", &format!("/oauth/logout?id_token_hint={hint}"), "");
    for tries in 1..4 {
        eventually("a try", || {
            shared().sql(&database, "UPDATE logout_notices SET due = 0");
            (site.asked().len() >= tries).then_some(())
        });
        // The only one that runs; its workers go with it.
        browser.replicas[0].signal("KILL");
        browser.replicas[0].wait();
        browser.replicas[0] = start(&url);
    }
    status.store(204, SeqCst);
    eventually("the end of it", || {
        shared().sql(&database, "UPDATE logout_notices SET due = 0");
        let left = shared().sql(&database, "SELECT count(*) FROM logout_notices");
        (left.trim() == "0").then_some(())
    });
    for asked in site.asked() {
        let token = asked.body.strip_prefix("logout_token=").expect("a token").to_owned();
        assert_eq!(read(&token)["sid"], sid);
    }
}

/// What a token says.
fn read(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64");
    serde_json::from_slice(&payload).expect("JSON")
}
