//! Keys in the audit log: each command, how it ended, and what the servers do by themselves.

use super::audit_action::AuditAction;
use super::{Fields, audited, read, wait_for};
use crate::harness::{App, bailiwick, run, run_tool};
use crate::signer::SECRET;
use std::fs;
use std::process::{Command, Output};

/// With everything that is told of: refresh tokens, and a key that the server makes.
pub(super) const CONFIG: &str = "
    [server]
    public_url = 'http://127.0.0.1:9'
    [tokens]
    algorithm = 'EdDSA'
    password_refresh = true
";

/// Does what the action is about, and says what of it is to be read.
pub(super) fn provoke(app: &App, action: AuditAction) -> Vec<(&'static str, &'static str)> {
    let by_command = |args: &[&str], more: &[(&'static str, &'static str)]| {
        let output = keys(app, args);
        assert!(output.status.success(), "{output:?}");
        [&[("outcome", "accepted"), ("via", "command")], more].concat()
    };
    let with = ("algorithm", "EdDSA");
    match action {
        // Its first one.
        AuditAction::SigningKeyMake => vec![("outcome", "accepted"), ("via", "server"), with],
        AuditAction::SigningKeyImport => {
            generate(app, "imported.pem", &["ed25519"]);
            by_command(&["import", "imported.pem"], &[with])
        }
        AuditAction::SigningKeyRotate => by_command(&["rotate", "--now"], &[with]),
        AuditAction::SigningKeyRetire => {
            assert_eq!(keys(app, &["retire", "x"]).status.code(), Some(1));
            vec![("outcome", "refused"), ("reason", "unknown_key"), ("kid", "x")]
        }
        AuditAction::ServerKeysDiscard => {
            by_command(&["discard", "--yes"], &[("replaced", ""), ("logins_ended", "0")])
        }
        _ => by_command(&["rewrap"], &[("changed", "0")]),
    }
}

/// Runs `bailiwick keys` with the server's secret.
fn keys(app: &App, args: &[&str]) -> Output {
    let mut command = bailiwick(app.folder());
    command.env("BAILIWICK__TOKENS__SECRET", SECRET).args(["--config", "config.toml", "keys"]);
    run(command.args(args), "")
}

fn generate(app: &App, file: &str, kind: &[&str]) {
    let mut openssl = Command::new("openssl");
    openssl.args(["genpkey", "-algorithm"]).args(kind).args(["-out", file]);
    run_tool(openssl.current_dir(app.folder()));
}

#[test]
fn each_keys_command_leaves_its_line_however_it_ends() {
    let app = audited(CONFIG);
    let printed = |args: &[&str]| {
        let output = keys(&app, args);
        assert!(output.status.success(), "{args:?}: {output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.split(':').next().expect("a name").to_owned()
    };
    let accepted = |what: &str, kid: &str, more: Fields<'_>| {
        let fields = [("what", what), ("outcome", "accepted"), ("via", "command"), ("kid", kid)];
        wait_for(&app, &[&fields, more].concat())
    };
    let next = printed(&["rotate"]);
    let line = accepted("signing_key_rotate", &next, &[("algorithm", "EdDSA")]);
    assert!(line["active_from"].as_str().expect("a time").ends_with('Z'), "{line}");
    generate(&app, "rsa.pem", &["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]);
    let imported = printed(&["import", "rsa.pem"]);
    accepted("signing_key_import", &imported, &[("algorithm", "RS256")]);
    let first = app.get("/oauth/jwks").json()["keys"][0]["kid"].as_str().expect("it").to_owned();
    assert_eq!(printed(&["retire", &first]), first);
    accepted("signing_key_retire", &first, &[("next_kid", &next)]);
    printed(&["rewrap"]);
    wait_for(&app, &[("what", "server_keys_rewrap"), ("outcome", "accepted"), ("changed", "0")]);

    for (args, what, reason) in [
        (&["retire", "x"][..], "signing_key_retire", "unknown_key"),
        (&["import", "rsa.pem"], "signing_key_import", "invalid"),
        (&["import", "config.toml"], "signing_key_import", "invalid"),
    ] {
        let output = keys(&app, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {output:?}");
        wait_for(&app, &[("what", what), ("outcome", "refused"), ("reason", reason)]);
    }
    let before = read(&app, "audit.log").lines().count();
    printed(&["list"]);
    assert_eq!(read(&app, "audit.log").lines().count(), before, "a look changes nothing");
    let body = fs::read_to_string(app.folder().join("rsa.pem")).expect("a key");
    let all = read(&app, "audit.log") + &read(&app, "audit.json");
    assert!(body.lines().all(|line| line.starts_with('-') || !all.contains(line)));
}
