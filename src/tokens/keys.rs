//! The keys that sign and verify tokens, both with jsonwebtoken.

use crate::domain::Secret;
use crate::tokens::error::TokenError;
use crate::tokens::{SHORTEST_SECRET, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::crypto::{JwtVerifier, sign};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, encode};
use serde::Serialize;
use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

/// All keys of a server.
pub(super) struct KeyRing {
    /// Signs new tokens, and verifies those whose `kid` names no other key.
    shared: Key,
    /// Verify what `shared` does not, and never sign: an old secret, or the next one.
    accepted: Vec<Key>,
    /// Found by their `kid`.
    named: Vec<(String, Key)>,
}

impl KeyRing {
    /// The ring of a server that has only shared secrets.
    pub(super) fn of_secrets(secret: &Secret, accepted: &[Secret]) -> Result<Self, TokenError> {
        let accepted = accepted.iter().map(Key::of_secret).collect::<Result<_, _>>()?;
        Ok(Self { shared: Key::of_secret(secret)?, accepted, named: Vec::new() })
    }

    /// The key that signs new tokens.
    pub(super) fn signing(&self) -> &Key {
        &self.shared
    }

    /// The keys whose secrets verify tokens beside the signing one.
    pub(super) fn accepted(&self) -> &[Key] {
        &self.accepted
    }

    /// Whether the key that the header names made the signature of `message`. Issuers that share a
    /// secret call it what they like.
    pub(super) fn verify(
        &self,
        header: &header::Presented,
        message: &str,
        signature: &str,
    ) -> Result<(), TokenError> {
        let named = self.named.iter().find(|(name, _)| header.kid.as_deref() == Some(name));
        if let Some((_, key)) = named {
            return key.verify(header, message, signature);
        }
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
    /// Bytes of a signature.
    length: usize,
    signing: EncodingKey,
    verifying: DecodingKey,
    /// Unique among all keys of this process.
    number: u64,
}

impl Key {
    fn of_secret(secret: &Secret) -> Result<Self, TokenError> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let secret = secret.expose().as_bytes();
        if secret.len() < SHORTEST_SECRET {
            return Err(TokenError::ShortSecret);
        }
        Ok(Self {
            algorithm: Algorithm::HS256,
            length: 32,
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            number: MADE.fetch_add(1, Ordering::Relaxed),
        })
    }

    /// Creates a token with these claims.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, TokenError> {
        encode(&Header::new(self.algorithm), claims, &self.signing).map_err(|_| TokenError::Signing)
    }

    /// The bytes of a signature of this text, which no token can have.
    pub(super) fn seal(&self, text: &str) -> Result<Vec<u8>, TokenError> {
        let signature = sign(text.as_bytes(), &self.signing, self.algorithm);
        let signature = signature.map_err(|_| TokenError::Signing)?;
        URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Signing)
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
        KEPT.with_borrow_mut(|kept| {
            kept.signature.clear();
            let read = URL_SAFE_NO_PAD.decode_vec(signature, &mut kept.signature);
            if read.is_err() || kept.signature.len() != self.length {
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

    fn key(text: &str) -> Key {
        Key::of_secret(&Secret::new(text.repeat(32))).unwrap()
    }

    fn verdict(ring: &KeyRing, token: &str) -> Result<(), TokenError> {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let header = header::read(message.split('.').next().unwrap())?;
        ring.verify(&header, message, signature)
    }

    fn token(kid: Option<&str>, key: &Key) -> String {
        let header = Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::HS256) };
        encode(&header, &json!({"sub": "johndoe"}), &key.signing).unwrap()
    }

    #[test]
    fn the_kid_chooses_the_key() {
        let ring = KeyRing {
            shared: key("s"),
            accepted: vec![key("o"), key("n")],
            named: vec![("a".into(), key("a")), ("b".into(), key("b"))],
        };
        for (kid, by, verdict_) in [
            (Some("a"), "a", Ok(())),
            (Some("b"), "b", Ok(())),
            (Some("b"), "a", Err(TokenError::Signature)),
            (Some("a"), "s", Err(TokenError::Signature)),
            (None, "a", Err(TokenError::Signature)),
            (None, "s", Ok(())),
            (None, "o", Ok(())),
            (None, "n", Ok(())),
            (None, "x", Err(TokenError::Signature)),
            (Some("a"), "o", Err(TokenError::Signature)),
            (Some("whatever"), "n", Ok(())),
            (Some("whatever"), "s", Ok(())),
            (Some("whatever"), "a", Err(TokenError::Signature)),
        ] {
            assert_eq!(verdict(&ring, &token(kid, &key(by))), verdict_, "{kid:?} by {by}");
        }
    }

    /// More keys than are kept, one after the other, twice.
    #[test]
    fn a_thread_verifies_by_any_number_of_keys() {
        let rings: Vec<_> = (0..2 * MOST_KEPT)
            .map(|n| KeyRing::of_secrets(&Secret::new(format!("{n:032}")), &[]).unwrap())
            .collect();
        for _ in 0..2 {
            for (at, ring) in rings.iter().enumerate() {
                let own = token(None, ring.signing());
                assert_eq!(verdict(ring, &own), Ok(()));
                let other = token(None, rings[(at + 1) % rings.len()].signing());
                assert_eq!(verdict(ring, &other), Err(TokenError::Signature));
            }
        }
        assert!(KEPT.with_borrow(|kept| kept.verifiers.len() <= MOST_KEPT));
    }
}
