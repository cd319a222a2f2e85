//! Claims and header as they stand in a token: what we write, and how strictly we read.

use crate::domain::{ScopeName, Scopes, UserId};
use crate::tokens::error::TokenError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The claims of a token that we issue.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    pub(super) sub: &'a str,
    /// The scopes as a list, as FastAPI's tutorial writes them.
    pub(super) scopes: &'a Scopes,
    /// The same, as RFC 9068 §2.2.3 writes them.
    pub(super) scope: String,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) jti: String,
    #[serde(rename = "bailiwick_id", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
}

/// The claims of a token that we are shown. Claims of a wrong type make it malformed.
#[derive(Default)]
pub(super) struct Read {
    pub(super) sub: Option<String>,
    /// From `scopes`, or from `scope` where there is no `scopes`.
    pub(super) scopes: Scopes,
    pub(super) exp: Option<f64>,
    pub(super) nbf: Option<f64>,
    pub(super) id: Option<UserId>,
    pub(super) has_aud: bool,
    /// A name stood there twice; the values above are not to be used then.
    pub(super) duplicate: bool,
}

/// A text in the token, borrowed where it holds no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Read {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(ReadVisitor)
    }
}

struct ReadVisitor;

impl<'de> Visitor<'de> for ReadVisitor {
    type Value = Read;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read, A::Error> {
        let mut read = Read::default();
        let mut names = HashSet::new();
        let mut list: Option<Scopes> = None;
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match name.0.as_ref() {
                "sub" => read.sub = Some(map.next_value()?),
                "exp" => read.exp = Some(map.next_value()?),
                "nbf" => read.nbf = Some(map.next_value()?),
                "bailiwick_id" => read.id = Some(map.next_value()?),
                "iat" => drop(map.next_value::<f64>()?),
                "jti" => drop(map.next_value::<Text<'de>>()?),
                "scopes" => list = Some(known(&map.next_value::<Vec<Text<'de>>>()?)),
                "scope" => {
                    let text = map.next_value::<Text<'de>>()?;
                    read.scopes =
                        text.0.split_whitespace().filter_map(|s| s.parse().ok()).collect();
                }
                other => {
                    read.has_aud |= other == "aud";
                    map.next_value::<IgnoredAny>()?;
                }
            }
            read.duplicate |= !names.insert(name);
        }
        if let Some(list) = list {
            read.scopes = list;
        }
        Ok(read)
    }
}

/// What is no scope token can be nobody's requirement; other issuers write such.
fn known(names: &[Text<'_>]) -> Scopes {
    names.iter().filter_map(|name| name.0.parse::<ScopeName>().ok()).collect()
}

/// Reads the header again: jsonwebtoken takes `crit` for granted and the last of two equal names.
pub(super) fn check_header(encoded: &str) -> Result<(), TokenError> {
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    if header.duplicate {
        Err(TokenError::Duplicate)
    } else if header.critical {
        Err(TokenError::Critical)
    } else {
        Ok(())
    }
}

struct Header {
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
        let mut header = Header { duplicate: false, critical: false };
        let mut names = HashSet::new();
        while let Some((name, IgnoredAny)) = map.next_entry::<Text<'de>, IgnoredAny>()? {
            header.critical |= name.0 == "crit";
            header.duplicate |= !names.insert(name);
        }
        Ok(header)
    }
}
