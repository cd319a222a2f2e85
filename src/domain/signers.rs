//! Which signing secrets the servers on one database use, by their fingerprints.

use crate::domain::RepositoryError;
use async_trait::async_trait;
use std::fmt;
use std::str::FromStr;

/// Bytes of a fingerprint: enough to tell a few secrets apart.
const LENGTH: usize = 8;

/// Tells secrets apart and reveals nothing else: part of a MAC with the secret as its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; LENGTH]);

impl Fingerprint {
    /// The first bytes of a MAC; missing ones count as 0.
    #[must_use]
    pub fn of_mac(mac: &[u8]) -> Self {
        let mut bytes = [0; LENGTH];
        bytes.iter_mut().zip(mac).for_each(|(to, from)| *to = *from);
        Self(bytes)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

/// The text is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoFingerprint;

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let is_hex = text.len() == 2 * LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = is_hex.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        number.map(|number| Self(number.to_be_bytes())).ok_or(NoFingerprint)
    }
}

/// Where servers leave their secrets' fingerprints for each other.
#[async_trait]
pub trait Signers: Send + Sync {
    /// Records that a server signs with this secret now; returns the others recorded lately.
    async fn note(&self, own: Fingerprint) -> Result<Vec<Fingerprint>, RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_a_text_and_back() {
        let one = Fingerprint::of_mac(&[0, 1, 2, 3, 4, 5, 6, 0xff, 9, 9]);
        assert_eq!(one.to_string(), "00010203040506ff");
        assert_eq!("00010203040506ff".parse(), Ok(one));
        for text in ["", "00010203040506f", "+0010203040506ff", "00010203040506fg", "\n"] {
            assert_eq!(text.parse::<Fingerprint>(), Err(NoFingerprint), "{text}");
        }
    }
}
