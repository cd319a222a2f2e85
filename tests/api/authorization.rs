//! The guards agree with the document: every operation, every subset of its scopes.

use crate::harness::{App, FORM, Response};
use crate::people::{PASSWORD, import, segment, server};
use crate::signer::{now, sign, token};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

/// An operation of the document.
struct Operation {
    method: String,
    path: String,
    /// The scheme and its scopes, in the document's order.
    needs: Option<(String, Vec<String>)>,
    answers: BTreeSet<String>,
}

impl Operation {
    /// A request whose body, if one is needed, is invalid.
    fn send(&self, app: &App, authorization: Option<&str>) -> Response {
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(authorization.map(|value| ("authorization", value)));
        let body = if self.method == "GET" { "" } else { "{}" };
        let path = self.path.replace("{username}", "nobody").replace("{id}", "none");
        let answer = app.send(&self.method, &path, &headers, body);
        let twin = app.send(&self.method, &format!("{path}/"), &headers, body);
        assert_eq!((answer.status, undated(&answer)), (twin.status, undated(&twin)), "{path}/");
        let status = answer.status.to_string();
        assert!(self.answers.contains(&status), "{} {} documents no {status}", self.method, path);
        answer
    }

    fn bearer(&self, app: &App, token: &str) -> Response {
        self.send(app, Some(&format!("Bearer {token}")))
    }
}

/// The body without the days of logins and uses, which are written aside between two requests.
fn undated(answer: &Response) -> String {
    let mut parts = answer.body.split("\"last_");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |body, part| {
        let rest = part.find(['}', ',']).map_or("", |end| &part[end..]);
        body + rest
    })
}

fn operations(app: &App) -> Vec<Operation> {
    let document = app.get("/openapi.json").json();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            let asked = operation.get("security").filter(|security| **security != json!([]));
            let needs = asked.map(|security| {
                let alternative = match security.as_array().expect("a list").as_slice() {
                    [token, key] if *key == json!({"APIKey": []}) => token,
                    [login] if login.get("HTTPBasic").is_some() => login,
                    _ => panic!("{path}: expected a token or a key, or a login: {security}"),
                };
                let mut schemes = alternative.as_object().expect("an object").iter();
                let (Some((scheme, scopes)), None) = (schemes.next(), schemes.next()) else {
                    panic!("{path}: {alternative}");
                };
                (scheme.clone(), texts(scopes))
            });
            let answers = operation["responses"].as_object().expect("answers");
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                needs,
                answers: answers.keys().cloned().collect(),
            });
        }
    }
    assert!(operations.len() >= 19, "only {}", operations.len());
    operations
}

fn texts(list: &Value) -> Vec<String> {
    let texts = list.as_array().expect("a list").iter();
    texts.map(|text| text.as_str().expect("a text").to_owned()).collect()
}

/// `full` holds every scope; `without SCOPE` all but one; `off` is disabled.
fn people(app: &App) -> Vec<String> {
    let document = app.get("/openapi.json").json();
    let scopes = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"]
        ["scopes"];
    let scopes: Vec<String> = scopes.as_object().expect("scopes").keys().cloned().collect();
    let mut users = vec![
        json!({"username": "full", "scopes": scopes}),
        json!({"username": "off", "scopes": scopes, "disabled": true}),
    ];
    for scope in &scopes {
        let others: Vec<_> = scopes.iter().filter(|other| *other != scope).collect();
        users.push(json!({"username": format!("without {scope}"), "scopes": others}));
    }
    import(app, &users);
    scopes
}

/// An API key of this user with these scopes; made once.
fn key(app: &App, user: &str, scopes: &[&str]) -> String {
    static KEYS: Mutex<BTreeMap<(u32, String, String), String>> = Mutex::new(BTreeMap::new());
    let name = (app.pid(), user.to_owned(), scopes.join(" "));
    let mut keys = KEYS.lock().expect("no panic");
    let make = || {
        let mut args = vec!["api-keys", "add", user, "k"];
        args.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
        let made = app.command(&args, "");
        assert!(made.status.success(), "{made:?}");
        String::from_utf8(made.stdout).expect("a key").trim().to_owned()
    };
    keys.entry(name).or_insert_with(make).clone()
}

fn assert_response(answer: &Response, expected: (u16, &str, &str), what: &str) {
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    let found = (answer.status, challenge, answer.body.as_str());
    let (status, challenge, detail) = expected;
    let body = json!({ "detail": detail }).to_string();
    assert_eq!(found, (status, challenge, body.as_str()), "{what}");
}

#[test]
fn the_document_lists_the_scopes_that_the_guards_enforce() {
    for profile in ["fastapi", "strict"] {
        let app = server(&format!("[security]\nprofile = \"{profile}\"\n")).spawn();
        let all = people(&app);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let strict = profile == "strict";
        let mut guarded = 0;
        for operation in operations(&app) {
            let Some((scheme, scopes)) = &operation.needs else { continue };
            if scheme == "OAuth2PasswordBearer" {
                guarded += 1;
                check_oauth2(&app, &operation, (scopes, &all), strict);
            } else {
                assert_eq!(scheme, "HTTPBasic");
                check_basic(&app, &operation, strict);
            }
        }
        assert!(guarded >= 17, "only {guarded}");
    }
}

