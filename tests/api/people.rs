//! Servers with users to administer, and requests as the administrator.

use crate::harness::{self, App, Builder, FORM, Response, bailiwick};
use crate::signer::{SECRET, token};
use serde_json::{Value, json};
use std::sync::OnceLock;

/// A password that satisfies the policy.
pub(crate) const PASSWORD: &str = "blue-heron-42";

/// A cheap hash of [`PASSWORD`].
pub(crate) const HASH: &str = "$2b$04$VjQkw/cv5SDb1ca2Q5SAjOrtVAoJrOf2ptEFB/l99awHqwz3tMHAq";

/// A server that signs with [`SECRET`] and hashes cheaply, without users.
pub(crate) fn server(config: &str) -> Builder {
    App::bare()
        .env("BAILIWICK__TOKENS__SECRET", SECRET)
        .env("BAILIWICK__SERVER__WORKERS", "2")
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4")
        .env("BAILIWICK__LOGINS__THROTTLE", "false")
        // The tests' own tokens say nothing of when they were made; this makes them newer than any
        // change of a password.
        .env("BAILIWICK__TOKENS__FOREIGN_LIFETIME", "1")
        .config(config)
}

/// The same, started, with `root` who may do everything.
pub(crate) fn administered(config: &str) -> App {
    let app = server(config).spawn();
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    app
}

/// Every scope of the binary.
pub(crate) const ALL: [&str; 6] =
    ["api-keys:write", "items", "me", "oauth:clients", "users:read", "users:write"];

/// Adds users with `users import`; their password is [`PASSWORD`] unless they have a hash.
pub(crate) fn import(app: &App, users: &[Value]) {
    let lines = users.iter().map(|user| {
        let mut user = user.clone();
        if user["hashed_password"].is_null() {
            user["hashed_password"] = json!(HASH);
        }
        format!("{user}\n")
    });
    let output = app.command(&["users", "import", "-"], &lines.collect::<String>());
    assert!(output.status.success(), "{output:?}");
}

/// Runs a command that must succeed.
pub(crate) fn run(app: &App, args: &[&str], stdin: &str) {
    let output = app.command(args, stdin);
    assert!(output.status.success(), "{args:?}: {output:?}");
}

/// A request with a JSON body (null: none) and a bearer token.
pub(crate) fn call(app: &App, (method, path): (&str, &str), token: &str, body: &Value) -> Response {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let answer = match body {
        Value::Null => app.send(method, path, &headers[..1], ""),
        body => app.send(method, path, &headers, &body.to_string()),
    };
    assert_documented((method, path), answer.status);
    answer
}

/// Checks that the document lists this response; paths missing from it are another test's.
fn assert_documented((method, path): (&str, &str), status: u16) {
    static DOCUMENT: OnceLock<Value> = OnceLock::new();
    let document = DOCUMENT.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        let output = harness::run(bailiwick(folder.path()).arg("openapi"), "");
        serde_json::from_slice(&output.stdout).expect("the document")
    });
    let path = path.split('?').next().unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    let fits = |template: &str| {
        let mut asked = path.split('/');
        let all = template
            .split('/')
            .all(|part| asked.next().is_some_and(|asked| part == asked || part.starts_with('{')));
        all && asked.next().is_none()
    };
    let paths = document["paths"].as_object().expect("paths");
    let known =
        paths.get(path).or_else(|| paths.iter().find(|(path, _)| fits(path)).map(|it| it.1));
    if let Some(operation) = known.and_then(|item| item.get(method.to_lowercase())) {
        let answers = operation["responses"].as_object().expect("answers");
        assert!(
            answers.contains_key(&status.to_string()),
            "{method} {path}: {status}: {answers:?}"
        );
    }
}

/// The same as `root`.
pub(crate) fn admin(app: &App, route: (&str, &str), body: &Value) -> Response {
    call(app, route, &token("root", &ALL), body)
}

/// `POST /token` with these fields.
pub(crate) fn log_in(app: &App, fields: &[(&str, &str)]) -> Response {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let answer = app.send("POST", "/token", &[("content-type", FORM)], &form.finish());
    assert_documented(("POST", "/token"), answer.status);
    answer
}

/// Whether this name and password get a token.
pub(crate) fn can_log_in(app: &App, username: &str, password: &str) -> bool {
    let answer = log_in(app, &[("username", username), ("password", password)]);
    match answer.status {
        200 => true,
        400 => false,
        _ => panic!("{} {}", answer.status, answer.body),
    }
}

/// Percent-encodes a name as a path segment.
pub(crate) fn segment(name: &str) -> String {
    let quoted = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    quoted.collect()
}

/// Checks a refusal: status, challenge and `detail`.
#[track_caller]
pub(crate) fn assert_refused(answer: &Response, status: u16, challenge: &str, detail: &str) {
    let found = answer.header("www-authenticate").unwrap_or_default();
    assert_eq!(
        (answer.status, found, answer.body.as_str()),
        (status, challenge, json!({ "detail": detail }).to_string().as_str()),
    );
}
