//! Asymmetric keys: made, read, published, and how they sign.

use crate::domain::{KeyAlgorithm, StoredKey, Timestamp};
use crate::tokens::error::TokenError;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
    RsaPublicKeyComponents,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde::Serialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Bits of an RSA key: fewer are weak, more take long to verify.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// A private key with its public one.
pub struct KeyPair {
    /// What it signs with.
    pub algorithm: KeyAlgorithm,
    /// Its name: the thumbprint of the public key (RFC 7638).
    pub kid: String,
    /// The public key: its parts in base64url, joined by dots.
    pub public: String,
    /// The private key (PKCS #8).
    pub private: Zeroizing<Vec<u8>>,
}

impl KeyPair {
    /// A new one; RSA takes a tenth of a second and more. Its name is no flag of a command.
    pub fn generate(algorithm: KeyAlgorithm) -> Result<Self, TokenError> {
        loop {
            let key = Self::of_random(algorithm)?;
            if !key.kid.starts_with('-') {
                return Ok(key);
            }
        }
    }

    fn of_random(algorithm: KeyAlgorithm) -> Result<Self, TokenError> {
        let random = SystemRandom::new();
        let failed = |_| TokenError::Signing;
        let private = match algorithm {
            KeyAlgorithm::EdDsa => {
                Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?.as_ref().to_vec()
            }
            KeyAlgorithm::Es256 => {
                let by = &ECDSA_P256_SHA256_FIXED_SIGNING;
                EcdsaKeyPair::generate_pkcs8(by, &random).map_err(failed)?.as_ref().to_vec()
            }
            KeyAlgorithm::Rs256 => {
                let key = RsaKeyPair::generate(KeySize::Rsa2048).map_err(failed)?;
                let der: Pkcs8V1Der<'_> = key.as_der().map_err(failed)?;
                der.as_ref().to_vec()
            }
        };
        Self::of_pkcs8(Zeroizing::new(private)).ok_or(TokenError::Signing)
    }

    /// The key in these bytes.
    #[must_use]
    pub fn of_pkcs8(private: Zeroizing<Vec<u8>>) -> Option<Self> {
        let (algorithm, parts) = public_of(&private)?;
        let parts: Vec<_> = parts.iter().map(|part| URL_SAFE_NO_PAD.encode(part)).collect();
        let public = parts.join(".");
        let jwk = serde_json::to_string(&members(algorithm, &public)?).ok()?;
        let kid = URL_SAFE_NO_PAD.encode(digest(&SHA256, jwk.as_bytes()));
        Some(Self { algorithm, kid, public, private })
    }
}

fn public_of(private: &[u8]) -> Option<(KeyAlgorithm, Vec<Vec<u8>>)> {
    if let Ok(key) = Ed25519KeyPair::from_pkcs8(private) {
        return Some((KeyAlgorithm::EdDsa, vec![key.public_key().as_ref().to_vec()]));
    }
    if let Ok(key) = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, private) {
        // An uncompressed point: 4, x, y.
        let (x, y) = key.public_key().as_ref().get(1..)?.split_at_checked(32)?;
        return Some((KeyAlgorithm::Es256, vec![x.to_vec(), y.to_vec()]));
    }
    let key = RsaKeyPair::from_pkcs8(private).ok()?;
    if !RSA_BITS.contains(&(key.public_modulus_len() * 8)) {
        return None;
    }
    let RsaPublicKeyComponents { n, e } = RsaPublicKeyComponents::<Vec<u8>>::from(key.public_key());
    Some((KeyAlgorithm::Rs256, vec![n, e]))
}

/// The members of a JWK that make its thumbprint, in their order.
#[derive(Serialize)]
#[serde(untagged)]
enum Members<'a> {
    Okp { crv: &'static str, kty: &'static str, x: &'a str },
    Ec { crv: &'static str, kty: &'static str, x: &'a str, y: &'a str },
    Rsa { e: &'a str, kty: &'static str, n: &'a str },
}

fn members(algorithm: KeyAlgorithm, public: &str) -> Option<Members<'_>> {
    let parts = public.split_once('.');
    Some(match algorithm {
        KeyAlgorithm::EdDsa => Members::Okp { crv: "Ed25519", kty: "OKP", x: public },
        KeyAlgorithm::Es256 => {
            let (x, y) = parts?;
            Members::Ec { crv: "P-256", kty: "EC", x, y }
        }
        KeyAlgorithm::Rs256 => {
            let (n, e) = parts?;
            Members::Rsa { e, kty: "RSA", n }
        }
    })
}

