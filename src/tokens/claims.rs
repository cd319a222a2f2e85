//! Claims in a token: what we write, and how strictly we read.

use crate::domain::{FamilyId, Scopes, UserId};
use crate::tokens::error::TokenError;
use crate::tokens::kind;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::mem;

/// No user has this id: a token that carries it is ours, but of none of our users.
pub(super) const NOBODY: UserId = UserId(-1);

/// The claims of a token we issue.
#[derive(Serialize)]
pub(super) struct IssuedClaims<'a> {
    pub(super) sub: &'a str,
    /// The scopes as a list, as FastAPI's tutorial writes them.
    pub(super) scopes: &'a Scopes,
    /// The same, as RFC 9068 §2.2.3 writes them.
    pub(super) scope: String,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) jti: &'a str,
    /// [`NOBODY`] in a token that is ours and of none of our users.
    #[serde(rename = "bailiwick_id", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<UserId>,
    /// The user's; absent is the first, 0.
    #[serde(rename = "bailiwick_epoch", skip_serializing_if = "is_first")]
    pub(super) epoch: i64,
    /// The family of refresh tokens that it ends with.
    #[serde(rename = "bailiwick_grant", skip_serializing_if = "Option::is_none")]
    pub(super) family: Option<FamilyId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iss: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) aud: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<&'a str>,
    /// The application's own claims.
    #[serde(flatten)]
    pub(super) own: &'a Map<String, Value>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_first(epoch: &i64) -> bool {
    *epoch == 0
}

/// The claims of a token that an asymmetric key signs (RFC 9068 §2.2).
#[derive(Serialize)]
pub(super) struct AccessTokenClaims<'a> {
    pub(super) iss: &'a str,
    /// The user's id in decimal; for an application's own user, the name.
    pub(super) sub: String,
    pub(super) aud: Audience<'a>,
    pub(super) exp: i64,
    pub(super) iat: i64,
    pub(super) jti: &'a str,
    pub(super) client_id: &'a str,
    pub(super) scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) amr: Option<Vec<&'a str>>,
    /// Absent in a token of a client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<&'a str>,
    /// [`NOBODY`] if `sub` is a name.
    #[serde(rename = "bailiwick_id", skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<UserId>,
    /// The user's; absent is the first, 0.
    #[serde(rename = "bailiwick_epoch", skip_serializing_if = "is_first")]
    pub(super) epoch: i64,
    /// The family of refresh tokens that it ends with.
    #[serde(rename = "bailiwick_grant", skip_serializing_if = "Option::is_none")]
    pub(super) family: Option<FamilyId>,
    /// The application's own claims.
    #[serde(flatten)]
    pub(super) own: &'a Map<String, Value>,
}

/// For whom a token is: its issuer, the configured audience, and a resource that was asked for.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Audience<'a> {
    Issuer(&'a str),
    Many(Vec<&'a str>),
}

impl<'a> Audience<'a> {
    /// The issuer, and what else there is.
    pub(super) fn of(issuer: &'a str, others: [Option<&'a str>; 2]) -> Self {
        let mut all = vec![issuer];
        for other in others.into_iter().flatten().filter(|other| *other != issuer) {
            if !all.contains(&other) {
                all.push(other);
            }
        }
        if all.len() == 1 { Self::Issuer(issuer) } else { Self::Many(all) }
    }
}

/// The client of a token that was asked for without a registered one.
pub(super) const NO_CLIENT: &str = "bailiwick";

/// Claims that only such a token always has.
pub(super) const RESERVED: [&str; 4] = ["client_id", "auth_time", "amr", "username"];

/// The claims of a token presented to us. Claims of a wrong type make it malformed.
#[derive(Default)]
pub(super) struct PresentedClaims<'a> {
    pub(super) sub: Option<Text<'a>>,
    /// From `scopes`, or from `scope` if there is no `scopes`.
    pub(super) scopes: Scopes,
    /// From `scope` if there is `scopes` as well: they grant nothing.
    pub(super) unused_scopes: Scopes,
    pub(super) exp: Option<f64>,
    pub(super) nbf: Option<f64>,
    pub(super) iat: Option<f64>,
    pub(super) jti: Option<Text<'a>>,
    pub(super) epoch: i64,
    pub(super) family: Option<Text<'a>>,
    pub(super) id: Option<UserId>,
    /// It carries a number as `bailiwick_id`: we issued it. Null counts as absent.
    pub(super) is_own: bool,
    pub(super) iss: Option<Party<'a>>,
    pub(super) aud: Option<Party<'a>>,
    /// The name of the user, in tokens of asymmetric keys.
    pub(super) username: Option<Party<'a>>,
    /// The client, in tokens of asymmetric keys.
    pub(super) client_id: Option<Party<'a>>,
    /// It carries [`NOBODY`]'s id: `sub` is a name.
    pub(super) is_nobodys: bool,
    /// The claim that shows that it is not an access token.
    pub(super) other_kind: Option<&'static str>,
    /// A name occurs twice; then the values above must not be used.
    pub(super) duplicate: bool,
}

