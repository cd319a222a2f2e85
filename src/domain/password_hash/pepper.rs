//! Hashes of passwords with a pepper, a secret that is not in the database: `pepper:1a2b3c4d:`,
//! followed by one of our hashes.

use crate::domain::password_hash::{PasswordHash, PasswordHashError};
use std::sync::Arc;

const PREFIX: &str = "pepper:";

const EXPECTED: PasswordHashError =
    PasswordHashError::Malformed("`pepper:`, 8 hexadecimal digits, `:` and a hash");

/// Tells peppers apart and reveals nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PepperId(pub u32);

/// A hash, and the pepper that was used.
#[derive(Clone, PartialEq, Eq)]
pub struct Peppered {
    pepper: PepperId,
    hash: PasswordHash,
}

impl Peppered {
    /// The hash of a password with this pepper.
    #[must_use]
    pub fn mark(pepper: PepperId, hash: PasswordHash) -> PasswordHash {
        PasswordHash::Peppered(Arc::new(Self { pepper, hash }))
    }

    /// The pepper that was used.
    #[must_use]
    pub fn pepper(&self) -> PepperId {
        self.pepper
    }

    /// The hash.
    #[must_use]
    pub fn hash(&self) -> &PasswordHash {
        &self.hash
    }

    pub(super) fn expose(&self) -> String {
        format!("{PREFIX}{:08x}:{}", self.pepper.0, self.hash.expose())
    }
}

/// `None` without a pepper.
pub(super) fn parse(text: &str) -> Option<Result<PasswordHash, PasswordHashError>> {
    Some(peppered(text.strip_prefix(PREFIX)?))
}

fn peppered(rest: &str) -> Result<PasswordHash, PasswordHashError> {
    let (id, hash) = rest.split_once(':').ok_or(EXPECTED)?;
    let digits = id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u32::from_str_radix(id, 16).ok().filter(|_| digits).ok_or(EXPECTED)?;
    if !hash.starts_with('$') {
        return Err(EXPECTED);
    }
    Ok(Peppered::mark(PepperId(id), hash.parse()?))
}
