//! The header of a token (RFC 7515 §4): what it must and must not contain.

use crate::tokens::claims::Text;
use crate::tokens::error::TokenError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use std::collections::HashSet;
use std::fmt;

/// `{"typ":"JWT","alg":"HS256"}` as jsonwebtoken writes it, and the same two members as `PyJWT` and
/// python-jose do. Nearly every token begins with one of them and needs no further parsing.
const USUAL: [&str; 2] =
    ["eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"];

/// What a header says about how its token was made.
pub(super) struct Presented {
    /// The key that signed it; a value that is not text names none.
    pub(super) kid: Option<String>,
    algorithm: Option<Algorithm>,
    kind: Kind,
}

/// What `typ` says.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// Nothing, or a JWT.
    Jwt,
    /// An access token (RFC 9068).
    AccessToken,
    Other,
}

/// Whether it is one of those.
pub(super) fn is_usual(encoded: &str) -> bool {
    USUAL.contains(&encoded)
}

/// Reads a header. Refuses one with a duplicate name or unsupported critical extensions.
pub(super) fn read(encoded: &str) -> Result<Presented, TokenError> {
    if is_usual(encoded) {
        return Ok(Presented { kid: None, algorithm: Some(Algorithm::HS256), kind: Kind::Jwt });
    }
    let json = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenError::Malformed)?;
    let header: Header = serde_json::from_slice(&json).map_err(|_| TokenError::Malformed)?;
    if header.duplicate {
        Err(TokenError::Duplicate)
    } else if header.critical {
        Err(TokenError::Critical)
    } else {
        Ok(header.presented)
    }
}

impl Presented {
    /// Refuses an algorithm other than the key's, and another kind of JWT.
    pub(super) fn check(&self, algorithm: Algorithm) -> Result<(), TokenError> {
        self.must_be(algorithm, Kind::Jwt)
    }

    /// The same for a key that signs only access tokens and says so (RFC 9068 §4).
    pub(super) fn check_access_token(&self, algorithm: Algorithm) -> Result<(), TokenError> {
        self.must_be(algorithm, Kind::AccessToken)
    }

    fn must_be(&self, algorithm: Algorithm, kind: Kind) -> Result<(), TokenError> {
        if self.algorithm != Some(algorithm) {
            Err(TokenError::Algorithm)
        } else if self.kind != kind {
            Err(TokenError::Claim("typ"))
        } else {
            Ok(())
        }
    }

    /// Whether it names an algorithm of an asymmetric key, perhaps one that is not known yet.
    pub(super) fn is_asymmetric(&self) -> bool {
        matches!(self.algorithm, Some(Algorithm::EdDSA | Algorithm::ES256 | Algorithm::RS256))
    }
}

/// `typ` is a media type: case does not matter, and `application/` may be omitted (RFC 7515
/// §4.1.9). Other kinds have their own names: `refresh+jwt`, `logout+jwt`, `dpop+jwt`, `at+jwt`
/// (RFC 8725 §3.11).
fn kind_of(typ: &str) -> Kind {
    const PREFIX: &str = "application/";
    let name = match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, name)) if prefix.eq_ignore_ascii_case(PREFIX) => name,
        _ => typ,
    };
    if name.eq_ignore_ascii_case("JWT") {
        Kind::Jwt
    } else if name.eq_ignore_ascii_case("at+jwt") {
        Kind::AccessToken
    } else {
        Kind::Other
    }
}

struct Header {
    presented: Presented,
    duplicate: bool,
    critical: bool,
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(HeaderVisitor)
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum KeyId {
    Text(String),
    Other(IgnoredAny),
}

impl From<KeyId> for Option<String> {
    fn from(kid: KeyId) -> Self {
        match kid {
            KeyId::Text(text) => Some(text),
            KeyId::Other(_) => None,
        }
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let presented = Presented { kid: None, algorithm: None, kind: Kind::Jwt };
        let mut header = Header { presented, duplicate: false, critical: false };
        let mut names = HashSet::new();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match name.0.as_ref() {
                "alg" => {
                    header.presented.algorithm = map.next_value::<Text<'de>>()?.0.parse().ok();
                }
                "typ" => header.presented.kind = kind_of(&map.next_value::<Text<'de>>()?.0),
                "kid" => header.presented.kid = map.next_value::<KeyId>()?.into(),
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

    fn check(encoded: &str) -> Result<(), TokenError> {
        read(encoded)?.check(Algorithm::HS256)
    }

    #[test]
    fn the_usual_headers_are_what_they_are_taken_for() {
        for encoded in USUAL {
            let json = URL_SAFE_NO_PAD.decode(encoded).unwrap();
            let header: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(header, serde_json::json!({"alg": "HS256", "typ": "JWT"}));
        }
    }

    #[test]
    fn the_type_is_a_media_type() {
        let verdict = |typ: serde_json::Value| {
            let header = serde_json::json!({"alg": "HS256", "typ": typ}).to_string();
            check(&URL_SAFE_NO_PAD.encode(header)).err()
        };
        for good in ["JWT", "jwt", "Jwt", "application/jwt", "Application/JWT", "APPLICATION/Jwt"] {
            assert_eq!(verdict(good.into()), None, "{good}");
        }
        for other in [
            "at+jwt",
            "application/at+jwt",
            "refresh+jwt",
            "logout+jwt",
            "dpop+jwt",
            "secevent+jwt",
            "JWE",
            "JOSE",
            "JWT ",
            " JWT",
            "JWT;v=1",
            "text/jwt",
            "application/application/jwt",
            "application/",
            "/jwt",
            "",
            "ſwt",
        ] {
            assert_eq!(verdict(other.into()), Some(TokenError::Claim("typ")), "{other}");
        }
        for no_text in [serde_json::Value::Null, 1.into(), true.into(), vec!["JWT"].into()] {
            assert_eq!(verdict(no_text.clone()), Some(TokenError::Malformed), "{no_text}");
        }
        let absent = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256"}"#);
        assert_eq!(check(&absent), Ok(()));
    }
}
