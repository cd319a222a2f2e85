//! bcrypt's modular crypt format, also with preprocessed passwords.

use crate::domain::password_hash::PasswordHashError;
use base64::Engine as _;
use base64::alphabet::BCRYPT;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;

/// Bytes of a hash's salt.
const SALT_LENGTH: usize = 16;

/// Bytes of a hash's digest.
const DIGEST_LENGTH: usize = 23;

/// Letters of a salt; the digest's follow.
const SALT_LETTERS: usize = 22;

/// The last characters of salt and digest have unused bits: some implementations set them, and all
/// ignore them.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&BCRYPT, NO_PAD.with_decode_allow_trailing_bits(true));

/// The bcrypt version of a hash; all four verify alike for passwords without high-bit bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BcryptVersion {
    /// `$2a$`
    A,
    /// `$2b$`, what this server writes.
    B,
    /// `$2x$`
    X,
    /// `$2y$`
    Y,
}

/// How a password is preprocessed so that bcrypt ignores no byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// Its SHA-256 in hexadecimal: Django's `bcrypt_sha256`.
    HexOfSha256,
    /// Its SHA-256 in base64: version 1 of passlib's `bcrypt_sha256`.
    Base64OfSha256,
    /// Its HMAC-SHA-256 with the letters of the salt, in base64: version 2 of passlib's.
    Base64OfHmac,
}

/// A bcrypt hash, read from `$2b$12$` and 53 characters; prints as `***`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BcryptHash {
    version: BcryptVersion,
    before: Before,
    cost: u8,
    salt: [u8; SALT_LENGTH],
    digest: [u8; DIGEST_LENGTH],
}

const EXPECTED: PasswordHashError = PasswordHashError::Malformed(
    "a bcrypt hash: `$2a$`, `$2b$`, `$2x$` or `$2y$`, a cost of 04 to 31, `$`, 53 characters",
);

impl BcryptHash {
    /// A hash as this server writes it, `$2b$`; a cost of 4 to 31.
    pub fn new(
        cost: u32,
        salt: [u8; SALT_LENGTH],
        digest: [u8; DIGEST_LENGTH],
    ) -> Result<Self, PasswordHashError> {
        match u8::try_from(cost) {
            Ok(cost @ 4..=31) => {
                Ok(Self { version: BcryptVersion::B, before: Before::Nothing, cost, salt, digest })
            }
            _ => Err(EXPECTED),
        }
    }

    /// The same, for a preprocessed password.
    #[must_use]
    pub(super) fn with(self, before: Before) -> Self {
        Self { before, ..self }
    }

    /// The hash as text, for the database or another bcrypt.
    #[must_use]
    pub fn expose(&self) -> String {
        let letter = match self.version {
            BcryptVersion::A => 'a',
            BcryptVersion::B => 'b',
            BcryptVersion::X => 'x',
            BcryptVersion::Y => 'y',
        };
        let (cost, salt, digest) = (self.cost, self.salt_letters(), BASE64.encode(self.digest));
        match self.before {
            Before::Nothing => format!("$2{letter}${cost:02}${salt}{digest}"),
            Before::HexOfSha256 => format!("bcrypt_sha256$$2{letter}${cost:02}${salt}{digest}"),
            Before::Base64OfSha256 => format!("$bcrypt-sha256$2{letter},{cost}${salt}${digest}"),
            Before::Base64OfHmac => {
                format!("$bcrypt-sha256$v=2,t=2{letter},r={cost}${salt}${digest}")
            }
        }
    }

    /// How the password is preprocessed.
    #[must_use]
    pub fn before(&self) -> Before {
        self.before
    }

    /// The salt as text.
    #[must_use]
    pub fn salt_letters(&self) -> String {
        BASE64.encode(self.salt)
    }

    /// The cost, 4 to 31: 2 to its power rounds.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.cost.into()
    }

    /// The prefix.
    #[must_use]
    pub fn version(&self) -> BcryptVersion {
        self.version
    }

    /// What is hashed with the password.
    #[must_use]
    pub fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// Whether this is its digest, compared in constant time.
    #[must_use]
    pub fn has_digest(&self, digest: &[u8]) -> bool {
        self.digest.as_slice().ct_eq(digest).into()
    }
}

impl FromStr for BcryptHash {
    type Err = PasswordHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let [b'$', b'2', letter, b'$', tens @ b'0'..=b'9', ones @ b'0'..=b'9', b'$', rest @ ..] =
            text.as_bytes()
        else {
            return Err(EXPECTED);
        };
        let version = match letter {
            b'a' => BcryptVersion::A,
            b'b' => BcryptVersion::B,
            b'x' => BcryptVersion::X,
            b'y' => BcryptVersion::Y,
            _ => return Err(EXPECTED),
        };
        let cost = (tens - b'0') * 10 + (ones - b'0');
        let (salt, digest) = rest.split_at_checked(SALT_LETTERS).ok_or(EXPECTED)?;
        let (salt, digest) = (decode(salt)?, decode(digest)?);
        let hash = Self { version, before: Before::Nothing, cost, salt, digest };
        if (4..=31).contains(&cost) { Ok(hash) } else { Err(EXPECTED) }
    }
}

fn decode<const N: usize>(letters: &[u8]) -> Result<[u8; N], PasswordHashError> {
    let mut bytes = [0; N];
    match BASE64.decode_slice(letters, &mut bytes) {
        Ok(length) if length == N => Ok(bytes),
        _ => Err(EXPECTED),
    }
}

impl fmt::Debug for BcryptHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G";

    #[test]
    fn every_prefix_is_read() {
        for (letter, version) in [
            ("a", BcryptVersion::A),
            ("b", BcryptVersion::B),
            ("x", BcryptVersion::X),
            ("y", BcryptVersion::Y),
        ] {
            let hash: BcryptHash = HASH.replacen('b', letter, 1).parse().unwrap();
            assert_eq!((hash.version(), hash.cost()), (version, 12));
            assert_eq!(hash.expose(), HASH.replacen('b', letter, 1));
        }
    }

    #[test]
    fn left_over_bits_do_not_count() {
        let stray = HASH.replace("L2e/", "L2f/").replace("K2G", "K2H");
        assert_eq!(stray.parse::<BcryptHash>().unwrap().expose(), HASH);
    }

    #[test]
    fn its_digest_is_all_of_it() {
        let hash: BcryptHash = HASH.parse().unwrap();
        let mut digest = hash.digest;
        assert!(hash.has_digest(&digest));
        digest[DIGEST_LENGTH - 1] ^= 1;
        assert!(!hash.has_digest(&digest));
    }

    #[test]
    fn a_new_one_is_2b() {
        let hash: BcryptHash = HASH.parse().unwrap();
        assert_eq!(BcryptHash::new(12, hash.salt, hash.digest), Ok(hash));
        for cost in [3, 32, 12 + 256] {
            assert_eq!(BcryptHash::new(cost, hash.salt, hash.digest), Err(EXPECTED));
        }
    }

    #[test]
    fn malformed_hashes_are_refused() {
        for text in [
            "",
            "plain",
            "$2b$12$short",
            "$2c$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
            "$2b$03$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
            "$2b$32$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
            "$2b$1x$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G",
            "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2é",
        ] {
            assert_eq!(text.parse::<BcryptHash>(), Err(EXPECTED), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_hash() {
        assert_eq!(format!("{:?}", HASH.parse::<BcryptHash>().unwrap()), "***");
    }
}
