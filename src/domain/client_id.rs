//! What names a client of the authorization server.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use thiserror::Error;

/// The identifier of a client (RFC 6749 §2.2). Its characters are the same in a form, in a path and in
/// HTTP Basic. It is never a number: a token's `sub` is a client's id or a user's number.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(Arc<str>);

/// The text is not the id of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{EXPECTED}")]
pub struct NoClientId;

/// What is expected of one.
const EXPECTED: &str = "a client's id is 1 to 128 letters, digits and `-._~`, begins with a letter or digit, \
     and is not a number, `bailiwick` or `me`";

/// What tokens have that were asked for without a client. Nobody is called `me` either.
const NONE: &str = "bailiwick";

/// The page of the API's documentation as a client: a name that nobody gives another one.
pub const DOCS_CLIENT: &str = "bailiwick-docs";

/// Where users come back to it, below the public URL.
pub const DOCS_REDIRECT: &str = "/docs/oauth2-redirect";

impl ClientId {
    /// Longest id, in characters.
    pub const LONGEST: usize = 128;

    /// What is expected.
    pub const EXPECTED: &str = EXPECTED;

    /// Whether the text is one.
    #[must_use]
    pub fn is_valid(text: &str) -> bool {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        text.len() <= Self::LONGEST
            && text.starts_with(|first: char| first.is_ascii_alphanumeric())
            && text.bytes().all(is_plain)
            && !text.bytes().all(|byte| byte.is_ascii_digit())
            && ![NONE, "me"].contains(&text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = NoClientId;

    fn from_str(text: &str) -> Result<Self, NoClientId> {
        if Self::is_valid(text) { Ok(Self(text.into())) } else { Err(NoClientId) }
    }
}

impl TryFrom<String> for ClientId {
    type Error = NoClientId;

    fn try_from(text: String) -> Result<Self, NoClientId> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.as_str().to_owned()
    }
}

impl Borrow<str> for ClientId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for ClientId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_never_a_number_and_the_same_everywhere() {
        for text in ["reports", "a", "7b", "123-abc.apps", "1.5", "A_b~c", &"x".repeat(128)] {
            assert_eq!(text.parse::<ClientId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "7",
            "0123456789",
            "bailiwick",
            "-a",
            ".",
            "..",
            "_a",
            "a b",
            "a/b",
            "a%41",
            "a+b",
            "a:b",
            "é",
            "a\n",
            &"x".repeat(129),
        ] {
            assert_eq!(text.parse::<ClientId>(), Err(NoClientId), "{text}");
        }
    }
}
