//! Clients that sign users in: the authorization code flow and OpenID Connect, as a browser and a client see it.

mod attacks;
mod back_channel;
mod codes;
mod conformance;
mod libraries;
mod logout;
mod malformed;
mod newcomer;
mod openid;
mod openidconnect;
mod other_address;
mod owner;
mod pages_elsewhere;
mod parameters;
mod prompts;
mod web_servers;

use crate::audit::audit_action::AuditAction;
use crate::browser_sessions::visitor::{Visitor, form};
use crate::browser_sessions::{URL, with_pages};
use crate::harness::{App, FORM, Response};
use crate::people::{PASSWORD, run};
use base64::Engine as _;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::Value;
use std::collections::BTreeMap;

/// Where the clients of these tests have their users sent back to; nobody connects to it.
pub(crate) const REDIRECT: &str = "https://app.example.com/cb";

/// The example of RFC 7636 §B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Registers a client that signs users in, and stays signed in; returns its secret, empty if it has none.
pub(crate) fn add_client(app: &App, id: &str, more: &[&str]) -> String {
    let grants = ["--grant-type", "authorization_code", "--grant-type", "refresh_token"];
    let add = [&["clients", "add", id, "--scope", "me"], &grants[..], more].concat();
    let output = app.command(&add, "");
    assert!(output.status.success(), "{add:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}

/// A registered client.
pub(crate) struct Client<'a> {
    pub(crate) app: &'a App,
    pub(crate) id: &'a str,
    pub(crate) secret: Option<String>,
}

impl<'a> Client<'a> {
    /// One that proves who it is, with refresh tokens.
    pub(crate) fn add(app: &'a App, id: &'a str, more: &[&str]) -> Self {
        let flags = ["--redirect-uri", REDIRECT, "--scope", "items"];
        let secret = add_client(app, id, &[&flags[..], more].concat());
        Self { app, id, secret: Some(secret).filter(|secret| !secret.is_empty()) }
    }

    /// One that cannot keep a secret.
    pub(crate) fn public(app: &'a App, id: &'a str, more: &[&str]) -> Self {
        Self::add(app, id, &[&["--auth-method", "none"][..], more].concat())
    }

    /// The path of an authorization request; what is empty is left out.
    pub(crate) fn request(&self, more: &[(&str, &str)]) -> String {
        let mut all = BTreeMap::from([
            ("response_type", "code"),
            ("client_id", self.id),
            ("redirect_uri", REDIRECT),
            ("scope", "openid me"),
            ("state", "s&t=a te"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ]);
        all.extend(more.iter().copied());
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(all.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("/oauth/authorize?{}", query.finish())
    }

    /// Redeems a code, as the client does.
    pub(crate) fn redeem(&self, code: &str, more: &[(&str, &str)]) -> Response {
        let mut all = BTreeMap::from([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ]);
        if self.secret.is_none() {
            all.insert("client_id", self.id);
        }
        all.extend(more.iter().copied());
        self.ask(all.into_iter().filter(|(_, value)| !value.is_empty()))
    }

    pub(crate) fn refresh(&self, token: &Value, more: &[(&str, &str)]) -> Response {
        let token = token.as_str().expect("a refresh token");
        let mut all = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
        if self.secret.is_none() {
            all.push(("client_id", self.id));
        }
        self.ask(all.into_iter().chain(more.iter().copied()))
    }

    /// `POST /token`, with HTTP Basic if there is a secret.
    fn ask<'f>(&self, fields: impl Iterator<Item = (&'f str, &'f str)>) -> Response {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let basic = self.secret.as_ref().map(|secret| {
            let pair = format!("{}:{secret}", self.id);
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
        });
        let mut headers = vec![("content-type", FORM)];
        headers.extend(basic.as_deref().map(|basic| ("authorization", basic)));
        self.app.send("POST", "/token", &headers, &form)
    }

    /// The whole flow: a browser that may have to log in, and the tokens for its code.
    pub(crate) fn sign_in(&self, browser: &mut Visitor<'_>, more: &[(&str, &str)]) -> Value {
        let code = self.code(browser, more);
        let redirect = more.iter().filter(|(name, _)| *name == "redirect_uri");
        let answer = self.redeem(&code, &redirect.copied().collect::<Vec<_>>());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }

    /// The same up to the code.
    pub(crate) fn code(&self, browser: &mut Visitor<'_>, more: &[(&str, &str)]) -> String {
        let answer = walk(browser, &self.request(more));
        sent(&answer).remove("code").unwrap_or_else(|| panic!("{answer:?}"))
    }

    /// The same; and what the ID token says, which this client verifies.
    pub(crate) fn verified(&self, tokens: &Value) -> Value {
        verify(self.app, self.id, tokens["id_token"].as_str().expect("an ID token"))
    }
}

/// Verifies an ID token with the published keys.
pub(crate) fn verify(app: &App, client: &str, token: &str) -> Value {
    let head = decode_header(token).expect("a header");
    let set: JwkSet = serde_json::from_value(app.get("/oauth/jwks").json()).expect("a set");
    let key = set.find(&head.kid.expect("a kid")).expect("a published key");
    let mut validation = Validation::new(head.alg);
    validation.set_audience(&[client]);
    validation.set_issuer(&[URL]);
    assert!(matches!(head.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA));
    decode(token, &DecodingKey::from_jwk(key).expect("a key"), &validation).expect("valid").claims
}

