//! Servers on one database that sign with different secrets, and servers without a data folder.

use crate::harness::{App, bailiwick, eventually, repository, run, run_tool};
use crate::postgres::shared;
use crate::{PASSWORD, add, config};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The fingerprint of the harness's secret: the first bytes of its HMAC-SHA-256, as computed in
/// Python.
const FINGERPRINT: &str = "5514054311662fe9";

/// Another one.
const OTHER: (&str, &str) = ("another-secret-of-the-tests-that-is-long", "2e69130cd1463f15");

fn replica(url: &str, secret: Option<&str>) -> App {
    let app = App::bare().config(&config(url)).config("[admin]\npublic = true\n");
    match secret {
        Some(secret) => app.env("BAILIWICK__TOKENS__SECRET", secret),
        None => app,
    }
    .spawn()
}

fn status(app: &App) -> Value {
    let output = app.command(&["ctl", "status", "--json"], "");
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

fn servers_with_different_secrets_find_each_other(folder: &Path, url: &str) {
    add(folder, url, "jane", &["me"]);
    let [first, twin] = [0; 2].map(|_| replica(url, None));
    let own = serde_json::json!([FINGERPRINT]);
    for app in [&first, &twin] {
        let status = eventually("a status", || Some(status(app)).filter(|it| it["secrets"] == own));
        assert_eq!(status["other_secrets"], serde_json::json!([]));
    }
    let stranger = replica(url, Some(OTHER.0));
    for (app, own, other) in [
        (&stranger, OTHER.1, FINGERPRINT),
        (&first, FINGERPRINT, OTHER.1),
        (&twin, FINGERPRINT, OTHER.1),
    ] {
        let line = app.stderr.wait_for("sign with different secrets");
        for part in ["WARN", own, other, "tokens.secret"] {
            assert!(line.contains(part), "{part}: {line}");
        }
        let others = serde_json::json!([other]);
        eventually("the status", || (status(app)["other_secrets"] == others).then_some(()));
        let text = app.command(&["ctl", "status"], "").stdout;
        let text = String::from_utf8_lossy(&text).into_owned();
        let line =
            format!("Signing secret: fingerprint {own}; others on this database have {other}");
        assert!(text.contains(&line), "{text}");
        let metrics = app.get("/metrics").body;
        assert!(metrics.contains("\nbailiwick_other_signing_secrets 1\n"), "{metrics}");
    }
    // The problem that the warning is about.
    let token = stranger.login("jane", PASSWORD, "me");
    assert_eq!(first.get_as("/users/me", &token).status, 401);
    for app in [&first, &stranger] {
        assert!(!app.stderr.text().contains(OTHER.0), "a secret is in the log");
    }
}

#[test]
fn different_secrets_on_postgresql_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let url = shared().url(&shared().database());
    servers_with_different_secrets_find_each_other(folder.path(), &url);
}

#[test]
fn different_secrets_on_sqlite_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    servers_with_different_secrets_find_each_other(folder.path(), &url);
}

/// Not even root can create a folder below a file.
#[test]
fn a_data_folder_is_needed_only_for_what_is_kept_there() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("file"), "").unwrap();
    let data = folder.join("file/data").display().to_string();
    let elsewhere = format!("sqlite:{}", folder.join("users.db").display());
    for url in [shared().url(&shared().database()), elsewhere.clone()] {
        let command = |args: &[&str], stdin: &str| {
            std::fs::write(folder.join("c.toml"), config(&url)).unwrap();
            let mut command = bailiwick(folder);
            command.env("BAILIWICK__DATA_DIR", &data).args(["--config", "c.toml"]).args(args);
            run(&mut command, stdin)
        };
        let line = r#"{"username": "jane", "hashed_password": "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G", "scopes": ["me"]}"#;
        let imported = command(&["users", "import", "-"], line);
        assert!(imported.status.success(), "{imported:?}");
        let changed = command(&["users", "set-password", "jane", "--password-stdin"], PASSWORD);
        assert!(changed.status.success(), "{changed:?}");
        let app = App::bare().config(&config(&url)).env("BAILIWICK__DATA_DIR", &data).spawn();
        app.login("jane", PASSWORD, "me");
        // The signing secret would be kept there,
        let refused = command(&["serve", "-b", "127.0.0.1:0"], "");
        let line = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && line.contains("file/data/secret"), "{line}");
    }
    // and so would the database.
    let mut command = bailiwick(folder);
    let output = run(command.env("BAILIWICK__DATA_DIR", &data).args(["users", "import", "-"]), "");
    let line = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && line.contains("data_dir"), "{line}");
}

/// The listings of the guide's procedure.
pub(super) fn procedure(heading: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(repository("src/guide/operations.md")).expect("the guide");
    let (_, chapter) = text.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let chapter = chapter.split("\n#").next().unwrap_or_default();
    let mut listings = chapter.split("\n```").skip(1).step_by(2);
    let listings = listings.by_ref().map(|listing| listing.split_once('\n').expect("a listing"));
    listings.map(|(kind, text)| (kind.to_owned(), text.to_owned())).collect()
}

