//! What is said at the start of settings about signing in that would not do what they seem to.

use crate::harness::{App, bailiwick, run};
use crate::people::server;
use std::fs;
use tempfile::TempDir;

const URL: &str = "[server]\npublic_url = 'https://auth.example.com'\n";

/// What `check-config` and the start say of a configuration: whether it is valid, and every line.
fn judged(text: &str) -> (bool, String) {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("c.toml"), text).expect("written");
    let output = |command: &str| {
        let mut it = bailiwick(folder.path());
        let output = run(it.args(["--config", "c.toml", command]), "");
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (is_good, lines) = output("check-config");
    if !is_good {
        let (starts, said) = output("serve");
        assert!(!starts && said.contains(lines.trim()), "{lines}: {said}");
    }
    (is_good, lines)
}

#[test]
fn sessions_are_not_idle_for_longer_than_they_live() {
    let (is_good, lines) = judged("[sessions]\nidle = '2d'\nlifetime = '1d'\n");
    let told = "sessions.idle (file c.toml) is 172800 s, and sessions.lifetime (file c.toml) is 86400 s: \
                expected at most as many";
    assert!(!is_good && lines.contains(told), "{lines}");
    for good in ["idle = '1d'\nlifetime = '1d'", "lifetime = '1h'", "idle = '30d'"] {
        let (is_good, lines) = judged(&format!("[sessions]\n{good}\n"));
        assert!(is_good, "{good}: {lines}");
    }
}

#[test]
fn a_logo_is_looked_at_before_the_start() {
    for (logo, cause) in [("/absent/logo.svg", "No such file"), ("/etc/passwd", "is no .svg")] {
        let (is_good, lines) = judged(&format!("{URL}[pages]\nlogo = '{logo}'\n"));
        let is_told = lines.contains(logo) && lines.contains("pages.logo") && lines.contains(cause);
        assert!(!is_good && is_told, "{lines}");
    }
}

#[test]
fn a_public_url_has_the_path_that_the_proxy_takes_away() {
    for (settings, is_told) in [
        ("public_url = 'https://example.com/auth'", true),
        ("public_url = 'https://example.com/auth'\nroot_path = '/api'", true),
        ("public_url = 'https://example.com'\nroot_path = '/api'", true),
        ("public_url = 'https://example.com/auth'\nroot_path = '/auth'", false),
        (
            "public_url = 'https://example.com/auth'\nroot_path = '/auth'\nstrip_root_path = true",
            false,
        ),
        ("root_path = '/auth'", false),
    ] {
        let (is_good, lines) = judged(&format!("[server]\n{settings}\n"));
        assert!(is_good, "{settings}: {lines}");
        let warning = "warning: server.public_url (file c.toml) has the path `";
        assert_eq!(lines.contains(warning), is_told, "{settings}: {lines}");
    }
}

/// Why there is nothing at /auth/login.
#[test]
fn a_demo_without_pages_says_why() {
    for (config, why) in [
        ("", "port 0 is another one at each start"),
        ("[tokens]\nissuer = 'us'\n", "tokens.issuer is set"),
        ("[server]\nroot_path = '/auth'\n", "a proxy stands before this server"),
    ] {
        let app = App::demo().config(config).spawn();
        let line = app.stderr.wait_for("--demo: no pages to sign in at, for ");
        assert!(line.contains(why) && line.contains("server.public_url"), "{line}");
        assert_eq!(app.get("/auth/login").status, 404);
    }
    let app = App::demo().at_a_known_port().spawn();
    app.stderr.wait_for("--demo: sign in at http://127.0.0.1:");
    assert!(!app.stderr.text().contains("no pages"), "{}", app.stderr.text());
}

/// The demo's public URL stands in no file that the command could read.
#[test]
fn clients_that_count_with_a_running_demo_are_added_without_a_warning() {
    let add = ["clients", "add", "web", "--redirect-uri", "https://app.example.com/cb"];
    let warning = "server.public_url is not set";
    let demo = App::demo().at_a_known_port().spawn();
    let added = demo.command(&add, "");
    let said = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success() && !said.contains(warning), "{said}");
    let other = server("").spawn();
    let added = other.command(&add, "");
    let said = String::from_utf8_lossy(&added.stderr);
    assert!(added.status.success() && said.contains(warning), "{said}");
}
