//! What ends the tokens of a user ends those of keys, seen before or not; and what keys end.

use super::{admits, config, keys, login, server};
use crate::harness::{App, FORM, eventually, run_tool};
use crate::signer::claims;
use std::fs;
use std::process::Command;

#[test]
fn what_ends_a_users_tokens_ends_those_of_keys() {
    for algorithm in ["EdDSA", "RS256"] {
        let app = server(algorithm);
        let mut password = "1234";
        for (args, status) in [
            (&["sign-out", "johndoe"][..], 401),
            (&["set-password", "johndoe", "--password-stdin"], 401),
            (&["sign-out", "johndoe"], 401),
            (&["disable", "johndoe"], 400),
            (&["delete", "johndoe", "--yes"], 401),
        ] {
            // Of a disabled user, too: it can log in, as in FastAPI's tutorial.
            let (seen, unseen) =
                (app.login("johndoe", password, "me"), app.login("johndoe", password, "me"));
            let before = app.get_as("/users/me", &seen).status;
            assert!(before == 200 || args[0] == "delete", "{args:?}: {before}");
            let next = "another-heron-42";
            let done = app.command(&[&["users"], args].concat(), next);
            assert!(done.status.success(), "{done:?}");
            eventually(&format!("the end by {args:?}"), || {
                (app.get_as("/users/me", &seen).status == status).then_some(())
            });
            assert_eq!(app.get_as("/users/me", &unseen).status, status, "{args:?}");
            if args[0] == "set-password" {
                password = next;
            }
            if status == 401 && args[0] != "delete" {
                let fresh = app.login("johndoe", password, "me");
                assert!(admits(&app, &fresh), "{args:?}: only what was out has ended");
            }
        }
    }
}

/// It is refused where it was seen, too; another one of the same user is not.
#[test]
fn one_token_of_a_key_is_revoked() {
    let app = server("ES256");
    let [seen, unseen, other] = [0; 3].map(|_| login(&app));
    assert!(admits(&app, &seen) && admits(&app, &other));
    for token in [&seen, &unseen] {
        let headers = [("content-type", FORM)];
        let ended = app.send("POST", "/oauth/revoke", &headers, &format!("token={token}"));
        assert_eq!(ended.status, 200);
        eventually("the end", || (!admits(&app, token)).then_some(()));
    }
    assert!(admits(&app, &other));
}

#[test]
fn the_shared_secret_can_be_ended_at_once_after_a_switch() {
    let app = App::demo().spawn();
    let refused = app.command(&["keys", "retire", "HS256"], "");
    let line = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && line.contains("no key is named"), "{line}");

    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data").display().to_string();
    let start = |algorithm: &str| {
        let app = App::demo().config(&config(algorithm));
        app.env("BAILIWICK__DATA_DIR", &data).spawn()
    };
    let app = start("HS256");
    let out = login(&app);
    assert!(claims(&out)["iss"].is_null());
    drop(app);
    let app = start("ES256");
    assert!(admits(&app, &out));
    let in_folder = |args: &[&str]| {
        let mut command = crate::harness::bailiwick(app.folder());
        command.env("BAILIWICK__DATA_DIR", &data).args(["--demo", "--config", "config.toml"]);
        crate::harness::run(command.args(args), "")
    };
    let done = in_folder(&["keys", "retire", "HS256"]);
    assert!(done.status.success(), "{done:?}");
    eventually("the end", || (!admits(&app, &out)).then_some(()));
    assert!(admits(&app, &login(&app)));
}

/// What each fault of a file is told as; nothing of the key is shown.
#[test]
fn a_file_that_has_no_usable_key_is_refused_with_its_fault() {
    let app = server("EdDSA");
    let openssl = |args: &[&str]| {
        run_tool(Command::new("openssl").args(args).current_dir(app.folder()));
    };
    let generate = |kind: &[&str], file: &str| {
        openssl(&[&["genpkey", "-algorithm"], kind, &["-out", file]].concat());
    };
    generate(&["RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "small.pem");
    generate(&["EC", "-pkeyopt", "ec_paramgen_curve:P-384"], "p384.pem");
    generate(&["ed448"], "ed448.pem");
    generate(&["x25519"], "x25519.pem");
    generate(&["ed25519"], "good.pem");
    let sealed = ["-out", "encrypted.pem", "-aes-256-cbc", "-passout", "pass:x"];
    openssl(&[&["pkey", "-in", "good.pem"][..], &sealed].concat());
    openssl(&["pkey", "-in", "good.pem", "-pubout", "-out", "public.pem"]);
    openssl(&["ecparam", "-name", "prime256v1", "-genkey", "-out", "sec1.pem"]);
    openssl(&["pkey", "-in", "good.pem", "-outform", "DER", "-out", "good.der"]);
    fs::write(app.folder().join("key.json"), "{\"kty\": \"OKP\", \"d\": \"x\"}").expect("done");
    for (file, words) in [
        ("small.pem", "RSA of 2048 to 4096 bits"),
        ("p384.pem", "EC on P-256"),
        ("ed448.pem", "expected Ed25519"),
        ("x25519.pem", "expected Ed25519"),
        ("encrypted.pem", "is encrypted"),
        ("public.pem", "only what is public"),
        ("sec1.pem", "openssl pkey"),
        ("key.json", "expected PEM"),
        ("good.der", "PEM"),
        ("missing.pem", "No such file"),
        (".", "directory"),
    ] {
        let output = app.command(&["keys", "import", file], "");
        let line = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{file}: {line}");
        assert!(line.contains(words) && line.contains(file), "{file}: {line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
    // As its message says.
    openssl(&["pkey", "-in", "sec1.pem", "-out", "pkcs8.pem"]);
    for (file, words) in [
        ("good.pem", "imported, signs from "),
        ("pkcs8.pem", "imported, verifies; it signs only with tokens.algorithm = \"ES256\""),
    ] {
        let line = keys(&app, &["import", file]);
        assert!(line.contains(words), "{line}");
    }
}
