//! A whole sign-in behind each shipped site, by curl: it keeps cookies as browsers do, and takes none that its
//! name or the connection forbids.

use super::tls::{NAME, Tls};
use super::{Nginx, cluster, free_address};
use crate::browser_sessions::visitor::form;
use crate::harness::{App, Builder, Response, repository, run, run_tool};
use crate::signing_in::{CHALLENGE, REDIRECT, VERIFIER, add_client};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use tempfile::TempDir;

/// The demo server at this URL.
fn server(url: &str, config: &str) -> Builder {
    App::demo().config(&format!("[server]\npublic_url = '{url}'\n{config}"))
}

/// Of the client `web`.
const REDIRECTS: [&str; 4] = ["--redirect-uri", REDIRECT, "--post-logout-redirect-uri", REDIRECT];

/// A browser, and the site as it knows it.
struct Browser<'a> {
    url: &'a str,
    trust: &'a [String],
    folder: TempDir,
}

impl<'a> Browser<'a> {
    fn new(url: &'a str, trust: &'a [String]) -> Self {
        Self { url, trust, folder: tempfile::tempdir().expect("a folder") }
    }

    /// Any request, of a browser or of a client.
    fn curl(&self, url: &str, args: &[&str]) -> Response {
        let mut curl = Command::new("curl");
        curl.args(["-s", "-i", "--max-time", "20"]).args(self.trust).args(args).arg(url);
        let answer = Response::shown(&run_tool(&mut curl));
        self.check(url, &answer);
        answer
    }

    /// A page, with the cookies.
    fn visit(&self, url: &str, args: &[&str]) -> Response {
        let jar = self.folder.path().join("cookies").display().to_string();
        // Those of other applications on the host are sent along.
        let other = format!("other={}", "x".repeat(4000));
        let cookies = ["-b", &other, "-b", &jar, "-c", &jar, "-H", "Sec-Fetch-Site: same-origin"];
        let answer = self.curl(url, &[&cookies, args].concat());
        assert_eq!(answer.headers("cache-control").collect::<Vec<_>>(), ["no-store"], "{url}");
        for cookie in answer.headers("set-cookie") {
            let (name, rest) = match self.url.strip_prefix("http://127.0.0.1:") {
                Some(port) => (format!("bailiwick-{port}"), "; HttpOnly; SameSite=Lax; Path=/"),
                None => ("__Host-bailiwick".to_owned(), "; HttpOnly; SameSite=Lax; Secure; Path=/"),
            };
            assert!(cookie.starts_with(&name) && cookie.contains(rest), "{cookie}");
            assert!(!cookie.contains("Domain"), "{cookie}");
        }
        answer
    }

    /// What every response has, once.
    fn check(&self, url: &str, answer: &Response) {
        for (name, expected) in [
            ("x-request-id", 1),
            ("strict-transport-security", usize::from(self.url.starts_with("https:"))),
            ("cache-control", 1),
            ("x-content-type-options", 1),
            ("referrer-policy", 1),
        ] {
            assert_eq!(answer.headers(name).count(), expected, "{name} of {url}: {answer:?}");
        }
        // It stays on the site until the client's own address.
        if let Some(location) = answer.header("location") {
            let is_here = location.starts_with(&format!("{}/", self.url));
            assert!(is_here || location.starts_with(REDIRECT), "{url}: {location}");
        }
    }

    /// Where a page sends the browser.
    fn sent(&self, url: &str, args: &[&str]) -> String {
        let answer = self.visit(url, args);
        assert_eq!(answer.status, 303, "{url}: {answer:?}");
        answer.header("location").expect("a redirect").to_owned()
    }

