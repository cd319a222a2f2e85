//! What tells tokens from each other, and families of tokens.

use serde::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What tells one token from another: 128 bits. Prints as 32 hexadecimal digits, like the `jti` of this
/// server's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TokenId(pub u128);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// The text is no such id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTokenId;

impl FromStr for TokenId {
    type Err = NoTokenId;

    fn from_str(text: &str) -> Result<Self, NoTokenId> {
        let is_id = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let is_id = text.len() == 32 && text.bytes().all(is_id);
        let id = is_id.then(|| u128::from_str_radix(text, 16).ok()).flatten();
        id.map(Self).ok_or(NoTokenId)
    }
}

/// Names a family, and is no secret: 128 random bits. Prints as 32 hexadecimal digits, like the
/// `bailiwick_grant` of its access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FamilyId(pub u128);

impl fmt::Display for FamilyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TokenId(self.0).fmt(f)
    }
}

impl FromStr for FamilyId {
    type Err = NoTokenId;

    fn from_str(text: &str) -> Result<Self, NoTokenId> {
        text.parse().map(|TokenId(id)| Self(id))
    }
}

impl Serialize for FamilyId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Names a session, and is no secret: 128 random bits. Prints as 32 hexadecimal digits, like the `sid`
/// of its ID tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub u128);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TokenId(self.0).fmt(f)
    }
}

impl FromStr for SessionId {
    type Err = NoTokenId;

    fn from_str(text: &str) -> Result<Self, NoTokenId> {
        text.parse().map(|TokenId(id)| Self(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_text_and_back() {
        let text = "00ff000000000000000000000000abcd";
        let id: TokenId = text.parse().unwrap();
        assert_eq!((id, id.to_string().as_str()), (TokenId(0xff << 112 | 0xabcd), text));
        let family: FamilyId = text.parse().unwrap();
        assert_eq!((family.0, family.to_string().as_str()), (id.0, text));
        for other in ["", "+0ff000000000000000000000000abcd", &text.to_uppercase(), &text[1..]] {
            assert_eq!(other.parse::<TokenId>(), Err(NoTokenId), "{other}");
            assert_eq!(other.parse::<FamilyId>(), Err(NoTokenId), "{other}");
        }
    }
}