/// jsonwebtoken's name for it.
pub(super) fn algorithm_of(algorithm: KeyAlgorithm) -> Algorithm {
    match algorithm {
        KeyAlgorithm::EdDsa => Algorithm::EdDSA,
        KeyAlgorithm::Es256 => Algorithm::ES256,
        KeyAlgorithm::Rs256 => Algorithm::RS256,
    }
}

/// A stored key's public half. Others may have written anything: then it is none.
#[derive(Clone)]
pub struct PublicKey {
    /// What it verifies.
    pub algorithm: KeyAlgorithm,
    /// Its name in tokens.
    pub kid: String,
    /// When it begins to sign.
    pub active_from: Timestamp,
    /// When its tokens end to count.
    pub retired_at: Option<Timestamp>,
    public: String,
}

impl PublicKey {
    /// The public half of a stored key.
    #[must_use]
    pub fn of(stored: &StoredKey) -> Option<Self> {
        let key = Self {
            algorithm: KeyAlgorithm::named(&stored.alg)?,
            kid: stored.kid.clone(),
            active_from: stored.active_from,
            retired_at: stored.retired_at,
            public: stored.public.clone(),
        };
        key.decoding().is_some().then_some(key)
    }

    pub(super) fn decoding(&self) -> Option<DecodingKey> {
        match members(self.algorithm, &self.public)? {
            Members::Okp { x, .. } => DecodingKey::from_ed_components(x),
            Members::Ec { x, y, .. } => DecodingKey::from_ec_components(x, y),
            Members::Rsa { n, e, .. } => DecodingKey::from_rsa_components(n, e),
        }
        .ok()
    }

    /// The header of tokens that this key signs, encoded.
    pub(super) fn header(&self) -> String {
        header("at+jwt", self.algorithm, &self.kid)
    }

    /// The key as a JWK (RFC 7517).
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = json!(members(self.algorithm, &self.public));
        jwk["kid"] = json!(self.kid);
        jwk["alg"] = json!(self.algorithm.name());
        jwk["use"] = json!("sig");
        jwk
    }
}

/// The header of tokens of a kind, encoded.
pub(super) fn header(typ: &'static str, algorithm: KeyAlgorithm, kid: &str) -> String {
    let header = Header { typ, alg: algorithm.name(), kid };
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header).unwrap_or_default())
}

#[derive(Serialize)]
struct Header<'a> {
    typ: &'static str,
    alg: &'static str,
    kid: &'a str,
}

/// A private key, ready to sign.
pub(super) enum Signer {
    /// jsonwebtoken reads it anew for each signature, which takes a few microseconds,
    Read(EncodingKey, Algorithm),
    /// or, for RSA, more than the signature itself: so this one is prepared.
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    pub(super) fn of_pkcs8(algorithm: KeyAlgorithm, private: &[u8]) -> Option<Self> {
        Some(match algorithm {
            KeyAlgorithm::EdDsa => Self::Read(EncodingKey::from_ed_der(private), Algorithm::EdDSA),
            KeyAlgorithm::Es256 => Self::Read(EncodingKey::from_ec_der(private), Algorithm::ES256),
            KeyAlgorithm::Rs256 => Self::Rsa(Box::new(RsaKeyPair::from_pkcs8(private).ok()?)),
        })
    }

    /// A token with this encoded header and these claims.
    pub(super) fn sign(&self, header: &str, claims: &impl Serialize) -> Result<String, TokenError> {
        let claims = serde_json::to_vec(claims).map_err(|_| TokenError::Signing)?;
        let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims));
        let signature = match self {
            Self::Read(key, algorithm) => {
                sign(message.as_bytes(), key, *algorithm).map_err(|_| TokenError::Signing)?
            }
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                let random = SystemRandom::new();
                key.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature)
                    .map_err(|_| TokenError::Signing)?;
                URL_SAFE_NO_PAD.encode(signature)
            }
        };
        Ok(message + "." + &signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One in 64 thumbprints would.
    #[test]
    fn no_key_made_here_is_named_like_a_flag() {
        for _ in 0..500 {
            let key = KeyPair::generate(KeyAlgorithm::EdDsa).unwrap();
            assert!(!key.kid.starts_with('-') && key.kid.len() == 43, "{}", key.kid);
        }
    }
}
