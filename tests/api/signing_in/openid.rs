//! OpenID Connect: discovery, ID tokens, userinfo.

use super::{CHALLENGE, Client, assert_error, done, verify, with_pages};
use crate::browser_sessions::URL;
use crate::browser_sessions::visitor::Visitor;
use crate::harness::{FORM, eventually};
use crate::people::{import, server};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, decode_header};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[test]
fn discovery_says_what_there_is() {
    let app = with_pages("");
    let answer = app.get("/.well-known/openid-configuration");
    assert_eq!(answer.status, 200);
    let found = answer.json();
    assert_eq!(found["issuer"], URL);
    for (name, path) in [
        ("authorization_endpoint", "/oauth/authorize"),
        ("token_endpoint", "/token"),
        ("userinfo_endpoint", "/oauth/userinfo"),
        ("jwks_uri", "/oauth/jwks"),
        ("end_session_endpoint", "/oauth/logout"),
        ("revocation_endpoint", "/oauth/revoke"),
        ("introspection_endpoint", "/oauth/introspect"),
    ] {
        assert_eq!(found[name], format!("{URL}{path}"), "{name}");
    }
    for (name, values) in [
        ("response_types_supported", json!(["code"])),
        ("response_modes_supported", json!(["query", "form_post"])),
        ("subject_types_supported", json!(["public"])),
        ("id_token_signing_alg_values_supported", json!(["RS256"])),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("grant_types_supported", json!(["authorization_code", "refresh_token", "password"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("request_parameter_supported", json!(false)),
        ("request_uri_parameter_supported", json!(false)),
        ("backchannel_logout_supported", json!(true)),
    ] {
        assert_eq!(found[name], values, "{name}");
    }
    for scope in ["openid", "profile", "email", "offline_access", "me"] {
        assert!(found["scopes_supported"].as_array().expect("scopes").contains(&json!(scope)));
    }
    assert_eq!(app.get("/.well-known/oauth-authorization-server").json(), found);
    // The key for ID tokens is there as soon as somebody knows of them.
    let keys = app.get("/oauth/jwks").json();
    assert_eq!(
        (&keys["keys"][0]["alg"], &keys["keys"][0]["use"]),
        (&json!("RS256"), &json!("sig"))
    );

    let below = server("[server]\npublic_url = 'https://example.com/a/b'\n").spawn();
    for path in ["", "/a/b", "/", "/a/b/"] {
        let found = below.get(&format!("/.well-known/openid-configuration{path}")).json();
        assert_eq!(found["issuer"], "https://example.com/a/b", "{path}");
    }
    assert_eq!(below.get("/.well-known/openid-configuration/a").status, 404);
    for path in [
        "/.well-known/openid-configuration",
        "/oauth/userinfo",
        "/oauth/authorize",
        "/oauth/logout",
        "/auth/signed-out",
    ] {
        assert_eq!(server("").spawn().get(path).status, 404, "{path}");
    }
}

#[test]
fn an_id_token_says_who_has_logged_in() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[("nonce", "n-\"0S6_WzA2Mj")]);
    let token = tokens["id_token"].as_str().expect("it");
    let head = decode_header(token).expect("a header");
    assert_eq!((head.alg, head.typ.as_deref()), (Algorithm::RS256, Some("JWT")));
    let read = web.verified(&tokens);
    let names: BTreeSet<_> = read.as_object().expect("claims").keys().map(String::as_str).collect();
    let expected =
        ["amr", "at_hash", "aud", "auth_time", "azp", "exp", "iat", "iss", "nonce", "sid", "sub"];
    assert_eq!(names, BTreeSet::from(expected));
    assert_eq!(
        (&read["nonce"], &read["aud"], &read["azp"]),
        (&json!("n-\"0S6_WzA2Mj"), &json!("web"), &json!("web"))
    );
    assert_eq!(read["amr"], json!(["pwd"]));
    let hash = Sha256::of(tokens["access_token"].as_str().expect("it"));
    assert_eq!(read["at_hash"], URL_SAFE_NO_PAD.encode(&hash[..16]));
    assert!(read["sub"].as_str().expect("a text").parse::<i64>().expect("an id") > 0);
    let life = read["exp"].as_i64().expect("it") - read["iat"].as_i64().expect("it");
    assert_eq!(life, 1800);
    assert!(web.sign_in(&mut browser, &[("scope", "me")]).get("id_token").is_none());
    let without = web.verified(&web.sign_in(&mut browser, &[]));
    assert!(without.get("nonce").is_none());
    // After a rename it is the same user.
    done(&app, &["users", "rename", "bob", "rob"]);
    let renamed = eventually("the new name", || {
        let tokens = web.sign_in(&mut browser, &[("scope", "openid profile")]);
        let token = tokens["access_token"].as_str().expect("it").to_owned();
        let told = app.get_as("/oauth/userinfo", &token).json();
        (told["preferred_username"] == "rob").then_some(told)
    });
    assert_eq!(renamed["sub"], read["sub"]);
}

/// SHA-256 by the `ring` of the tests' TLS-less world: Python knows it, too.
struct Sha256;

impl Sha256 {
    fn of(text: &str) -> Vec<u8> {
        let code = "import hashlib, sys; print(hashlib.sha256(sys.argv[1].encode()).hexdigest())";
        let mut python = std::process::Command::new("python3");
        let printed = crate::harness::run_tool(python.args(["-c", code, text]));
        let digits = printed.trim();
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).expect("hex"))
            .collect()
    }
}

