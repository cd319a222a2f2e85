//! The switch from the shared secret to key pairs, one server after the other.

use crate::harness::{App, eventually};
use crate::postgres::shared;
use crate::secrets::{paste, procedure};
use crate::signer::claims;
use crate::{PASSWORD, add, config};
use std::fs;

/// After every single step, each server accepts what any of them has issued so far; and on the way
/// back.
fn the_guides_switch_refuses_no_token(url: &str) {
    let folder = tempfile::tempdir().expect("done");
    add(folder.path(), url, "jane", &["me"]);
    let replicas = [0; 3].map(|_| App::bare().config(&config(url)).spawn());
    let mut tokens = Vec::new();
    let mut none_is_refused = |when: &str| {
        let new = replicas.each_ref().map(|app| app.login("jane", PASSWORD, "me"));
        tokens.extend(new.clone());
        for (app, token) in replicas.iter().flat_map(|app| tokens.iter().map(move |it| (app, it))) {
            assert_eq!(app.get_as("/users/me", token).status, 200, "{when}");
        }
        new.map(|token| claims(&token)["iss"].is_string())
    };
    assert_eq!(none_is_refused("before"), [false; 3]);
    let listings = procedure("Switch to key pairs");
    let kinds: Vec<_> = listings.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["toml", "sh by-hand", "toml", "sh by-hand"]);
    let settle = |app: &App, settings: &str, reload: &str| {
        fs::write(app.folder().join("config.toml"), config(url) + settings).expect("done");
        paste(app, reload);
    };
    let (known, signing, reload) = (&listings[0].1, &listings[2].1, &listings[1].1);
    for app in &replicas {
        settle(app, known, reload);
        assert_eq!(none_is_refused("while the URL is told"), [false; 3]);
    }
    for (at, app) in replicas.iter().enumerate() {
        settle(app, signing, reload);
        let switched = none_is_refused("during the switch");
        assert_eq!(switched, [true, at > 0, at > 1], "{at}");
    }
    let listed = || {
        let output = replicas[0].command(&["keys", "list"], "");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    eventually("the record", || listed().contains("HS256").then_some(()));
    none_is_refused("after the switch");
    for app in &replicas {
        settle(app, known, reload);
        none_is_refused("on the way back");
    }
    let line = "tokens signed with the shared secret count again";
    eventually("a line", || {
        replicas.iter().any(|app| app.stderr.text().contains(line)).then_some(())
    });
    eventually("no record", || (!listed().contains("HS256")).then_some(()));
    assert_eq!(none_is_refused("at the end"), [false; 3]);
}

#[test]
fn the_guides_switch_refuses_no_token_on_postgresql() {
    the_guides_switch_refuses_no_token(&shared().url(&shared().database()));
}

#[test]
fn the_guides_switch_refuses_no_token_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("users.db").display());
    the_guides_switch_refuses_no_token(&url);
}
