//! The shipped filter of fail2ban reads what the server writes, and nobody can have others banned.

use super::{audited, basic, read, wait_for};
use crate::harness::{FORM, repository, run_tool};
use crate::people::{PASSWORD, call, log_in};
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
