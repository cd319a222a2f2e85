//! What tells tokens apart, and which client has one.

use crate::domain::{FamilyId, TokenId};
use crate::tokens::claims::{NO_CLIENT, Party, PresentedClaims, Text};
use crate::tokens::error::TokenError;
use aws_lc_rs::digest::{SHA256, digest};

/// The `jti` of this server's tokens; other tokens, which may use theirs twice, are told apart by their
/// hashes.
pub(super) fn token_id(jti: Option<&Text<'_>>, token: &str) -> TokenId {
    jti.and_then(|jti| jti.0.parse().ok()).unwrap_or_else(|| {
        let hash = digest(&SHA256, token.as_bytes());
        let half = hash.as_ref().first_chunk().copied().unwrap_or_default();
        TokenId(u128::from_be_bytes(half))
    })
}

/// What is no id was not written here.
pub(super) fn family_id(family: Option<&Text<'_>>) -> Result<Option<FamilyId>, TokenError> {
    let read = family.map(|id| id.0.parse()).transpose();
    read.map_err(|_| TokenError::Claim("bailiwick_grant"))
}

/// The client that got a user's token. Whatever else stands there is no client that anybody knows.
pub(super) fn issued_to(read: &PresentedClaims<'_>) -> Option<Box<str>> {
    match read.client_id.as_ref()? {
        Party::One(client) if client.0 == NO_CLIENT => None,
        Party::One(client) => Some(client.0.as_ref().into()),
        Party::Many(_) | Party::Other(_) => Some("".into()),
    }
}
