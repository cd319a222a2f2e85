//! `database.url`: every command judges it alike and never shows a part of a password.

use crate::harness::{App, bailiwick, run};
use crate::postgres::shared;
use crate::{SERVE, done, fails};
use std::fs;
use std::path::Path;
use std::process::Output;

/// Wrong URLs, each with a word from its error. Every password contains `Sesame` or `42open`.
const WRONG: [(&str, &str); 22] = [
    ("postgres://app:Sesame?42open@db/app", "%3F"),
    ("postgres://app:Sesame@42open?x", "%40"),
    ("postgres://me:Sesame#42open@h/d", "%23"),
    ("postgres://me:Sesame/42open@h/d", "%2F"),
    ("postgres://me:Sesame@42open@h/d", "%40"),
    ("postgres://me:Sesame%42open%@h/d", "%25"),
    ("postgres://me:Sesame 42open@h/d", "%20"),
    ("postgres://me:Sesame@h:99999/d", "port"),
    ("postgres://me:Sesame@h:port/d", "port"),
    ("postgres://me:Sesame@[::1/d", "brackets"),
    ("postgres://me:Sesame@a,b,c/d?port=1,2", "one port for all hosts"),
    ("postgres://me:Sesame@a/d?target_session_attrs=standby", "`target_session_attrs`"),
    ("postgres://me:Sesame@a/d?channel_binding=require", "`channel_binding`"),
    ("postgres://me:Sesame@a/d?keepalives_idle=9", "`keepalives_idle`"),
    ("postgres://me:Sesame@a/d?connect_timeout=soon", "`connect_timeout`"),
    ("postgres://me@a/d?passfile=Sesame", "database.password_file"),
    ("postgres://me:${Sesame}@a/d", "variables"),
    ("host=h user=me password=Sesame", "postgres://USER@HOST"),
    ("jdbc:postgresql://h/d?user=me&pass=Sesame", "JDBC"),
    ("mysql://me:Sesame@h/d", "postgres://"),
    ("\"postgres://me:Sesame@h/d\"", "quotes"),
    ("postgres://me:Sésame@bücher/d", "ASCII"),
];

fn told(output: &Output, says: &str) {
    let line = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(output.stdout.is_empty(), "{output:?}");
    assert_eq!(line.lines().count(), 1, "{line}");
    assert!(line.contains(says), "{says}: {line}");
    for part in ["Sesame", "Sésame", "42open"] {
        assert!(!line.contains(part), "{line}");
    }
}

fn with(folder: &Path, url: &str) -> std::process::Command {
    let mut command = bailiwick(folder);
    command.env("BAILIWICK__DATABASE__URL", url);
    command
}

#[test]
fn check_config_and_the_start_agree_and_show_no_password() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (url, says) in WRONG {
        for args in [&["check-config"][..], &SERVE, &["users", "list"], &["print-config"]] {
            let output = run(with(folder, url).args(args), "");
            told(&output, says);
            let line = String::from_utf8_lossy(&output.stderr);
            assert!(line.contains("environment BAILIWICK__DATABASE__URL"), "{line}");
        }
        let file = folder.join("b.toml");
        let text = serde_json::to_string(url).unwrap();
        fs::write(&file, format!("[database]\nurl = {text}\n")).unwrap();
        let output = run(bailiwick(folder).arg("-c").arg(&file).arg("check-config"), "");
        told(&output, says);
        assert!(String::from_utf8_lossy(&output.stderr).contains("b.toml:2: database.url"));
        for (from, to, flag) in [(url, "sqlite:to.db", "--from"), ("sqlite:to.db", url, "--to")] {
            let output =
                run(bailiwick(folder).args(["db", "copy", "--from", from, "--to", to]), "");
            told(&output, says);
            assert!(String::from_utf8_lossy(&output.stderr).contains(flag));
        }
    }
    // Not even with an unknown flag, or for a URL without one.
    for args in [
        &["db", "copy", "--form", "postgres://me:Sesame@h/d"][..],
        &["db", "copy", "--form=postgres://me:Sesame@h/d"],
        &["db", "copy", "postgres://me:Sesame@h/d", "sqlite:to.db"],
        &["postgres://me:Sesame@h/d"],
        &["db", "check", "host=h", "password=Sesame"],
        &["--workers", "postgres://me:Sesame@h/d"],
    ] {
        told(&run(bailiwick(folder).args(args), ""), "");
    }
    assert!(fs::read_dir(folder).unwrap().count() == 1, "only b.toml");
}

/// These are valid, so the start fails for another reason: no server listens there.
#[test]
fn valid_urls_are_tried() {
    let folder = tempfile::tempdir().unwrap();
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for url in [
        format!("postgres://me:p%40Sesame@127.0.0.1:{unused}/d?connect_timeout=1"),
        format!("postgres://me:Sesame:x!$@127.0.0.1:{unused}/d?connect_timeout=1"),
        format!("postgresql://127.0.0.1:{unused}/d?user=me&password=Sesame&connect_timeout=1"),
        format!("postgres:///d?host=/absent&port={unused}&password=Sesame&channel_binding=prefer"),
        format!(
            "postgresql+asyncpg://me:Sesame@localhost:{unused}/d?target_session_attrs=any&connect_timeout=1"
        ),
    ] {
        let checked = run(with(folder.path(), &url).arg("check-config"), "");
        assert!(checked.status.success(), "{url}: {checked:?}");
        let shown = run(with(folder.path(), &url).arg("print-config"), "");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("***") && !shown.contains("Sesame"), "{shown}");
        for args in [&SERVE[..], &["users", "list"]] {
            let output = run(with(folder.path(), &url).args(args), "");
            let line = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{line}");
            assert!(line.contains("cannot be reached") && !line.contains("Sesame"), "{line}");
        }
    }
}

/// `0.0.0.0` leads to this machine, but is not one of its addresses.
#[test]
fn another_machine_needs_tls_unless_less_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let url = shared().url(&shared().database()).replace("127.0.0.1", "0.0.0.0");
    let line = fails(folder.path(), &url, &["users", "import", "-"]);
    assert!(line.contains("offers no TLS") && line.contains("sslmode=disable"), "{line}");
    for mode in ["disable", "prefer"] {
        let url = format!("{url}?sslmode={mode}");
        done(folder.path(), &url, &["users", "import", "-"], "");
    }
}

/// SIGHUP reports it in the log, `ctl reload` in its output.
#[test]
fn a_reload_shows_no_password() {
    let good = "[server]\nworkers = 1\n";
    let app = App::demo().config(good).spawn();
    for (at, (url, says)) in WRONG.into_iter().enumerate() {
        let text = serde_json::to_string(url).unwrap();
        let bad = format!("{good}{}[database]\nurl = {text}\n", "\n".repeat(at));
        fs::write(app.folder().join("config.toml"), bad).unwrap();
        told(&app.command(&["ctl", "reload"], ""), says);
        app.signal("HUP");
        let line = app.stderr.wait_for(&format!("config.toml:{}: database.url", at + 4));
        for part in ["Sesame", "Sésame", "42open"] {
            assert!(!line.contains(part), "{line}");
        }
        assert!(line.contains(says), "{says}: {line}");
        fs::write(app.folder().join("config.toml"), good).unwrap();
    }
    assert_eq!(app.get("/openapi.json").status, 200);
}
