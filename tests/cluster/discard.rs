//! A signing secret that is lost or leaked: the next one is the only one at once, on both databases.

use crate::database::Database;
use crate::harness::{App, FORM, bailiwick, run};
use crate::{PASSWORD, add, config};
use serde_json::Value;
use std::fs;
use std::process::Output;

const OLD: &str = "the-old-secret-of-two-servers-that-was-learned";
const NEXT: &str = "the-next-secret-of-two-servers-on-one-database";

fn with(database: &Database, more: &str) -> String {
    format!("{}[tokens]\npassword_refresh = true\n{more}", config(&database.url()))
}

fn server(database: &Database, algorithm: &str) -> App {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("secret"), OLD).expect("written");
    fs::write(folder.path().join("next"), NEXT).expect("written");
    App::bare()
        .config(&with(database, "secret_file = 'secret'\n"))
        .env("BAILIWICK__TOKENS__SECRET", "")
        .env("BAILIWICK__TOKENS__ALGORITHM", algorithm)
        .env("BAILIWICK__SERVER__PUBLIC_URL", "https://auth.example.com")
        .spawn_in(folder)
}

/// A command with the server's configuration as it is now, and what it says.
fn command(app: &App, algorithm: &str, args: &[&str]) -> (bool, String) {
    let mut command = bailiwick(app.folder());
    command
        .env("BAILIWICK__DATA_DIR", app.data_dir())
        .env("BAILIWICK__TOKENS__ALGORITHM", algorithm)
        .env("BAILIWICK__SERVER__PUBLIC_URL", "https://auth.example.com")
        .args(["--config", "config.toml"]);
    let Output { status, stdout, stderr } = run(command.args(args), "");
    (status.success(), String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned())
}

fn token(app: &App, form: &str) -> (u16, Value) {
    let response = app.send("POST", "/token", &[("content-type", FORM)], form);
    (response.status, response.json())
}

fn login(app: &App) -> Value {
    let (status, body) = token(app, &format!("username=jane&password={PASSWORD}&scope=me"));
    assert_eq!(status, 200, "{body}");
    body
}

fn me(app: &App, login: &Value) -> u16 {
    app.get_as("/users/me", login["access_token"].as_str().expect("a token")).status
}

fn refresh(app: &App, login: &Value) -> u16 {
    let refresh = login["refresh_token"].as_str().expect("a refresh token");
    token(app, &format!("grant_type=refresh_token&refresh_token={refresh}")).0
}

/// The old one was learned by somebody, or its file is lost.
fn the_next_secret_becomes_the_only_one(database: &Database, algorithm: &str, is_lost: bool) {
    add(database.folder(), &database.url(), "jane", &["me"]);
    let servers = [0; 2].map(|_| server(database, algorithm));
    let before = login(&servers[0]);
    assert!(servers.iter().all(|app| me(app, &before) == 200));
    for app in &servers {
        let next = with(database, "secret_file = 'next'\n");
        fs::write(app.folder().join("config.toml"), next).expect("written");
        if is_lost {
            fs::remove_file(app.folder().join("secret")).expect("removed");
        }
    }
    let [first, _] = &servers;
    let (done, said) = command(first, algorithm, &["ctl", "reload", "--wait"]);
    assert!(!done && said.contains("keys discard"), "{said}");

    // What it would cost, and nothing is changed.
    let (done, said) = command(first, algorithm, &["keys", "discard"]);
    assert!(!done && said.contains("nothing was changed") && said.contains("--yes"), "{said}");
    assert!(servers.iter().all(|app| me(app, &before) == 200), "{said}");
    assert_eq!(database.ask("SELECT count(*) FROM refresh_families WHERE revoked_at IS NULL"), "1");

    let (done, said) = command(first, algorithm, &["keys", "discard", "--yes"]);
    assert!(done && said.contains("server keys replaced: "), "{said}");
    assert!(said.contains("rt") && said.contains("refresh tokens ended: 1"), "{said}");
    assert_eq!(said.contains("signs now"), algorithm != "HS256", "{said}");
    assert_eq!(database.ask("SELECT count(*) FROM refresh_families WHERE revoked_at IS NULL"), "0");
    let (done, again) = command(first, algorithm, &["keys", "discard", "--yes"]);
    assert!(done && again.contains("nothing to discard"), "{again}");
    for app in &servers {
        let (done, said) = command(app, algorithm, &["ctl", "reload", "--wait"]);
        assert!(done, "{said}");
    }
    for app in &servers {
        assert_eq!((me(app, &before), refresh(app, &before)), (401, 400), "of the old secret");
        let fresh = login(app);
        assert!(servers.iter().all(|app| me(app, &fresh) == 200));
        assert_eq!(refresh(app, &fresh), 200);
    }
}

#[test]
fn a_learned_secret_is_left_on_sqlite() {
    the_next_secret_becomes_the_only_one(&Database::sqlite(), "HS256", false);
}

#[test]
fn a_learned_secret_is_left_on_postgresql() {
    the_next_secret_becomes_the_only_one(&Database::postgresql(), "HS256", false);
}

#[test]
fn a_learned_secret_is_left_with_the_keys_it_sealed_on_sqlite() {
    the_next_secret_becomes_the_only_one(&Database::sqlite(), "EdDSA", false);
}

#[test]
fn a_learned_secret_is_left_with_the_keys_it_sealed_on_postgresql() {
    the_next_secret_becomes_the_only_one(&Database::postgresql(), "EdDSA", true);
}

#[test]
fn a_lost_secret_is_replaced_with_the_keys_it_sealed() {
    for algorithm in ["ES256", "RS256"] {
        the_next_secret_becomes_the_only_one(&Database::sqlite(), algorithm, true);
    }
}
