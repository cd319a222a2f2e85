//! Tokens of services on three replicas, on both databases: any replica issues them, all take them, and
//! what ends them ends them everywhere.

use crate::harness::{App, FORM, Response, eventually};
use crate::postgres::shared;
use crate::{add, config, done};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;

const KEYS: &str = "[server]\nworkers = 1\npublic_url = 'https://auth.example.com'\n\
    [tokens]\nalgorithm = 'EdDSA'\n";

/// A client, and what it shows of itself.
struct Service(String);

impl Service {
    fn new(folder: &Path, url: &str, id: &str, more: &[&str]) -> Self {
        let add = ["clients", "add", id, "--grant-type", "client_credentials"];
        let scopes = ["--scope", "me", "--scope", "items"];
        let secret = done(folder, url, &[&add[..], &scopes, more].concat(), "");
        Self(format!("Basic {}", STANDARD.encode(format!("{id}:{}", secret.trim_end()))))
    }

    fn post(&self, app: &App, path: &str, form: &str) -> Response {
        app.send("POST", path, &[("content-type", FORM), ("authorization", &self.0)], form)
    }

    fn token(&self, app: &App) -> String {
        eventually("a token", || {
            let answer = self.post(app, "/token", "grant_type=client_credentials");
            answer.json()["access_token"].as_str().map(str::to_owned)
        })
    }

    /// What a guard of this replica would say of a token.
    fn look(&self, app: &App, token: &str) -> Value {
        let answer = self.post(app, "/oauth/introspect", &format!("token={token}"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

fn services_have_tokens_everywhere(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    let gateway = Service::new(folder, url, "gateway", &["--introspect"]);
    let reports = Service::new(folder, url, "reports", &[]);
    let start = || App::bare().config(&config(url)).config(KEYS).spawn();
    let replicas: Vec<_> = (0..3).map(|_| start()).collect();
    let tokens: Vec<_> = replicas.iter().map(|app| reports.token(app)).collect();
    let pairs = || replicas.iter().flat_map(|app| tokens.iter().map(move |token| (app, token)));
    for (app, token) in pairs() {
        let found = gateway.look(app, token);
        assert_eq!((&found["sub"], &found["active"]), (&json!("reports"), &json!(true)), "{found}");
        // They are a client's, and of no user.
        assert_eq!(app.get_as("/users/me", token).status, 401);
    }
    let everywhere = |token: &str, what: &str, holds: &dyn Fn(&Value) -> bool| {
        for app in &replicas {
            eventually(what, || holds(&gateway.look(app, token)).then_some(()));
        }
    };
    let inactive = |found: &Value| *found == json!({"active": false});
    let ended = replicas[1].send(
        "POST",
        "/oauth/revoke",
        &[("content-type", FORM)],
        &format!("token={}", tokens[0]),
    );
    assert_eq!(ended.status, 200, "{}", ended.body);
    everywhere(&tokens[0], "the end of one token", &inactive);
    everywhere(&tokens[1], "no end of another", &|found| found["active"] == true);
    done(folder, url, &["clients", "set", "reports", "--scope", "me"], "");
    everywhere(&tokens[1], "the loss of a scope", &|found| found["scope"] == "me");
    done(folder, url, &["clients", "delete", "reports"], "");
    everywhere(&tokens[1], "the end of the client", &inactive);
    // The next client of the name has nothing of the former one's.
    let next = Service::new(folder, url, "reports", &[]);
    let token = next.token(&replicas[2]);
    everywhere(&token, "the next client", &|found| found["active"] == true);
    everywhere(&tokens[2], "the end of the former client", &inactive);
    for app in &replicas {
        let refused = reports.post(app, "/token", "grant_type=client_credentials");
        assert_eq!((refused.status, &refused.json()["error"]), (401, &json!("invalid_client")));
    }
}

#[test]
fn services_have_tokens_everywhere_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    services_have_tokens_everywhere(folder.path(), &url);
}

#[test]
fn services_have_tokens_everywhere_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    services_have_tokens_everywhere(folder.path(), &shared().url(&shared().database()));
}
