//! A caller revoked during a request changes nothing with it.

use crate::example_server::Example;
use crate::harness::{App, Response, eventually, read_response};
use crate::people::{PASSWORD, admin, administered, call, can_log_in, import, run, server};
use crate::signer::token;
use serde_json::{Value, json};
use std::io::Write as _;
use std::net::TcpStream;

const WRITER: [&str; 2] = ["me", "users:write"];

/// Shows that a caller was looked up, and that a password is being hashed.
const LOOKUPS: &str = "bailiwick_user_cache_";
const HASHES: &str = "bailiwick_password_hash_operations_total";

/// The sum of all series with this prefix.
fn sum(metrics: &str, start: &str) -> f64 {
    let series = metrics.lines().filter(|line| line.starts_with(start));
    let value = |line: &str| line.rsplit_once(' ').expect("a value").1.parse::<f64>();
    series.map(|line| value(line).expect("a number")).sum()
}

fn metric(app: &App, start: &str) -> f64 {
    sum(&app.get("/metrics").body, start)
}

/// A request whose last byte is still to come.
struct Withheld {
    stream: TcpStream,
    last: u8,
}

impl Withheld {
    fn send(
        mut stream: TcpStream,
        (method, path): (&str, &str),
        bearer: &str,
        body: &Value,
    ) -> Self {
        let body = body.to_string();
        let (last, most) = body.as_bytes().split_last().expect("a body");
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {bearer}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        )
        .expect("the head is sent");
        stream.write_all(most).expect("most of it is sent");
        Self { stream, last: *last }
    }

    /// Sends the last byte; returns the response's status and text.
    fn end(mut self) -> (u16, String) {
        self.stream.write_all(&[self.last]).expect("the last byte is sent");
        let answer = read_response(&mut self.stream);
        (answer[9..12].parse().expect("a status"), answer)
    }
}

