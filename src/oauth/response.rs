//! What a grant is redeemed with, and what for.

use crate::accounts::Accounts;
use crate::domain::Origin;
use crate::tokens::Tokens;
use paperclip::actix::Apiv2Schema;
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

/// An access token (RFC 6749 §5.1).
#[derive(Clone, Serialize, Apiv2Schema)]
#[openapi(rename = "Token")]
pub struct TokenResponse {
    /// The token: a signed JWT.
    #[openapi(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.signature")]
    pub access_token: String,
    /// `bearer`.
    #[openapi(example = "bearer")]
    pub token_type: &'static str,
    /// Seconds until it expires.
    #[openapi(example = "1800")]
    pub expires_in: u64,
    /// The scopes that it carries; absent where it carries none.
    // A scope has at least one character (RFC 6749 §A.4).
    #[openapi(example = "me items")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}
