//! JWTs by which clients prove who they are (RFC 7523 §2.2), and the keys that verify them.

mod strength;

use crate::domain::{ClientId, KeyHash, Timestamp};
use crate::tokens::client_secret::sha256;
use crate::tokens::error::TokenError;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::sync::LazyLock;

/// Longest life of an assertion in seconds, and so how long it must be remembered.
const LONGEST_LIFE: f64 = 600.0;

/// Seconds by which a client's clock may differ.
const TOLERANCE: f64 = 30.0;

/// The most keys of a client.
const MOST_KEYS: usize = 16;

/// The most keys of a set that is fetched.
const MOST_FETCHED: usize = 64;

/// Longest `jti`, in bytes.
const LONGEST_ID: usize = 512;

/// Parameters of a JWK that are private, or symmetric (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The public keys of a client.
pub struct ClientKeys(Vec<ClientKey>);

struct ClientKey {
    kid: Option<String>,
    /// What it may be used with: of its own type only, never what an assertion says (RFC 8725 §3.1).
    algorithms: &'static [Algorithm],
    key: DecodingKey,
}

impl ClientKeys {
    /// Reads a JWK Set (RFC 7517 §5); or says what is wrong with it. A private key does not belong
    /// here, and is refused so that its owner notices.
    pub fn read(jwks: &Value) -> Result<Self, String> {
        let keys = jwks.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("expected a JWK Set: an object with the list `keys`")?;
        if !(1..=MOST_KEYS).contains(&keys.len()) {
            return Err(format!("expected 1 to {MOST_KEYS} keys"));
        }
        let read = keys.iter().enumerate().map(|(at, key)| {
            ClientKey::read(key).map_err(|problem| format!("keys[{at}]: {problem}"))
        });
        Ok(Self(read.collect::<Result<_, _>>()?))
    }

    /// Reads a JWK Set that was fetched: keys that are of no use here are left out (RFC 7517 §5), as long as
    /// one is left.
    pub fn fetched(text: &[u8]) -> Result<Self, String> {
        let jwks: Value = serde_json::from_slice(text).map_err(|_| "is no JSON")?;
        let keys = jwks.get("keys").and_then(Value::as_array);
        let keys = keys.ok_or("expected a JWK Set: an object with the list `keys`")?;
        if keys.len() > MOST_FETCHED {
            return Err(format!("expected at most {MOST_FETCHED} keys"));
        }
        let mut problem = "it has no keys".to_owned();
        let mut read = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            match ClientKey::read(key) {
                Ok(key) => read.push(key),
                Err(fault) => problem = format!("keys[{at}]: {fault}"),
            }
        }
        if read.is_empty() { Err(problem) } else { Ok(Self(read)) }
    }

    /// Whether one of the keys is the one that a JWT names; nothing is verified.
    #[must_use]
    pub fn has_key_of(&self, jwt: &str) -> bool {
        let header = jwt.split('.').next().map(part::<Header>);
        let Some(Ok(Header { kid: Some(kid), .. })) = header else { return false };
        self.0.iter().any(|key| key.kid.as_ref() == Some(&kid))
    }

    /// Whether one of the keys has signed a JWT; what it says is not looked at.
    #[must_use]
    pub fn have_signed(&self, jwt: &str) -> bool {
        self.check_signed(jwt).is_ok()
    }

    /// Takes as long as for a client, for one that is unknown.
    pub fn pretend_to_verify(assertion: &str) {
        static NOBODYS: LazyLock<ClientKeys> = LazyLock::new(|| {
            let keys = serde_json::from_str(NOBODYS_KEYS).unwrap_or_default();
            ClientKeys::read(&keys).unwrap_or(ClientKeys(Vec::new()))
        });
        let _ = NOBODYS.check_signature(assertion);
    }

    /// The client that an assertion says it is of; nothing is verified.
    #[must_use]
    pub fn claimed(assertion: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Subject {
            sub: String,
        }
        part::<Subject>(assertion.split('.').nth(1)?).ok().map(|subject| subject.sub)
    }

    /// Verifies an assertion that this client made for one of these audiences.
    pub fn verify(
        &self,
        assertion: &str,
        (client, audiences): (&ClientId, &[&str]),
        now: Timestamp,
    ) -> Result<Assertion, TokenError> {
        self.check_signature(assertion)?.check(client, audiences, now)
    }

    /// The claims of a JWT that one of the keys has signed, and by what: nothing else is verified.
    pub(super) fn signed<T: for<'de> Deserialize<'de>>(
        &self,
        jwt: &str,
    ) -> Result<(T, Algorithm), TokenError> {
        let algorithm = self.check_signed(jwt)?;
        Ok((part(jwt.split('.').nth(1).ok_or(TokenError::Malformed)?)?, algorithm))
    }

    fn check_signature(&self, assertion: &str) -> Result<Claims, TokenError> {
        self.signed(assertion).map(|(claims, _)| claims)
    }

    fn check_signed(&self, assertion: &str) -> Result<Algorithm, TokenError> {
        let (message, signature) = assertion.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, _) = message.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = part(header)?;
        if header.crit.is_some() {
            return Err(TokenError::Critical);
        }
        let algorithm = header.alg.parse().map_err(|_| TokenError::Algorithm)?;
        let mut verdict = Err(TokenError::Algorithm);
        for key in self.0.iter().filter(|key| key.algorithms.contains(&algorithm)) {
            // A kid that no key has names none of them; keys without one are tried.
            if header.kid.is_some() && key.kid.is_some() && header.kid != key.kid {
                continue;
            }
            match verify(signature, message.as_bytes(), &key.key, algorithm) {
                Ok(true) => {
                    verdict = Ok(());
                    break;
                }
                _ => verdict = Err(TokenError::Signature),
            }
        }
        verdict.map(|()| algorithm)
    }
}

