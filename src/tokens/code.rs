//! Authorization codes: random, stored by their hash, and what they stand for is sealed.

use crate::domain::{ClientId, KeyHash, Secret, UserId};
use crate::sealing::SealingKey;
use crate::tokens::client_secret::sha256;
use crate::tokens::error::TokenError;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rand::Rng as _;
use rand::distr::Alphanumeric;
use serde::{Deserialize, Serialize};

/// Base62 digits: 256 bits.
const LENGTH: usize = 43;

/// What a user has granted a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Granted {
    /// The client,
    pub client: ClientId,
    /// which another of the same name is not.
    pub client_epoch: i64,
    /// The user,
    pub user: UserId,
    /// by this name then,
    pub username: String,
    /// whose tokens were not ended since.
    pub epoch: i64,
    /// The scopes, separated by spaces.
    pub scope: String,
    /// Where the code was sent,
    pub redirect_uri: String,
    /// and whether the request said so.
    pub names_redirect: bool,
    /// Whose verifier redeems it (RFC 7636).
    pub challenge: Option<String>,
    /// For the ID token.
    pub nonce: Option<String>,
    /// When the user logged in.
    pub auth_time: i64,
    /// How.
    pub amr: String,
    /// The session of the browser.
    pub sid: String,
    /// What the tokens are for, too (RFC 8707).
    pub resource: Option<String>,
}

/// Seals what codes stand for.
#[derive(Debug)]
pub struct CodeKey(SealingKey);

impl CodeKey {
    /// Takes a key that seals nothing else at the same places.
    #[must_use]
    pub fn new(key: SealingKey) -> Self {
        Self(key)
    }

    /// Seals it for the code with this hash.
    pub fn seal(&self, hash: &KeyHash, granted: &Granted) -> Result<String, TokenError> {
        let json = serde_json::to_vec(granted).map_err(|_| TokenError::Signing)?;
        self.0.seal(&place(hash), &json).map_err(|_| TokenError::Signing)
    }

    /// What was sealed for this code.
    #[must_use]
    pub fn open(&self, hash: &KeyHash, sealed: &str) -> Option<Granted> {
        let json = self.0.open(&place(hash), sealed).ok()?;
        serde_json::from_slice(&json).ok()
    }
}

fn place(hash: &KeyHash) -> String {
    format!("codes {}", hash.expose())
}

/// A new code, and what is stored of it.
#[must_use]
pub fn new_code() -> (Secret, KeyHash) {
    let text: String = rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
    let hash = code_hash(&text);
    (Secret::new(text), hash)
}

/// The hash of a code.
#[must_use]
pub fn code_hash(code: &str) -> KeyHash {
    sha256(&[code.as_bytes()])
}

/// The challenge of a verifier by `S256` (RFC 7636 §4.2).
#[must_use]
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_code_stands_for_is_sealed_for_it_alone() {
        let key = CodeKey::new(SealingKey::random().unwrap());
        let ((code, hash), (_, other)) = (new_code(), new_code());
        assert_eq!(code.expose().len(), LENGTH);
        assert!(code_hash(code.expose()).equals(&hash) && !hash.equals(&other));
        let granted = Granted {
            client: "web".parse().unwrap(),
            client_epoch: 7,
            user: UserId(9),
            username: "jane".to_owned(),
            epoch: 1,
            scope: "openid me".to_owned(),
            redirect_uri: "https://app.example.com/cb".to_owned(),
            names_redirect: true,
            challenge: None,
            nonce: Some("n\"ö".to_owned()),
            auth_time: 5,
            amr: "pwd".to_owned(),
            sid: "s".to_owned(),
            resource: None,
        };
        let sealed = key.seal(&hash, &granted).unwrap();
        assert_eq!(key.open(&hash, &sealed), Some(granted));
        assert_eq!(key.open(&other, &sealed), None);
    }

    /// The example of RFC 7636 §B.
    #[test]
    fn the_challenge_is_that_of_the_rfc() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge_of(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }
}
