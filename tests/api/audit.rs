//! The audit log of the real binary: every action leaves its line, in text and in JSON, and no secret.

mod callers;
mod commands;
mod fail2ban;
mod kept;
mod keys;

use crate::gone::metric;
use crate::harness::{App, Builder, FORM, Response, eventually};
use crate::people::{ALL, HASH, PASSWORD, admin, call, import, log_in, run, server};
use crate::signer::{SECRET, now, sign, token};
use crate::{browser_sessions, providers, signing_in};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// The words of the log, by the server's own source: a new action fails here until a test provokes it.
#[path = "../../src/domain/audit_action.rs"]
#[expect(dead_code, unreachable_pub, reason = "it is a file of the library")]
pub(crate) mod audit_action;

use audit_action::AuditAction;

/// Text and JSON, each in a file of its own.
const LOG: &str = r#"
    [loggers.root]
    handlers = ["err"]
    [loggers."bailiwick.audit"]
    handlers = ["text", "json"]
    propagate = false
    [handlers.err]
    stream = "stderr"
    [handlers.text]
    file = "audit.log"
    [handlers.json]
    file = "audit.json"
    formatter = "json"
    [formatters.json]
    json = true
"#;

/// A server with `root` and `johndoe` whose audit log is in files.
fn audited(config: &str) -> App {
    audited_by(server(""), config)
}

fn audited_by(server: Builder, config: &str) -> App {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("log.toml"), LOG).expect("the file is written");
    let config = format!("[logging]\nconfig = \"log.toml\"\n{config}");
    let app = server.config(&config).spawn_in(folder);
    let users = ["johndoe", "carol"].map(|name| json!({"username": name, "scopes": ["me"]}));
    import(&app, &users);
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    app
}

fn read(app: &App, file: &str) -> String {
    fs::read_to_string(app.folder().join(file)).unwrap_or_default()
}

/// What a line is to say.
type Fields<'a> = &'a [(&'a str, &'a str)];

/// Waits until both files have a line with these fields.
fn wait_for(app: &App, fields: Fields<'_>) -> Value {
    let words: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let quoted: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let says = |line: &str| {
        words.iter().zip(&quoted).all(|(word, quoted)| {
            let line = format!(" {line} ");
            line.contains(&format!(" {word} ")) || line.contains(&format!(" {quoted} "))
        })
    };
    let what = words.join(" ");
    eventually(&what, || read(app, "audit.log").lines().any(says).then_some(()));
    eventually(&what, || {
        let text = read(app, "audit.json");
        // The last line may be half written.
        let mut lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.find(|line| fields.iter().all(|(name, value)| line[*name] == *value))
    })
}

fn basic(app: &App, name: &str, password: &str) -> Response {
    use base64::Engine as _;
    let shown = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
    app.send("GET", "/basic/users/me", &[("authorization", &format!("Basic {shown}"))], "")
}

/// Uses a refresh token that was used before the last one.
fn refresh(app: &App) -> Vec<(&'static str, &'static str)> {
    let login = log_in(app, &[("username", "johndoe"), ("password", PASSWORD)]).json();
    let token = |response: &Value| response["refresh_token"].as_str().map(str::to_owned);
    let first = token(&login).expect("a refresh token");
    let refresh =
        |token: &str| log_in(app, &[("grant_type", "refresh_token"), ("refresh_token", token)]);
    let second = token(&refresh(&first).json()).expect("the next one");
    assert_eq!([refresh(&second).status, refresh(&first).status], [200, 400]);
    vec![("outcome", "refused"), ("reason", "token_reused"), ("who", "johndoe")]
}

/// Not the token of any other step, which may be made in the same second.
fn revoke(app: &App) -> Vec<(&'static str, &'static str)> {
    let claims = json!({"sub": "johndoe", "scopes": ["me"], "exp": now() + 1_000});
    let form = format!("token={}", sign(&claims));
    let headers = [("content-type", FORM)];
    assert_eq!(app.send("POST", "/oauth/revoke", &headers, &form).status, 200);
    vec![("outcome", "accepted"), ("via", "http"), ("whom", "johndoe")]
}

