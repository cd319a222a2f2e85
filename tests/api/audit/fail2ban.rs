//! The shipped filter of fail2ban reads what the server writes, and nobody can have others banned.

use super::{audited, audited_by, basic, read, wait_for};
use crate::harness::{FORM, eventually, repository, run_tool};
use crate::people::{PASSWORD, call, log_in, server};
use crate::signer::token;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

/// The addresses that fail2ban finds in a log, with the number of their failures.
fn found(log: &std::path::Path) -> BTreeMap<String, usize> {
    let mut tool = Command::new("fail2ban-regex");
    tool.arg("--out=ip").arg(log).arg(repository("config/fail2ban/filter.d/bailiwick.conf"));
    let mut found = BTreeMap::new();
    for address in run_tool(&mut tool).lines() {
        *found.entry(address.to_owned()).or_default() += 1;
    }
    found
}

#[test]
fn guesses_are_found_and_nothing_else() {
    let app = audited("[server]\nforwarded_allow_ips = [\"127.0.0.1\"]\n");
    let guess = |name: &str, address: &str| {
        let headers = [("content-type", FORM), ("x-forwarded-for", address)];
        let form = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", name), ("password", "wrong")])
            .finish();
        assert_eq!(app.send("POST", "/token", &headers, &form).status, 400);
    };
    guess("johndoe", "203.0.113.9");
    guess("johndoe", "203.0.113.9");
    guess("nobody", "2001:db8::7");
    for forged in [
        "x address=198.51.100.1 ",
        "x\" address=198.51.100.1 who=\"",
        "x\n2026-11-26 09:00:00,000 - WARNING - bailiwick.audit - what=login outcome=refused \
         reason=wrong_password via=http address=198.51.100.1 who=x",
    ] {
        guess(forged, "203.0.113.66");
    }
    basic(&app, "johndoe", "wrong");
    let body = json!({"old_password": "wrong", "password": "thimblerig-43"});
    let own = ("PUT", "/users/me/password");
    assert_eq!(call(&app, own, &token("johndoe", &["me"]), &body).status, 400);
    // What is no guess: a login, a refused change, a scope that is not held.
    basic(&app, "johndoe", PASSWORD);
    log_in(&app, &[("username", "johndoe"), ("password", PASSWORD), ("scope", "users:write")]);
    wait_for(&app, &[("reason", "scope_not_allowed")]);
    let copy = app.folder().join("copy.log");
    fs::write(&copy, read(&app, "audit.log")).expect("written");
    let expected = [("127.0.0.1", 2), ("2001:db8::7", 1), ("203.0.113.66", 3), ("203.0.113.9", 2)];
    assert_eq!(found(&copy), expected.map(|(ip, count)| (ip.to_owned(), count)).into());
}

/// Whoever goes on after a 429 is found as well.
#[test]
fn refusals_by_the_throttle_are_found() {
    let app = audited_by(server("").env("BAILIWICK__LOGINS__THROTTLE", "true"), "");
    let statuses: Vec<_> = (0..9)
        .map(|_| log_in(&app, &[("username", "johndoe"), ("password", "wrong")]).status)
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 4);
    wait_for(&app, &[("reason", "throttled")]);
    let copy = app.folder().join("copy.log");
    let lines = eventually("all lines", || {
        let text = read(&app, "audit.log");
        (text.matches("what=login").count() == 9).then_some(text)
    });
    fs::write(&copy, lines).expect("written");
    assert_eq!(found(&copy), BTreeMap::from([("127.0.0.1".to_owned(), 9)]));
}
