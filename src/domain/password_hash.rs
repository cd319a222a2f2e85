//! The stored form of a password, of this server and of others.

mod bcrypt_hash;
mod django;
mod encoding;
mod ldap;
mod modular;
mod other;
mod pepper;
mod werkzeug;

pub use bcrypt_hash::{BcryptHash, BcryptVersion, Before};
pub use other::{Argon2, HashFunction, OtherHash, Scheme};
pub use pepper::{PepperId, Peppered};

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// Most bytes of a stored hash.
const LONGEST: usize = 1024;

/// Stored for a user without a password.
const NONE: &str = "!";

/// A stored hash; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub enum PasswordHash {
    /// Not readable here: no password matches.
    Unreadable,
    /// The user has no password, so none matches.
    NoPassword,
    /// By bcrypt, this server's default.
    Bcrypt(BcryptHash),
    /// By any other scheme.
    Other(Arc<OtherHash>),
    /// By one of our schemes, of a password with a pepper.
    Peppered(Arc<Peppered>),
}

/// Why a hash is not supported here. The hash itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PasswordHashError {
    /// Unknown scheme.
    #[error(
        "expected a bcrypt hash, or one by argon2, scrypt, PBKDF2, SHA-crypt or MD5-crypt, or a \
         digest like {{SSHA}}"
    )]
    Unknown,
    /// Unix's traditional crypt, or a plain password: they look alike.
    #[error(
        "a traditional crypt hash, or no hash at all: neither is verified; import `null` and set a \
         new password"
    )]
    Crypt,
    /// What Django writes in tests only, and both from long ago.
    #[error(
        "a simple digest of Django or Werkzeug, which is not verified; import `null` and set a new \
         password"
    )]
    Simple,
    /// A known scheme, but malformed.
    #[error("expected {0}")]
    Malformed(&'static str),
    /// Verifying it would take too long or too much memory.
    #[error("costs too much to verify: expected {0}")]
    TooDear(&'static str),
}

impl PasswordHash {
    /// Whether it is readable, or there is no password.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        *self != Self::Unreadable
    }

    /// The hash as text, for the database or another program; `!` without a password.
    #[must_use]
    pub fn expose(&self) -> String {
        match self {
            Self::Unreadable | Self::NoPassword => NONE.to_owned(),
            Self::Bcrypt(hash) => hash.expose(),
            Self::Other(hash) => hash.expose().to_owned(),
            Self::Peppered(hash) => hash.expose(),
        }
    }

    /// Whether this is its digest, compared in constant time.
    #[must_use]
    pub fn has_digest(&self, digest: &[u8]) -> bool {
        match self {
            Self::Unreadable | Self::NoPassword => false,
            Self::Bcrypt(hash) => hash.has_digest(digest),
            Self::Other(hash) => hash.has_digest(digest),
            Self::Peppered(hash) => hash.hash().has_digest(digest),
        }
    }

    /// bcrypt's cost, 4 to 31: 2 to its power rounds; 0 for other schemes.
    #[must_use]
    pub fn cost(&self) -> u32 {
        match self {
            Self::Bcrypt(hash) => hash.cost(),
            Self::Peppered(hash) => hash.hash().cost(),
            Self::Unreadable | Self::NoPassword | Self::Other(_) => 0,
        }
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordHashError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > LONGEST {
            return Err(PasswordHashError::Unknown);
        }
        if text.starts_with(NONE) {
            return Ok(Self::NoPassword);
        }
        if let Some(hash) = pepper::parse(text) {
            return hash;
        }
        if text.starts_with('{') {
            return ldap::parse(text);
        }
        if text.starts_with('$') {
            return modular::parse(text);
        }
        if let Some(hash) = django::parse(text) {
            return hash;
        }
        if let Some(hash) = werkzeug::parse(text) {
            return hash;
        }
        Err(if crypt_like(text) { PasswordHashError::Crypt } else { PasswordHashError::Unknown })
    }
}

/// 13 characters of crypt(3)'s alphabet.
fn crypt_like(text: &str) -> bool {
    text.len() == 13 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"./".contains(&b))
}

impl From<BcryptHash> for PasswordHash {
    fn from(hash: BcryptHash) -> Self {
        Self::Bcrypt(hash)
    }
}

impl From<OtherHash> for PasswordHash {
    fn from(hash: OtherHash) -> Self {
        Self::Other(Arc::new(hash))
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests;
