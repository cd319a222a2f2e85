//! The text of an API key: `bwk_`, an id, a secret, and a checksum by which scanners tell a leaked
//! key from other text.

use crate::domain::{KEY_PREFIX as PREFIX, KeyHash, KeyId, Secret};
use aws_lc_rs::digest::{SHA256, digest};
use rand::Rng as _;
use rand::distr::Alphanumeric;

/// Base62 digits of the secret: 256 bits.
const SECRET: usize = 43;

/// Base62 digits of the checksum.
const CHECKSUM: usize = 6;

/// Characters of a key.
const LENGTH: usize = PREFIX.len() + KeyId::LENGTH + SECRET + CHECKSUM;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A key that was presented, as far as it is compared with a stored one: without its secret.
#[derive(Clone, Copy, Debug)]
pub struct PresentedKey {
    /// Which key it says it is.
    pub id: KeyId,
    /// What proves that.
    pub hash: KeyHash,
}

impl PresentedKey {
    /// Reads a key of this server's form; anything else, also one with a wrong checksum, is `None`
    /// and somebody else's.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        if text.len() != LENGTH || !text.starts_with(PREFIX) {
            return None;
        }
        let (checked, sum) = text.split_at_checked(LENGTH - CHECKSUM)?;
        if checksum(checked) != sum.as_bytes() {
            return None;
        }
        let digits = checked.strip_prefix(PREFIX)?;
        if !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return None;
        }
        Some(Self { id: digits.get(..KeyId::LENGTH)?.parse().ok()?, hash: hash(text)? })
    }
}

/// A new key, and what is stored of it.
#[must_use]
pub fn new_api_key() -> (Secret, PresentedKey) {
    loop {
        let mut text = String::with_capacity(LENGTH);
        text.push_str(PREFIX);
        let random = rand::rng().sample_iter(Alphanumeric);
        text.extend(random.take(KeyId::LENGTH + SECRET).map(char::from));
        let sum = checksum(&text);
        text.extend(sum.map(char::from));
        if let Some(key) = PresentedKey::read(&text) {
            return (Secret::new(text), key);
        }
    }
}

fn hash(text: &str) -> Option<KeyHash> {
    digest(&SHA256, text.as_bytes()).as_ref().try_into().ok().map(KeyHash::new)
}

/// CRC-32 in base62, most significant digit first.
fn checksum(text: &str) -> [u8; CHECKSUM] {
    let mut rest = crc32fast::hash(text.as_bytes());
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_new_key_is_read_and_no_two_are_alike() {
        let (one, key) = new_api_key();
        let read = PresentedKey::read(one.expose()).unwrap();
        assert_eq!(one.expose().len(), LENGTH);
        assert!(read.id == key.id && read.hash.equals(&key.hash));
        let (other, second) = new_api_key();
        assert!(second.id != key.id && !second.hash.equals(&key.hash));
        assert!(!one.equals(other.expose()));
        assert!(!format!("{key:?}").contains(&one.expose()[26..69]), "the secret");
    }

    /// Keys are out in the world: their form must never change. The checksum is what Python's
    /// `zlib.crc32` says.
    #[test]
    fn the_form_of_a_key_stays() {
        let text = format!("bwk_{}{}", "0".repeat(22), "z".repeat(43));
        let key = text + "1rH0PE";
        let read = PresentedKey::read(&key).expect("a right checksum");
        assert_eq!(read.id.as_str(), "0".repeat(22));
        assert_eq!(
            read.hash.expose(),
            "27c85b2cbc5a36b87505d10ee2e655d2b3fe540133524d9c68b39a5165286e38"
        );
    }

    proptest! {
        #[test]
        fn any_other_text_is_somebody_elses(text in ".{0,90}", at in 0..LENGTH, by in "[0-9A-Za-z_é]") {
            prop_assert!(PresentedKey::read(&text).is_none());
            let text = "bwk_".to_owned() + &text;
            prop_assert!(PresentedKey::read(&text).is_none());
            let (key, _) = new_api_key();
            let mut other = key.expose().to_owned();
            other.replace_range(at..=at, &by);
            prop_assert_eq!(PresentedKey::read(&other).is_some(), other == key.expose());
        }
    }
}