impl PresentedClaims<'_> {
    /// A token of another kind is not an access token, whatever else it says (RFC 8725 §3.11).
    pub(super) fn check_kind(&self) -> Result<(), TokenError> {
        let mut scopes = [&self.scopes, &self.unused_scopes].into_iter();
        match self.other_kind {
            Some(claim) => Err(TokenError::Claim(claim)),
            None if !self.is_own && scopes.any(kind::are_of_refresh_token) => {
                Err(TokenError::Claim("scope"))
            }
            None => Ok(()),
        }
    }
}

/// A text in the token, borrowed if it has no escapes.
#[derive(Deserialize, PartialEq, Eq, Hash)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// The issuer of a token, a text (RFC 7519 §4.1.1), or its audience, a text or a list (§4.1.3).
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Party<'a> {
    One(#[serde(borrow)] Text<'a>),
    Many(#[serde(borrow)] Vec<Text<'a>>),
    /// A value that names nobody.
    Other(IgnoredAny),
}

impl Party<'_> {
    /// Whether `name` is the text or in the list.
    pub(super) fn names(&self, name: &str) -> bool {
        match self {
            Self::One(one) => one.0 == name,
            Self::Many(many) => many.iter().any(|one| one.0 == name),
            Self::Other(_) => false,
        }
    }
}

/// The claims read here, in the order of the bits that mark them as seen.
pub(super) const KNOWN: [&str; 12] = [
    "sub",
    "exp",
    "nbf",
    "iat",
    "jti",
    "bailiwick_id",
    "bailiwick_epoch",
    "bailiwick_grant",
    "scopes",
    "scope",
    "iss",
    "aud",
];

impl<'de> Deserialize<'de> for PresentedClaims<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PresentedClaimsVisitor)
    }
}

struct PresentedClaimsVisitor;

impl<'de> Visitor<'de> for PresentedClaimsVisitor {
    type Value = PresentedClaims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of claims")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PresentedClaims<'de>, A::Error> {
        let mut read = PresentedClaims::default();
        let mut met: u16 = 0;
        let mut others = HashSet::new();
        let mut list: Option<Scopes> = None;
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match name.0.as_ref() {
                "sub" => read.sub = Some(map.next_value()?),
                "exp" => read.exp = Some(map.next_value()?),
                "nbf" => read.nbf = Some(map.next_value()?),
                "bailiwick_id" => {
                    let id: Option<UserId> = map.next_value()?;
                    read.is_own = id.is_some();
                    read.is_nobodys = id == Some(NOBODY);
                    read.id = id.filter(|id| *id != NOBODY);
                }
                "bailiwick_epoch" => {
                    read.epoch = map.next_value::<Option<i64>>()?.unwrap_or_default();
                }
                "bailiwick_grant" => read.family = map.next_value()?,
                "iat" => read.iat = Some(map.next_value()?),
                "jti" => read.jti = Some(map.next_value()?),
                "scopes" => list = Some(map.next_value::<KnownScopes>()?.0),
                "scope" => {
                    let text = map.next_value::<Text<'de>>()?;
                    text.0.split_whitespace().for_each(|name| read.scopes.insert_known(name));
                }
                "iss" => read.iss = Some(map.next_value()?),
                "aud" => read.aud = Some(map.next_value()?),
                "username" => read.username = Some(map.next_value()?),
                "client_id" => read.client_id = Some(map.next_value()?),
                other => match kind::kind_claim(other) {
                    Some(claim) => {
                        let allows = claim.allows(&map.next_value()?);
                        read.other_kind = read.other_kind.or((!allows).then_some(claim.name));
                    }
                    None => drop(map.next_value::<IgnoredAny>()?),
                },
            }
            let known = KNOWN.iter().position(|known| *known == name.0);
            read.duplicate |= match known {
                Some(place) => {
                    let before = met;
                    met |= 1 << place;
                    before == met
                }
                None => !others.insert(name),
            };
        }
        if let Some(list) = list {
            read.unused_scopes = mem::replace(&mut read.scopes, list);
        }
        Ok(read)
    }
}

/// A list's scopes. Anything that is not a scope token cannot be required; other issuers write such
/// values.
struct KnownScopes(Scopes);

impl<'de> Deserialize<'de> for KnownScopes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(KnownScopesVisitor)
    }
}

struct KnownScopesVisitor;

impl<'de> Visitor<'de> for KnownScopesVisitor {
    type Value = KnownScopes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of scopes")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<KnownScopes, A::Error> {
        let mut scopes = Scopes::default();
        while let Some(name) = list.next_element::<Text<'de>>()? {
            scopes.insert_known(&name.0);
        }
        Ok(KnownScopes(scopes))
    }
}
