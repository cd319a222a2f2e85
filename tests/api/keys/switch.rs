//! The switch from the shared secret and back, and what a start needs.

use super::{ISSUER, admits, config, keys, login, server};
use crate::harness::{App, bailiwick, eventually, run, run_tool};
use crate::signer::{HEADER, claims, forge, now};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The harness's secret.
const SECRET: &str = "a-secret-of-the-tests-that-is-long-enough";

fn by_hand(folder: &Path, statement: &str) {
    let code =
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute(sys.argv[2]); d.commit()";
    let file = folder.join("data/bailiwick.db");
    run_tool(Command::new("python3").args(["-c", code]).arg(file).arg(statement));
}

/// A token as who knows the secret makes it, valid for long.
fn made(id: Option<&serde_json::Value>) -> String {
    let mut all = json!({"sub": "johndoe", "scopes": ["me"], "exp": now() + 100_000});
    if let Some(id) = id {
        all["bailiwick_id"] = id.clone();
    }
    forge(HEADER, &all.to_string(), SECRET.as_bytes())
}

/// Starts a server on the data of another one.
fn again(algorithm: &str, more: &str, data: &TempDir) -> App {
    let data = data.path().join("data");
    App::demo()
        .config(&config(algorithm).replace("[passwords]", &format!("{more}[passwords]")))
        .env("BAILIWICK__DATA_DIR", data.to_str().expect("UTF-8"))
        .spawn()
}

#[test]
fn tokens_of_the_shared_secret_end_with_the_last_one_that_was_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let app = again("HS256", "", &folder);
    let out = login(&app);
    let id = claims(&out)["bailiwick_id"].clone();
    assert!(admits(&app, &out) && admits(&app, &made(None)));
    drop(app);

    let app = again("EdDSA", "", &folder);
    assert!(claims(&login(&app))["iss"] == ISSUER);
    eventually("the record", || keys_of(&folder).contains("HS256").then_some(()));
    assert!(admits(&app, &out) && admits(&app, &made(Some(&id))) && admits(&app, &made(None)));
    // As if the last one had expired.
    by_hand(
        folder.path(),
        "UPDATE signing_keys SET retired_at = retired_at - 1861 WHERE kid = 'HS256'",
    );
    eventually("the end", || (!admits(&app, &out)).then_some(()));
    assert!(!admits(&app, &made(Some(&id))) && !admits(&app, &made(None)), "nobody mints on");
    let fresh = login(&app);
    assert!(admits(&app, &fresh));
    drop(app);

    // Other applications may still be trusted until a date.
    let app = again("EdDSA", "accept_foreign_until = 2999-01-01\n", &folder);
    assert!(admits(&app, &made(None)) && !admits(&app, &made(Some(&id))));
    drop(app);

    // Back: the secret counts again, and what the keys signed stays good.
    let app = again("HS256", "", &folder);
    eventually("the secret to count", || admits(&app, &out).then_some(()));
    assert!(admits(&app, &fresh) && admits(&app, &login(&app)));
    assert!(!keys_of(&folder).contains("HS256"));
}

/// Its lease runs out.
#[test]
fn a_server_that_died_while_it_made_a_key_does_not_keep_others_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    drop(again("HS256", "", &folder));
    by_hand(folder.path(), "INSERT INTO leases VALUES ('signing keys', unixepoch() + 2)");
    let app = again("EdDSA", "", &folder);
    assert!(admits(&app, &login(&app)));
}

fn keys_of(folder: &TempDir) -> String {
    fs::write(folder.path().join("c.toml"), config("EdDSA")).expect("written");
    let mut command = bailiwick(folder.path());
    command.env("BAILIWICK__TOKENS__SECRET", SECRET).args(["--config", "c.toml", "keys", "list"]);
    String::from_utf8(run(&mut command, "").stdout).expect("UTF-8")
}