    /// Sends the form of a page; returns where that leads.
    fn submit(&self, page: &Response, path: &str, fields: &[(&str, &str)]) -> String {
        assert_eq!(page.status, 200, "{page:?}");
        let (scheme, rest) = self.url.split_once("://").expect("a URL");
        let (host, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (action, token) = form(&page.body, &format!("{prefix}{path}"));
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("form_token", &token)
            .extend_pairs(fields)
            .finish();
        self.sent(&format!("{scheme}://{host}{action}"), &["-d", &body])
    }
}

fn told(location: &str) -> BTreeMap<String, String> {
    let query = location.strip_prefix(REDIRECT).and_then(|it| it.strip_prefix('?'));
    let query = query.unwrap_or_else(|| panic!("{location}"));
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// johndoe signs in with a client that sends as much as a client may, and out again.
fn signs_in(url: &str, trust: &[String], secret: &str) {
    let browser = Browser::new(url, trust);
    let found = browser.curl(&format!("{url}/.well-known/openid-configuration"), &[]);
    assert_eq!((found.status, found.header("cache-control")), (200, Some("public, max-age=3600")));
    let found = found.json();
    let endpoint = |name: &str| {
        let endpoint = found[name].as_str().expect(name).to_owned();
        assert!(endpoint.starts_with(&format!("{url}/")), "{endpoint}");
        endpoint
    };
    assert_eq!(found["issuer"], url);
    let keys = browser.curl(&endpoint("jwks_uri"), &[]);
    assert_eq!((keys.status, keys.header("cache-control")), (200, Some("public, max-age=3600")));

    let long = "s".repeat(1200);
    let hint = format!("{}@example.com", "h".repeat(600));
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("client_id", "web")
        .append_pair("response_type", "code")
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("scope", "openid me offline_access")
        .append_pair("state", &long)
        .append_pair("nonce", &long[..600])
        .append_pair("login_hint", &hint)
        .append_pair("code_challenge", CHALLENGE)
        .append_pair("code_challenge_method", "S256")
        .finish();
    let authorize = endpoint("authorization_endpoint");
    let request = browser.sent(&authorize, &["-d", &query]);
    let login = browser.sent(&request, &[]);
    let page = browser.visit(&login, &[]);
    let fields = [("username", "johndoe"), ("password", "1234"), ("keep", "1")];
    let back = browser.submit(&page, "/auth/login", &fields);
    let page = browser.visit(&back, &[]);
    let end = browser.submit(&page, "/auth/consent", &[("decision", "allow")]);
    let sent = told(&end);
    assert_eq!((sent["state"].as_str(), sent["iss"].as_str()), (long.as_str(), url));
    let jar = fs::read_to_string(browser.folder.path().join("cookies")).expect("cookies");
    let kept = jar.lines().filter(|line| line.contains("bailiwick")).count();
    assert_eq!(kept, 3, "the session, the device and the visitor: {jar}");

    let pair = format!("web:{secret}");
    let token = |fields: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let answer = browser.curl(&endpoint("token_endpoint"), &["-u", &pair, "-d", &body]);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        answer.json()
    };
    let text = |tokens: &Value, name: &str| tokens[name].as_str().expect(name).to_owned();
    let tokens = token(&[
        ("grant_type", "authorization_code"),
        ("code", &sent["code"]),
        ("redirect_uri", REDIRECT),
        ("code_verifier", VERIFIER),
    ]);
    let tokens = token(&[
        ("grant_type", "refresh_token"),
        ("refresh_token", &text(&tokens, "refresh_token")),
    ]);
    let bearer = format!("Authorization: Bearer {}", text(&tokens, "access_token"));
    let info = browser.curl(&endpoint("userinfo_endpoint"), &["-H", &bearer]);
    assert_eq!((info.status, info.header("cache-control")), (200, Some("no-store")));

    let hint = text(&tokens, "id_token");
    let silent = format!("{request}&prompt=none&id_token_hint={hint}");
    assert!(told(&browser.sent(&silent, &[])).contains_key("code"), "the session");
    let bye = format!("post_logout_redirect_uri={}", &query_of(REDIRECT));
    let out = format!("{}?id_token_hint={hint}&{bye}&state=bye", endpoint("end_session_endpoint"));
    assert_eq!(told(&browser.sent(&out, &[]))["state"], "bye");
    assert_eq!(told(&browser.sent(&silent, &[]))["error"], "login_required");
    // Without a client, the account and its way out.
    let login = browser.sent(&format!("{url}/auth/account"), &[]);
    let page = browser.visit(&login, &[]);
    let account = browser.submit(&page, "/auth/login", &fields);
    let page = browser.visit(&account, &[]);
    browser.submit(&page, "/auth/account/sign-out", &[]);
}

fn query_of(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn over_tls() {
    let address = free_address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let url = format!("https://{NAME}:{port}");
    let app = server(&url, "").spawn();
    let secret = add_client(&app, "web", &REDIRECTS);
    let tls = Tls::at(&address, app, |text| text);
    signs_in(&url, &tls.trust(), &secret);
}

#[test]
fn on_this_machine() {
    let address = free_address();
    let url = format!("http://{address}");
    let app = server(&url, "").spawn();
    let secret = add_client(&app, "web", &REDIRECTS);
    let _nginx = Nginx::at(&address, &app.address, &[]);
    signs_in(&url, &[], &secret);
}

/// Three on one SQLite database: nginx sends each request to the next one.
#[test]
fn in_front_of_several() {
    let address = free_address();
    let url = format!("http://{address}");
    let app = server(&url, "").spawn();
    let secret = add_client(&app, "web", &REDIRECTS);
    let data = app.data_dir().display().to_string();
    let other = || server(&url, "").env("BAILIWICK__DATA_DIR", &data).spawn();
    let replicas = [app, other(), other()];
    let _nginx = cluster::at(&address, &replicas.each_ref().map(|app| app.address.clone()));
    signs_in(&url, &[], &secret);
    for app in replicas {
        app.stdout.wait_for("/auth/");
    }
}

/// As the chapter has it.
#[test]
fn below_a_prefix() {
    let address = free_address();
    let (_, port) = address.rsplit_once(':').expect("a port");
    let url = format!("https://{NAME}:{port}/sso");
    let app = server(&url, "root_path = '/sso'\nstrip_root_path = true\n").spawn();
    let secret = add_client(&app, "web", &REDIRECTS);
    let chapter = fs::read_to_string(repository("config/nginx/README.md")).expect("the chapter");
    let (_, rest) = chapter.split_once("sed -i -E '").expect("a command");
    let (script, _) = rest.split_once('\'').expect("its end");
    let tls = Tls::at(&address, app, |text| {
        let edited = run(Command::new("sed").args(["-E", script]), &text);
        assert!(edited.status.success(), "{edited:?}");
        String::from_utf8(edited.stdout).expect("UTF-8")
    });
    let trust = tls.trust();
    signs_in(&url, &trust, &secret);
    // Where RFC 8414 has it, beside where OpenID Connect Discovery does.
    let browser = Browser::new(&url, &trust);
    for name in ["oauth-authorization-server", "openid-configuration"] {
        let at = format!("https://{NAME}:{port}/.well-known/{name}/sso");
        assert_eq!(browser.curl(&at, &[]).json()["issuer"], *url);
    }
}
