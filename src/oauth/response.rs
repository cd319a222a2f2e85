//! What redeeming a grant needs, and what it returns.

use crate::accounts::Accounts;
use crate::domain::Sender;
use crate::tokens::Tokens;
use paperclip::actix::Apiv2Schema;
use serde::Serialize;

/// What redeeming a grant needs.
#[derive(Clone)]
pub struct GrantContext<'a> {
    /// Authenticates the user.
    pub accounts: &'a Accounts,
    /// Who sent the request.
    pub sender: Sender,
    /// Issues the token.
    pub tokens: &'a Tokens,
    /// Whether a disabled user gets no token (profile `strict`); FastAPI's tutorial issues one and
    /// refuses it when it is used.
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
