//! Keys in the wrong place: the log must not keep them.

use super::{basic, make, with_keys};
use crate::harness::eventually;
use crate::people::log_in;
use std::fs;

/// The same for what else clients hold.
#[test]
fn other_secrets_in_the_wrong_place_are_not_logged() {
    let url = "[server]\npublic_url = 'https://auth.example.com'\n";
    let app = with_keys(&format!("{url}[audit]\nretain_days = 7\n"));
    let refresh = "bwr_AQAAAAAAAKvNAAAAAAAAAAUAAAAAAAABAnP5mbV5Aik6Fm_--7hUSCs";
    let client = format!("bwc_{}", "Zx9".repeat(14));
    for secret in [refresh, &client] {
        let masked = format!("{}***", &secret[..4]);
        assert_eq!(log_in(&app, &[("username", secret), ("password", "x")]).status, 400);
        app.stderr.wait_for(&format!("who=\"{masked}\""));
        let fields = [
            ("username", "jane"),
            ("password", "x"),
            ("client_id", secret),
            ("client_secret", "x"),
        ];
        assert!(matches!(log_in(&app, &fields).status, 400 | 401));
        for path in [format!("/{secret}"), format!("/users/{secret}?x={secret}")] {
            let headers = [("referer", &*format!("http://a/{secret}")), ("user-agent", "curl")];
            app.send("GET", &path, &headers, "");
        }
        app.stdout.wait_for(&format!("/users/{masked}?x={masked}"));
        let kept = eventually("the event in the database", || {
            let kept = app.command(&["audit", "--format", "json"], "");
            let kept = String::from_utf8_lossy(&kept.stdout).into_owned();
            kept.contains(&masked).then_some(kept)
        });
        let logged = app.stdout.text() + &app.stderr.text() + &kept;
        assert!(!logged.contains(secret), "{logged}");
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_logged() {
    let app = with_keys("[audit]\nretain_days = 7\n");
    let (id, key) = make(&app, &["me"]);
    for name in [key.clone(), format!("x {key} y")] {
        assert_eq!(log_in(&app, &[("username", &name), ("password", "x")]).status, 400);
        assert_eq!(basic(&app, &name, "").status, 401);
        let scope = [("username", "jane"), ("password", "x"), ("scope", name.as_str())];
        assert_eq!(log_in(&app, &scope).status, 400);
    }
    for path in [format!("/{key}"), format!("/users/{key}"), format!("/users/me?x={key}&{key}")] {
        let headers = [("referer", &*format!("http://a/{key}")), ("user-agent", "curl")];
        app.send("GET", &path, &headers, "");
    }
    app.stdout.wait_for(&format!("/users/me?x=bwk_{id}***&bwk_{id}***"));
    app.stderr.wait_for(&format!("who=\"bwk_{id}***\""));
    let revoked = app.command(&["api-keys", "revoke", &key], "");
    let said = [revoked.stdout, revoked.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.starts_with(&format!("jane: revoked the API key {id}")), "{said}");
    let kept = app.command(&["audit", "--format", "json"], "");
    assert!(String::from_utf8_lossy(&kept.stdout).contains(&format!("bwk_{id}***")));
    let logged = app.stdout.text() + &app.stderr.text();
    assert!(!logged.contains(&key) && !said.contains(&key));
    for file in fs::read_dir(app.data_dir()).expect("the folder").flatten() {
        let bytes = fs::read(file.path()).unwrap_or_default();
        let found = bytes.windows(key.len()).any(|part| part == key.as_bytes());
        assert!(!found, "{}", file.path().display());
    }
}
