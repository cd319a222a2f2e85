//! The secret in the cookie of a session.

use crate::domain::{KeyHash, Secret};
use crate::tokens::client_secret::sha256;
use rand::Rng as _;
use rand::distr::Alphanumeric;

/// Base62 digits: 256 bits.
const LENGTH: usize = 43;

/// A new secret, and what is stored of it.
#[must_use]
pub fn new_session_secret() -> (Secret, KeyHash) {
    let text: String = rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from).collect();
    let hash = sha256(&[text.as_bytes()]);
    (Secret::new(text), hash)
}

/// The hash of what a browser sent, if it can be such a secret.
#[must_use]
pub fn session_secret_hash(text: &str) -> Option<KeyHash> {
    let is_one = text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_one.then(|| sha256(&[text.as_bytes()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_its_hash_and_nothing_else_is_hashed() {
        let (one, hash) = new_session_secret();
        assert!(session_secret_hash(one.expose()).unwrap().equals(&hash));
        let (other, second) = new_session_secret();
        assert!(!one.equals(other.expose()) && !hash.equals(&second));
        for text in ["", "x", &"é".repeat(43), &"-".repeat(43), &"x".repeat(44)] {
            assert!(session_secret_hash(text).is_none(), "{text}");
        }
    }
}
