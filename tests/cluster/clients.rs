//! Clients on three replicas, on both databases: a change counts everywhere, an assertion once. And they
//! move with the users.

use crate::harness::{App, FORM, Response, eventually};
use crate::postgres::shared;
use crate::{PASSWORD, add, config, done, fails};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PUBLIC: &str = "[server]\nworkers = 1\npublic_url = \"https://auth.example.com\"\n\
    [oauth]\nrequire_client = true\n";

/// A new client for jane's password; returns its secret.
fn client(folder: &Path, url: &str, id: &str, more: &[&str]) -> String {
    let add = ["clients", "add", id, "--grant-type", "password", "--scope", "me"];
    done(folder, url, &[&add, more].concat(), "").trim_end().to_owned()
}

/// Whether jane gets a token through this client: 200 or 401.
fn asked(url: &str, header: Option<&str>, more: &str) -> u16 {
    let mut headers = vec![("content-type", FORM)];
    headers.extend(header.map(|header| ("authorization", header)));
    let form = format!("username=jane&password={PASSWORD}{more}").replace(' ', "+");
    Response::of("POST", url, &headers, &form).status
}

fn by_secret(url: &str, id: &str, secret: &str) -> u16 {
    asked(url, Some(&format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))), "")
}

/// Ends the threads of a test, also when it fails.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn what_changes_a_client_changes_it_everywhere(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    add(folder, url, "admin", &["oauth:clients", "me"]);
    let first = client(folder, url, "app", &[]);
    let start = || App::bare().config(&config(url)).config(PUBLIC).spawn();
    let replicas: Vec<_> = (0..3).map(|_| start()).collect();
    let urls: Vec<_> = replicas.iter().map(|replica| replica.url("/token")).collect();
    let login = Response::of(
        "POST",
        &urls[0],
        &[("content-type", FORM)],
        &format!(
            "username=admin&password={PASSWORD}&scope=oauth:clients+me&client_id=app&client_secret={first}"
        ),
    );
    assert_eq!(login.status, 400, "the client lacks the scope: {}", login.body);
    done(folder, url, &["clients", "set", "app", "--scope", "me", "--scope", "oauth:clients"], "");
    let form = format!(
        "username=admin&password={PASSWORD}&scope=oauth:clients+me&client_id=app&client_secret={first}"
    );
    eventually("the scope", || {
        let login = Response::of("POST", &urls[0], &[("content-type", FORM)], &form);
        (login.status == 200).then_some(())
    });
    // A token that does not end with the client.
    let console = client(folder, url, "console", &["--scope", "oauth:clients"]);
    let form = format!(
        "username=admin&password={PASSWORD}&scope=oauth:clients+me&client_id=console&client_secret={console}"
    );
    let login = Response::of("POST", &urls[0], &[("content-type", FORM)], &form).json();
    let admin = format!("Bearer {}", login["access_token"].as_str().expect("a token"));
    let headers = [("authorization", admin.as_str()), ("content-type", "application/json")];
    let by_replica = |at: usize, method: &str, path: &str, body: &str| {
        let answer = replicas[at].send(method, path, &headers, body);
        assert!(answer.status < 300, "{method} {path}: {}", answer.body);
        answer
    };
    let over = AtomicBool::new(false);
    let mut longest = Duration::ZERO;
    let mut everywhere = |secret: &str, status: u16| {
        let start = Instant::now();
        for url in &urls {
            eventually("the change", || (by_secret(url, "app", secret) == status).then_some(()));
        }
        longest = longest.max(start.elapsed());
    };
    thread::scope(|scope| {
        let _over = Over(&over);
        // All replicas keep the client in memory throughout.
        for url in &urls {
            let (over, first) = (&over, &first);
            scope.spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    by_secret(url, "app", first);
                }
            });
        }
        everywhere(&first, 200);
        let rotated = by_replica(1, "POST", "/oauth/clients/app/secret", "{}").json();
        let second = rotated["client_secret"].as_str().expect("a secret").to_owned();
        everywhere(&second, 200);
        everywhere(&first, 200);
        let third = done(folder, url, &["clients", "rotate-secret", "app", "--at-once"], "");
        let third = third.trim_end();
        everywhere(third, 200);
        everywhere(&second, 401);
        everywhere(&first, 401);
        let body = json!({"grant_types": ["client_credentials"], "scope": "me oauth:clients"});
        by_replica(2, "PUT", "/oauth/clients/app", &body.to_string());
        everywhere(third, 400);
        done(folder, url, &["clients", "set", "app", "--grant-type", "password"], "");
        everywhere(third, 200);
        by_replica(0, "DELETE", "/oauth/clients/app", "");
        everywhere(third, 401);
        // One that a replica has made is known to the others.
        let body = json!({"client_id": "app", "grant_types": ["password"]}).to_string();
        let made = by_replica(0, "POST", "/oauth/clients", &body).json();
        let made = made["client_secret"].as_str().expect("a secret");
        everywhere(made, 200);
        everywhere(third, 401);
    });
    println!("the longest delay until all knew was {longest:?}");
    assertions_count_once(folder, url, &urls);
}

