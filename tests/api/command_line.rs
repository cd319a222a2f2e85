//! What is typed: help, bad use, bad configuration. One line says what and where; nothing panics.

use crate::harness::{App, bailiwick, repository, run, run_tool};
use std::fs;
use std::net::TcpListener;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Runs the binary with a file `config.toml` beside it.
fn bailiwick_with(config: &str, args: &[&str], envs: &[(&str, &str)]) -> Output {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("config.toml"), config).expect("the file is written");
    run(bailiwick(folder.path()).args(args).envs(envs.iter().copied()), "")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8")
}

/// Checks that the program refused in one line that holds all the words.
fn refused(output: &Output, code: i32, words: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "more than a line: {text}");
    assert!(!text.contains("panicked") && !text.contains("RUST_BACKTRACE"), "{text}");
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}

#[test]
fn the_version_is_printed() {
    let output = bailiwick_with("", &["--version"], &[]);
    assert_eq!(stdout(&output), format!("bailiwick {}\n", env!("CARGO_PKG_VERSION")));
    assert!(output.status.success());
}

#[test]
fn the_help_shows_examples() {
    let output = bailiwick_with("", &["--help"], &[]);
    let help = stdout(&output);
    assert!(output.status.success());
    for text in ["Examples:", "bailiwick --demo", "--bind", "--workers", "--config", "--log-level"]
    {
        assert!(help.contains(text), "`{text}` is missing:\n{help}");
    }
}

#[test]
fn bad_use_is_refused_in_a_line() {
    for (args, words) in [
        (&["--workers", "0"][..], &["workers", "0"][..]),
        (&["--workers", "many"], &["workers", "many"]),
        (&["--bind", "nowhere"], &["bind", "nowhere", "HOST:PORT"]),
        (&["--log-level", "loud"], &["level", "loud"]),
        (&["--config", "absent.toml"], &["absent.toml"]),
        (&["--no-such-flag"], &["--no-such-flag"]),
        (&["no-such-command"], &["no-such-command"]),
        (&["--user", "nosuch"], &["flag --user", "nosuch", "a user of this machine"]),
    ] {
        refused(&bailiwick_with("", args, &[]), 2, words);
    }
}

#[test]
fn a_bad_configuration_is_refused_with_its_place() {
    for (config, words) in [
        ("[server]\nworkers = 0\n", &["config.toml", "server.workers", "0"][..]),
        ("[server]\nwrokers = 2\n", &["config.toml", "wrokers"]),
        ("[server]\nkeepalive = \"long\"\n", &["config.toml", "server.keepalive", "long"]),
        ("[serve]\n", &["config.toml", "serve"]),
        ("[server\n", &["config.toml"]),
        ("[tokens]\nsecret = \"too-short-to-be-shown\"\n", &["tokens.secret", "32"]),
        ("[tokens]\nsecret_file = \"absent\"\n", &["absent", "secret"]),
        ("[tokens]\nleeway = 99_999_999_999_999_999_999\n", &["config.toml:2:", "too large"]),
        ("[docs]\nscope = \"nope\"\n", &["config.toml: docs.scope", "nope", "declared"]),
        ("[scopes]\nme = \"x\"\n", &["config.toml: scopes.\"me\"", "itself"]),
        ("[logging]\nformat = \"%(no)s\"\n", &["config.toml: logging.format", "asctime"]),
        (
            "[[logging.access_filters]]\nstatus = \"9xx\"\n",
            &["config.toml: logging.access_filters[0].status", "9xx", "404"],
        ),
        ("[server]\nuser = \"nosuch\"\n", &["config.toml: server.user", "nosuch"]),
    ] {
        let output = bailiwick_with(config, &["--config", "config.toml", "check-config"], &[]);
        refused(&output, 2, words);
        let shown = String::from_utf8_lossy(&output.stderr);
        assert!(!shown.contains("too-short-to-be-shown"), "{shown}");
    }
}

#[test]
fn a_bad_variable_is_refused_by_its_name() {
    for (name, value) in [("BAILIWICK__SERVER__WORKERS", "-1"), ("BAILIWICK__SERVER__WROKERS", "4")]
    {
        refused(&bailiwick_with("", &["check-config"], &[(name, value)]), 2, &[name]);
    }
}

