//! What names an API key, and what proves it.

use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};
use std::str::FromStr;
use subtle::ConstantTimeEq as _;
use thiserror::Error;

/// Names a key, and is no secret: 22 base62 digits, about 130 random bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; KeyId::LENGTH]);

/// The text is not the id of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the id of an API key is 22 letters and digits")]
pub struct NoKeyId;

impl KeyId {
    /// Digits of an id.
    pub const LENGTH: usize = 22;

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for KeyId {
    type Err = NoKeyId;

    fn from_str(text: &str) -> Result<Self, NoKeyId> {
        let digits: [u8; Self::LENGTH] = text.as_bytes().try_into().map_err(|_| NoKeyId)?;
        if digits.iter().all(u8::is_ascii_alphanumeric) { Ok(Self(digits)) } else { Err(NoKeyId) }
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// The SHA-256 of a whole key. A key has 256 random bits, so no slow hash is needed.
#[derive(Clone, Copy)]
pub struct KeyHash([u8; 32]);

/// The text is not the stored hash of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the hash of an API key is 64 hexadecimal digits")]
pub struct NoKeyHash;

impl KeyHash {
    /// Takes a digest.
    #[must_use]
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Compares in constant time.
    #[must_use]
    pub fn equals(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The hash as text, for the database.
    #[must_use]
    pub fn expose(&self) -> String {
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

impl FromStr for KeyHash {
    type Err = NoKeyHash;

    fn from_str(text: &str) -> Result<Self, NoKeyHash> {
        let digits = text.as_bytes();
        if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(NoKeyHash);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
            let pair = str::from_utf8(pair).map_err(|_| NoKeyHash)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| NoKeyHash)?;
        }
        Ok(Self(hash))
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_and_a_hash_are_texts_and_back() {
        let id: KeyId = "0123456789abcdefABCDEF".parse().unwrap();
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in
            ["", "0123456789abcdefABCDE", "0123456789abcdefABCDEFG", "0123456789abcdefABCDE_"]
        {
            assert_eq!(text.parse::<KeyId>(), Err(NoKeyId), "{text}");
        }
        let hash = KeyHash::new([0xa5; 32]);
        assert!(hash.expose().parse::<KeyHash>().unwrap().equals(&hash));
        assert!(!hash.equals(&KeyHash::new([0xa4; 32])));
        assert_eq!(format!("{hash:?}"), "***");
        for text in ["", "a5", &"g".repeat(64), &"+a".repeat(32), &"a".repeat(65)] {
            assert!(text.parse::<KeyHash>().is_err(), "{text}");
        }
    }
}
