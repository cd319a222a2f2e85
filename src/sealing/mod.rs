//! What is encrypted for ourselves, and the keys for that: the signing secret yields a key that
//! wraps random server keys, and these seal everything else (AES-256-GCM).

mod browser;
mod flow;
mod mac;

pub use browser::{BrowserKey, FormOwner};
pub use flow::{Flow, FlowError, FlowKey};
pub use mac::{MacKey, TAG};

use crate::domain::{Fingerprint, Secret, program};
use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::{hmac, rand};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why something cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SealError {
    /// Sealed with a secret that is not configured.
    #[error(
        "sealed with the secret whose fingerprint is {0}, which is neither the signing secret nor among \
         tokens.accepted_secret_files; `{program} keys rewrap` seals it anew where both are",
        program = program()
    )]
    Secret(String),
    /// Not sealed by this key for this place, or modified.
    #[error("damaged, or sealed for another place")]
    Broken,
    /// The system has no randomness.
    #[error("cannot be sealed: no random bytes")]
    Random,
}

/// Tells secrets apart and reveals nothing else. No token is signed over this text: it has spaces.
#[must_use]
pub fn fingerprint(secret: &Secret) -> Fingerprint {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mac = hmac::sign(&key, b"the fingerprint of bailiwick's signing secret");
    Fingerprint::of_mac(mac.as_ref())
}

/// A key that seals data, each for one place.
pub struct SealingKey {
    bytes: Zeroizing<[u8; 32]>,
    key: RandomizedNonceKey,
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl SealingKey {
    /// A new one.
    pub fn random() -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; 32]);
        rand::fill(bytes.as_mut_slice()).map_err(|_| SealError::Random)?;
        Self::of(bytes)
    }

    fn of(bytes: Zeroizing<[u8; 32]>) -> Result<Self, SealError> {
        let key = RandomizedNonceKey::new(&AES_256_GCM, bytes.as_slice());
        Ok(Self { key: key.map_err(|_| SealError::Broken)?, bytes })
    }

    /// The same bytes for tags, of a key that seals nothing.
    #[must_use]
    pub fn into_mac_key(self) -> MacKey {
        MacKey::new(&self.bytes)
    }

    /// Seals data for a place, such as a table and a row: nobody can move it to another one.
    pub fn seal(&self, place: &str, data: &[u8]) -> Result<String, SealError> {
        let mut sealed = data.to_vec();
        let nonce = self.key.seal_in_place_append_tag(Aad::from(place), &mut sealed);
        let nonce = nonce.map_err(|_| SealError::Random)?;
        Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &sealed].concat()))
    }

    /// What was sealed for this place.
    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealError::Broken)?;
        let (nonce, data) = sealed.split_at_checked(NONCE_LEN).ok_or(SealError::Broken)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| SealError::Broken)?;
        let mut data = Zeroizing::new(data.to_vec());
        let length = self.key.open_in_place(nonce, Aad::from(place), &mut data);
        let length = length.map_err(|_| SealError::Broken)?.len();
        data.truncate(length);
        Ok(data)
    }
}

/// The secrets that wrap server keys: the first one wraps, all unwrap.
#[derive(Debug)]
pub struct Wrapping {
    current: (String, SealingKey),
    accepted: Vec<(String, SealingKey)>,
}

impl Wrapping {
    /// The signing secret, and those that are accepted as well.
    pub fn of(secret: &Secret, accepted: &[Secret]) -> Result<Self, SealError> {
        let accepted = accepted.iter().map(derive).collect::<Result<_, _>>()?;
        Ok(Self { current: derive(secret)?, accepted })
    }

    /// Wraps the server key with this name.
    pub fn wrap(&self, name: &str, key: &SealingKey) -> Result<String, SealError> {
        let (fingerprint, by) = &self.current;
        Ok(format!("{fingerprint}.{}", by.seal(&place(name), key.bytes.as_slice())?))
    }

