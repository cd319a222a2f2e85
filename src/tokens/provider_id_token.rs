//! ID tokens of other providers (OpenID Connect Core §3.1.3.7).

use crate::domain::{KeyHash, Timestamp};
use crate::tokens::assertion::ClientKeys;
use crate::tokens::client_secret::sha256;
use crate::tokens::error::TokenError;
use crate::tokens::id_token::left_half;
use aws_lc_rs::digest::{SHA256, SHA384, SHA512};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Seconds by which a provider's clock may differ.
const TOLERANCE: f64 = 60.0;

/// Seconds for which an ID token counts after it was issued: it is for the login that is under way.
const LONGEST_AGE: f64 = 600.0;

/// Largest ID token, in bytes.
const LARGEST: usize = 64 * 1024;

/// The login that an ID token must be for.
#[derive(Clone, Copy, Debug)]
pub struct ProviderLogin<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// This server's name there.
    pub client_id: &'a str,
    /// What was asked with.
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: &'a str,
    /// The user had to log in again there, not earlier than then.
    pub since: Option<Timestamp>,
}

/// What a verified ID token says.
#[derive(Clone, Debug)]
pub struct ProviderClaims {
    /// The provider's name for the user.
    pub sub: String,
    /// Everything.
    pub all: Map<String, Value>,
}

/// A member that is there twice is an error.
#[derive(Deserialize)]
struct Standard {
    iss: String,
    sub: String,
    aud: Value,
    azp: Option<String>,
    exp: f64,
    iat: f64,
    nbf: Option<f64>,
    auth_time: Option<f64>,
    nonce: Option<String>,
    at_hash: Option<String>,
}

impl ClientKeys {
    /// Verifies an ID token that the provider with these keys made for this login.
    pub fn verify_id_token(
        &self,
        id_token: &str,
        login: ProviderLogin<'_>,
        now: Timestamp,
    ) -> Result<ProviderClaims, TokenError> {
        if id_token.len() > LARGEST {
            return Err(TokenError::TooLarge);
        }
        let (claims, algorithm) = self.signed::<Standard>(id_token)?;
        let (all, _) = self.signed::<Map<String, Value>>(id_token)?;
        claims.check(login, algorithm, now)?;
        Ok(ProviderClaims { sub: claims.sub, all })
    }
}

impl Standard {
    fn check(
        &self,
        login: ProviderLogin<'_>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<(), TokenError> {
        if self.iss != login.issuer {
            return Err(TokenError::Claim("iss"));
        }
        let audiences = match &self.aud {
            Value::String(one) => vec![one.as_str()],
            Value::Array(many) => {
                let texts = many.iter().map(|it| it.as_str().ok_or(TokenError::Malformed));
                texts.collect::<Result<_, _>>()?
            }
            _ => return Err(TokenError::Malformed),
        };
        if !audiences.contains(&login.client_id) {
            return Err(TokenError::Claim("aud"));
        }
        let is_ours = self.azp.as_ref().is_none_or(|azp| azp == login.client_id);
        if !is_ours || audiences.len() > 1 && self.azp.is_none() {
            return Err(TokenError::Claim("azp"));
        }
        #[expect(clippy::cast_precision_loss, reason = "dates of this age fit an f64's 53 bits")]
        let date = |time: Timestamp| time.seconds() as f64;
        let now = date(now);
        if self.exp + TOLERANCE <= now {
            return Err(TokenError::Expired);
        }
        if self.iat > now + TOLERANCE || self.iat < now - LONGEST_AGE - TOLERANCE {
            return Err(TokenError::Claim("iat"));
        }
        if self.nbf.is_some_and(|nbf| nbf > now + TOLERANCE) {
            return Err(TokenError::NotYetValid);
        }
        // It must say so where that was asked for (§2), or nobody knows.
        let is_new = |since| self.auth_time.is_some_and(|it| it + TOLERANCE >= date(since));
        if !login.since.is_none_or(is_new) {
            return Err(TokenError::Claim("auth_time"));
        }
        if self.nonce.as_deref() != Some(login.nonce) {
            return Err(TokenError::Claim("nonce"));
        }
        if self.at_hash.as_ref().is_some_and(|it| *it != at_hash(algorithm, login.access_token)) {
            return Err(TokenError::Claim("at_hash"));
        }
        Ok(())
    }
}

/// What is stored of the state of a login: others cannot be told from it.
#[must_use]
pub fn state_hash(state: &str) -> KeyHash {
    sha256(&[b"the state of a login", state.as_bytes()])
}