/// Does what the action is about, and says what of it is to be read.
fn provoke(app: &mut App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    let by_root = [("outcome", "accepted"), ("via", "http"), ("who", "root")];
    let of_root = |more: &[(&'static str, &'static str)]| [&by_root, more].concat();
    match action {
        AuditAction::Login => {
            assert_eq!(basic(app, "johndoe", PASSWORD).status, 200);
            vec![("outcome", "accepted"), ("who", "johndoe"), ("method", "basic")]
        }
        AuditAction::ProviderLogin | AuditAction::IdentityLink | AuditAction::IdentityUnlink => {
            providers::provoke(app, action)
        }
        AuditAction::SessionStart | AuditAction::SessionEnd => {
            browser_sessions::provoke(app, action)
        }
        AuditAction::TokenIssue => {
            let fields = [("username", "johndoe"), ("password", PASSWORD), ("scope", "me")];
            assert_eq!(log_in(app, &fields).status, 200);
            vec![("who", "johndoe"), ("scopes", "me"), ("expires_in", "1800")]
        }
        AuditAction::TokenRefresh => refresh(app),
        AuditAction::TokenRevoke => revoke(app),
        AuditAction::UserCreate => {
            let body = json!({"username": "bob", "password": PASSWORD, "scopes": ["me"]});
            assert_eq!(admin(app, ("POST", "/users"), &body).status, 201);
            of_root(&[("whom", "bob"), ("scopes", "me")])
        }
        AuditAction::UserChange => {
            let body = json!({"email": "bob@example.com", "full_name": null});
            assert_eq!(admin(app, ("PATCH", "/users/bob"), &body).status, 200);
            of_root(&[("whom", "bob"), ("fields", "email full_name")])
        }
        AuditAction::UserRename => {
            let body = json!({"username": "robert"});
            assert_eq!(admin(app, ("PATCH", "/users/bob"), &body).status, 200);
            of_root(&[("whom", "bob"), ("new_name", "robert")])
        }
        AuditAction::UserDisable | AuditAction::UserEnable => {
            let body = json!({"disabled": action == AuditAction::UserDisable});
            assert_eq!(admin(app, ("PATCH", "/users/robert"), &body).status, 200);
            of_root(&[("whom", "robert")])
        }
        AuditAction::UserUnlock => {
            run(app, &["users", "unlock", "robert"], "");
            vec![("outcome", "accepted"), ("via", "command"), ("whom", "robert")]
        }
        AuditAction::UserSignOut => {
            assert_eq!(admin(app, ("DELETE", "/users/robert/sessions"), &Value::Null).status, 204);
            of_root(&[("whom", "robert")])
        }
        AuditAction::UserDelete => {
            assert_eq!(admin(app, ("DELETE", "/users/carol"), &Value::Null).status, 204);
            of_root(&[("whom", "carol")])
        }
        AuditAction::ScopesChange => {
            let body = json!({"scopes": ["items", "users:read"]});
            assert_eq!(admin(app, ("PUT", "/users/robert/scopes"), &body).status, 200);
            of_root(&[
                ("whom", "robert"),
                ("scopes", "items users:read"),
                ("granted", "items users:read"),
                ("removed", "me"),
            ])
        }
        AuditAction::PasswordChange => {
            let body = json!({"old_password": "no-such-password", "password": NEW});
            let own = ("PUT", "/users/me/password");
            assert_eq!(call(app, own, &token("johndoe", &["me"]), &body).status, 400);
            vec![("outcome", "refused"), ("reason", "wrong_password"), ("whom", "johndoe")]
        }
        AuditAction::PasswordSet => {
            let body = json!({"password": NEW});
            assert_eq!(admin(app, ("PUT", "/users/johndoe/password"), &body).status, 204);
            of_root(&[("whom", "johndoe")])
        }
        AuditAction::UserImport => {
            import(app, &[json!({"username": "dora"}), json!({"username": "erik"})]);
            vec![("outcome", "accepted"), ("via", "command"), ("added", "2"), ("skipped", "0")]
        }
        AuditAction::ApiKeyMake | AuditAction::ApiKeyRevoke | AuditAction::ApiKeyUse => {
            provoke_key(app, action)
        }
        AuditAction::SigningKeyMake
        | AuditAction::SigningKeyImport
        | AuditAction::SigningKeyRotate
        | AuditAction::SigningKeyRetire
        | AuditAction::ServerKeysRewrap
        | AuditAction::ServerKeysDiscard => keys::provoke(app, action),
        AuditAction::SettingsReload => {
            app.signal("HUP");
            vec![("outcome", "accepted"), ("via", "server")]
        }
        AuditAction::DatabaseRestore => {
            run(app, &["db", "backup", "backup.db"], "");
            stop(app);
            run(app, &["db", "restore", "backup.db"], "");
            vec![("outcome", "accepted"), ("via", "command"), ("backup", "backup.db")]
        }
        other => provoke_client(app, other),
    }
}

