//! Providers that others have made, unmodified.

use super::{ALLOW, depart, is_in, wait_for_scopes};
use crate::browser_sessions::visitor::{Visitor, at};
use crate::browser_sessions::with_pages;
use crate::clients::python_tool;
use crate::harness::{FORM, Lines, Response, eventually, repository};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// `oidc-provider-mock` of `PyPI`, with Ann.
#[test]
fn oidc_provider_mock_signs_ann_in() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let (port, ann) =
        (free.port(), json!({"sub": "ann", "email": "ann@example.com", "email_verified": true}));
    let mut provider = python_tool("oidc-provider-mock");
    provider.args(["-p", &port.to_string(), "--user-claims", &ann.to_string()]);
    let provider = provider.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let _provider = Running(provider.expect("it starts"));
    eventually("the provider", || TcpStream::connect(free).ok());
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "provider:secret+x").expect("written");
    let app = with_pages(&format!(
        "{ALLOW}[providers.mock]\nissuer = 'http://{free}'\nclient_id = 'bailiwick'\n\
         client_secret_file = '{}'\nsignup = 'trusted-domains'\ntrusted_domains = ['example.com']\n\
         scope_rules = ['email=ann@example.com: items']\n",
        secret.path().display()
    ));
    for _ in 0..2 {
        let mut browser = Visitor::of(&app);
        let departed = depart(&mut browser, "mock");
        let place = departed.header("location").unwrap_or_else(|| panic!("{}", departed.body));
        let back = Response::of("POST", place, &[("content-type", FORM)], "sub=ann");
        let back = back.header("location").unwrap_or_else(|| panic!("{}", back.body)).to_owned();
        let target = back.strip_prefix(&at("")).expect("back here");
        let arrived = browser.get(target);
        assert_eq!(arrived.status, 303, "{} {}", arrived.body, app.stderr.text());
        is_in(&mut browser, "ann");
    }
    wait_for_scopes(&app, "ann", &json!(["items"]));
}

/// Follows redirects at a provider, with its cookies, until they lead back here.
fn followed(start: &str, issuer: &str) -> String {
    let (mut cookies, mut place) = (BTreeMap::new(), start.to_owned());
    for _ in 0..10 {
        let sent: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = Response::of("GET", &place, &[("cookie", &sent.join("; "))], "");
        for set in answer.headers("set-cookie") {
            let pair = set.split(';').next().and_then(|pair| pair.split_once('='));
            let (name, value) = pair.expect("a cookie");
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let next = answer.header("location").unwrap_or_else(|| panic!("{}", answer.body));
        place = if next.starts_with('/') { format!("{issuer}{next}") } else { next.to_owned() };
        if !place.starts_with(issuer) {
            return place;
        }
    }
    panic!("the provider goes round in circles at {place}")
}

/// `oidc-provider` of npm: it takes the secret by HTTP Basic, names itself in each response, and tells
/// addresses at userinfo only.
#[test]
fn oidc_provider_signs_ann_in() {
    let mut provider = Command::new("node");
    provider.arg(repository("tests/clients/provider.mjs")).arg(at("/auth/up/idp/callback"));
    let provider = provider.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut provider = Running(provider.expect("node starts: run `make tools`"));
    let lines = Lines::of(provider.0.stdout.take().expect("piped"));
    let issuer = lines.wait_for("http://");
    let secret = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(secret.path(), "provider:secret+x").expect("written");
    let app = with_pages(&format!(
        "{ALLOW}[providers.idp]\nissuer = '{issuer}'\nclient_id = 'bailiwick'\n\
         client_secret_file = '{}'\nsignup = 'trusted-domains'\ntrusted_domains = ['example.com']\n",
        secret.path().display()
    ));
    for _ in 0..2 {
        let mut browser = Visitor::of(&app);
        let departed = depart(&mut browser, "idp");
        let place = departed.header("location").unwrap_or_else(|| panic!("{}", departed.body));
        let back = followed(place, &issuer);
        let arrived = browser.get(back.strip_prefix(&at("")).expect("back here"));
        assert_eq!(arrived.status, 303, "{} {}", arrived.body, app.stderr.text());
        is_in(&mut browser, "ann@example.com");
    }
}