/// A start that must fail, with its last line.
fn refusal(folder: &Path, config: &str, secret: &str) -> String {
    fs::write(folder.join("c.toml"), config).expect("written");
    let mut command = bailiwick(folder);
    command.env("BAILIWICK__TOKENS__SECRET", secret);
    let output = run(command.args(["--config", "c.toml", "-b", "127.0.0.1:0"]), "");
    assert!(!output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    text.lines().last().expect("a line").to_owned()
}

#[test]
fn asymmetric_keys_need_a_public_url() {
    let folder = tempfile::tempdir().expect("a folder");
    for algorithm in ["EdDSA", "es256", "RS256"] {
        let line =
            refusal(folder.path(), &format!("[tokens]\nalgorithm = '{algorithm}'\n"), SECRET);
        assert!(
            line.contains("tokens.algorithm (") && line.contains("server.public_url"),
            "{line}"
        );
    }
    let line = refusal(folder.path(), "[tokens]\nalgorithm = 'none'\n", SECRET);
    assert!(line.contains("one of HS256, EdDSA, ES256, RS256"), "{line}");
}

#[test]
fn private_keys_are_sealed_with_the_secret() {
    let app = server("ES256");
    let token = login(&app);
    let next = "the-next-secret-of-the-tests-that-is-long";
    let folder = tempfile::tempdir().expect("a folder");
    for (name, secret) in [("old", SECRET), ("next", next)] {
        fs::write(folder.path().join(name), secret).expect("written");
    }
    let data = app.data_dir();
    let with = |secret: &str, accepted: &str, args: &[&str]| {
        let file = folder.path().join("c.toml");
        let accepted = format!("accepted_secret_files = [{accepted}]\n[passwords]");
        fs::write(&file, config("ES256").replace("[passwords]", &accepted)).expect("written");
        let mut command = bailiwick(folder.path());
        command.env("BAILIWICK__DATA_DIR", &data).env("BAILIWICK__TOKENS__SECRET", secret);
        let output = run(command.arg("--config").arg(file).args(args), "");
        let both = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(both).expect("UTF-8"))
    };
    // Neither the key nor the secret is in the database.
    let stored = fs::read(data.join("bailiwick.db")).expect("the database");
    let wal = fs::read(data.join("bailiwick.db-wal")).unwrap_or_default();
    let text = String::from_utf8_lossy(&[stored, wal].concat()).into_owned();
    assert!(text.contains("ES256") && !text.contains(SECRET) && !text.contains("PRIVATE"));

    let (done, line) = with(next, "", &["serve", "-b", "127.0.0.1:0"]);
    assert!(!done && line.contains("the server key `seal` cannot be opened"), "{line}");
    assert!(
        line.contains("tokens.accepted_secret_files") && line.contains("fingerprint"),
        "{line}"
    );
    assert!(!with(next, "", &["keys", "rewrap"]).0);
    assert_eq!(
        with(next, "'old'", &["keys", "rewrap"]),
        (true, "server keys sealed anew: 4 of 4\n".into())
    );
    assert_eq!(
        with(next, "", &["keys", "rewrap"]),
        (true, "the signing secret seals all server keys already\n".into())
    );
    assert!(with(next, "", &["keys", "rotate"]).0);
    assert!(!with(SECRET, "", &["keys", "rotate"]).0);
    assert!(with(SECRET, "'next'", &["keys", "rotate"]).0);
    // Who has opened the key goes on.
    assert!(admits(&app, &token) && admits(&app, &login(&app)));
}

#[test]
fn hs256_has_no_keys_to_rotate() {
    let app = App::demo().spawn();
    let refused = app.command(&["keys", "rotate"], "");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("tokens.algorithm is HS256"));
    assert_eq!(keys(&app, &["list", "--json"]), "[]\n");
    let listed = app.command(&["keys", "list"], "");
    assert!(String::from_utf8_lossy(&listed.stderr).contains("the shared secret signs"));
}
