//! Asymmetric keys: published, verified by others, rotated, retired; and the switch to them.

mod attacks;
mod ends;
mod switch;

use crate::clients::python_tool;
use crate::harness::{App, eventually, repository, run_tool};
use crate::signer::claims;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};
use std::process::Command;

/// Where clients are told to reach the server.
pub(super) const ISSUER: &str = "https://auth.example.com";

pub(super) fn config(algorithm: &str) -> String {
    format!(
        "[server]\npublic_url = '{ISSUER}'\n[tokens]\nalgorithm = '{algorithm}'\n[passwords]\nbcrypt_cost = 4\n"
    )
}

pub(super) fn server(algorithm: &str) -> App {
    App::demo().config(&config(algorithm)).spawn()
}

pub(super) fn login(app: &App) -> String {
    app.login("johndoe", "1234", "me")
}

pub(super) fn admits(app: &App, token: &str) -> bool {
    match app.get_as("/users/me", token).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

/// The names in the JWKS, in the order in which they sign.
pub(super) fn published(app: &App) -> Vec<String> {
    let keys = app.get("/oauth/jwks").json()["keys"].as_array().expect("keys").clone();
    keys.iter().map(|key| key["kid"].as_str().expect("a kid").to_owned()).collect()
}

fn kid(token: &str) -> String {
    decode_header(token).expect("a header").kid.expect("a kid")
}

/// Runs `bailiwick keys`; returns its output.
pub(super) fn keys(app: &App, args: &[&str]) -> String {
    let output = app.command(&[&["keys"], args].concat(), "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn other_services_verify_tokens_with_the_published_keys() {
    for (algorithm, by) in
        [("EdDSA", Algorithm::EdDSA), ("ES256", Algorithm::ES256), ("RS256", Algorithm::RS256)]
    {
        let app = server(algorithm);
        let token = login(&app);
        assert!(admits(&app, &token) && admits(&app, &token), "also from memory");
        let head = decode_header(&token).expect("a header");
        assert_eq!((head.typ.as_deref(), head.alg), (Some("at+jwt"), by));

        let response = app.get("/oauth/jwks");
        assert_eq!(response.header("cache-control"), Some("public, max-age=3600"));
        let members =
            |key: &Value| key.as_object().expect("a key").keys().cloned().collect::<Vec<_>>();
        let private = ["d", "p", "q", "dp", "dq", "qi", "k"];
        let set = response.json();
        let all: Vec<_> = set["keys"].as_array().expect("keys").iter().flat_map(members).collect();
        assert!(all.iter().all(|name| !private.contains(&name.as_str())), "{all:?}");

        let set: JwkSet = serde_json::from_value(set).expect("a set");
        let key = set.find(&head.kid.expect("a kid")).expect("the key");
        let mut validation = Validation::new(by);
        validation.set_audience(&[ISSUER]);
        validation.set_issuer(&[ISSUER]);
        let key = DecodingKey::from_jwk(key).expect("a key");
        let read = decode::<Value>(&token, &key, &validation).expect("a valid token").claims;
        assert_eq!(read["username"], "johndoe");

        let arguments = [&app.url(""), ISSUER, &token];
        let script = |name: &str| repository("tests/clients").join(name);
        run_tool(python_tool("python").arg(script("verify_jwks.py")).args(arguments));
        run_tool(Command::new("node").arg(script("verify_jwks.mjs")).args(arguments));
    }
}

#[test]
fn a_token_has_the_claims_of_rfc_9068() {
    let app = App::demo().config(&config("ES256")).config("[docs]\nenabled = false\n").spawn();
    let read = claims(&login(&app));
    let names: Vec<_> = read.as_object().expect("claims").keys().map(String::as_str).collect();
    let expected = [
        "amr",
        "aud",
        "auth_time",
        "client_id",
        "exp",
        "iat",
        "iss",
        "jti",
        "scope",
        "sub",
        "username",
    ];
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, expected);
    assert_eq!(read["iss"], ISSUER);
    assert_eq!((&read["aud"], &read["scope"]), (&json!(ISSUER), &json!("me")));
    assert_eq!((&read["amr"], &read["auth_time"]), (&json!(["pwd"]), &read["iat"]));
    assert!(read["sub"].as_str().expect("a text").parse::<i64>().expect("an id") > 0);

    let metadata = app.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(metadata["issuer"], ISSUER);
    assert_eq!(metadata["jwks_uri"], format!("{ISSUER}/oauth/jwks"));
    assert_eq!(metadata["token_endpoint"], format!("{ISSUER}/token"));
    assert_eq!(metadata["revocation_endpoint"], format!("{ISSUER}/oauth/revoke"));
    assert_eq!(app.send("POST", "/oauth/jwks", &[], "").status, 405);
    let renamed = app.command(&["users", "rename", "johndoe", "john"], "");
    assert!(renamed.status.success(), "{renamed:?}");
}

/// A token is its user's by the id, whatever the name is now.
#[test]
fn a_renamed_user_keeps_the_token_and_a_deleted_one_does_not() {
    let app = server("EdDSA");
    let token = login(&app);
    for (args, name) in [
        (&["users", "rename", "johndoe", "john"][..], Some("john")),
        (&["users", "rename", "alice", "johndoe"], Some("john")),
        (&["users", "delete", "john", "--yes"], None),
    ] {
        let done = app.command(args, "");
        assert!(done.status.success(), "{done:?}");
        eventually("the change", || {
            let response = app.get_as("/users/me", &token);
            match name {
                Some(name) => {
                    (response.status == 200 && response.json()["username"] == name).then_some(())
                }
                None => (response.status == 401).then_some(()),
            }
        });
    }
}

#[test]
fn without_a_public_url_nothing_is_published() {
    let app = App::demo().spawn();
    for path in ["/oauth/jwks", "/.well-known/oauth-authorization-server"] {
        assert_eq!(app.get(path).status, 404, "{path}");
    }
    let app = App::demo().config(&format!("[server]\npublic_url = '{ISSUER}/auth'\n")).spawn();
    assert_eq!(published(&app), [""; 0]);
    let path = "/.well-known/oauth-authorization-server";
    let inserted = app.get(&format!("{path}/auth")).json();
    assert_eq!(inserted["issuer"], format!("{ISSUER}/auth"));
    assert_eq!(app.get(path).json(), inserted);
    for path in [path, &format!("{path}/auth"), "/oauth/jwks"] {
        for path in [path, &format!("{path}/")] {
            assert_eq!(app.get(path).status, 200, "{path}");
            let refused = app.send("POST", path, &[], "");
            assert_eq!(
                (refused.status, refused.header("allow")),
                (405, Some("GET, HEAD")),
                "{path}"
            );
        }
    }
    assert_eq!(app.get(&format!("{path}/other")).status, 404);
    let token = login(&app);
    assert!(admits(&app, &token));
    let read = claims(&token);
    assert!(read.get("iss").is_none() && read["sub"] == "johndoe", "{read}");
}

#[test]
fn keys_are_rotated_and_retired_while_the_server_runs() {
    let app = server("ES256");
    let first = login(&app);
    let line = keys(&app, &["rotate"]);
    assert!(line.contains(": published, signs from "), "{line}");
    let next = line.split(':').next().expect("a name").to_owned();
    let again = line.replace(": published,", ": is published already,");
    assert_eq!(keys(&app, &["rotate"]), again, "one next key at a time");
    eventually("the next key", || (published(&app) == [kid(&first), next.clone()]).then_some(()));
    assert_eq!(kid(&login(&app)), kid(&first), "it does not sign yet");

    keys(&app, &["rotate", "--now"]);
    let second =
        eventually("the next key's turn", || Some(login(&app)).filter(|token| kid(token) == next));
    assert!(admits(&app, &first) && admits(&app, &second), "the old one still verifies");
    let list: Value = serde_json::from_str(&keys(&app, &["list", "--json"])).expect("JSON");
    let state = |name: &str| {
        let mut all = list.as_array().expect("keys").iter();
        all.find(|key| key["kid"] == name).expect("the key")["state"].clone()
    };
    assert_eq!((state(&kid(&first)), state(&next)), (json!("verifies"), json!("signs")));
    let secret = list.as_array().expect("keys").iter().find(|key| key["kid"] == "HS256");
    assert_eq!(secret.expect("the record")["active_from"], Value::Null);

    // Retiring the one that signs puts another in its place.
    keys(&app, &["retire", &next]);
    eventually("its end", || (!admits(&app, &second)).then_some(()));
    assert!(admits(&app, &first));
    let third = login(&app);
    assert!(admits(&app, &third) && kid(&third) != next);
    keys(&app, &["retire", &kid(&first)]);
    eventually("its end", || (!admits(&app, &first)).then_some(()));
    assert_eq!(published(&app), [kid(&third)]);
    let unknown = app.command(&["keys", "retire", "x"], "");
    assert!(!unknown.status.success());
    assert!(!app.stderr.text().contains("PRIVATE"));
}
