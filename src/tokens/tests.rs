//! Issuing, verifying, and the attacks that must fail.

mod dates;
mod kinds;
mod new_token;

use super::*;
use crate::domain::Timestamp;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicI64, Ordering};

const SECRET: &str = "a signing secret of at least 32 bytes";
const NOW: i64 = 1_800_000_000;
const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

fn clock(now: i64) -> Arc<TestClock> {
    Arc::new(TestClock(now.into()))
}

pub(super) fn tokens_at(now: Timestamp, secret: &Secret) -> Tokens {
    Tokens::new(secret, &TokenSettings::default(), clock(now.seconds())).unwrap()
}

fn with(settings: &TokenSettings) -> Tokens {
    Tokens::new(&Secret::new(SECRET), settings, clock(NOW)).unwrap()
}

fn tokens() -> Tokens {
    with(&TokenSettings::default())
}

/// The subject and scopes of a valid token.
pub(super) fn verdict(tokens: &Tokens, token: &str) -> Result<(String, String), TokenError> {
    let claims = tokens.verify(token)?;
    Ok((claims.subject.to_string(), claims.scopes.to_string()))
}

/// A token of exactly these bytes, with a valid signature.
fn signed(header: &str, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}

/// A valid token with these claims changed or added.
fn claims(changes: &Value) -> String {
    let mut all = json!({"sub": "johndoe", "scopes": ["me"], "exp": NOW + 60});
    for (name, value) in changes.as_object().unwrap().clone() {
        all[name] = value;
    }
    signed(HEADER, &all.to_string())
}

fn refusal(token: &str) -> TokenError {
    tokens().verify(token).expect_err(token)
}

fn issue(tokens: &Tokens) -> String {
    let scopes = "me items".parse().unwrap();
    tokens.issue(&"johndoe".parse().unwrap(), &scopes).unwrap().access_token
}

