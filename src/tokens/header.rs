//! The header of a token (RFC 7515 §4): what it must say, and what it must not.

use crate::tokens::claims::Text;
use crate::tokens::error::TokenError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// `{"typ":"JWT","alg":"HS256"}` as jsonwebtoken writes it, and the same two members as `PyJWT` and
/// python-jose do. Nearly every token begins with one of them, and needs no second look then.
const USUAL: [&str; 2] =
    ["eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"];

/// Refuses a header that names another algorithm, holds a name twice, or has extensions that must
/// be understood.
pub(super) fn check(encoded: &str) -> Result<(), TokenError> {
    if USUAL.contains(&encoded) {
        return Ok(());
    }
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    if header.duplicate {
        Err(TokenError::Duplicate)
    } else if header.critical {
        Err(TokenError::Critical)
    } else if header.is_hs256 {
        Ok(())
    } else {
        Err(TokenError::Algorithm)
    }
}

#[derive(Default)]
struct Header {
    is_hs256: bool,
    duplicate: bool,
    critical: bool,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let mut header = Header::default();
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match name.0.as_ref() {
                "alg" => header.is_hs256 = map.next_value::<Text<'de>>()?.0 == "HS256",
                other => {
                    header.critical |= other == "crit";
                    map.next_value::<IgnoredAny>()?;
                }
            }
            header.duplicate |= !names.insert(name);
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_headers_are_what_they_are_taken_for() {
        for encoded in USUAL {
            let json = URL_SAFE_NO_PAD.decode(encoded).unwrap();
            let header: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(header, serde_json::json!({"alg": "HS256", "typ": "JWT"}));
        }
    }
}
