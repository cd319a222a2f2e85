//! ID tokens (OpenID Connect Core §2) and logout tokens (Back-Channel Logout §2.4): statements about a
//! user for one client. Neither is an access token: each says its kind.

use crate::domain::{ClientId, KeyAlgorithm, Timestamp, UserId};
use crate::tokens::error::TokenError;
use crate::tokens::{LARGEST_TOKEN, Tokens, header};
use aws_lc_rs::digest::{Algorithm, SHA256, SHA512, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Seconds that a logout token counts.
const LOGOUT_LIFE: i64 = 120;

/// What a logout token tells of.
const LOGGED_OUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A user who has logged in, and the client that is told.
#[derive(Clone, Copy, Debug)]
pub struct NewIdToken<'a> {
    /// The user.
    pub user: UserId,
    /// The client.
    pub client: &'a ClientId,
    /// What the client verifies.
    pub algorithm: KeyAlgorithm,
    /// When the user logged in.
    pub auth_time: Timestamp,
    /// How, in the words of RFC 8176, separated by spaces.
    pub amr: &'a str,
    /// The session of the browser.
    pub sid: &'a str,
    /// What the client sent to find its request again.
    pub nonce: Option<&'a str>,
    /// The access token that comes with it.
    pub access_token: &'a str,
}

#[derive(Serialize)]
struct IdTokenClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    amr: Vec<&'a str>,
    azp: &'a str,
    sid: &'a str,
    at_hash: String,
}

#[derive(Serialize)]
struct LogoutClaims<'a> {
    iss: &'a str,
    sub: String,
    aud: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    events: Value,
    sid: &'a str,
}

/// What an ID token of ours says; it may have expired long ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdTokenHint {
    /// The user.
    pub user: UserId,
    /// The client that it was issued to.
    pub client: String,
    /// The session of the browser.
    pub sid: Option<String>,
}

#[derive(Deserialize)]
struct HintClaims {
    iss: String,
    sub: String,
    aud: String,
    sid: Option<String>,
}

impl Tokens {
    /// What signs ID tokens here, the default first: many clients know nothing else.
    #[must_use]
    pub(crate) fn id_token_algorithms(&self) -> Vec<KeyAlgorithm> {
        let other = self.algorithm.filter(|own| *own != KeyAlgorithm::Rs256);
        [KeyAlgorithm::Rs256].into_iter().chain(other).collect()
    }

    /// Issues an ID token, which counts as long as an access token.
    pub(crate) fn create_id_token(&self, new: NewIdToken<'_>) -> Result<String, TokenError> {
        let issuer = self.issuer_of_keys.as_deref().ok_or(TokenError::Signing)?;
        let now = self.clock.now();
        let claims = IdTokenClaims {
            iss: issuer,
            sub: new.user.0.to_string(),
            aud: new.client.as_str(),
            exp: now.seconds().saturating_add_unsigned(self.lifetime_seconds),
            iat: now.seconds(),
            auth_time: new.auth_time.seconds(),
            nonce: new.nonce,
            amr: new.amr.split(' ').collect(),
            azp: new.client.as_str(),
            sid: new.sid,
            at_hash: half_hash(new.algorithm, new.access_token),
        };
        self.published.sign_as("JWT", new.algorithm, now, &claims)
    }

    /// Issues a logout token: the session of this user has ended.
    pub(crate) fn create_logout_token(
        &self,
        (client, algorithm): (&ClientId, KeyAlgorithm),
        user: UserId,
        sid: &str,
    ) -> Result<String, TokenError> {
        let issuer = self.issuer_of_keys.as_deref().ok_or(TokenError::Signing)?;
        let now = self.clock.now();
        let claims = LogoutClaims {
            iss: issuer,
            sub: user.0.to_string(),
            aud: client.as_str(),
            iat: now.seconds(),
            exp: now.seconds().saturating_add(LOGOUT_LIFE),
            jti: format!("{:032x}", rand::random::<u128>()),
            events: json!({ LOGGED_OUT: {} }),
            sid,
        };
        self.published.sign_as("logout+jwt", algorithm, now, &claims)
    }

    /// Reads an ID token that was issued here, even one that has expired; any other text is none.
    pub(crate) fn read_id_token(&self, token: &str) -> Option<IdTokenHint> {
        let issuer = self.issuer_of_keys.as_deref()?;
        if token.len() > LARGEST_TOKEN {
            return None;
        }
        let (message, signature) = token.rsplit_once('.')?;
        let (head, payload) = message.split_once('.')?;
        let head = header::read(head).ok()?;
        let found = self.published.by_kid(head.kid.as_deref()?)?;
        found.verify_id_token(&head, message, signature).ok()?;
        let claims: HintClaims =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()?;
        let user = claims.sub.parse().ok().map(UserId)?;
        let is_ours = claims.iss == issuer;
        is_ours.then_some(IdTokenHint { user, client: claims.aud, sid: claims.sid })
    }
}

/// The left half of the hash of an access token, by the hash of the signature (§3.1.3.6); for Ed25519
/// that is SHA-512.
fn half_hash(algorithm: KeyAlgorithm, token: &str) -> String {
    let by = match algorithm {
        KeyAlgorithm::EdDsa => &SHA512,
        KeyAlgorithm::Es256 | KeyAlgorithm::Rs256 => &SHA256,
    };
    left_half(by, token)
}

/// The left half of this hash of a text.
pub(super) fn left_half(by: &'static Algorithm, text: &str) -> String {
    let hash = digest(by, text.as_bytes());
    let hash = hash.as_ref();
    URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of OpenID Connect Core §A.3: `at_hash` of its access token.
    #[test]
    fn the_hash_is_that_of_the_specification() {
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert_eq!(half_hash(KeyAlgorithm::Rs256, token), "77QmUPtjPfzWtF2AnpK9RQ");
        assert_eq!(half_hash(KeyAlgorithm::EdDsa, token).len(), 43);
    }
}
