//! Tokens that end before they expire.

use crate::domain::clock::Timestamp;
use crate::domain::repository::RepositoryError;
use async_trait::async_trait;
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

/// Tokens that have ended before they expire.
#[async_trait]
pub trait Revocations: Send + Sync {
    /// Ends a token, on every server on the database within a second; nobody needs to know it from
    /// `until` on. Returns whether it had not ended before.
    async fn revoke(&self, token: TokenId, until: Timestamp) -> Result<bool, RepositoryError>;

    /// Whether a token has ended, by what is in memory. Neither waits nor allocates.
    fn holds(&self, token: TokenId) -> bool;

    /// The same; asks the database if what is in memory may be older than a second.
    async fn finds(&self, token: TokenId) -> Result<bool, RepositoryError>;

    /// Forgets what nobody needs to know any more.
    async fn clean_up(&self) -> Result<(), RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_text_and_back() {
        let text = "00ff000000000000000000000000abcd";
        let id: TokenId = text.parse().unwrap();
        assert_eq!((id, id.to_string().as_str()), (TokenId(0xff << 112 | 0xabcd), text));
        for other in ["", "+0ff000000000000000000000000abcd", &text.to_uppercase(), &text[1..]] {
            assert_eq!(other.parse::<TokenId>(), Err(NoTokenId), "{other}");
        }
    }
}