fn part(token: &str, at: usize) -> Value {
    let json = URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn issued_tokens_verify() {
    let tokens = tokens();
    let token = issue(&tokens);
    assert_eq!(verdict(&tokens, &token), Ok(("johndoe".into(), "me items".into())));
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    assert_eq!(header, HEADER.as_bytes());
    let payload = part(&token, 1);
    let jti = payload["jti"].as_str().unwrap().to_owned();
    assert_eq!(jti.len(), 32);
    assert_eq!(
        payload,
        json!({"sub": "johndoe", "scopes": ["me", "items"], "scope": "me items",
               "exp": NOW + 1800, "iat": NOW, "jti": jti})
    );
    assert_ne!(part(&issue(&tokens), 1)["jti"], payload["jti"]);
}

#[test]
fn a_token_expires_by_the_clock_and_not_a_second_later() {
    let clock = clock(NOW);
    let leeway = TokenSettings { leeway: 10, ..TokenSettings::default() };
    let tokens = |settings| Tokens::new(&Secret::new(SECRET), settings, clock.clone()).unwrap();
    let (exact, lenient) = (tokens(&TokenSettings::default()), tokens(&leeway));
    let issued = exact.issue(&"johndoe".parse().unwrap(), &Scopes::default()).unwrap();
    assert_eq!(issued.expires_in, 1800);
    for (seconds, exactly, leniently) in [
        (0, true, true),
        (1799, true, true),
        (1800, false, true),
        (1809, false, true),
        (1810, false, false),
    ] {
        clock.0.store(NOW + seconds, Ordering::Relaxed);
        let good = |tokens: &Tokens| match tokens.verify(&issued.access_token) {
            Ok(_) => true,
            Err(TokenError::Expired) => false,
            Err(other) => panic!("{other}"),
        };
        assert_eq!((good(&exact), good(&lenient)), (exactly, leniently), "{seconds}");
    }
}

#[test]
fn short_secrets_are_refused() {
    let made =
        |secret: &str| Tokens::new(&Secret::new(secret), &TokenSettings::default(), clock(NOW));
    assert_eq!(made(&SECRET[..31]).err(), Some(TokenError::ShortSecret));
    assert!(made(&SECRET[..32]).is_ok());
}

#[test]
fn a_token_too_large_to_verify_is_not_issued() {
    let many: Scopes = (0..2000).map(|n| format!("scope:{n}").parse().unwrap()).collect();
    let issued = tokens().issue(&"johndoe".parse().unwrap(), &many);
    assert_eq!(issued.err(), Some(TokenError::TooLarge));
}

#[test]
fn no_other_algorithm_is_believed() {
    let payload = json!({"sub": "johndoe", "exp": NOW + 60}).to_string();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        let token = signed(&header, &payload);
        assert_eq!(refusal(&token), TokenError::Algorithm, "{alg}");
        let unsigned = &token[..=token.rfind('.').unwrap()];
        assert_eq!(refusal(unsigned), TokenError::Algorithm, "{alg}");
    }
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    for alg in [Algorithm::HS384, Algorithm::HS512] {
        let token = encode(&Header::new(alg), &json!({"sub": "a", "exp": NOW + 60}), &key).unwrap();
        assert_eq!(refusal(&token), TokenError::Algorithm);
    }
    // An asymmetric algorithm in the header over an HMAC, and vice versa.
    for alg in ["RS256", "RS512", "ES256", "PS256", "EdDSA"] {
        let header = json!({"alg": alg, "typ": "JWT"}).to_string();
        assert_eq!(refusal(&signed(&header, &payload)), TokenError::Algorithm, "{alg}");
    }
    assert_eq!(refusal(&signed(r#"{"typ":"JWT"}"#, &payload)), TokenError::Algorithm);
}

#[test]
fn no_character_of_a_token_can_be_changed() {
    let tokens = tokens();
    let token = issue(&tokens);
    for at in 0..token.len() {
        for replacement in ["A", "B", "a", "_", ".", " ", "=", "\n", "\0", "é", ""] {
            if &token[at..=at] != replacement {
                let mut changed = token.clone();
                changed.replace_range(at..=at, replacement);
                assert!(tokens.verify(&changed).is_err(), "{changed:?}");
            }
        }
    }
}

#[test]
fn the_last_character_has_no_spare_bits() {
    let tokens = tokens();
    let token = issue(&tokens);
    let (body, last) = token.split_at(token.len() - 1);
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let good = alphabet.chars().filter(|letter| tokens.verify(&format!("{body}{letter}")).is_ok());
    assert_eq!(good.collect::<String>(), last);
}

#[test]
fn a_token_has_three_parts_of_bare_base64url() {
    let token = issue(&tokens());
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("{token}") };
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        header.into(),
        format!("{header}.{payload}"),
        format!("{header}.{payload}."),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.x"),
        format!("{token}="),
        format!("{token}=="),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}==.{signature}"),
        format!("{header} .{payload}.{signature}"),
        format!(" {token}"),
        format!("{token} "),
        format!("{token}\n"),
        format!("{token}\0"),
        "é.é.é".into(),
    ] {
        assert!(tokens().verify(&bad).is_err(), "{bad:?}");
    }
}

#[test]
fn huge_tokens_are_refused_unread() {
    let padding = "x".repeat(LARGEST_TOKEN);
    assert_eq!(refusal(&claims(&json!({"x": padding}))), TokenError::TooLarge);
    assert_eq!(refusal(&"a".repeat(10_000_000)), TokenError::TooLarge);
    assert_eq!(refusal(&"a".repeat(LARGEST_TOKEN)), TokenError::Malformed);
    let deep = "[".repeat(8000);
    assert_eq!(refusal(&signed(HEADER, &deep)), TokenError::Malformed);
    assert_eq!(refusal(&signed(&deep, "{}")), TokenError::Malformed);
}

#[test]
fn another_key_is_refused() {
    let other = tokens_at(Timestamp(NOW), &Secret::new(SECRET.to_owned() + "!"));
    assert_eq!(refusal(&issue(&other)), TokenError::Signature);
}

#[test]
fn required_claims_are_required() {
    for payload in ["{}", r#"{"sub":"johndoe"}"#, r#"{"exp":4102444800}"#] {
        assert_eq!(refusal(&signed(HEADER, payload)), TokenError::MissingClaim, "{payload}");
    }
}

