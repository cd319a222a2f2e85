//! Services: clients with tokens of their own.

use super::keys::{claims as assertion_claims, jwks, signed};
use super::{ISSUER, PUBLIC, ask, assert_error, done};
use crate::example_server::Example;
use crate::harness::{App, eventually};
use crate::people::{ALL, assert_refused, import, server};
use crate::signer::claims;
use serde_json::json;
use std::fs;

const GRANT: (&str, &str) = ("grant_type", "client_credentials");

/// An authorization server that signs with a key pair, and its service `reports`.
fn with_service(config: &str) -> (App, String) {
    let config = format!("{PUBLIC}[tokens]\nalgorithm = \"EdDSA\"\n{config}");
    let app = server(&config).spawn();
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    let add = ["clients", "add", "reports", "--grant-type", "client_credentials"];
    let secret = done(&app, &[&add[..], &["--scope", "me", "--scope", "items"]].concat(), "");
    (app, secret.trim_end().to_owned())
}

#[test]
fn a_service_gets_a_token_of_its_own() {
    let (app, secret) = with_service("");
    let answer = ask(&app, Some(("reports", &secret)), &[GRANT]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let answer = answer.json();
    assert_eq!(
        (&answer["token_type"], &answer["scope"], &answer["expires_in"]),
        (&json!("bearer"), &json!("me items"), &json!(1800)),
    );
    assert!(answer["refresh_token"].is_null(), "RFC 6749 §4.4.3");
    let token = answer["access_token"].as_str().expect("a token");
    let header = jsonwebtoken::decode_header(token).expect("a header");
    assert_eq!(
        (header.typ.as_deref(), header.alg),
        (Some("at+jwt"), jsonwebtoken::Algorithm::EdDSA)
    );
    let claims = claims(token);
    assert_eq!((&claims["sub"], &claims["client_id"]), (&json!("reports"), &json!("reports")));
    assert_eq!((&claims["iss"], &claims["aud"]), (&json!(ISSUER), &json!(ISSUER)));
    assert!(claims["username"].is_null() && claims["auth_time"].is_null(), "{claims}");
    let scopes = |asked: &str| ask(&app, Some(("reports", &secret)), &[GRANT, ("scope", asked)]);
    assert_eq!(scopes("items").json()["scope"], "items");
    assert_eq!(scopes("").json()["scope"], "me items");
    assert_error(&scopes("me users:read"), 400, "invalid_scope");
    assert_error(&scopes("a\"b"), 400, "invalid_scope");
    app.stderr.wait_for("what=token_issue");
    let line = app.stderr.wait_for("grant=client_credentials");
    assert!(line.contains("who=reports"), "{line}");
}

#[test]
fn who_may_not_gets_none() {
    let (app, secret) = with_service("");
    for (id, more) in [
        (
            "web",
            &["--grant-type", "authorization_code", "--redirect-uri", "https://a.example/"][..],
        ),
        ("login", &["--grant-type", "password"]),
    ] {
        let secret = done(&app, &[&["clients", "add", id], more].concat(), "");
        let answer = ask(&app, Some((id, secret.trim_end())), &[GRANT]);
        assert_error(&answer, 400, "unauthorized_client");
    }
    done(&app, &["clients", "add", "spa", "--auth-method", "none", "--grant-type", "password"], "");
    assert_error(&ask(&app, None, &[GRANT, ("client_id", "spa")]), 400, "unauthorized_client");
    for (basic, fields) in [
        (None, vec![GRANT]),
        (None, vec![GRANT, ("client_id", "nobody")]),
        (None, vec![GRANT, ("client_id", "reports")]),
        (Some(("reports", "wrong")), vec![GRANT]),
        (Some(("nobody", &*secret)), vec![GRANT]),
        // A user is no client.
        (Some(("root", crate::people::PASSWORD)), vec![GRANT]),
    ] {
        assert_error(&ask(&app, basic, &fields), 401, "invalid_client");
    }
}

#[test]
fn every_parameter_may_be_there_once() {
    let (app, secret) = with_service("");
    let good = [
        GRANT,
        ("scope", "me"),
        ("client_id", "reports"),
        ("client_secret", &secret),
        ("client_assertion", ""),
        ("client_assertion_type", ""),
        ("resource", ""),
    ];
    assert_eq!(ask(&app, None, &good).status, 200, "an empty one counts as absent");
    for name in [
        "grant_type",
        "scope",
        "client_id",
        "client_secret",
        "client_assertion",
        "client_assertion_type",
    ] {
        let value = good.iter().find(|(known, _)| *known == name).expect("it").1;
        for value in [value, "", "other"] {
            // The last of several would be another grant.
            if name == "grant_type" && value != GRANT.1 {
                continue;
            }
            let answer = ask(&app, None, &[&good[..], &[(name, value)]].concat());
            assert_error(&answer, 400, "invalid_request");
        }
        let large = "x".repeat(1 << 20);
        assert_eq!(ask(&app, None, &[&good[..], &[(name, large.as_str())]].concat()).status, 413);
        let missing: Vec<_> = good.iter().filter(|(known, _)| *known != name).copied().collect();
        let answer = ask(&app, None, &missing);
        let expected: &[u16] = match name {
            "grant_type" => &[422],
            "client_id" => &[400],
            "client_secret" => &[401],
            _ => &[200],
        };
        assert!(expected.contains(&answer.status), "without {name}: {}", answer.body);
    }
    let json = app.send(
        "POST",
        "/token",
        &[("content-type", "application/json")],
        r#"{"grant_type":"client_credentials"}"#,
    );
    assert_eq!(json.status, 422);
}

/// Where there are no keys or no URL, the grant does not exist.
#[test]
fn without_keys_there_is_no_such_grant() {
    let shared = super::issuing("");
    let add = ["clients", "add", "reports", "--grant-type", "client_credentials"];
    let added = shared.command(&add, "");
    let told = String::from_utf8_lossy(&added.stderr).into_owned();
    assert!(told.contains("client_credentials needs tokens.algorithm"), "{told}");
    let secret = String::from_utf8(added.stdout).expect("a secret");
    let answer = ask(&shared, Some(("reports", secret.trim_end())), &[GRANT]);
    assert_error(&answer, 400, "unsupported_grant_type");
    let fastapi = server("").spawn();
    let answer = ask(&fastapi, None, &[GRANT]);
    assert_eq!(
        (answer.status, &answer.json()["detail"][0]["type"]),
        (422, &json!("string_pattern_mismatch"))
    );
    let strict = server("[security]\nprofile = \"strict\"\n").spawn();
    assert_error(&ask(&strict, None, &[GRANT]), 400, "unsupported_grant_type");
}

/// Not even where a user has the client's name.
#[test]
fn no_guard_of_users_takes_a_service() {
    let (app, secret) = with_service("[demo]\nroutes = true\n");
    import(&app, &[json!({"username": "reports", "scopes": ALL})]);
    done(
        &app,
        &[
            "clients",
            "set",
            "reports",
            "--scope",
            "me",
            "--scope",
            "users:write",
            "--scope",
            "oauth:clients",
        ],
        "",
    );
    let token = eventually("the scopes", || {
        let answer = ask(
            &app,
            Some(("reports", &secret)),
            &[GRANT, ("scope", "me users:write oauth:clients")],
        );
        (answer.status == 200)
            .then(|| answer.json()["access_token"].as_str().expect("it").to_owned())
    });
    for (method, path) in [
        ("GET", "/users/me"),
        ("GET", "/users/me/items"),
        ("GET", "/status"),
        ("GET", "/users/me/api-keys"),
        ("POST", "/users"),
        ("DELETE", "/users/reports"),
        ("GET", "/oauth/clients"),
        ("POST", "/oauth/clients"),
    ] {
        let answer = app.send(method, path, &[("authorization", &format!("Bearer {token}"))], "");
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        assert_eq!(answer.json()["detail"], "Could not validate credentials");
    }
}

/// An example's route that takes both, and the ways in which a service's token ends.
#[test]
fn a_route_that_takes_services_does_as_long_as_they_may() {
    let app = Example::spawn_with(
        "orders",
        &[
            ("ORDERS__SERVER__PUBLIC_URL", ISSUER),
            ("ORDERS__TOKENS__ALGORITHM", "EdDSA"),
            ("ORDERS__LOGGING__FORMAT", "%(u)s %(message)s"),
        ],
    );
    let run = |args: &[&str]| {
        let output = app.command(args, "");
        assert!(output.status.success(), "{args:?}: {output:?}");
        String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
    };
    let add = |id: &str| {
        run(&[
            "clients",
            "add",
            id,
            "--grant-type",
            "client_credentials",
            "--scope",
            "orders:read",
            "--scope",
            "me",
        ])
    };
    let token = |id: &str, secret: &str, scope: &str| {
        let form = format!(
            "grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}"
        );
        let answer = app.post_form("/token", &form);
        assert_eq!(answer.status, 200, "{}", answer.body);
        format!("Bearer {}", answer.json()["access_token"].as_str().expect("it"))
    };
    let status = |token: &str| app.get_as("/orders/total", token).status;
    let gone = |token: &str| eventually("the end", || (status(token) == 401).then_some(()));
    let secret = add("shop");
    let shop = token("shop", &secret, "orders:read");
    assert_eq!(status(&shop), 200);
    app.stdout().wait_for("shop 127.0.0.1:");
    // Its guard for users does not.
    assert_eq!(app.get_as("/orders", &shop).status, 401);
    let narrow = token("shop", &secret, "me");
    let refused = app.get_as("/orders/total", &narrow);
    assert_refused(&refused, 401, r#"Bearer scope="orders:read""#, "Not enough permissions");
    // Users as ever.
    run(&["users", "set-scopes", "johndoe", "me", "orders:read"]);
    let john = eventually("the scope", || {
        let form = "username=johndoe&password=1234&scope=orders:read";
        let answer = app.post_form("/token", form);
        (answer.status == 200)
            .then(|| format!("Bearer {}", answer.json()["access_token"].as_str().expect("it")))
    });
    assert_eq!(status(&john), 200);
    let key = run(&["api-keys", "add", "johndoe", "k", "--scope", "orders:read"]);
    assert_eq!(status(&format!("Bearer {key}")), 200);
    run(&["users", "disable", "johndoe"]);
    eventually("the end", || (status(&john) == 400).then_some(()));
    // A scope that it has lost.
    run(&["clients", "set", "shop", "--scope", "me"]);
    gone(&shop);
    run(&["clients", "set", "shop", "--scope", "orders:read", "--scope", "me"]);
    eventually("the scope", || (status(&shop) == 200).then_some(()));
    // Ended by itself, by whoever holds it.
    let one = token("shop", &secret, "orders:read");
    let ended = app.post_form("/oauth/revoke", &format!("token={}", &one["Bearer ".len()..]));
    assert_eq!(ended.status, 200, "{}", ended.body);
    gone(&one);
    assert_eq!(status(&shop), 200);
    // All at once.
    let secret = run(&["clients", "rotate-secret", "shop", "--at-once"]);
    gone(&shop);
    let shop = eventually("the secret", || {
        let form = format!("grant_type=client_credentials&client_id=shop&client_secret={secret}");
        let answer = app.post_form("/token", &form);
        (answer.status == 200)
            .then(|| format!("Bearer {}", answer.json()["access_token"].as_str().expect("it")))
    });
    eventually("the new token", || (status(&shop) == 200).then_some(()));
    // Another client of the same name is another one.
    run(&["clients", "delete", "shop"]);
    gone(&shop);
    let secret = add("shop");
    let again = token("shop", &secret, "orders:read");
    eventually("the new client", || (status(&again) == 200).then_some(()));
    assert_eq!(status(&shop), 401);
}

#[test]
fn a_service_proves_itself_by_an_assertion() {
    let (app, _) = with_service("");
    fs::write(app.folder().join("jwks.json"), jwks().to_string()).expect("written");
    let add =
        ["clients", "add", "signer", "--grant-type", "client_credentials", "--scope", "items"];
    done(
        &app,
        &[&add[..], &["--auth-method", "private_key_jwt", "--jwks", "jwks.json"]].concat(),
        "",
    );
    let assertion = signed(jsonwebtoken::Algorithm::ES256, &assertion_claims("signer"));
    let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    let fields = [GRANT, ("client_assertion", &*assertion), ("client_assertion_type", kind)];
    let answer = ask(&app, None, &fields);
    assert_eq!((answer.status, &answer.json()["scope"]), (200, &json!("items")), "{}", answer.body);
    assert_error(&ask(&app, None, &fields), 401, "invalid_client");
    let shown = app.get("/.well-known/oauth-authorization-server").json();
    assert!(shown["grant_types_supported"].to_string().contains("client_credentials"), "{shown}");
    let methods = shown["token_endpoint_auth_methods_supported"].to_string();
    assert!(methods.contains("private_key_jwt"), "{methods}");
}