/// RS256 whatever signs access tokens; another algorithm is the client's wish, if there are keys for it.
#[test]
fn a_client_chooses_what_signs_its_id_tokens() {
    for (algorithm, chosen) in [("EdDSA", "EdDSA"), ("ES256", "ES256"), ("RS256", "RS256")] {
        let app = with_pages(&format!("[tokens]\nalgorithm = '{algorithm}'\n"));
        let usual = Client::add(&app, "usual", &[]);
        let other = Client::add(&app, "other", &["--id-token-alg", chosen]);
        let mut browser = Visitor::of(&app);
        for (client, expected) in [(&usual, "RS256"), (&other, chosen)] {
            let tokens = client.sign_in(&mut browser, &[]);
            let token = tokens["id_token"].as_str().expect("it");
            let head = decode_header(token).expect("a header");
            assert_eq!(format!("{:?}", head.alg), expected);
            client.verified(&tokens);
            let access = decode_header(tokens["access_token"].as_str().expect("it")).expect("it");
            assert_eq!(format!("{:?}", access.alg), algorithm);
        }
    }
}

#[test]
fn userinfo_tells_what_the_scopes_allow() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    import(
        &app,
        &[
            json!({"username": "carol", "email": "carol@example.com", "full_name": "Carol C", "scopes": ["me"]}),
        ],
    );
    let mut browser = Visitor::of(&app);
    browser.log_in("carol", crate::people::PASSWORD);
    let mut subjects = BTreeSet::new();
    for (scope, names) in [
        ("openid", &["sub"][..]),
        ("openid profile", &["name", "preferred_username", "sub", "updated_at"]),
        ("openid email", &["email", "email_verified", "sub"]),
    ] {
        let tokens = web.sign_in(&mut browser, &[("scope", scope)]);
        let token = tokens["access_token"].as_str().expect("it");
        let answer = app.get_as("/oauth/userinfo", token);
        assert_eq!((answer.status, answer.header("cache-control")), (200, Some("no-store")));
        let told = answer.json();
        let found: Vec<_> = told.as_object().expect("claims").keys().map(String::as_str).collect();
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), names.iter().copied().collect());
        assert_eq!(told["sub"], web.verified(&tokens)["sub"]);
        subjects.insert(told["sub"].to_string());
        // By every way of RFC 6750 but the query.
        let bearer = format!("Bearer {token}");
        let header = [("authorization", bearer.as_str())];
        assert_eq!(app.send("POST", "/oauth/userinfo", &header, "").json(), told);
        let form = format!("access_token={token}");
        let typed = [("content-type", FORM)];
        assert_eq!(app.send("POST", "/oauth/userinfo", &typed, &form).json(), told);
        let both = [header[0], typed[0]];
        assert_error(&app.send("POST", "/oauth/userinfo", &both, &form), 400, "invalid_request");
        assert_eq!(app.get(&format!("/oauth/userinfo?access_token={token}")).status, 401);
        let twice = format!("{form}&{form}");
        assert_error(&app.send("POST", "/oauth/userinfo", &typed, &twice), 400, "invalid_request");
    }
    assert_eq!(subjects.len(), 1);
}