#[test]
fn claims_have_their_types() {
    for bad in [json!(1), json!(null), json!(true), json!(["johndoe"]), json!({})] {
        for name in ["sub", "jti", "scope"] {
            assert_eq!(
                refusal(&claims(&json!({name: bad}))),
                TokenError::Malformed,
                "{name} {bad}"
            );
        }
    }
    for bad in [json!("me"), json!(1), json!(null), json!({}), json!([1]), json!(["me", null])] {
        assert_eq!(refusal(&claims(&json!({"scopes": bad}))), TokenError::Malformed, "{bad}");
    }
    for payload in ["", "1", "null", "\"a\"", "[]", "{", "{}{}", "{} x", "\u{feff}{}"] {
        assert_eq!(refusal(&signed(HEADER, payload)), TokenError::Malformed, "{payload}");
        assert_eq!(refusal(&signed(payload, "{}")), TokenError::Malformed, "{payload}");
    }
}

#[test]
fn a_subject_is_a_username() {
    for bad in ["", "me", "a\nb", &"a".repeat(129)] {
        assert_eq!(refusal(&claims(&json!({"sub": bad}))), TokenError::Claim("sub"), "{bad:?}");
    }
    assert!(tokens().verify(&claims(&json!({"sub": "한국 사람"}))).is_ok());
}

#[test]
fn scopes_are_read_from_the_list_else_from_the_text() {
    let scopes =
        |payload: Value| verdict(&tokens(), &signed(HEADER, &payload.to_string())).unwrap().1;
    let exp = NOW + 60;
    assert_eq!(scopes(json!({"sub": "a", "exp": exp})), "");
    assert_eq!(scopes(json!({"sub": "a", "exp": exp, "scope": " b  a b"})), "b a");
    assert_eq!(scopes(json!({"sub": "a", "exp": exp, "scope": "x", "scopes": ["y"]})), "y");
    assert_eq!(scopes(json!({"sub": "a", "exp": exp, "scope": "x", "scopes": []})), "");
    let odd = json!({"sub": "a", "exp": exp, "scopes": ["me items", "", "é", "a\"b", "me"]});
    assert_eq!(scopes(odd), "me", "a text with a space is not two scopes");
}

#[test]
fn duplicate_names_are_refused() {
    for payload in [
        r#"{"sub":"johndoe","sub":"admin","exp":4102444800}"#,
        r#"{"sub":"johndoe","exp":1,"exp":4102444800}"#,
        r#"{"sub":"johndoe","exp":4102444800,"scopes":[],"scopes":["me"]}"#,
        r#"{"sub":"johndoe","exp":4102444800,"x":1,"x":1}"#,
        r#"{"sub":"johndoe","exp":4102444800,"x":1,"\u0078":1}"#,
        r#"{"sub":"johndoe","exp":4102444800,"scope":"a","scope":"b"}"#,
    ] {
        assert_eq!(refusal(&signed(HEADER, payload)), TokenError::Duplicate, "{payload}");
    }
    let payload = r#"{"sub":"johndoe","exp":4102444800}"#;
    for header in [
        r#"{"alg":"HS256","alg":"HS256"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","typ":"JWT","typ":"JWT"}"#,
        r#"{"alg":"HS256","x":1,"x":2}"#,
    ] {
        assert_eq!(refusal(&signed(header, payload)), TokenError::Duplicate, "{header}");
    }
    let nested = claims(&json!({"x": {"a": 1}, "y": {"a": 1}}));
    assert!(tokens().verify(&nested).is_ok(), "only the top level is ours");
}

#[test]
fn critical_headers_are_refused() {
    let payload = r#"{"sub":"johndoe","exp":4102444800}"#;
    for crit in [json!(["x"]), json!(["exp"]), json!([]), json!(null)] {
        let header = json!({"alg": "HS256", "crit": crit, "x": 1}).to_string();
        assert_eq!(refusal(&signed(&header, payload)), TokenError::Critical, "{crit}");
    }
    let header = json!({"alg": "HS256", "kid": "k1", "x": 1}).to_string();
    assert!(tokens().verify(&signed(&header, payload)).is_ok());
}