impl ClientKey {
    fn read(json: &Value) -> Result<Self, String> {
        if PRIVATE.iter().any(|name| json.get(name).is_some()) {
            return Err("is a private key: register the public one only".to_owned());
        }
        let usage = json.get("use").and_then(Value::as_str);
        if usage.is_some_and(|usage| usage != "sig") {
            return Err("is not a key for signatures (`use`)".to_owned());
        }
        let jwk = Jwk::deserialize(json).map_err(|_| "is no JWK (RFC 7517 §4)".to_owned())?;
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let of_type: &'static [Algorithm] = match &jwk.algorithm {
            AlgorithmParameters::RSA(key) => {
                strength::rsa(&bytes(&key.n), &bytes(&key.e))?;
                RSA
            }
            AlgorithmParameters::EllipticCurve(key) => {
                let (x, y) = (bytes(&key.x), bytes(&key.y));
                match (&key.curve, x.len(), y.len()) {
                    (EllipticCurve::P256, 32, 32) => {
                        strength::point(&ECDSA_P256_SHA256_FIXED, &x, &y)?;
                        &[Algorithm::ES256]
                    }
                    (EllipticCurve::P384, 48, 48) => {
                        strength::point(&ECDSA_P384_SHA384_FIXED, &x, &y)?;
                        &[Algorithm::ES384]
                    }
                    _ => return Err("is on no curve that is read here: P-256, P-384".to_owned()),
                }
            }
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                strength::ed25519(&bytes(&key.x))?;
                &[Algorithm::EdDSA]
            }
            _ => return Err("is no RSA, P-256, P-384 or Ed25519 key".to_owned()),
        };
        let said = json.get("alg").and_then(Value::as_str);
        let algorithms = match said {
            None => of_type,
            Some(said) => {
                let at = of_type.iter().position(|known| Ok(*known) == said.parse());
                let at = at.ok_or_else(|| "has an `alg` that does not fit it".to_owned())?;
                &of_type[at..=at]
            }
        };
        let key = DecodingKey::from_jwk(&jwk).map_err(|_| "is no JWK (RFC 7517 §4)".to_owned())?;
        Ok(Self { kid: jwk.common.key_id, algorithms, key })
    }
}

/// A verified assertion.
#[derive(Clone, Copy, Debug)]
pub struct Assertion {
    /// Tells it from all others: it counts once.
    pub id: KeyHash,
    /// From then on it is refused anyway.
    pub until: Timestamp,
}

/// An assertion's header. Whatever it says of keys (`jku`, `jwk`, `x5u`) is ignored.
#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Claims {
    fn check(
        self,
        client: &ClientId,
        audiences: &[&str],
        now: Timestamp,
    ) -> Result<Assertion, TokenError> {
        for (name, value) in [("iss", &self.iss), ("sub", &self.sub)] {
            if value != client.as_str() {
                return Err(TokenError::Claim(name));
            }
        }
        // All of them: one that is for others too could be used there, or come from there
        // (CVE-2025-27370).
        let named = match &self.aud {
            Audience::One(one) => std::slice::from_ref(one),
            Audience::Many(many) => many,
        };
        if named.is_empty() || named.iter().any(|name| !audiences.contains(&name.as_str())) {
            return Err(TokenError::Claim("aud"));
        }
        if self.jti.is_empty() || self.jti.len() > LONGEST_ID {
            return Err(TokenError::Claim("jti"));
        }
        #[expect(clippy::cast_precision_loss, reason = "dates of this age fit an f64's 53 bits")]
        let now = now.seconds() as f64;
        if self.exp + TOLERANCE <= now {
            return Err(TokenError::Expired);
        }
        if self.exp > now + LONGEST_LIFE + TOLERANCE {
            return Err(TokenError::Claim("exp"));
        }
        if self.nbf.is_some_and(|nbf| nbf > now + TOLERANCE) {
            return Err(TokenError::NotYetValid);
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "it is less than a quarter of an hour away"
        )]
        let until = Timestamp((self.exp + TOLERANCE).ceil() as i64);
        Ok(Assertion { id: sha256(&[client.as_str().as_bytes(), self.jti.as_bytes()]), until })
    }
}

/// A part of an assertion. A member that is there twice is an error.
fn part<T: for<'de> Deserialize<'de>>(encoded: &str) -> Result<T, TokenError> {
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)
}

/// The examples of RFC 7515 §A.2, §A.3 and RFC 8037 §A.2: whoever verifies with them refuses anyway.
const NOBODYS_KEYS: &str = r#"{"keys": [
    {"kty": "RSA", "e": "AQAB", "n": "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"},
    {"kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"},
    {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
]}"#;

#[cfg(test)]
mod tests;