fn check_oauth2(
    app: &App,
    operation: &Operation,
    (scopes, all): (&[String], &[&str]),
    strict: bool,
) {
    let what = format!("{} {} {scopes:?} strict={strict}", operation.method, operation.path);
    let scope = scopes.join(" ");
    let needed: Vec<&str> = scopes.iter().map(String::as_str).collect();
    let named = match (scope.is_empty(), strict) {
        (true, _) => String::new(),
        (false, false) => format!(" scope=\"{scope}\""),
        (false, true) => format!(", scope=\"{scope}\""),
    };
    let (absent, invalid, few) = if strict {
        let realm = "Bearer realm=\"bailiwick\"";
        let code = "error=\"invalid_token\", error_description=\"The access token is malformed, expired, revoked or unknown\"";
        let lacks =
            "error=\"insufficient_scope\", error_description=\"The access token lacks a scope\"";
        (
            format!("{realm}{named}"),
            format!("{realm}, {code}{named}"),
            format!("{realm}, {lacks}{named}"),
        )
    } else {
        ("Bearer".to_owned(), format!("Bearer{named}"), format!("Bearer{named}"))
    };
    let absent = (401, absent.as_str(), "Not authenticated");
    let invalid = (401, invalid.as_str(), "Could not validate credentials");
    let few = (if strict { 403 } else { 401 }, few.as_str(), "Not enough permissions");

    // All required scopes, or all there are: admitted.
    for held in [needed.as_slice(), all] {
        for credential in [token("full", held), key(app, "full", held)] {
            let answer = operation.bearer(app, &credential);
            assert!(!matches!(answer.status, 401 | 403), "{what} {held:?}: {}", answer.body);
        }
    }
    // Every proper subset, including none: refused.
    for chosen in 0..(1 << needed.len()) - 1 {
        let held: Vec<&str> =
            (0..needed.len()).filter(|at| chosen & (1 << at) != 0).map(|at| needed[at]).collect();
        for credential in [token("full", &held), key(app, "full", &held)] {
            let answer = operation.bearer(app, &credential);
            assert_response(&answer, few, &format!("{what} {held:?}"));
        }
    }
    for missing in all {
        // All scopes but one, first missing in the token, then in the user: the same.
        let others: Vec<&str> = all.iter().copied().filter(|other| other != missing).collect();
        let thief = format!("without {missing}");
        for answer in [
            operation.bearer(app, &token("full", &others)),
            operation.bearer(app, &token(&thief, all)),
            operation.bearer(app, &key(app, "full", &others)),
            operation.bearer(app, &key(app, &thief, &others)),
        ] {
            if needed.contains(missing) {
                assert_response(&answer, few, &format!("{what} without {missing}"));
            } else {
                assert!(!matches!(answer.status, 401 | 403), "{what} without {missing}");
            }
        }
    }
    assert_response(&operation.send(app, None), absent, &what);
    for other in ["Basic ZnVsbDpibHVlLWhlcm9uLTQy", "Token x"] {
        assert_response(&operation.send(app, Some(other)), absent, &what);
    }
    let expired = sign(&json!({"sub": "full", "scopes": all, "exp": now() - 1}));
    for bad in ["garbage", "a.b.c", &expired, &token("nobody", all)] {
        assert_response(&operation.bearer(app, bad), invalid, &format!("{what} {bad}"));
    }
    let disabled = if strict { invalid } else { (400, "", "Inactive user") };
    assert_response(&operation.bearer(app, &key(app, "off", all)), disabled, &what);
    let off = operation.bearer(app, &token("off", all));
    if operation.path == "/status" {
        assert_eq!(off.status, 200, "{what}");
    } else {
        assert_response(&off, disabled, &what);
    }
}

fn check_basic(app: &App, operation: &Operation, strict: bool) {
    let challenge = if strict { "Basic realm=\"bailiwick\", charset=\"UTF-8\"" } else { "Basic" };
    let basic = |text: &str| operation.send(app, Some(&format!("Basic {}", STANDARD.encode(text))));
    let absent = (401, challenge, "Not authenticated");
    let wrong = (401, challenge, "Incorrect username or password");
    assert_response(&operation.send(app, None), absent, "none");
    let bearer = format!("Bearer {}", token("full", &["me", "items"]));
    for malformed in ["Basic", "Basic !", "Basic bm9jb2xvbg==", &bearer] {
        assert_response(&operation.send(app, Some(malformed)), absent, malformed);
    }
    for login in ["full:wrong", "nobody:blue-heron-42", ":", "full:", "Full:blue-heron-42"] {
        assert_response(&basic(login), wrong, login);
    }
    assert_eq!(basic(&format!("full:{PASSWORD}")).status, 200);
    let off = basic(&format!("off:{PASSWORD}"));
    let invalid = (401, challenge, "Could not validate credentials");
    assert_response(&off, if strict { invalid } else { (400, "", "Inactive user") }, "off");
}

/// The login alone needs no login.
#[test]
fn only_the_login_is_open() {
    let app = server("").spawn();
    let open: Vec<_> = operations(&app)
        .into_iter()
        .filter(|operation| operation.needs.is_none())
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    assert_eq!(open, ["POST /token"]);
}

/// A refused caller learns nothing from the body's checks, not even with a user's first, uncached
/// request.
#[test]
fn the_guard_refuses_before_the_body_is_checked() {
    let app = server("").spawn();
    let users: Vec<_> =
        (0..20).map(|n| json!({"username": format!("u{n}"), "scopes": ["me"]})).collect();
    import(&app, &users);
    let long = segment(&"x".repeat(129));
    for (method, path, body) in [
        ("POST", "/users", "{"),
        ("PUT", "/users/nobody/password", "{\"password\":1}"),
        ("GET", "/users?limit=x", ""),
        ("GET", &format!("/users/{long}"), ""),
    ] {
        for n in 0..20 {
            let bearer = format!("Bearer {}", token(&format!("u{n}"), &["me"]));
            let headers = [("authorization", bearer.as_str()), ("content-type", FORM)];
            let answer = app.send(method, path, &headers, body);
            assert_eq!(answer.status, 401, "{method} {path} {}", answer.body);
        }
    }
}