#[test]
fn issuer_and_audience_count_where_configured() {
    let named = TokenSettings {
        issuer: Some("https://id.example.com".into()),
        audience: Some("api".into()),
        ..TokenSettings::default()
    };
    let named = with(&named);
    let token = issue(&named);
    assert!(named.verify(&token).is_ok());
    let payload = part(&token, 1);
    assert_eq!(payload["iss"], "https://id.example.com");
    assert_eq!(payload["aud"], "api");
    let check =
        |iss: Value, aud: Value| named.verify(&claims(&json!({"iss": iss, "aud": aud}))).err();
    let iss = || json!("https://id.example.com");
    assert_eq!(check(iss(), json!(["other", "api"])), None);
    assert_eq!(check(iss(), json!("other")), Some(TokenError::Claim("aud")));
    assert_eq!(check(iss(), json!(1)), Some(TokenError::Claim("aud")));
    assert_eq!(check(json!("other"), json!("api")), Some(TokenError::Claim("iss")));
    assert_eq!(
        check(json!(["https://id.example.com"]), json!("api")),
        Some(TokenError::Claim("iss"))
    );
    assert_eq!(named.verify(&claims(&json!({"iss": iss()}))).err(), Some(TokenError::MissingClaim));
    assert_eq!(named.verify(&claims(&json!({}))).err(), Some(TokenError::MissingClaim));
    assert!(tokens().verify(&claims(&json!({"iss": "anybody"}))).is_ok());
    for aud in [json!("api"), json!(["api"]), json!([]), json!(null), json!(1)] {
        assert_eq!(refusal(&claims(&json!({"aud": aud}))), TokenError::Claim("aud"), "{aud}");
    }
}

/// As Python's `hmac` computes it; a plain hash of the secret would differ.
#[test]
fn a_fingerprint_is_a_mac_with_the_secret_as_its_key() {
    let of =
        |secret: &str| tokens_at(Timestamp(NOW), &Secret::new(secret)).fingerprint().to_string();
    assert_eq!(of("a-secret-of-the-tests-that-is-long-enough"), "5514054311662fe9");
    assert_eq!(of("another-secret-of-the-tests-that-is-long"), "2e69130cd1463f15");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,80}", parts in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_-]{0,40}){0,4}") {
        proptest::prop_assert!(tokens().verify(&text).is_err());
        proptest::prop_assert!(tokens().verify(&parts).is_err());
    }

    #[test]
    fn no_signed_text_makes_it_panic(
        header in "(\\{(\"(alg|typ|crit|x)\":(\"HS256\"|1|null|\\[\\]),?){0,3}\\}|\\PC{0,20})",
        payload in "(\\{(\"(sub|exp|scopes|nbf|aud)\":(\"a\"|1e99|-1|null|\\[\"b\"\\]),?){0,4}\\}|\\PC{0,20})",
    ) {
        let _ = tokens().verify(&signed(HEADER, &payload));
        let _ = tokens().verify(&signed(&header, &payload));
    }

    /// We read claims ourselves; whatever passes here, jsonwebtoken's own `decode` accepts, too.
    #[test]
    fn nothing_is_accepted_that_jsonwebtoken_refuses(
        header in "(\\{\"alg\":\"(HS256|HS384|none)\"(,\"(typ|kid)\":\"(JWT|a)\")?\\})",
        payload in "(\\{\"sub\":\"a\",\"exp\":(1[0-9]{9}|18[0-9]{8}|1e10|null)(,\"(x|scope)\":(\"me\"|1|\\{\\}))?\\}|\\PC{0,20})",
        cut in 0_usize..4,
    ) {
        let token = signed(&header, &payload);
        let token = &token[..token.len() - cut];
        if tokens().verify(token).is_ok() {
            let mut validation = Validation::new(Algorithm::HS256);
            // Its clock is the machine's, not the test's.
            validation.validate_exp = false;
            let key = DecodingKey::from_secret(SECRET.as_bytes());
            proptest::prop_assert!(decode::<Value>(token, &key, &validation).is_ok());
        }
    }
}
