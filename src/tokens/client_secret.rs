//! The secrets of clients: made here, or brought from outside.

use crate::domain::{KeyHash, Secret};
use aws_lc_rs::digest::{SHA256, digest};
use rand::Rng as _;
use rand::distr::Alphanumeric;

/// What every secret made here begins with, for scanners that look for leaked ones.
const PREFIX: &str = "bwc_";

/// Base62 digits: 256 bits.
const LENGTH: usize = 43;

/// Shortest secret from outside in bytes: no slow hash protects it.
pub const SHORTEST_CLIENT_SECRET: usize = 32;

/// A new secret, and what is stored of it.
#[must_use]
pub fn new_client_secret() -> (Secret, KeyHash) {
    let mut text = String::with_capacity(PREFIX.len() + LENGTH);
    text.push_str(PREFIX);
    text.extend(rand::rng().sample_iter(Alphanumeric).take(LENGTH).map(char::from));
    let hash = sha256(&[text.as_bytes()]);
    (Secret::new(text), hash)
}

/// The hash of a secret.
#[must_use]
pub fn client_secret_hash(secret: &str) -> KeyHash {
    sha256(&[secret.as_bytes()])
}

/// The hash of several parts, none of which has a zero byte.
pub(super) fn sha256(parts: &[&[u8]]) -> KeyHash {
    let whole = parts.join(&0);
    KeyHash::new(digest(&SHA256, &whole).as_ref().try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_is_long_and_known_by_its_hash() {
        let (one, hash) = new_client_secret();
        assert!(one.expose().starts_with(PREFIX) && one.expose().len() == 47);
        assert!(client_secret_hash(one.expose()).equals(&hash));
        let (other, second) = new_client_secret();
        assert!(!one.equals(other.expose()) && !hash.equals(&second));
        assert_eq!(
            client_secret_hash("").expose(),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }
}
