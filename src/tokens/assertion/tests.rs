//! Which assertions prove a client, and which keys may be registered.

use super::*;
use jsonwebtoken::{EncodingKey, Header as JwtHeader, encode};
use serde_json::json;

const NOW: Timestamp = Timestamp(1_769_846_400);
const ISSUER: &str = "https://auth.example.com";

/// The private keys of RFC 7515 §A.3 and RFC 8037 §A.1, as PKCS #8.
const P256: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_zc4ncPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";
const ED25519: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

fn p256() -> EncodingKey {
    EncodingKey::from_ec_der(&URL_SAFE_NO_PAD.decode(P256).unwrap())
}

fn public_keys() -> Value {
    serde_json::from_str(NOBODYS_KEYS).unwrap()
}

fn claims() -> Value {
    json!({"iss": "c", "sub": "c", "aud": ISSUER, "exp": NOW.seconds() + 60, "jti": "one"})
}

fn signed(claims: &Value) -> String {
    encode(&JwtHeader::new(Algorithm::ES256), claims, &p256()).unwrap()
}

fn verified(assertion: &str) -> Result<Assertion, TokenError> {
    let keys = ClientKeys::read(&public_keys()).unwrap();
    keys.verify(assertion, (&"c".parse().unwrap(), &[ISSUER]), NOW)
}

fn with(name: &str, value: Value) -> Result<Assertion, TokenError> {
    let mut claims = claims();
    match value {
        Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
        value => claims[name] = value,
    }
    verified(&signed(&claims))
}

#[test]
fn an_assertion_proves_its_client_until_it_ends() {
    let one = verified(&signed(&claims())).unwrap();
    assert_eq!(one.until, Timestamp(NOW.seconds() + 90));
    let again = verified(&signed(&claims())).unwrap();
    assert!(one.id.equals(&again.id), "whatever else it says");
    assert!(!one.id.equals(&with("jti", json!("two")).unwrap().id));
    let keys = ClientKeys::read(&public_keys()).unwrap();
    let ed25519 = EncodingKey::from_ed_der(&URL_SAFE_NO_PAD.decode(ED25519).unwrap());
    let by = encode(&JwtHeader::new(Algorithm::EdDSA), &claims(), &ed25519).unwrap();
    assert!(keys.verify(&by, (&"c".parse().unwrap(), &[ISSUER]), NOW).is_ok());
    assert_eq!(ClientKeys::claimed(&by).as_deref(), Some("c"));
}

#[test]
fn every_claim_counts() {
    let now = NOW.seconds();
    for (name, value, fault) in [
        ("iss", json!("d"), TokenError::Claim("iss")),
        ("iss", Value::Null, TokenError::Malformed),
        ("sub", json!("d"), TokenError::Claim("sub")),
        ("sub", json!(7), TokenError::Malformed),
        ("aud", json!("https://other.example.com"), TokenError::Claim("aud")),
        ("aud", json!(format!("{ISSUER}/")), TokenError::Claim("aud")),
        ("aud", json!(format!("{ISSUER}/token")), TokenError::Claim("aud")),
        ("aud", json!([ISSUER, "https://other.example.com"]), TokenError::Claim("aud")),
        ("aud", json!([]), TokenError::Claim("aud")),
        ("aud", Value::Null, TokenError::Malformed),
        ("exp", json!(now - 30), TokenError::Expired),
        ("exp", json!(now + 631), TokenError::Claim("exp")),
        ("exp", json!(1e300), TokenError::Claim("exp")),
        ("exp", json!("soon"), TokenError::Malformed),
        ("exp", Value::Null, TokenError::Malformed),
        ("nbf", json!(now + 31), TokenError::NotYetValid),
        ("jti", json!(""), TokenError::Claim("jti")),
        ("jti", json!("x".repeat(513)), TokenError::Claim("jti")),
        ("jti", Value::Null, TokenError::Malformed),
    ] {
        assert_eq!(with(name, value.clone()).err(), Some(fault), "{name} {value}");
    }
    for (name, value) in [
        ("aud", json!([ISSUER])),
        ("exp", json!(now - 29)),
        ("exp", json!(now + 630)),
        ("nbf", json!(now + 30)),
        ("iat", json!(now + 9_999)),
    ] {
        assert!(with(name, value.clone()).is_ok(), "{name} {value}");
    }
}

