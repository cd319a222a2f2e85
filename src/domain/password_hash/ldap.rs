//! Hashes with their scheme in braces, as in LDAP (RFC 2307), `htpasswd` and Dovecot.

use crate::domain::password_hash::encoding::base64;
use crate::domain::password_hash::modular::{self, pbkdf2};
use crate::domain::password_hash::other::{HashFunction, OtherHash, Scheme};
use crate::domain::password_hash::{PasswordHash, PasswordHashError};

const SALTED: PasswordHashError = PasswordHashError::Malformed(
    "base64 of a digest and, where the scheme begins with `SS` or is `SMD5`, of a salt behind it",
);

/// After one of these comes a hash of crypt(3) or a PHC string.
const WRAPPERS: [&str; 9] = [
    "CRYPT",
    "BLF-CRYPT",
    "MD5-CRYPT",
    "SHA256-CRYPT",
    "SHA512-CRYPT",
    "ARGON2",
    "ARGON2I",
    "ARGON2ID",
    "BCRYPT",
];

/// A digest's scheme, its function, and whether there is a salt.
const DIGESTS: [(&str, HashFunction, bool); 8] = [
    ("MD5", HashFunction::Md5, false),
    ("SMD5", HashFunction::Md5, true),
    ("SHA", HashFunction::Sha1, false),
    ("SSHA", HashFunction::Sha1, true),
    ("SHA256", HashFunction::Sha256, false),
    ("SSHA256", HashFunction::Sha256, true),
    ("SHA512", HashFunction::Sha512, false),
    ("SSHA512", HashFunction::Sha512, true),
];

const PBKDF2: [(&str, HashFunction); 4] = [
    ("PBKDF2", HashFunction::Sha1),
    ("PBKDF2-SHA1", HashFunction::Sha1),
    ("PBKDF2-SHA256", HashFunction::Sha256),
    ("PBKDF2-SHA512", HashFunction::Sha512),
];

pub(super) fn parse(text: &str) -> Result<PasswordHash, PasswordHashError> {
    let (scheme, rest) = text[1..].split_once('}').ok_or(PasswordHashError::Unknown)?;
    // Schemes are case-insensitive.
    let scheme = scheme.to_ascii_uppercase();
    if WRAPPERS.contains(&scheme.as_str()) {
        return match rest {
            _ if rest.starts_with('$') => modular::parse(rest),
            _ if rest.starts_with('!') => Ok(PasswordHash::NoPassword),
            _ => Err(PasswordHashError::Crypt),
        };
    }
    if let Some((_, digest)) = PBKDF2.iter().find(|(name, _)| *name == scheme) {
        return pbkdf2(text, *digest, rest);
    }
    let (_, function, salted) =
        DIGESTS.iter().find(|(name, ..)| *name == scheme).ok_or(PasswordHashError::Unknown)?;
    let bytes = base64(rest).ok_or(SALTED)?;
    let (digest, salt) = bytes.split_at_checked(function.length()).ok_or(SALTED)?;
    if salt.is_empty() == *salted {
        return Err(SALTED);
    }
    Ok(OtherHash::new(text, Scheme::Salted(*function), salt, digest)?.into())
}
