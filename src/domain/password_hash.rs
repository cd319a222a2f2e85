//! The stored form of a password: bcrypt's modular crypt format.

use std::fmt;
use std::str::FromStr;

/// Which bcrypt wrote a hash; all four verify alike for passwords without high-bit bytes.
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

/// A well-formed bcrypt hash: `$2b$12$` and 53 characters; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

/// The text is no bcrypt hash. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordHashError;

impl fmt::Display for PasswordHashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a bcrypt hash: `$2a$`, `$2b$`, `$2x$` or `$2y$`, a cost of 04 to 31, `$`, 53 characters")
    }
}

impl std::error::Error for PasswordHashError {}

impl PasswordHash {
    /// The hash itself, for a bcrypt implementation or the database.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The cost: 2 to its power rounds.
    #[must_use]
    pub fn cost(&self) -> u32 {
        self.0[4..6].parse().unwrap_or(0)
    }

    /// The prefix.
    #[must_use]
    pub fn version(&self) -> BcryptVersion {
        match self.0.as_bytes()[2] {
            b'a' => BcryptVersion::A,
            b'x' => BcryptVersion::X,
            b'y' => BcryptVersion::Y,
            _ => BcryptVersion::B,
        }
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let shape = bytes.len() == 60
            && bytes.starts_with(b"$2")
            && matches!(bytes[2], b'a' | b'b' | b'x' | b'y')
            && bytes[3] == b'$'
            && bytes[6] == b'$'
            && bytes[7..].iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'/'));
        let cost = bytes
            .get(4..6)
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .map(|digits| u32::from(digits[0] - b'0') * 10 + u32::from(digits[1] - b'0'));
        match cost {
            Some(4..=31) if shape => Ok(Self(text.to_owned())),
            _ => Err(PasswordHashError),
        }
    }
}

impl fmt::Debug for PasswordHash {
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
            let hash: PasswordHash = HASH.replacen('b', letter, 1).parse().unwrap();
            assert_eq!((hash.version(), hash.cost()), (version, 12));
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
            assert_eq!(text.parse::<PasswordHash>(), Err(PasswordHashError), "{text}");
        }
    }

    #[test]
    fn debug_hides_the_hash() {
        assert_eq!(format!("{:?}", HASH.parse::<PasswordHash>().unwrap()), "***");
    }
}