/// The same for an action on API keys.
fn provoke_key(app: &App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    match action {
        AuditAction::ApiKeyMake => {
            let body = json!({"name": "k", "scopes": ["me"], "expires_at": "2099-01-31"});
            let made = admin(app, ("POST", "/users/johndoe/api-keys"), &body);
            assert_eq!(made.status, 201, "{}", made.body);
            vec![
                ("who", "root"),
                ("whom", "johndoe"),
                ("scopes", "me"),
                ("expires_at", "2099-02-01T00:00:00Z"),
            ]
        }
        AuditAction::ApiKeyRevoke => {
            let listed = admin(app, ("GET", "/users/johndoe/api-keys"), &Value::Null).json();
            let path = format!("/users/johndoe/api-keys/{}", listed[0]["id"].as_str().expect("it"));
            assert_eq!(admin(app, ("DELETE", &path), &Value::Null).status, 204);
            vec![("who", "root"), ("whom", "johndoe")]
        }
        _ => {
            // Of the form of a key, with a right checksum.
            let none = format!("bwk_{}{}1rH0PE", "0".repeat(22), "z".repeat(43));
            assert_eq!(app.get_as("/users/me", &none).status, 401);
            vec![
                ("outcome", "refused"),
                ("reason", "unknown_key"),
                ("key_id", "0000000000000000000000"),
            ]
        }
    }
}

/// The same for an action on clients.
fn provoke_client(app: &App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    let path = "/oauth/clients/reports";
    let body = json!({"client_id": "reports", "grant_types": ["password"], "scope": "me"});
    match action {
        AuditAction::ClientAdd => {
            assert_eq!(admin(app, ("POST", "/oauth/clients"), &body).status, 201);
            vec![
                ("who", "root"),
                ("whom", "reports"),
                ("scopes", "me"),
                ("grant_types", "password"),
            ]
        }
        AuditAction::ClientChange => {
            let body =
                json!({"grant_types": ["password"], "client_name": "Reports", "scope": "me"});
            assert_eq!(admin(app, ("PUT", path), &body).status, 200);
            vec![("who", "root"), ("whom", "reports"), ("fields", "client_name")]
        }
        AuditAction::ClientSecretRotate => {
            let secret = admin(app, ("POST", "/oauth/clients/reports/secret"), &json!({}));
            assert_eq!(secret.status, 201, "{}", secret.body);
            vec![("who", "root"), ("whom", "reports"), ("keeps_old_seconds", "86400")]
        }
        AuditAction::ClientDelete => {
            assert_eq!(admin(app, ("DELETE", path), &Value::Null).status, 204);
            vec![("who", "root"), ("whom", "reports")]
        }
        AuditAction::ClientAuthenticate => {
            assert_eq!(admin(app, ("POST", "/oauth/clients"), &body).status, 201);
            let client = [("client_id", "reports"), ("client_secret", "no-such-password")];
            let user = [("username", "johndoe"), ("password", PASSWORD)];
            assert_eq!(log_in(app, &[client, user].concat()).status, 401);
            vec![("outcome", "refused"), ("reason", "wrong_secret"), ("who", "reports")]
        }
        AuditAction::Authorize
        | AuditAction::Consent
        | AuditAction::ConsentWithdraw
        | AuditAction::CodeRedeem => signing_in::provoke(app, action),
        other => panic!("no test provokes {other:?}"),
    }
}

