//! The signing secret: a setting, a file, or generated at the first start; never a public one.

use crate::harness::{App, bailiwick, run};
use crate::people::{import, server};
use crate::signer::{HEADER, SECRET, forge, now};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The secret that FastAPI's tutorial prints.
const PUBLISHED: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";

fn signed_by(secret: &str) -> String {
    let claims = json!({"sub": "bob", "scopes": ["me"], "exp": now() + 600});
    forge(HEADER, &claims.to_string(), secret.as_bytes())
}

/// Whether the server accepts tokens signed with this secret.
fn accepts(app: &App, secret: &str) -> bool {
    match app.get_as("/users/me", &signed_by(secret)).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

fn with_bob(app: App) -> App {
    import(&app, &[json!({"username": "bob", "scopes": ["me"]})]);
    app
}

#[test]
fn it_is_a_setting_or_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret-file");
    fs::write(&file, "the-secret-that-stands-in-a-file-of-its-own\r\n").expect("written");
    let app = with_bob(server("").spawn());
    assert!(accepts(&app, SECRET) && !accepts(&app, "the-secret-that-stands-in-a-file-of-its-own"));
    assert!(!app.data_dir().join("secret").exists(), "none is made where one is given");
    let app = with_bob(
        server("")
            .env("BAILIWICK__TOKENS__SECRET", "")
            .env("BAILIWICK__TOKENS__SECRET_FILE", file.to_str().expect("UTF-8"))
            .spawn(),
    );
    assert!(accepts(&app, "the-secret-that-stands-in-a-file-of-its-own") && !accepts(&app, SECRET));
}

#[test]
fn it_is_generated_once_and_outlives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("kept");
    let start = || {
        server("")
            .env("BAILIWICK__TOKENS__SECRET", "")
            .env("BAILIWICK__DATA_DIR", data.to_str().expect("UTF-8"))
            .args(["--demo"])
            .spawn()
    };
    let app = start();
    let token = app.login("johndoe", "1234", "me");
    assert_eq!(app.get_as("/users/me", &token).status, 200);
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    assert_eq!((mode(&data), mode(&data.join("secret"))), (0o700, 0o600));
    let secret = fs::read_to_string(data.join("secret")).expect("a secret");
    assert!(secret.trim().len() == 64, "256 bits in hex");
    assert!(!(app.stdout.text() + &app.stderr.text()).contains(secret.trim()));
    drop(app);
    let app = start();
    assert_eq!(fs::read_to_string(data.join("secret")).expect("a secret"), secret);
    assert_eq!(app.get_as("/users/me", &token).status, 200, "nobody is logged out");
}

/// Starts a server that must refuse to start; returns its message.
fn refusal(variables: &[(&str, &str)], args: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = bailiwick(folder.path());
    command.args(["-b", "127.0.0.1:0"]).args(args).envs(variables.iter().copied());
    let output = run(&mut command, "");
    assert!(!output.status.success(), "{output:?}");
    assert!(matches!(output.status.code(), Some(1 | 2)), "{output:?}");
    assert!(output.stdout.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("UTF-8");
    // After the log, which may have begun.
    let lines: Vec<_> = text.lines().filter(|line| !line.contains(" - INFO - ")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

#[test]
fn a_short_or_published_secret_is_refused() {
    let short = "only-31-bytes-are-not-enough-xx";
    assert_eq!(short.len(), 31);
    let line = refusal(&[("BAILIWICK__TOKENS__SECRET", short)], &[]);
    assert!(line.contains("32") && !line.contains(short), "{line}");
    let line = refusal(&[("BAILIWICK__TOKENS__SECRET", short)], &["--demo"]);
    assert!(line.contains("32") && !line.contains(short), "{line}");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret-file");
    let path = file.to_str().expect("UTF-8");
    for (content, mode, says) in [
        (short, 0o600, "32"),
        ("", 0o600, "32"),
        (PUBLISHED, 0o600, "--demo"),
        (&"x".repeat(10_000), 0o600, "4096"),
        ("a-secret-that-everybody-may-overwrite-here", 0o666, "chmod"),
    ] {
        fs::write(&file, content).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("set");
        let line = refusal(&[("BAILIWICK__TOKENS__SECRET_FILE", path)], &[]);
        assert!(line.contains(path) && line.contains(says), "{line}");
        assert!(content.is_empty() || !line.contains(content), "{line}");
    }
    let line = refusal(&[("BAILIWICK__TOKENS__SECRET_FILE", "/nowhere/secret")], &[]);
    assert!(line.contains("/nowhere/secret"), "{line}");
    let line = refusal(
        &[("BAILIWICK__TOKENS__SECRET_FILE", path), ("BAILIWICK__TOKENS__SECRET", SECRET)],
        &[],
    );
    assert!(line.contains("secret_file"), "{line}");

    let line = refusal(&[("BAILIWICK__TOKENS__SECRET", PUBLISHED)], &[]);
    assert!(line.contains("--demo") && !line.contains(PUBLISHED), "{line}");
    let demo = App::demo().env("BAILIWICK__TOKENS__SECRET", PUBLISHED).spawn();
    assert_eq!(demo.get("/openapi.json").status, 200);
}