/// The left half of the access token's hash, by the hash that the signature is made with (§3.1.3.6).
fn at_hash(algorithm: Algorithm, access_token: &str) -> String {
    let hash = match algorithm {
        Algorithm::RS384 | Algorithm::ES384 | Algorithm::PS384 => &SHA384,
        Algorithm::RS512 | Algorithm::PS512 | Algorithm::EdDSA => &SHA512,
        _ => &SHA256,
    };
    left_half(hash, access_token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_769_846_400);

    /// The private key of RFC 7515 §A.3.
    const P256: &str = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LKhRANCAAR_zc4ncPbEXUGDy-5v20t7WAczNXvp7xO6z248e9FURcfxRM0bvZt-hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt";

    const KEYS: &str = r#"{"keys": [{"kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;

    fn with(name: &str, value: Value) -> Result<ProviderClaims, TokenError> {
        let now = NOW.seconds();
        let mut claims = json!({
            "iss": "https://idp.example.com", "sub": "248289", "aud": "bailiwick", "exp": now + 60, "iat": now,
            "nonce": "n", "at_hash": at_hash(Algorithm::ES256, "token"), "groups": ["staff"],
            "auth_time": now,
        });
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        let key = EncodingKey::from_ec_der(&URL_SAFE_NO_PAD.decode(P256).unwrap());
        let jwt = encode(&Header::new(Algorithm::ES256), &claims, &key).unwrap();
        let login = ProviderLogin {
            issuer: "https://idp.example.com",
            client_id: "bailiwick",
            nonce: "n",
            access_token: "token",
            since: Some(NOW),
        };
        ClientKeys::fetched(KEYS.as_bytes()).unwrap().verify_id_token(&jwt, login, NOW)
    }

    #[test]
    fn an_id_token_is_for_one_login() {
        let claims = with("x", json!(1)).unwrap();
        assert_eq!((&*claims.sub, &claims.all["groups"]), ("248289", &json!(["staff"])));
        // The example of OpenID Connect Core §A.4.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(at_hash(Algorithm::RS256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        let now = NOW.seconds();
        for (name, value) in [
            ("at_hash", Value::Null),
            ("azp", json!("bailiwick")),
            ("aud", json!(["bailiwick"])),
            ("exp", json!(now - 59)),
            ("iat", json!(now + 59)),
            ("auth_time", json!(now - 60)),
        ] {
            with(name, value.clone()).unwrap_or_else(|error| panic!("{name} {value}: {error}"));
        }
        for (name, value, error) in [
            ("iss", json!("https://idp.example.com/"), TokenError::Claim("iss")),
            ("iss", Value::Null, TokenError::Malformed),
            ("aud", json!("other"), TokenError::Claim("aud")),
            ("aud", json!([]), TokenError::Claim("aud")),
            ("aud", json!([7]), TokenError::Malformed),
            ("aud", json!(["bailiwick", "other"]), TokenError::Claim("azp")),
            ("azp", json!("other"), TokenError::Claim("azp")),
            ("exp", json!(now - 60), TokenError::Expired),
            ("exp", Value::Null, TokenError::Malformed),
            ("iat", json!(now + 61), TokenError::Claim("iat")),
            ("iat", json!(now - 700), TokenError::Claim("iat")),
            ("iat", Value::Null, TokenError::Malformed),
            ("nbf", json!(now + 61), TokenError::NotYetValid),
            ("auth_time", json!(now - 61), TokenError::Claim("auth_time")),
            ("auth_time", Value::Null, TokenError::Claim("auth_time")),
            ("nonce", json!("m"), TokenError::Claim("nonce")),
            ("nonce", Value::Null, TokenError::Claim("nonce")),
            ("at_hash", json!("x"), TokenError::Claim("at_hash")),
            ("sub", json!(7), TokenError::Malformed),
        ] {
            assert_eq!(with(name, value.clone()).unwrap_err(), error, "{name} {value}");
        }
    }

    /// A provider's keys are public: who knows them cannot sign with them as if they were a secret
    /// (RFC 8725 §3.1).
    #[test]
    fn only_a_key_pair_signs() {
        let login = ProviderLogin {
            issuer: "https://idp.example.com",
            client_id: "bailiwick",
            nonce: "n",
            access_token: "token",
            since: Some(NOW),
        };
        let keys = ClientKeys::fetched(KEYS.as_bytes()).unwrap();
        let claims = json!({"iss": login.issuer, "sub": "1", "aud": "bailiwick", "nonce": "n"});
        let by_secret = EncodingKey::from_secret(KEYS.as_bytes());
        let forged = encode(&Header::new(Algorithm::HS256), &claims, &by_secret).unwrap();
        let (_, rest) = forged.split_once('.').unwrap();
        let none = format!("{}.{rest}", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#));
        for jwt in [&forged, &none, none.rsplit_once('.').map(|(it, _)| it).unwrap()] {
            keys.verify_id_token(jwt, login, NOW).unwrap_err();
        }
        assert_eq!(keys.verify_id_token(&forged, login, NOW).unwrap_err(), TokenError::Algorithm);
    }
}