/// Runs the guide's commands beside a server.
pub(super) fn paste(app: &App, commands: &str) {
    let function = format!(
        "bailiwick() {{ {} --config config.toml \"$@\"; }}",
        env!("CARGO_BIN_EXE_bailiwick")
    );
    let mut shell = Command::new("sh");
    shell.args(["-euc", &format!("{function}\n{}", here(app, commands))]);
    shell.current_dir(app.folder()).env("BAILIWICK__DATA_DIR", app.data_dir());
    run_tool(&mut shell);
}

/// With the folder of a server in place of /etc/bailiwick.
fn here(app: &App, listing: &str) -> String {
    listing.replace("/etc/bailiwick", &app.folder().display().to_string())
}

fn fingerprint(app: &App) -> Value {
    let mut command = bailiwick(app.folder());
    command.args(["--config", "config.toml", "ctl", "status", "--json"]);
    let status: Value = serde_json::from_slice(&run(&mut command, "").stdout).unwrap_or_default();
    status["secrets"][0].clone()
}

/// After every single step, each server accepts what any of them has issued so far.
fn the_guides_procedure_refuses_no_token(url: &str, algorithm: &str) {
    let folder = tempfile::tempdir().expect("done");
    add(folder.path(), url, "jane", &["me"]);
    let old = "the-old-secret-of-three-servers-on-one-database";
    let replicas = [0; 3].map(|_| {
        let folder = tempfile::tempdir().expect("done");
        fs::write(folder.path().join("secret"), old).expect("done");
        App::bare()
            .config(&format!("{}[tokens]\nsecret_file = 'secret'\n", config(url)))
            .env("BAILIWICK__TOKENS__SECRET", "")
            .env("BAILIWICK__TOKENS__ALGORITHM", algorithm)
            .env("BAILIWICK__SERVER__PUBLIC_URL", "https://auth.example.com")
            .spawn_in(folder)
    });
    let mut tokens = Vec::new();
    let mut none_is_refused = |when: &str| {
        tokens.extend(replicas.iter().map(|app| app.login("jane", PASSWORD, "me")));
        for (app, token) in replicas.iter().flat_map(|app| tokens.iter().map(move |it| (app, it))) {
            assert_eq!(app.get_as("/users/me", token).status, 200, "{when}");
        }
        tokens[0].clone()
    };
    let first = none_is_refused("before");
    let before = replicas.each_ref().map(fingerprint);
    assert!(before[0].is_string() && before.iter().all(|it| *it == before[0]), "{before:?}");
    let listings = procedure("Change the secret");
    let (words, last) = listings.split_at(listings.len() - 2);
    let kinds: Vec<_> = listings.iter().map(|(kind, _)| kind.as_str()).collect();
    let sh = "sh by-hand";
    assert_eq!(kinds, [sh, "toml", sh, "toml", sh, sh, "toml", sh]);
    let step = |app: &App, kind: &str, listing: &str| match kind {
        "toml" => {
            let file = app.folder().join("config.toml");
            fs::write(file, config(url) + &here(app, listing)).expect("done");
        }
        _ => paste(app, listing),
    };
    for (kind, listing) in words {
        if listing.contains("openssl") {
            let [first, others @ ..] = &replicas;
            paste(first, listing);
            for app in others {
                let next = |app: &App| app.folder().join("secret.next");
                fs::copy(next(first), next(app)).expect("done");
            }
            continue;
        }
        for app in &replicas {
            step(app, kind, listing);
            none_is_refused(listing);
        }
    }
    let after = replicas.each_ref().map(fingerprint);
    assert!(after[0] != before[0] && after.iter().all(|it| *it == after[0]), "{after:?}");
    let quiet = |app: &App| !app.stderr.text().contains("sign with different secrets");
    assert!(replicas.iter().all(quiet), "each accepted the other secret");
    for (kind, listing) in last {
        for app in &replicas {
            step(app, kind, listing);
        }
    }
    for app in &replicas {
        // The old secret counts no more; key pairs do.
        let status = if algorithm == "HS256" { 401 } else { 200 };
        assert_eq!(app.get_as("/users/me", &first).status, status);
        let token = app.login("jane", PASSWORD, "me");
        assert!(replicas.iter().all(|app| app.get_as("/users/me", &token).status == 200));
    }
}

#[test]
fn the_guides_procedure_changes_the_secret_on_postgresql() {
    the_guides_procedure_refuses_no_token(&shared().url(&shared().database()), "HS256");
}

/// The private keys, sealed with the old secret, go on signing.
#[test]
fn the_guides_procedure_changes_the_secret_that_seals_private_keys() {
    the_guides_procedure_refuses_no_token(&shared().url(&shared().database()), "EdDSA");
}

#[test]
fn the_guides_procedure_changes_the_secret_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    the_guides_procedure_refuses_no_token(&url, "HS256");
}
