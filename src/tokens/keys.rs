//! The shared secrets that sign and verify tokens, and how any key verifies, with jsonwebtoken.

use crate::domain::Secret;
use crate::tokens::error::TokenError;
use crate::tokens::{SHORTEST_SECRET, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::JwtVerifier;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use serde::Serialize;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// The shared secrets of a server.
pub(super) struct KeyRing {
    signing: EncodingKey,
    /// Verifies what the signing secret has signed.
    shared: Key,
    /// Verify what `shared` does not, and never sign: an old secret, or the next one.
    accepted: Vec<Key>,
}

impl KeyRing {
    /// The signing secret, and those that are accepted as well.
    pub(super) fn of_secrets(secret: &Secret, accepted: &[Secret]) -> Result<Self, TokenError> {
        let accepted = accepted.iter().map(Key::of_secret).collect::<Result<_, _>>()?;
        let signing = EncodingKey::from_secret(secret.expose().as_bytes());
        Ok(Self { signing, shared: Key::of_secret(secret)?, accepted })
    }

    /// Creates a token with these claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        let header = Header::new(self.shared.algorithm);
        encode(&header, claims, &self.signing).map_err(|_| TokenError::Signing)
    }

    /// Whether a shared secret made the signature of `message`. Issuers that share one call it what
    /// they like, so the header's `kid` does not count.
    pub(super) fn verify(
        &self,
        header: &header::Presented,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        let mut verdict = self.shared.verify(header, message, signature);
        for key in &self.accepted {
            if verdict != Err(TokenError::Signature) {
                break;
            }
            verdict = key.verify(header, message, signature);
        }
        verdict
    }
}

/// A key. Its algorithm is fixed here, never by a token (RFC 8725 §3.1).
pub(super) struct Key {
    algorithm: Algorithm,
    /// Bytes of a signature; RSA's depend on the key.
    length: Option<usize>,
    verifying: DecodingKey,
    /// Unique among all keys of this process.
    number: u64,
}

impl Key {
    fn of_secret(secret: &Secret) -> Result<Self, TokenError> {
        let secret = secret.expose().as_bytes();
        if secret.len() < SHORTEST_SECRET {
            return Err(TokenError::ShortSecret);
        }
        Ok(Self {
            length: Some(32),
            ..Self::of(Algorithm::HS256, DecodingKey::from_secret(secret))
        })
    }

    /// A public key.
    pub(super) fn of_public(algorithm: Algorithm, verifying: DecodingKey) -> Self {
        Self::of(algorithm, verifying)
    }

    fn of(algorithm: Algorithm, verifying: DecodingKey) -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self { algorithm, length: None, verifying, number: MADE.fetch_add(1, Ordering::Relaxed) }
    }

    /// Whether this key made the signature of `message`, and the token's header does not say
    /// otherwise.
    pub(super) fn verify(
        &self,
        header: &header::Presented,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        header.check(self.algorithm)?;
        self.verify_signature(message, signature)
    }

    /// Whether this key made the signature of `message`.
    pub(super) fn verify_signature(
        &self,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        KEPT.with_borrow_mut(|kept| {
            kept.signature.clear();
            let read = URL_SAFE_NO_PAD.decode_vec(signature, &mut kept.signature);
            if read.is_err() || self.length.is_some_and(|length| kept.signature.len() != length) {
                return Err(TokenError::Malformed);
            }
            kept.make_verifier(self)?;
            let verifier = kept.verifiers.iter().find(|(number, _)| *number == self.number);
            let (_, verifier) = verifier.ok_or(TokenError::Signature)?;
            let verdict = verifier.verify(message.as_bytes(), &kept.signature);
            verdict.map_err(|_| TokenError::Signature)
        })
    }
}

/// Further verifiers are not kept: a server has fewer keys.
const MOST_KEPT: usize = 16;

/// jsonwebtoken's verifiers cannot be shared between threads, and its `decode` creates one per
/// token. So each thread keeps one per key: 0.6 µs per token of ours instead of 0.9 µs.
struct Kept {
    verifiers: Vec<(u64, Box<dyn JwtVerifier>)>,
    /// The current signature; its buffer is reused.
    signature: Vec<u8>,
}

thread_local! {
    static KEPT: RefCell<Kept> =
        const { RefCell::new(Kept { verifiers: Vec::new(), signature: Vec::new() }) };
}

impl Kept {
    fn make_verifier(&mut self, key: &Key) -> Result<(), TokenError> {
        if self.verifiers.iter().any(|(number, _)| *number == key.number) {
            return Ok(());
        }
        if self.verifiers.len() == MOST_KEPT {
            self.verifiers.remove(0);
        }
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&key.algorithm, &key.verifying);
        self.verifiers.push((key.number, verifier.map_err(|_| TokenError::Signature)?));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret(text: &str) -> Secret {
        Secret::new(text.repeat(32))
    }

    fn verdict(ring: &KeyRing, token: &str) -> Result<(), TokenError> {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let header = header::read(message.split('.').next().unwrap())?;
        ring.verify(&header, message, signature)
    }

    fn token(kid: Option<&str>, by: &Secret) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::HS256) };
        let key = EncodingKey::from_secret(by.expose().as_bytes());
        encode(&header, &json!({"sub": "johndoe"}), &key).unwrap()
    }

    #[test]
    fn accepted_secrets_verify_whatever_the_kid() {
        let ring = KeyRing::of_secrets(&secret("s"), &[secret("o"), secret("n")]).unwrap();
        for kid in [None, Some("whatever"), Some("../../dev/null"), Some("")] {
            for by in ["s", "o", "n"] {
                assert_eq!(verdict(&ring, &token(kid, &secret(by))), Ok(()), "{kid:?} by {by}");
            }
            let other = verdict(&ring, &token(kid, &secret("x")));
            assert_eq!(other, Err(TokenError::Signature), "{kid:?}");
        }
        let own = ring.sign(&json!({"sub": "johndoe"})).unwrap();
        let signs = |by: &str| verdict(&KeyRing::of_secrets(&secret(by), &[]).unwrap(), &own);
        assert_eq!(["s", "o", "n"].map(|by| signs(by).is_ok()), [true, false, false]);
    }

    /// More keys than are kept, one after the other, twice.
    #[test]
    fn a_thread_verifies_by_any_number_of_keys() {
        let secrets: Vec<_> = (0..2 * MOST_KEPT).map(|n| Secret::new(format!("{n:032}"))).collect();
        let ring = |secret: &Secret| KeyRing::of_secrets(secret, &[]).unwrap();
        let rings: Vec<_> = secrets.iter().map(ring).collect();
        for _ in 0..2 {
            for (at, ring) in rings.iter().enumerate() {
                assert_eq!(verdict(ring, &token(None, &secrets[at])), Ok(()));
                let other = token(None, &secrets[(at + 1) % secrets.len()]);
                assert_eq!(verdict(ring, &other), Err(TokenError::Signature));
            }
        }
        assert!(KEPT.with_borrow(|kept| kept.verifiers.len() <= MOST_KEPT));
    }
}