#[test]
fn userinfo_challenges_as_rfc_6750_says() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let challenge = |token: Option<&str>| {
        let answer = match token {
            Some(token) => app.get_as("/oauth/userinfo", token),
            None => app.get("/oauth/userinfo"),
        };
        (answer.status, answer.header("www-authenticate").unwrap_or_default().to_owned())
    };
    let (status, absent) = challenge(None);
    assert!(
        status == 401 && absent.starts_with("Bearer ") && !absent.contains("error"),
        "{absent}"
    );
    let without = web.sign_in(&mut browser, &[("scope", "me")]);
    let (status, lacking) = challenge(without["access_token"].as_str());
    assert!(status == 403 && lacking.contains("error=\"insufficient_scope\""), "{lacking}");
    assert!(lacking.contains("scope=\"openid\""), "{lacking}");
    let password = app.login("bob", crate::people::PASSWORD, "me");
    assert_eq!(challenge(Some(&password)).0, 403, "a login by password is none of OpenID Connect");
    let tokens = web.sign_in(&mut browser, &[]);
    let token = tokens["access_token"].as_str().expect("it");
    for token in ["x", "a.b.c", &token[1..], &"x".repeat(20_000)] {
        let (status, invalid) = challenge(Some(token));
        assert!(status == 401 && invalid.contains("error=\"invalid_token\""), "{invalid}");
    }
    done(&app, &["users", "disable", "bob"]);
    eventually("bob to be disabled", || (challenge(Some(token)).0 == 401).then_some(()));
}

/// What is introspected is what a guard would say.
#[test]
fn introspection_knows_tokens_of_sessions() {
    let app = with_pages("");
    let web = Client::add(&app, "web", &[]);
    let mut browser = Visitor::of(&app);
    let tokens = web.sign_in(&mut browser, &[("scope", "openid email me")]);
    let ask = |token: &Value| {
        let secret = web.secret.as_deref().expect("it");
        let form =
            format!("token={}&client_id=web&client_secret={secret}", token.as_str().expect("it"));
        app.send("POST", "/oauth/introspect", &[("content-type", FORM)], &form).json()
    };
    for name in ["access_token", "refresh_token"] {
        let found = ask(&tokens[name]);
        assert_eq!(
            (&found["active"], &found["client_id"]),
            (&json!(true), &json!("web")),
            "{found}"
        );
        let scopes: BTreeSet<_> = found["scope"].as_str().expect("scopes").split(' ').collect();
        assert_eq!(scopes, BTreeSet::from(["openid", "email", "me"]));
    }
    assert_eq!(ask(&tokens["id_token"]), json!({"active": false}));
    browser.sign_out();
    eventually("the end of both", || {
        let ended =
            ["access_token", "refresh_token"].map(|name| ask(&tokens[name])["active"] == false);
        (ended == [true, true]).then_some(())
    });
    verify(&app, "web", tokens["id_token"].as_str().expect("it"));
    assert_eq!(CHALLENGE.len(), 43);
}
