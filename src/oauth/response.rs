//! What a grant is redeemed with, and what for.

use crate::accounts::Accounts;
use crate::domain::Origin;
use crate::tokens::Tokens;
use serde::Serialize;

/// What a grant needs to be redeemed.
#[derive(Clone, Copy)]
pub struct GrantContext<'a> {
    /// Tells who the user is.
    pub accounts: &'a Accounts,
    /// Where the request comes from.
    pub client: Origin,
    /// Issues the token.
    pub tokens: &'a Tokens,
    /// Whether a disabled user gets no token (the profile `strict`); FastAPI's tutorial issues
    /// one and refuses it where it is used.
    pub strict: bool,
}

/// The successful answer of RFC 6749 §5.1.
#[derive(Clone, Serialize)]
pub struct TokenResponse {
    /// The token.
    pub access_token: String,
    /// How to present it: always `bearer` (RFC 6750).
    pub token_type: &'static str,
    /// Seconds until it expires.
    pub expires_in: u64,
    /// What was granted, separated by spaces; left out where it is nothing, for a scope has at least
    /// one character (RFC 6749 §A.4).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope: String,
}