/// What to send: method, path and body.
type Request = (&'static str, String, Value);

/// Every way to take away a user's right to write, as `root` does it.
fn revocations(name: &str) -> [(&'static str, Vec<Request>); 4] {
    let path = |rest: &str| format!("/users/{name}{rest}");
    let scopes = json!({"scopes": ["users:read"]});
    let again = json!({"username": name, "password": PASSWORD, "scopes": WRITER});
    let delete = || ("DELETE", path(""), Value::Null);
    [
        ("deleted", vec![delete()]),
        ("disabled", vec![("PATCH", path(""), json!({"disabled": true}))]),
        ("stripped", vec![("PUT", path("/scopes"), scopes)]),
        ("created anew", vec![delete(), ("POST", "/users".to_owned(), again)]),
    ]
}

fn revoke(app: &App, revocation: &[Request]) {
    for (method, path, body) in revocation {
        let answer = admin(app, (method, path), body);
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
    }
}

/// Every request that writes.
fn writes() -> [(&'static str, &'static str, Value); 5] {
    let user = json!({"username": "mallory", "password": PASSWORD, "scopes": ["users:write"]});
    let own = json!({"old_password": PASSWORD, "password": "green-heron-43"});
    [
        ("POST", "/users", user),
        ("PATCH", "/users/bob", json!({"disabled": true})),
        ("PUT", "/users/bob/scopes", json!({"scopes": ["users:write"]})),
        ("PUT", "/users/bob/password", json!({"password": "green-heron-43"})),
        ("PUT", "/users/me/password", own),
    ]
}

/// The metrics show how far a request has come.
fn observed(config: &str) -> App {
    let app = server(config).env("BAILIWICK__ADMIN__PUBLIC", "true").spawn();
    import(&app, &[json!({"username": "root", "scopes": crate::people::ALL})]);
    app
}

/// All but the writers.
fn users(app: &App) -> Value {
    let mut page = admin(app, ("GET", "/users"), &Value::Null).json();
    let not_writer = |user: &Value| !user["username"].as_str().expect("it").starts_with("writer");
    page["users"].as_array_mut().expect("users").retain(not_writer);
    page
}

fn each_write_is_refused(config: &str, refusals: [&str; 4]) {
    let app = observed(config);
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    let before = users(&app);
    for (at, (method, path, body)) in writes().iter().enumerate() {
        for (kind, expected) in refusals.iter().enumerate() {
            let name = format!("writer{at}{kind}");
            let (what, revocation) = &revocations(&name)[kind];
            import(&app, &[json!({"username": name, "scopes": WRITER})]);
            // Issued by the server, so that it is this user's and not a later one's.
            let bearer = app.login(&name, PASSWORD, "me+users:write");
            let lookups = metric(&app, LOOKUPS);
            let withheld = Withheld::send(app.connect(), (method, path), &bearer, body);
            eventually("the caller to be let in", || {
                (metric(&app, LOOKUPS) > lookups).then_some(())
            });
            revoke(&app, revocation);
            let (_, answer) = withheld.end();
            let place = format!("{what}, {method} {path}: {answer}");
            assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{place}");
            let headers = [("authorization", format!("Bearer {bearer}"))];
            let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
            let later = app.send(method, path, &headers, "");
            assert!(answer.ends_with(&later.body), "{place}: later {later:?}");
            let challenge = later.header("www-authenticate").unwrap_or_default();
            assert!(answer.contains(challenge), "{place}: later {later:?}");
            assert_eq!(users(&app), before, "{place}");
        }
    }
    assert!(can_log_in(&app, "bob", PASSWORD));
}

#[test]
fn the_last_byte_of_a_revoked_caller_changes_nothing() {
    each_write_is_refused("", ["401", "400", "401", "401"]);
}

#[test]
fn the_last_byte_of_a_revoked_caller_changes_nothing_in_the_strict_profile() {
    each_write_is_refused("[security]\nprofile = \"strict\"\n", ["401", "401", "403", "401"]);
}

/// Hashing takes many times longer than what happens meanwhile.
#[test]
fn a_revoked_callers_password_that_waits_to_be_hashed_changes_nothing() {
    let app = server("").env("BAILIWICK__ADMIN__PUBLIC", "true");
    let app = app.env("BAILIWICK__PASSWORDS__BCRYPT_COST", "14").spawn();
    import(&app, &[json!({"username": "root", "scopes": crate::people::ALL})]);
    let (method, path, body) = &writes()[0];
    for (kind, expected) in [401, 400, 401, 401].into_iter().enumerate() {
        let name = format!("writer{kind}");
        import(&app, &[json!({"username": name, "scopes": WRITER})]);
        let (what, mut revocation) = revocations(&name)[kind].clone();
        // A new password would have to wait, too.
        let comes_again = revocation.pop_if(|(method, ..)| *method == "POST").is_some();
        let bearer = token(&name, &["users:write"]);
        let begun = metric(&app, HASHES);
        let answer = std::thread::scope(|scope| {
            let asked = scope.spawn(|| call(&app, (method, path), &bearer, body));
            eventually("the hash", || (metric(&app, HASHES) > begun).then_some(()));
            revoke(&app, &revocation);
            if comes_again {
                import(&app, &[json!({"username": name, "scopes": WRITER})]);
            }
            asked.join().expect("an answer")
        });
        assert_eq!(answer.status, expected, "{what}: {}", answer.body);
        let mallory = admin(&app, ("GET", "/users/mallory"), &Value::Null);
        assert_eq!(mallory.status, 404, "{what}: {}", mallory.body);
    }
}

/// The handler takes the caller from the guard, without asking the user cache again. (After a body
/// that had to be waited for, it asks.)
#[test]
fn a_guard_resolves_the_caller_once() {
    let app = server("").env("BAILIWICK__ADMIN__PUBLIC", "true").spawn();
    import(&app, &[json!({"username": "root", "scopes": crate::people::ALL})]);
    for path in ["/users", "/users/", "/users?limit=1"] {
        // Nothing is cached before the watcher has checked the database; a miss counts twice.
        eventually("one look-up", || {
            let before = metric(&app, LOOKUPS);
            let answer = admin(&app, ("GET", path), &Value::Null);
            assert_eq!(answer.status, 200, "{path}: {}", answer.body);
            (metric(&app, LOOKUPS) < before + 2.0).then_some(())
        });
    }
}

/// A handler of an application that takes its caller and a body with `Authorized`.
#[test]
fn an_applications_handler_is_not_run_for_a_revoked_caller() {
    let app = Example::spawn_with("orders", &[("ORDERS__ADMIN__PUBLIC", "true")]);
    let add = ["users", "add", "writer", "--scope", "me", "--scope", "orders:write"];
    let added = app.command(&[&add[..], &["--password-stdin"]].concat(), "correct horse battery");
    assert!(added.status.success(), "{added:?}");
    let form = "username=writer&password=correct horse battery&scope=me+orders:write";
    let login = app.post_form("/token", form).json();
    let bearer = login["access_token"].as_str().expect("a token");
    let lookups = || sum(&app.get("/metrics").body, LOOKUPS);
    let before = lookups();
    let order = json!({"item": "Foo", "quantity": 2});
    let withheld = Withheld::send(app.connect(), ("POST", "/orders"), bearer, &order);
    eventually("the caller to be let in", || (lookups() > before).then_some(()));
    let deleted = app.command(&["users", "delete", "writer", "--yes"], "");
    assert!(deleted.status.success(), "{deleted:?}");
    let ask = || app.get_as("/users/me", &format!("Bearer {bearer}")).status;
    eventually("the deletion to be seen", || (ask() == 401).then_some(()));
    let (status, answer) = withheld.end();
    assert_eq!(status, 401, "{answer}");
    assert!(answer.contains("Could not validate credentials"), "{answer}");
}

#[test]
fn ones_own_password_is_never_set_without_the_old_one() {
    let app = administered("");
    import(&app, &["bob", "writer"].map(|name| json!({"username": name, "scopes": WRITER})));
    let bearer = token("writer", &WRITER);
    let new = json!({"password": "green-heron-43"});
    let set = |path: &str| call(&app, ("PUT", path), &bearer, &new);
    for path in ["/users/writer/password", "/users/writer/password/", "/users/%77riter/password"] {
        let answer = set(path);
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        assert!(answer.body.contains("PUT /users/me/password"), "{}", answer.body);
    }
    assert!(can_log_in(&app, "writer", PASSWORD));
    assert_eq!(set("/users/bob/password").status, 204, "that of others is what the scope is for");
    assert!(can_log_in(&app, "bob", "green-heron-43"));
    assert_eq!(admin(&app, ("PUT", "/users/writer/password"), &new).status, 204);
    run(&app, &["users", "set-password", "writer", "--password-stdin"], "blue-heron-44\n");
    eventually("the new password", || can_log_in(&app, "writer", "blue-heron-44").then_some(()));
}

/// An empty change must not show a user to a caller who cannot read users.
#[test]
fn an_empty_patch_shows_no_user_without_the_right_to_read() {
    let app = administered("");
    import(&app, &[json!({"username": "bob", "email": "bob@example.com", "scopes": ["me"]})]);
    import(&app, &[json!({"username": "writer", "scopes": ["users:write"]})]);
    let patch = |who: &str, scopes: &[&str], body: &Value| -> Response {
        call(&app, ("PATCH", "/users/bob"), &token(who, scopes), body)
    };
    for (who, scopes) in [
        ("writer", &["users:write"][..]),
        ("writer", &["users:write", "users:read"]),
        ("root", &["users:write"]),
    ] {
        let answer = patch(who, scopes, &json!({}));
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{who} {scopes:?}");
        let changed = patch(who, scopes, &json!({"full_name": "Bob"}));
        assert_eq!((changed.status, &changed.json()["full_name"]), (200, &json!("Bob")));
    }
    let shown = patch("root", &["users:write", "users:read"], &json!({}));
    assert_eq!((shown.status, &shown.json()["email"]), (200, &json!("bob@example.com")));
    let missing = call(&app, ("PATCH", "/users/x"), &token("writer", &["users:write"]), &json!({}));
    assert_eq!(missing.status, 404, "{}", missing.body);
}
