//! `private_key_jwt`: what a client signs proves it once.

use super::keys::{claims, jwks, signed};
use super::{ISSUER, assert_error, done, issuing, jane};
use crate::harness::{App, Response, eventually};
use crate::signer::{encode, forge, now};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::fs;

const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A server with the client `signer`.
fn with_signer(more: &[&str]) -> App {
    let app = issuing("");
    fs::write(app.folder().join("jwks.json"), jwks().to_string()).expect("written");
    let add = ["clients", "add", "signer", "--grant-type", "password", "--scope", "me"];
    let keys = ["--auth-method", "private_key_jwt", "--jwks", "jwks.json"];
    assert_eq!(done(&app, &[&add[..], &keys, more].concat(), ""), "", "it has no secret");
    app
}

fn shown(app: &App, assertion: &str) -> Response {
    jane(app, None, &[("client_assertion", assertion), ("client_assertion_type", TYPE)])
}

/// The claims with one that is different.
fn but(name: &str, value: Value) -> Value {
    let mut claims = claims("signer");
    claims[name] = value;
    claims
}

#[test]
fn an_assertion_proves_its_client_once() {
    let app = with_signer(&[]);
    for algorithm in [Algorithm::ES256, Algorithm::EdDSA] {
        let assertion = signed(algorithm, &claims("signer"));
        let answer = shown(&app, &assertion);
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert_eq!(answer.header("www-authenticate"), None);
        for _ in 0..2 {
            assert_error(&shown(&app, &assertion), 401, "invalid_client");
        }
    }
    app.stderr.wait_for("replayed_assertion");
    let assertion = signed(Algorithm::ES256, &claims("signer"));
    let named = [
        ("client_id", "signer"),
        ("client_assertion", &assertion),
        ("client_assertion_type", TYPE),
    ];
    assert_eq!(jane(&app, None, &named).status, 200, "an equal client_id is fine");
    let other = [("client_id", "other"), named[1], named[2]];
    assert!(jane(&app, None, &other).status != 400, "nobody's id counts for nothing");
}

#[test]
fn what_does_not_prove_it_is_refused() {
    let app = with_signer(&[]);
    done(&app, &["clients", "add", "plain", "--grant-type", "password"], "");
    let by = |claims: &Value| signed(Algorithm::ES256, claims);
    let good = by(&claims("signer"));
    let payload = good.split('.').nth(1).expect("claims");
    let public = jwks().to_string();
    for (what, assertion) in [
        ("the audience of another server", by(&but("aud", json!("https://other.example.com")))),
        ("two audiences", by(&but("aud", json!([ISSUER, "https://other.example.com"])))),
        (
            "the token endpoint, without opting in",
            by(&but("aud", json!(format!("{ISSUER}/token")))),
        ),
        ("over", by(&but("exp", json!(now() - 60)))),
        ("far too long", by(&but("exp", json!(now() + 3_600)))),
        ("not yet", by(&but("nbf", json!(now() + 300)))),
        ("no jti", by(&but("jti", Value::Null))),
        ("another issuer", by(&but("iss", json!("plain")))),
        ("no signature", format!("{}.{payload}.", encode(r#"{"alg":"none"}"#))),
        (
            "the public key as a secret",
            forge(r#"{"alg":"HS256"}"#, &claims("signer").to_string(), public.as_bytes()),
        ),
        (
            "its own key",
            forge(
                r#"{"alg":"HS256","jwk":{"kty":"oct","k":"eA"}}"#,
                &claims("signer").to_string(),
                b"x",
            ),
        ),
        ("another signature", format!("{}.{payload}.AAAA", encode(r#"{"alg":"ES256"}"#))),
        ("a client with a secret", by(&claims("plain"))),
    ] {
        let answer = shown(&app, &assertion);
        assert_error(&answer, 401, "invalid_client");
        assert_eq!(answer.header("www-authenticate"), None, "{what}");
    }
    let untyped = [("client_assertion", &*good), ("client_assertion_type", "urn:other")];
    assert_error(&jane(&app, None, &untyped), 401, "invalid_client");
    assert_eq!(shown(&app, &good).status, 200, "it has not been used up");
}

/// Some clients name the token endpoint, and cannot do otherwise.
#[test]
fn a_client_may_opt_in_to_the_token_endpoint_as_audience() {
    let app = with_signer(&["--token-endpoint-audience"]);
    for aud in [json!(format!("{ISSUER}/token")), json!(ISSUER), json!([format!("{ISSUER}/token")])]
    {
        let answer = shown(&app, &signed(Algorithm::ES256, &but("aud", aud.clone())));
        assert_eq!(answer.status, 200, "{aud}: {}", answer.body);
    }
    for aud in [json!(format!("{ISSUER}/oauth/revoke")), json!(format!("{ISSUER}/token/"))] {
        let answer = shown(&app, &signed(Algorithm::ES256, &but("aud", aud)));
        assert_error(&answer, 401, "invalid_client");
    }
    done(&app, &["clients", "set", "signer", "--token-endpoint-audience=false"], "");
    let shown =
        || shown(&app, &signed(Algorithm::ES256, &but("aud", json!(format!("{ISSUER}/token")))));
    eventually("the change", || (shown().status == 401).then_some(()));
}

#[test]
fn a_key_that_is_withdrawn_proves_nothing_any_more() {
    let app = with_signer(&[]);
    let [ec, ed] = [Algorithm::ES256, Algorithm::EdDSA];
    assert_eq!(shown(&app, &signed(ec, &claims("signer"))).status, 200);
    let left = json!({"keys": [jwks()["keys"][1]]});
    fs::write(app.folder().join("jwks.json"), left.to_string()).expect("written");
    done(&app, &["clients", "set", "signer", "--jwks", "jwks.json"], "");
    eventually("the withdrawal", || {
        (shown(&app, &signed(ec, &claims("signer"))).status == 401).then_some(())
    });
    assert_eq!(shown(&app, &signed(ed, &claims("signer"))).status, 200);
}