#[test]
fn a_taken_port_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = bailiwick_with("", &["--demo", "--bind", &address], &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    // Lines of the start may stand before it.
    let last = text.trim_end().lines().last().unwrap_or_default();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(last.contains(&address) && last.contains("in use"), "{text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn the_published_secret_is_refused_outside_the_demo() {
    let secret = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";
    let envs = [("BAILIWICK__TOKENS__SECRET", secret)];
    let output = bailiwick_with("", &["--bind", "127.0.0.1:0"], &envs);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(1 | 2)), "{text}");
    assert!(text.contains("tokens.secret") && !text.contains(secret), "{text}");
    refused(&bailiwick_with("", &["check-config"], &envs), 2, &["tokens.secret", "--demo"]);
    let output = bailiwick_with("", &["--demo", "check-config"], &envs);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_right_configuration_is_said_to_be_right() {
    let output =
        bailiwick_with("[server]\nworkers = 3\n", &["-c", "config.toml", "check-config"], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn the_settings_are_printed_with_their_sources_but_without_secrets() {
    let secret = "printed-nowhere-printed-nowhere-printed-nowhere";
    let config = format!("[server]\nworkers = 3\n[tokens]\nsecret = \"{secret}\"\n");
    let output = bailiwick_with(
        &config,
        &["-c", "config.toml", "--log-level", "warning", "print-config"],
        &[("BAILIWICK__SERVER__KEEPALIVE", "7")],
    );
    let text = stdout(&output);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains(secret), "{text}");
    for (key, value, source) in [
        ("workers", "3", "config.toml"),
        ("keepalive", "7", "BAILIWICK__SERVER__KEEPALIVE"),
        ("level", "warning", "--log-level"),
        ("secret", "***", "config.toml"),
    ] {
        assert!(
            text.lines().any(|line| [key, value, source].iter().all(|part| line.contains(part))),
            "no line with {key}, {value} and {source}:\n{text}"
        );
    }
}

#[test]
fn users_are_managed_while_the_server_runs() {
    let app = App::bare().spawn();
    let password = "correct horse battery staple";
    let add = ["users", "add", "jane", "--scope", "me", "--password-stdin"];
    let output = app.command(&add, &format!("{password}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let listed = app.command(&["users", "list", "--json"], "");
    assert!(stdout(&listed).contains("\"jane\""), "{}", stdout(&listed));
    assert!(!stdout(&listed).contains("$2"), "a password hash is shown: {}", stdout(&listed));

    let token = app.login("jane", &password.replace(' ', "+"), "me");
    assert_eq!(app.get_as("/users/me", &token).json()["username"], "jane");

    assert!(app.command(&["users", "disable", "jane"], "").status.success());
    crate::harness::eventually("the old token to be refused", || {
        (app.get_as("/users/me", &token).status == 400).then_some(())
    });
}

#[test]
fn the_document_is_printed() {
    let output = bailiwick_with("", &["openapi"], &[]);
    let document: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(document["openapi"], "3.0.3");
    assert!(document["paths"]["/users/me"].is_object());
}

/// On a real terminal: asked twice, nothing of it shown, and in the end it opens.
#[test]
fn a_password_is_asked_for_without_echo() {
    let app = App::demo().env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4").spawn();
    let typed = |command: &[&str], answers: &str| {
        let binary = bailiwick(app.folder());
        let mut python = Command::new("python3");
        python.current_dir(app.folder()).env("BAILIWICK__DATA_DIR", app.data_dir());
        python.arg(repository("tests/clients/prompt.py")).arg(binary.get_program());
        let output = run(python.args(command), answers);
        (output.status.code(), stdout(&output).replace('\r', ""))
    };
    let (code, shown) = typed(&["users", "add", "jane"], "quiet river 9\nquiet river 9\n");
    assert_eq!((code, shown.as_str()), (Some(0), "New password: \n\nAgain: \n\njane: added\n"));
    app.login("jane", "quiet+river+9", "");
    for (answers, why) in
        [("quiet river 9\nother river 9\n", "differ"), ("short\nshort\n", "at least 8")]
    {
        let (code, shown) = typed(&["users", "set-password", "jane"], answers);
        assert_eq!(code, Some(1), "{shown}");
        assert!(
            shown.contains(why) && !shown.contains("river") && !shown.contains("short"),
            "{shown}"
        );
    }
}

#[test]
fn the_default_is_a_worker_thread_for_each_core_that_may_be_used() {
    let folder = TempDir::new().expect("a folder");
    let core = run_tool(
        Command::new("python3").args(["-c", "import os; print(min(os.sched_getaffinity(0)))"]),
    );
    let mut command = Command::new("taskset");
    command.args(["-c", core.trim()]).arg(env!("CARGO_BIN_EXE_bailiwick"));
    let shown = run_tool(command.arg("print-config").current_dir(folder.path()));
    let line = shown.lines().find(|line| line.starts_with("server.workers")).expect("the key");
    assert!(line.contains("(none: 1)"), "{line}");
}