const NEW: &str = "thimblerig-43";

fn stop(app: &mut App) {
    app.signal("TERM");
    assert!(app.wait().success());
}

#[test]
fn every_action_leaves_its_line_and_no_secret() {
    let mut app = audited(&format!("{}{}", keys::CONFIG, providers::config()));
    let issued = log_in(&app, &[("username", "root"), ("password", PASSWORD)]);
    let issued = issued.json()["access_token"].as_str().expect("a token").to_owned();
    for action in AuditAction::ALL {
        let fields = provoke(&mut app, *action);
        wait_for(&app, &[&[("what", action.word())], &*fields].concat());
    }
    let claims = issued.split('.').nth(1).expect("claims");
    let root = token("root", &ALL);
    let all = read(&app, "audit.log") + &read(&app, "audit.json") + &app.stderr.text();
    for secret in [PASSWORD, NEW, "no-such-password", HASH, SECRET, &issued, claims, &root, "$2b$"]
    {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn a_line_tells_who_from_where_with_what_and_when() {
    let app = audited("[server]\nforwarded_allow_ips = [\"127.0.0.1\"]\n");
    let form = "username=johndoe&password=wrong";
    let headers = [
        ("content-type", FORM),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-request-id", "request-of-the-proxy"),
        ("user-agent", "curl/8.5 \"x\" token=hidden"),
    ];
    assert_eq!(app.send("POST", "/token", &headers, form).status, 400);
    let fields = [
        ("what", "login"),
        ("outcome", "refused"),
        ("reason", "wrong_password"),
        ("address", "203.0.113.9"),
        ("who", "johndoe"),
        ("method", "password_grant"),
        ("request_id", "request-of-the-proxy"),
        ("level", "WARNING"),
        ("logger", "bailiwick.audit"),
    ];
    // The level and the logger stand in the text, too, but not as fields.
    wait_for(&app, &fields[..7]);
    let text = read(&app, "audit.json");
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut lines = lines.filter(|line| line["address"] == "203.0.113.9");
    let line = lines.next().expect("the line");
    assert!(fields.iter().all(|(name, value)| line[*name] == *value), "{line}");
    assert_eq!(line["user_agent"], r"curl/8.5 \x22x\x22 token=***");
    let time: String = line["time"].as_str().expect("a time").into();
    assert!(time.ends_with('Z') && time.len() == 24, "{time}");
    assert!(lines.next().is_none(), "one line for one login");
}

#[test]
fn each_end_of_a_login_is_told_but_not_to_the_outside() {
    let app = audited("[security]\nprofile = \"strict\"\n");
    run(&app, &["users", "disable", "carol"], "");
    let mut outside = Vec::new();
    for (name, password, reason) in [
        ("johndoe", "wrong", "wrong_password"),
        ("nobody", PASSWORD, "unknown_user"),
        ("a\nb what=login outcome=accepted", PASSWORD, "unknown_user"),
        ("carol", PASSWORD, "user_disabled"),
    ] {
        let answer = log_in(&app, &[("username", name), ("password", password)]);
        outside.push((answer.status, answer.json()["error"].clone()));
        for method in ["password_grant", "basic"] {
            if method == "basic" {
                basic(&app, name, password);
            }
            let fields = [("outcome", "refused"), ("reason", reason), ("who", name)];
            wait_for(&app, &[&fields[..], &[("method", method)]].concat());
        }
    }
    assert_eq!(outside[0], outside[1], "{outside:?}");
    let fields = [("username", "johndoe"), ("password", PASSWORD), ("scope", "users:write")];
    assert_eq!(log_in(&app, &fields).status, 400);
    wait_for(&app, &[("reason", "scope_not_allowed"), ("who", "johndoe")]);
    let long = "x".repeat(5000);
    log_in(&app, &[("username", &long), ("password", "wrong")]);
    wait_for(&app, &[("who", &format!("{}…", "x".repeat(256)))]);
    for line in read(&app, "audit.log").lines() {
        let (_, line) = line.split_once(" - bailiwick.audit - ").expect("a line of its own");
        assert!(line.starts_with("what="), "{line}");
    }
}

#[test]
fn changes_that_are_refused_are_told_with_their_reason() {
    let app = audited("");
    let taken = json!({"username": "johndoe", "password": PASSWORD});
    assert_eq!(admin(&app, ("POST", "/users"), &taken).status, 409);
    wait_for(&app, &[("what", "user_create"), ("reason", "name_taken"), ("whom", "johndoe")]);
    assert_eq!(admin(&app, ("DELETE", "/users/nobody"), &Value::Null).status, 404);
    wait_for(&app, &[("what", "user_delete"), ("reason", "unknown_user"), ("whom", "nobody")]);
    assert_eq!(admin(&app, ("DELETE", "/users/root"), &Value::Null).status, 403);
    wait_for(&app, &[("what", "user_delete"), ("reason", "last_administrator")]);
    let own = json!({"password": NEW});
    assert_eq!(admin(&app, ("PUT", "/users/root/password"), &own).status, 403);
    wait_for(&app, &[("what", "password_set"), ("reason", "own_password"), ("who", "root")]);
    fs::write(app.folder().join("config.toml"), "[server]\nno_such = 1\n").expect("written");
    app.signal("HUP");
    let reload = [("what", "settings_reload"), ("outcome", "refused"), ("reason", "invalid")];
    let line = wait_for(&app, &reload);
    assert!(line["fault"].as_str().expect("a fault").contains("no_such"), "{line}");
}

/// By every way to try a password, with the name and the address, and in the metrics.
#[test]
fn refusals_by_the_throttle_are_told() {
    let app = audited_by(
        server("").env("BAILIWICK__LOGINS__THROTTLE", "true"),
        "[admin]\npublic = true\n",
    );
    for name in ["johndoe", "nobody"] {
        for _ in 0..5 {
            assert_eq!(log_in(&app, &[("username", name), ("password", "wrong")]).status, 400);
        }
        assert_eq!(log_in(&app, &[("username", name), ("password", PASSWORD)]).status, 429);
        assert_eq!(basic(&app, name, PASSWORD).status, 429);
        for method in ["password_grant", "basic"] {
            let fields = [("outcome", "refused"), ("reason", "throttled"), ("who", name)];
            wait_for(&app, &[&fields[..], &[("what", "login"), ("method", method)]].concat());
        }
    }
    let body = json!({"old_password": PASSWORD, "password": NEW});
    let own = ("PUT", "/users/me/password");
    assert_eq!(call(&app, own, &token("johndoe", &["me"]), &body).status, 429);
    let fields = [("what", "password_change"), ("outcome", "refused"), ("reason", "throttled")];
    wait_for(&app, &[&fields[..], &[("whom", "johndoe"), ("address", "127.0.0.1")]].concat());
    assert_eq!(metric(&app, "bailiwick_logins_total{outcome=\"throttled\"}"), 4);
    assert_eq!(metric(&app, "bailiwick_logins_total{outcome=\"rejected\"}"), 10);
}

/// Reading with a token is what most requests do: it is nothing for an audit log.
#[test]
fn a_request_with_a_token_leaves_no_line() {
    let app = audited("");
    let bearer = token("johndoe", &["me"]);
    for _ in 0..3 {
        assert_eq!(app.get_as("/users/me", &bearer).status, 200);
        assert_eq!(app.get_as("/users/me", "junk").status, 401);
    }
    basic(&app, "johndoe", PASSWORD);
    wait_for(&app, &[("what", "login"), ("who", "johndoe")]);
    let text = read(&app, "audit.log");
    let words: Vec<_> = text.lines().filter_map(|line| line.split(' ').nth(7)).collect();
    assert_eq!(words, ["what=user_import", "what=user_import", "what=login"], "{text}");
}
