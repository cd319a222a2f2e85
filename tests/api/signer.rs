//! Tokens made by the tests: any header, any claims, any key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// The signing secret of the servers here.
pub(crate) const SECRET: &str = "the-signing-secret-that-these-tests-know";

/// The header of a usual token.
pub(crate) const HEADER: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A valid token.
pub(crate) fn token(subject: &str, scopes: &[&str]) -> String {
    sign(&json!({"sub": subject, "scopes": scopes, "exp": now() + 600}))
}

/// A token with these claims and a valid signature.
pub(crate) fn sign(claims: &Value) -> String {
    forge(HEADER, &claims.to_string(), SECRET.as_bytes())
}

/// A token with these texts, signed by HMAC-SHA256 with this key whatever the header says.
pub(crate) fn forge(header: &str, claims: &str, key: &[u8]) -> String {
    forge_by(header, claims, (key, Algorithm::HS256))
}

/// The same by another HMAC.
pub(crate) fn forge_by(header: &str, claims: &str, by: (&[u8], Algorithm)) -> String {
    signed(header, claims.as_bytes(), by)
}

/// A token whose claims are these bytes, with a valid signature.
pub(crate) fn sign_bytes(claims: &[u8]) -> String {
    signed(HEADER, claims, (SECRET.as_bytes(), Algorithm::HS256))
}

fn signed(header: &str, claims: &[u8], (key, by): (&[u8], Algorithm)) -> String {
    let message = format!("{}.{}", encode(header), encode(claims));
    let key = EncodingKey::from_secret(key);
    let signature = crypto::sign(message.as_bytes(), &key, by).expect("signed");
    format!("{message}.{signature}")
}

/// base64url without padding.
pub(crate) fn encode(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

/// The claims of a token, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).expect("three parts");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}