/// Whichever replica they are shown to, and however many at once.
fn assertions_count_once(folder: &Path, url: &str, urls: &[String]) {
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]});
    let file = folder.join("jwks.json");
    std::fs::write(&file, keys.to_string()).expect("written");
    let file = file.display().to_string();
    client(folder, url, "signer", &["--auth-method", "private_key_jwt", "--jwks", &file]);
    let key =
        URL_SAFE_NO_PAD.decode("MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g");
    let key = jsonwebtoken::EncodingKey::from_ed_der(&key.expect("a key"));
    for round in 0..5 {
        let exp = jiff::Timestamp::now().as_second() + 60;
        let claims = json!({"iss": "signer", "sub": "signer", "aud": "https://auth.example.com",
            "exp": exp, "jti": format!("the assertion {round}")});
        let header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        let assertion = jsonwebtoken::encode(&header, &claims, &key).expect("signed");
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let more = format!("&client_assertion={assertion}&client_assertion_type={kind}");
        let statuses: Vec<u16> = thread::scope(|scope| {
            let tries = (0..6).map(|at| {
                let (url, more) = (&urls[at % urls.len()], &more);
                scope.spawn(move || asked(url, None, more))
            });
            let tries: Vec<_> = tries.collect();
            tries.into_iter().map(|one| one.join().expect("a status")).collect()
        });
        let counted = statuses.iter().filter(|status| **status == 200).count();
        assert_eq!(counted, 1, "{statuses:?}");
        assert!(statuses.iter().all(|status| [200, 401].contains(status)), "{statuses:?}");
    }
}

#[test]
fn what_changes_a_client_changes_it_everywhere_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    what_changes_a_client_changes_it_everywhere(folder.path(), &url);
}

#[test]
fn what_changes_a_client_changes_it_everywhere_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    what_changes_a_client_changes_it_everywhere(folder.path(), &shared().url(&shared().database()));
}

/// From SQLite to PostgreSQL and back, and through a backup.
#[test]
fn clients_move_with_the_users() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let at = |name: &str| format!("sqlite:{}", folder.join(name).display());
    let (first, back) = (at("first.db"), at("back.db"));
    let postgres = shared().url(&shared().database());
    add(folder, &first, "jane", &["me"]);
    let one = client(folder, &first, "one", &["--name", "한국 \"x\"", "--redirect-uri", "a.b:c"]);
    client(folder, &first, "two", &["--auth-method", "none"]);
    done(folder, &first, &["clients", "rotate-secret", "one"], "");
    let listed = |url: &str| done(folder, url, &["clients", "list", "--json"], "");
    let before = listed(&first);
    let list: Value = serde_json::from_str(&before).expect("JSON");
    assert_eq!(list[0]["secrets"].as_array().map(Vec::len), Some(2), "{before}");
    for (from, to) in [(&first, &postgres), (&postgres, &back)] {
        let said = done(folder, from, &["db", "copy", "--from", from, "--to", to], "");
        assert!(said.starts_with("1 users, 0 API keys and 2 clients copied"), "{said}");
        assert_eq!(listed(to), before);
        let said = done(folder, to, &["db", "check"], "");
        assert!(said.starts_with("1 users, 0 API keys and 2 clients, checksum"), "{said}");
    }
    // Not into one that has clients, though no users.
    let full = at("full.db");
    done(folder, &full, &["users", "add", "x", "--no-password"], "");
    done(folder, &full, &["users", "delete", "x", "--yes"], "");
    client(folder, &full, "three", &[]);
    let line = fails(folder, &full, &["db", "copy", "--from", &first, "--to", &full]);
    assert!(line.contains("already holds users or clients"), "{line}");
    let file = folder.join("backup.db").display().to_string();
    done(folder, &back, &["db", "backup", &file], "");
    done(folder, &back, &["clients", "delete", "one"], "");
    done(folder, &back, &["db", "restore", &file], "");
    assert_eq!(listed(&back), before);
    for url in [&postgres, &back] {
        let app = App::bare().config(&config(url)).config(PUBLIC).spawn();
        assert_eq!(by_secret(&app.url("/token"), "one", &one), 200);
    }
    // A client that is stored with nonsense is found.
    crate::python_on(
        &folder.join("back.db"),
        "database.execute(\"UPDATE clients SET metadata = '{'\")\ndatabase.commit()",
    );
    let line = fails(folder, &back, &["db", "check"]);
    assert!(line.contains("metadata"), "{line}");
}