#[test]
fn the_key_decides_the_algorithm() {
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    let public = public_keys().to_string();
    let forged = |header: Value, key: &[u8]| {
        let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()));
        let key = EncodingKey::from_secret(key);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256);
        format!("{message}.{}", signature.unwrap())
    };
    let x = public_keys()["keys"][1]["x"].as_str().unwrap().to_owned();
    for key in [public.as_bytes(), x.as_bytes(), &URL_SAFE_NO_PAD.decode(&x).unwrap()] {
        let by_public_key = forged(json!({"alg": "HS256"}), key);
        assert_eq!(verified(&by_public_key).err(), Some(TokenError::Algorithm));
        let pretended = forged(json!({"alg": "ES256"}), key);
        assert_eq!(verified(&pretended).err(), Some(TokenError::Signature));
    }
    for alg in ["none", "None", "", "HS512", "ES384", "RS1"] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg}).to_string());
        assert_eq!(verified(&format!("{header}.{payload}.")).err(), Some(TokenError::Algorithm));
    }
    let own = json!({"kty": "oct", "k": "c2VjcmV0"});
    let brought =
        json!({"alg": "HS256", "jwk": own, "jku": "https://evil.example/", "kid": "../../x"});
    assert_eq!(verified(&forged(brought, b"secret")).err(), Some(TokenError::Algorithm));
    let critical = forged(json!({"alg": "ES256", "crit": ["b64"]}), b"x");
    assert_eq!(verified(&critical).err(), Some(TokenError::Critical));
    let good = signed(&claims());
    let other = signed(&json!({"iss": "c", "sub": "c"}));
    let mixed = [&good[..good.rfind('.').unwrap()], &other[other.rfind('.').unwrap()..]].concat();
    assert_eq!(verified(&mixed).err(), Some(TokenError::Signature));
    for junk in ["", ".", "..", "a.b.c", &good[1..], &format!("{good}.x"), "é.é.é"] {
        assert!(verified(junk).is_err(), "{junk}");
    }
    let twice = r#"{"iss":"c","sub":"d","sub":"c","aud":"a","exp":1,"jti":"x"}"#;
    assert_eq!(part::<Claims>(&URL_SAFE_NO_PAD.encode(twice)).err(), Some(TokenError::Malformed));
}

#[test]
fn a_kid_names_a_key() {
    let mut jwks = public_keys();
    jwks["keys"][1]["kid"] = json!("mine");
    let keys = ClientKeys::read(&jwks).unwrap();
    let by = |kid: Option<&str>| {
        let header = JwtHeader { kid: kid.map(str::to_owned), ..JwtHeader::new(Algorithm::ES256) };
        let assertion = encode(&header, &claims(), &p256()).unwrap();
        keys.verify(&assertion, (&"c".parse().unwrap(), &[ISSUER]), NOW).map(drop)
    };
    assert_eq!([by(Some("mine")), by(None)], [Ok(()), Ok(())]);
    assert_eq!(by(Some("' OR 1=1 --")), Err(TokenError::Algorithm));
}

#[test]
fn only_public_keys_for_signatures_are_registered() {
    let [rsa, ec, ed] = [0, 1, 2].map(|at| public_keys()["keys"][at].clone());
    let more = |key: &Value, name: &str, value: Value| {
        let mut key = key.clone();
        key[name] = value;
        key
    };
    for good in [
        more(&rsa, "alg", json!("PS256")),
        more(&rsa, "use", json!("sig")),
        more(&ec, "alg", json!("ES256")),
        more(&ed, "alg", json!("EdDSA")),
        more(&ec, "x5c", json!(["ignored"])),
    ] {
        assert!(ClientKeys::read(&json!({"keys": [good]})).is_ok(), "{good}");
    }
    for bad in [
        more(&ec, "d", json!("secret")),
        more(&rsa, "p", json!("secret")),
        more(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([255; 128]))),
        more(&rsa, "alg", json!("ES256")),
        more(&rsa, "alg", json!("HS256")),
        more(&ec, "alg", json!("none")),
        more(&ec, "crv", json!("P-521")),
        more(&ec, "x", json!("AA")),
        more(&ec, "y", ec["x"].clone()),
        more(&rsa, "e", json!("Aw")),
        more(&rsa, "e", json!("AQ")),
        more(&rsa, "n", json!(URL_SAFE_NO_PAD.encode([254; 256]))),
        more(&ed, "x", json!(URL_SAFE_NO_PAD.encode([0; 32]))),
        more(&ed, "x", json!(URL_SAFE_NO_PAD.encode([255; 32]))),
        more(&ec, "use", json!("enc")),
        json!({"kty": "oct", "k": "c2VjcmV0"}),
        json!({"kty": "RSA"}),
        json!({}),
        json!(7),
    ] {
        assert!(ClientKeys::read(&json!({"keys": [bad]})).is_err(), "{bad}");
    }
    // A set that is fetched is used without such a key.
    let weak = more(&rsa, "e", json!("AQ"));
    let fetched = |keys: Value| ClientKeys::fetched(json!({ "keys": keys }).to_string().as_bytes());
    assert_eq!(fetched(json!([weak, ed])).unwrap().0.len(), 1);
    let problem = fetched(json!([weak])).err().unwrap();
    assert!(problem.starts_with("keys[0]: has an exponent"), "{problem}");
    for set in
        [json!(null), json!([]), json!({}), json!({"keys": []}), json!({"keys": vec![&ec; 17]}), ec]
    {
        assert!(ClientKeys::read(&set).is_err(), "{set}");
    }
}
