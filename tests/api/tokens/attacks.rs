//! Forged and broken tokens: 401, always with the same body and challenge.

use super::with_bob;
use crate::harness::{App, run_tool};
use crate::people::{assert_refused, import, server};
use crate::signer::{HEADER, SECRET, encode, forge, forge_by, now, sign, sign_bytes, token};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

#[track_caller]
fn assert_invalid(app: &App, token: &str, what: &str) {
    for path in ["/users/me", "/users/me/items"] {
        let answer = app.get_as(path, token);
        let scope = if path == "/users/me" { "me" } else { "items me" };
        assert_eq!(answer.status, 401, "{what}: {}", answer.body);
        let challenge = format!("Bearer scope=\"{scope}\"");
        assert_refused(&answer, 401, &challenge, "Could not validate credentials");
    }
}

fn good() -> String {
    json!({"sub": "bob", "scopes": ["me", "items"], "exp": now() + 600}).to_string()
}

fn good_with(name: &str, value: &Value) -> Value {
    let mut claims = json!({"sub": "bob", "scopes": ["me", "items"], "exp": now() + 600});
    claims[name] = value.clone();
    claims
}

#[test]
fn the_header_chooses_no_algorithm_or_key() {
    let app = with_bob("");
    let key = SECRET.as_bytes();
    for header in [
        r#"{"alg":"none"}"#,
        r#"{"alg":"None"}"#,
        r#"{"alg":"nOnE","typ":"JWT"}"#,
        r#"{"alg":""}"#,
        r#"{"alg":null}"#,
        r#"{"alg":["HS256"]}"#,
        r#"{"alg":"hs256"}"#,
        r#"{"alg":"HS384"}"#,
        r#"{"alg":"HS512"}"#,
        r#"{"alg":"RS256"}"#,
        r#"{"alg":"ES256"}"#,
        r#"{"alg":"PS256"}"#,
        r#"{"alg":"EdDSA"}"#,
        r#"{"alg":"A128KW"}"#,
        r#"{"typ":"JWT"}"#,
        "{}",
        "[]",
        "",
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","crit":["exp"],"exp":1}"#,
        r#"{"alg":"HS256","crit":[]}"#,
        r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#,
    ] {
        let forged = forge(header, &good(), key);
        assert_invalid(&app, &forged, header);
        let (unsigned, _) = forged.rsplit_once('.').expect("parts");
        assert_invalid(&app, &format!("{unsigned}."), header);
        assert_invalid(&app, unsigned, header);
    }
    for (name, by) in [("HS384", Algorithm::HS384), ("HS512", Algorithm::HS512)] {
        for header in [format!(r#"{{"alg":"{name}"}}"#), HEADER.to_owned()] {
            assert_invalid(&app, &forge_by(&header, &good(), (key, by)), &header);
        }
    }
    // A key in the token is not used.
    let own = b"a key that the attacker has chosen freely";
    let jwk = format!(r#"{{"alg":"HS256","jwk":{{"kty":"oct","k":"{}"}}}}"#, encode(own));
    assert_invalid(&app, &forge(&jwk, &good(), own), "jwk");
    for header in
        [r#"{"alg":"HS256","kid":"../../../dev/null"}"#, r#"{"alg":"HS256","kid":"a' or 1"}"#]
    {
        assert_invalid(&app, &forge(header, &good(), b""), header);
        assert_eq!(app.get_as("/users/me", &forge(header, &good(), key)).status, 200, "{header}");
    }
    assert_eq!(app.get_as("/users/me", &forge(HEADER, &good(), key)).status, 200);
}

/// A secret that happens to be a public key is still only an HMAC secret: RS256 is refused although
/// its signature is valid.
#[test]
fn an_rsa_key_as_the_secret_allows_no_confusion() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let openssl = |args: &[&str]| run_tool(Command::new("openssl").args(args));
    openssl(&["genrsa", "-out", &at("private"), "2048"]);
    openssl(&["rsa", "-in", &at("private"), "-pubout", "-out", &at("public")]);
    let app = server("")
        .env("BAILIWICK__TOKENS__SECRET", "")
        .env("BAILIWICK__TOKENS__SECRET_FILE", &at("public"))
        .spawn();
    import(&app, &[json!({"username": "bob", "scopes": ["me", "items"]})]);
    let message = format!("{}.{}", encode(r#"{"alg":"RS256"}"#), encode(good()));
    fs::write(at("message"), &message).expect("written");
    openssl(&[
        "dgst",
        "-sha256",
        "-sign",
        &at("private"),
        "-out",
        &at("signature"),
        &at("message"),
    ]);
    let signature = fs::read(at("signature")).expect("a signature");
    assert_invalid(&app, &format!("{message}.{}", encode(signature)), "RS256");
    let public = fs::read_to_string(at("public")).expect("a key");
    let public = public.trim_end().as_bytes();
    assert_invalid(&app, &forge(r#"{"alg":"RS256"}"#, &good(), public), "RS256 by HMAC");
    assert_eq!(app.get_as("/users/me", &forge(HEADER, &good(), public)).status, 200);
}

#[test]
fn every_tampered_part_is_noticed() {
    let app = with_bob("");
    let token = token("bob", &["me", "items"]);
    let parts: Vec<&str> = token.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("{token}") };
    let other = encode(good().replace("bob", "root"));
    for forged in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        format!(".{claims}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        header.to_owned(),
        format!("{token}."),
        format!("{token}.{signature}"),
        format!(".{token}"),
        format!("{header}.{other}.{signature}"),
        format!("{claims}.{header}.{signature}"),
        format!("{header}.{claims}.{}", signature.to_uppercase()),
        format!("{header}.{claims}.{}", &signature[1..]),
        format!("{header}.{claims}.{signature}="),
        format!("{header}.{claims}.{signature}A"),
        format!("{header}=.{claims}.{signature}"),
        token.replacen('e', "E", 1),
        format!("{token} {token}"),
        format!("{token},"),
    ] {
        // An empty token is not a token.
        if forged.is_empty() {
            continue;
        }
        assert_invalid(&app, &forged, &forged);
    }
    for at in 0..token.len() {
        let mut bytes = token.clone().into_bytes();
        // The last character's lowest bits are padding: the next letter may decode to the same.
        bytes[at] = if bytes[at] == b'A' { b'Q' } else { b'A' };
        let forged = String::from_utf8(bytes).expect("ASCII");
        assert_eq!(app.get_as("/users/me", &forged).status, 401, "{at}: {forged}");
    }
    for key in [b"".as_slice(), b"x", b"another-signing-secret-than-the-right-one"] {
        assert_invalid(&app, &forge(HEADER, &good(), key), "another key");
    }
}

#[test]
fn claims_of_a_wrong_type_are_refused() {
    let app = with_bob("");
    let past = json!(now() - 1);
    for (name, value) in [
        ("sub", json!(null)),
        ("sub", json!(7)),
        ("sub", json!(["bob"])),
        ("sub", json!({"name": "bob"})),
        ("sub", json!("")),
        ("sub", json!("nobody")),
        ("sub", json!("bob\u{0}")),
        ("sub", json!("me")),
        ("sub", json!("x".repeat(200))),
        ("exp", json!(null)),
        ("exp", json!("9999999999")),
        ("exp", json!(true)),
        ("exp", json!([])),
        ("exp", json!(-1)),
        ("exp", past),
        ("exp", json!(now())),
        ("nbf", json!(now() + 600)),
        ("nbf", json!("0")),
        ("nbf", json!({})),
        ("iat", json!("0")),
        ("iat", json!([])),
        ("jti", json!(7)),
        ("scopes", json!("me items")),
        ("scopes", json!([1])),
        ("scopes", json!(["me", null])),
        ("scopes", json!({"me": true})),
        ("scopes", json!(null)),
        ("scope", json!(["me"])),
        ("scope", json!(7)),
        ("aud", json!("somebody-else")),
        // An ID token's (OpenID Connect Core §3.1.3.6).
        ("at_hash", json!("77QmUPtjPfzWtF2AnpK9RQ")),
    ] {
        assert_invalid(&app, &sign(&good_with(name, &value)), &format!("{name}: {value}"));
    }
    for name in ["sub", "exp"] {
        let mut claims = good_with("iat", &json!(now()));
        claims.as_object_mut().expect("claims").remove(name);
        assert_invalid(&app, &sign(&claims), &format!("no {name}"));
    }
    for text in [
        r#""bob""#.to_owned(),
        "[]".to_owned(),
        String::new(),
        "null".to_owned(),
        good().replace('}', ""),
        good().replace('}', r#","sub":"bob"}"#),
        good().replace('}', r#","scopes":["me","items","users:write"]}"#),
        good().replace('}', r#","exp":99999999999}"#),
        good().replace('}', r#","su\u0062":"bob"}"#),
        good().replace('}', r#","x":1,"x":1}"#),
        good().replace('}', r#","exp":1e999}"#),
        format!("{}{}", "[".repeat(2000), "]".repeat(2000)),
    ] {
        assert_invalid(&app, &forge(HEADER, &text, SECRET.as_bytes()), &text);
    }
    let mut latin = good().replace('}', ",\"x\":\"?\"}").into_bytes();
    let at = latin.iter().rposition(|b| *b == b'?').expect("a question mark");
    latin[at] = 0xff;
    assert_invalid(&app, &sign_bytes(&latin), "no UTF-8");
    let huge = sign(&good_with("x", &json!("x".repeat(20_000))));
    assert_invalid(&app, &huge, "huge");
    // Other issuers write claims that do not matter here.
    for (name, value) in
        [("iat", json!(now() + 600)), ("nbf", json!(0.5)), ("x", json!({"a": [1]}))]
    {
        let answer = app.get_as("/users/me", &sign(&good_with(name, &value)));
        assert_eq!(answer.status, 200, "{name}: {value}");
    }
}

/// Even a token far larger than a header may be gets a response.
#[test]
fn an_oversized_head_gets_a_response() {
    let app = with_bob("");
    for size in [100_000, 1_000_000] {
        let mut stream = app.connect();
        let head = format!(
            "GET /users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
            "x".repeat(size)
        );
        // The server may close before all is written.
        drop(std::io::Write::write_all(&mut stream, head.as_bytes()));
        let mut answer = [0; 12];
        if std::io::Read::read_exact(&mut stream, &mut answer).is_ok() {
            let status = String::from_utf8_lossy(&answer).into_owned();
            assert!(
                ["HTTP/1.1 400", "HTTP/1.1 401", "HTTP/1.1 431"].contains(&status.as_str()),
                "{status}"
            );
        }
    }
    assert_eq!(app.get_as("/users/me", &token("bob", &["me"])).status, 200);
}
