//! Users, and the rules for their fields.

use crate::domain::clock::Timestamp;
use crate::domain::password_hash::PasswordHash;
use crate::domain::scope::Scopes;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// A user's identity: random, assigned at creation, never changed, unique.
///
/// Below 2^53, so that every JSON parser reads it exactly (RFC 7493 §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(pub i64);

impl UserId {
    /// The number of possible ids.
    pub const COUNT: i64 = 1 << 53;
}

/// A user as stored.
///
/// Many are kept in memory, so the texts have no spare capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's current name: case-sensitive, the `sub` of new tokens.
    pub username: Username,
    /// The identity, whatever the name.
    pub id: UserId,
    /// Another user had the name before. A token without an id may be that user's.
    pub has_predecessor: bool,
    /// The e-mail address.
    pub email: Option<Box<str>>,
    /// The full name.
    pub full_name: Option<Box<str>>,
    /// A disabled user is refused by every guard that requires an active one.
    pub disabled: bool,
    /// The password's bcrypt hash.
    pub password_hash: PasswordHash,
    /// The scopes that the user may request; users with equal sets share one.
    pub scopes: Arc<Scopes>,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When the user was last changed.
    pub updated_at: Timestamp,
    /// Counts how often the user's tokens were ended: a token counts only in its own epoch.
    pub epoch: i64,
    /// When that was last, by the database's clock. Tokens of other applications count if they were
    /// issued later.
    pub signed_out_at: Option<Timestamp>,
}

impl User {
    /// Whether there is a password that the user can log in with.
    #[must_use]
    pub fn has_password(&self) -> bool {
        !matches!(self.password_hash, PasswordHash::NoPassword | PasswordHash::Unreadable)
    }
}

/// A user's name: 1 to 128 characters, case-sensitive, without control characters.
///
/// `me`, `.` and `..` are refused: as path segments of `/users/{username}` they mean something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
pub struct Username(Box<str>);

/// Why a field of a user was refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum FieldError {
    /// Empty.
    #[error("should have at least 1 character")]
    Empty,
    /// More than this many characters.
    #[error("should have at most {0} characters")]
    TooLong(usize),
    /// A character of Unicode's category `Cc`.
    #[error("should not contain control characters")]
    ControlCharacter,
    /// A name with another meaning in URLs.
    #[error("should not be `me`, `.` or `..`")]
    Reserved,
    /// White space at the ends of a field that is not a name.
    #[error("should not begin or end with white space")]
    Padded,
    /// White space at an end, two spaces in a row, or white space other than a space.
    #[error("should not begin or end with white space, or contain any but single spaces")]
    WhiteSpace,
    /// A character that is not drawn: formatting, zero-width, unassigned.
    #[error("should not contain invisible or format characters")]
    Invisible,
    /// A variant of a common character, such as a full-width letter.
    #[error("should not contain variants of common characters, such as full-width letters")]
    Variant,
    /// Letters of scripts that do not belong together.
    #[error("should not mix scripts, such as Latin and Cyrillic letters")]
    MixedScripts,
}

fn check(text: &str, most: usize) -> Result<(), FieldError> {
    // The common case; every token names a user.
    if text.len() <= most && text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    if text.chars().any(char::is_control) {
        Err(FieldError::ControlCharacter)
    } else if text.chars().count() > most {
        Err(FieldError::TooLong(most))
    } else {
        Ok(())
    }
}

/// An e-mail address is stored as given, as in the Python models: at most 254 characters (RFC 5321
/// §4.5.3.1.3), no control characters, and no white space at its ends, which would make one address
/// look like two.
pub fn check_email(text: &str) -> Result<(), FieldError> {
    check(text, 254)?;
    if text.trim() == text { Ok(()) } else { Err(FieldError::Padded) }
}

/// A full name has at most 256 characters and no control characters.
pub fn check_full_name(text: &str) -> Result<(), FieldError> {
    check(text, 256)
}

impl Username {
    /// Longest name, in characters.
    pub const LONGEST: usize = 128;

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        check(text, Self::LONGEST)?;
        match text {
            "" => Err(FieldError::Empty),
            "me" | "." | ".." => Err(FieldError::Reserved),
            _ => Ok(Self(text.into())),
        }
    }
}

impl TryFrom<String> for Username {
    type Error = FieldError;

    fn try_from(text: String) -> Result<Self, FieldError> {
        text.parse()
    }
}

impl Borrow<str> for Username {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_case_sensitive_and_bounded() {
        let name = |text: &str| text.parse::<Username>();
        assert_ne!(name("Alice"), name("alice"));
        assert_eq!(name(""), Err(FieldError::Empty));
        assert_eq!(name("a\nb"), Err(FieldError::ControlCharacter));
        assert_eq!(name("a\u{85}b"), Err(FieldError::ControlCharacter));
        assert_eq!(name("a\0"), Err(FieldError::ControlCharacter));
        assert_eq!(name("me"), Err(FieldError::Reserved));
        assert!(name(&"한".repeat(128)).is_ok());
        assert_eq!(name(&"한".repeat(129)), Err(FieldError::TooLong(128)));
    }

    #[test]
    fn an_address_has_no_white_space_at_its_ends() {
        for padded in [" a@b", "a@b ", "a@b\u{a0}", "\u{3000}a@b", " "] {
            assert_eq!(check_email(padded), Err(FieldError::Padded), "{padded:?}");
        }
        for plain in ["a@b", "", "\"a b\"@c"] {
            assert_eq!(check_email(plain), Ok(()), "{plain:?}");
        }
    }

    #[test]
    fn a_user_does_not_print_its_hash() {
        let user = User {
            username: "johndoe".parse().unwrap(),
            id: UserId(1),
            has_predecessor: false,
            email: None,
            full_name: None,
            disabled: false,
            password_hash: "$2b$12$jTjayMnq0quaGF7YGwiL2e/95vjr4li4LSNRFpd3Ou6QK/NVS4K2G"
                .parse()
                .unwrap(),
            scopes: Arc::default(),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            epoch: 0,
            signed_out_at: None,
        };
        assert!(!format!("{user:?}").contains("jTjay"));
    }
}