/// The path and query of a redirect on this server.
pub(crate) fn local(answer: &Response) -> Option<String> {
    answer.header("location")?.strip_prefix(URL).map(str::to_owned)
}

/// What a redirect to a client tells it.
#[track_caller]
pub(crate) fn sent(answer: &Response) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{answer:?}");
    let location = answer.header("location").expect("a redirect");
    assert!(!location.starts_with(URL), "{location}");
    let (_, query) = location.split_once('?').expect("a query");
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// Goes where it is sent, logs in as bob and allows what is asked, until it is sent elsewhere or something
/// else is shown.
pub(crate) fn walk(browser: &mut Visitor<'_>, path: &str) -> Response {
    let mut answer = browser.get(path);
    for _ in 0..10 {
        if let Some(path) = local(&answer) {
            answer = browser.get(&path);
        } else if answer.body.contains("action=\"/auth/login") {
            answer = log_in_at(browser, &answer, "bob");
        } else if answer.body.contains("action=\"/auth/consent") {
            answer = decide(browser, &answer, "allow");
        } else {
            return answer;
        }
    }
    panic!("it goes round and round: {answer:?}");
}

/// Sends the login form of a page.
pub(crate) fn log_in_at(browser: &mut Visitor<'_>, page: &Response, username: &str) -> Response {
    let (action, token) = form(&page.body, "/auth/login");
    let fields = [("form_token", &*token), ("username", username), ("password", PASSWORD)];
    let answer = browser.post(&action, &fields);
    assert_eq!(answer.status, 303, "{}", answer.body);
    answer
}

/// Sends the form of a consent page.
pub(crate) fn decide(browser: &mut Visitor<'_>, page: &Response, decision: &str) -> Response {
    let (action, token) = form(&page.body, "/auth/consent");
    browser.post(&action, &[("form_token", &token), ("decision", decision)])
}

/// The page of a login that a request leads to.
pub(crate) fn login_page(browser: &mut Visitor<'_>, path: &str) -> Response {
    let answer = browser.get(path);
    let login = local(&answer).unwrap_or_else(|| panic!("{answer:?}"));
    assert!(login.starts_with("/auth/login?flow="), "{login}");
    browser.get(&login)
}

/// Checks the page for a request that nobody is told of.
#[track_caller]
pub(crate) fn assert_shown(answer: &Response, status: u16, detail: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("location"), None);
    assert!(answer.header("content-type").is_some_and(|it| it.starts_with("text/html")));
    assert!(answer.body.contains(detail), "{detail}: {}", answer.body);
}

/// Checks what a client is told of its request.
#[track_caller]
pub(crate) fn assert_told(answer: &Response, error: &str) {
    let told = sent(answer);
    assert_eq!(told.get("error").map(String::as_str), Some(error), "{told:?}");
    assert_eq!(told.get("iss").map(String::as_str), Some(URL));
    assert!(!told.contains_key("code") && told.contains_key("error_description"), "{told:?}");
}

/// Checks RFC 6749's error.
#[track_caller]
pub(crate) fn assert_error(answer: &Response, status: u16, error: &str) {
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (status, Some(error)),
        "{answer:?}"
    );
}

pub(crate) fn me(app: &App, tokens: &Value) -> u16 {
    app.get_as("/users/me", tokens["access_token"].as_str().expect("a token")).status
}

/// Runs a command that must succeed.
pub(crate) fn done(app: &App, args: &[&str]) {
    run(app, args, "");
}

/// johndoe is asked what a client may do; returns what the audit log says of it.
pub(crate) fn provoke(app: &App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    let client = Client::add(app, action.word(), &[]);
    let mut browser = Visitor::of(app);
    browser.log_in("johndoe", PASSWORD);
    let page = browser.get(&client.request(&[]));
    let whom = ("whom", action.word());
    match action {
        AuditAction::Authorize => {
            let answer = decide(&mut browser, &page, "allow");
            assert!(answer.header("location").is_some_and(|it| it.contains("code=")), "{answer:?}");
            vec![("outcome", "accepted"), ("who", "johndoe"), whom, ("scopes", "openid me")]
        }
        AuditAction::ConsentWithdraw => {
            decide(&mut browser, &page, "allow");
            let page = browser.get("/auth/account");
            let (path, token) = form(&page.body, "/auth/account/clients/withdraw");
            let fields = [("form_token", &*token), ("client_id", client.id)];
            assert_eq!(browser.post(&path, &fields).status, 303);
            vec![("outcome", "accepted"), ("who", "johndoe"), whom]
        }
        AuditAction::Consent => {
            decide(&mut browser, &page, "deny");
            vec![("outcome", "refused"), ("reason", "denied"), ("who", "johndoe"), whom]
        }
        _ => {
            assert_error(&client.redeem("no-such-password", &[]), 400, "invalid_grant");
            vec![("outcome", "refused"), ("reason", "unknown_code"), ("who", action.word())]
        }
    }
}
