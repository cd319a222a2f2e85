//! `bailiwick clients`.

use super::keys::jwks;
use super::{done, issuing, refused};
use crate::harness::App;
use serde_json::{Value, json};
use std::fs;

fn shown(app: &App, id: &str) -> Value {
    serde_json::from_str(&done(app, &["clients", "show", id, "--json"], "")).expect("JSON")
}

#[test]
fn a_client_lives_from_add_to_delete() {
    let app = issuing("");
    let add = [
        "clients",
        "add",
        "web",
        "--name",
        "The web",
        "--redirect-uri",
        "https://app.example.com/cb",
    ];
    let more =
        ["--redirect-uri", "http://127.0.0.1/cb", "--scope", "me", "--scope", "items", "--json"];
    let added: Value =
        serde_json::from_str(&done(&app, &[&add[..], &more].concat(), "")).expect("JSON");
    let secret = added["client_secret"].as_str().expect("a secret").to_owned();
    assert!(secret.starts_with("bwc_") && secret.len() == 47, "{secret}");
    let mut web = shown(&app, "web");
    assert!(!web.to_string().contains(&secret));
    assert_eq!(web["secrets"].as_array().map(Vec::len), Some(1));
    for moving in ["client_id_issued_at", "secrets"] {
        drop(web.as_object_mut().expect("an object").remove(moving));
    }
    let expected = json!({
        "client_id": "web",
        "client_name": "The web",
        "redirect_uris": ["https://app.example.com/cb", "http://127.0.0.1/cb"],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code"],
        "scope": "me items",
        "source": "database",
    });
    assert_eq!(web, expected);
    fs::write(app.folder().join("keys.json"), jwks().to_string()).expect("written");
    let set = ["clients", "set", "web", "--auth-method", "private_key_jwt", "--jwks", "keys.json"];
    assert_eq!(done(&app, &set, ""), "web: changed\n");
    done(&app, &["clients", "set", "web", "--name", "", "--scope", "", "--introspect"], "");
    let web = shown(&app, "web");
    assert_eq!(
        (&web["jwks"], &web["scope"], &web["introspect"]),
        (&jwks(), &json!(""), &json!(true))
    );
    assert!(
        web["client_name"].is_null() && web["redirect_uris"].as_array().map(Vec::len) == Some(2)
    );
    // Of an id that is made here.
    let add = ["clients", "add", "--grant-type", "client_credentials", "--json"];
    let random: Value = serde_json::from_str(&done(&app, &add, "")).expect("JSON");
    let random = random["client_id"].as_str().expect("an id").to_owned();
    assert!(random.len() == 33 && random.starts_with('c'), "{random}");
    let table = done(&app, &["clients", "list"], "");
    let rows: Vec<_> =
        table.lines().map(|row| row.split_whitespace().next().expect("an id")).collect();
    assert_eq!(rows, ["CLIENT", &random, "web"], "{table}");
    assert!(done(&app, &["clients", "show", "web"], "").contains("source: \"database\"\n"));
    assert_eq!(done(&app, &["clients", "delete", "web"], ""), "web: deleted\n");
    for command in
        [&["show", "web"][..], &["delete", "web"], &["set", "web"], &["rotate-secret", "web"]]
    {
        let line = refused(&app, &[&["clients"], command].concat(), "");
        assert_eq!(line, "bailiwick: web: no such client", "{command:?}");
    }
}

#[test]
fn what_is_wrong_is_told_in_a_line() {
    let app = issuing("");
    done(&app, &["clients", "add", "taken", "--grant-type", "client_credentials"], "");
    let file = |name: &str, text: &str| fs::write(app.folder().join(name), text).expect("written");
    file(
        "private.json",
        r#"{"keys":[{"kty":"EC","crv":"P-256","x":"","y":"","d":"secret-part"}]}"#,
    );
    file("none.json", "not JSON");
    let service = ["--grant-type", "client_credentials"];
    for (more, line) in [
        (
            &["new"][..],
            "redirect_uris: authorization_code, the default of grant_types, needs at least one",
        ),
        (&["new", "--redirect-uri", "/cb"], "redirect_uris: `/cb` is not absolute"),
        (
            &["new", "--redirect-uri", "javascript:alert(1)"],
            "redirect_uris: `javascript:alert(1)` has a scheme that is no domain name in reverse order",
        ),
        (
            &["new", "--redirect-uri", "ms-settings:network"],
            "redirect_uris: `ms-settings:network` has a scheme that is no domain name",
        ),
        (
            &["new", "--redirect-uri", "http://127.0.0.1:0/cb"],
            "redirect_uris: `http://127.0.0.1:0/cb` has no valid port",
        ),
        (
            &["new", "--redirect-uri", "https://app.example.com/cb%00"],
            "redirect_uris: `https://app.example.com/cb%00` has an encoded control character",
        ),
        (
            &["new", "--redirect-uri", "https://app.example.com/cb?state=x"],
            "redirect_uris: `https://app.example.com/cb?state=x` has the query parameter `state`",
        ),
        (
            &["new", "--post-logout-redirect-uri", "search-ms:query=x"],
            "post_logout_redirect_uris: `search-ms:query=x` has a scheme that is no domain name",
        ),
        (&["new", "--redirect-uri", "http://app.example.com/"], "is http, which is for localhost"),
        (
            &["new", "--post-logout-redirect-uri", "https://a/#b"],
            "post_logout_redirect_uris: `https://a/#b` has a fragment",
        ),
        (&["new", "--auth-method", "none"], "not `none`"),
        (
            &["new", "--auth-method", "private_key_jwt"],
            "jwks: private_key_jwt needs the client's public keys",
        ),
        (&["new", "--jwks", "private.json"], "jwks: keys[0]: is a private key"),
        (&["new", "--jwks", "none.json"], "none.json: expected a JWK Set, which is JSON"),
        (&["new", "--jwks", "absent.json"], "absent.json: No such file"),
        (&["new", "--scope", "root"], "scope: `root` is not a declared scope"),
        (&["new", "--name", "a\nb"], "client_name: expected 1 to 100 characters"),
        (&["taken"], "taken: a client with that id already exists"),
        (&["0123456789"], "is not a number, `bailiwick` or `me`"),
        (&["bailiwick"], "is not a number, `bailiwick` or `me`"),
        (&["a/b"], "a client's id is 1 to 128 letters, digits"),
        (
            &["new", "--grant-type", "implicit"],
            "expected one of authorization_code, client_credentials",
        ),
        (&["new", "--auth-method", "client_secret_jwt"], "expected one of client_secret_basic"),
    ] {
        let grants = if line.contains("default of grant_types") { &[][..] } else { &service };
        let found = refused(&app, &[&["clients", "add"], more, grants].concat(), "");
        assert!(found.contains(line) && found.lines().count() == 1, "{found}");
        assert!(!found.contains("secret-part"), "{found}");
    }
    let short = [&["clients", "add", "new", "--secret-stdin"][..], &service].concat();
    let line = refused(&app, &short, "only-thirty-one-bytes-of-secret\n");
    assert_eq!(line, "bailiwick: new: the client's secret has fewer than 32 bytes");
    assert_eq!(done(&app, &["clients", "list"], "").lines().count(), 2, "nothing was registered");
}

/// Where it is not an authorization server, clients are of no use yet.
#[test]
fn a_missing_url_is_told() {
    let app = crate::people::server("").spawn();
    let output = app.command(&["clients", "add", "c", "--grant-type", "client_credentials"], "");
    let line = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(output.status.success() && line.contains("server.public_url is not set"), "{line}");
}