    /// The server key with this name.
    pub fn unwrap(&self, name: &str, wrapped: &str) -> Result<SealingKey, SealError> {
        let (by, sealed) = wrapped.split_once('.').ok_or(SealError::Broken)?;
        let mut all = std::iter::once(&self.current).chain(&self.accepted);
        let Some((_, key)) = all.find(|(fingerprint, _)| fingerprint == by) else {
            // Others may have written anything.
            let by = by.parse::<Fingerprint>().map_err(|_| SealError::Broken)?;
            return Err(SealError::Secret(by.to_string()));
        };
        let bytes = key.open(&place(name), sealed)?;
        let bytes = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| SealError::Broken)?;
        SealingKey::of(Zeroizing::new(bytes))
    }

    /// Whether the signing secret wrapped it.
    #[must_use]
    pub fn is_current(&self, wrapped: &str) -> bool {
        wrapped.split_once('.').is_some_and(|(by, _)| by == self.current.0)
    }
}

/// The wrapping key of a secret (RFC 5869), with the secret's fingerprint.
fn derive(secret: &Secret) -> Result<(String, SealingKey), SealError> {
    let root = Salt::new(HKDF_SHA256, b"bailiwick").extract(secret.expose().as_bytes());
    let mut bytes = Zeroizing::new([0; 32]);
    let info = [b"wrapping key".as_slice()];
    let derived = root.expand(&info, &AES_256_GCM).and_then(|key| key.fill(bytes.as_mut_slice()));
    derived.map_err(|_| SealError::Broken)?;
    Ok((fingerprint(secret).to_string(), SealingKey::of(bytes)?))
}

fn place(name: &str) -> String {
    format!("server_keys {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.repeat(32))
    }

    fn wrapping(current: &str, accepted: &[&str]) -> Wrapping {
        let accepted: Vec<_> = accepted.iter().map(|text| secret(text)).collect();
        Wrapping::of(&secret(current), &accepted).unwrap()
    }

    #[test]
    fn what_is_sealed_opens_in_its_place_only() {
        let (key, other) = (SealingKey::random().unwrap(), SealingKey::random().unwrap());
        let sealed = key.seal("table a", b"data").unwrap();
        assert_eq!(key.open("table a", &sealed).unwrap().as_slice(), b"data");
        assert_ne!(key.seal("table a", b"data").unwrap(), sealed, "a nonce of its own");
        assert_eq!(key.open("table b", &sealed), Err(SealError::Broken));
        assert_eq!(other.open("table a", &sealed), Err(SealError::Broken));
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let changed = URL_SAFE_NO_PAD.encode(changed);
            assert_eq!(key.open("table a", &changed), Err(SealError::Broken), "{at}");
        }
        for text in ["", "a", "====", "AAAAAAAAAAAAAAAA", &sealed[..20]] {
            assert_eq!(key.open("table a", text), Err(SealError::Broken), "{text}");
        }
        assert_eq!(key.open("", &key.seal("", b"").unwrap()).unwrap().as_slice(), b"");
        assert_eq!(format!("{key:?}"), "***");
    }

    #[test]
    fn accepted_secrets_unwrap_and_the_signing_secret_wraps() {
        let (old, new) = (wrapping("o", &["n"]), wrapping("n", &["x", "o"]));
        let key = SealingKey::random().unwrap();
        let sealed = key.seal("p", b"data").unwrap();
        let wrapped = old.wrap("seal", &key).unwrap();
        assert!(old.is_current(&wrapped) && !new.is_current(&wrapped));
        let unwrapped = new.unwrap("seal", &wrapped).unwrap();
        assert_eq!(unwrapped.open("p", &sealed).unwrap().as_slice(), b"data");
        let again = new.wrap("seal", &unwrapped).unwrap();
        assert!(new.is_current(&again));
        assert!(old.unwrap("seal", &again).is_ok(), "the next one");
        assert_eq!(new.unwrap("csrf", &again).unwrap_err(), SealError::Broken);

        let stranger = wrapping("s", &[]).unwrap("seal", &again).unwrap_err();
        assert_eq!(stranger, SealError::Secret(fingerprint(&secret("n")).to_string()));
        assert!(stranger.to_string().contains("tokens.accepted_secret_files"));
        for text in ["", ".", "x.y", "\n.x", &again.replace('.', ""), &again[..30]] {
            assert_eq!(new.unwrap("seal", text).unwrap_err(), SealError::Broken, "{text}");
        }
    }
}
