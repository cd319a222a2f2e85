//! What redeeming a grant needs, and what it returns.

use crate::accounts::Accounts;
use crate::domain::{Scopes, Secret, Sender};
use crate::tokens::{IssuedToken, Tokens};
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
    /// Renews this token; the next response has the next one.
    #[openapi(example = "bwr_AQAAAAAAAKvNAAAAAAAAAAUAAAAAAAABAnP5mbV5Aik6Fm_--7hUSCs")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Who the user is, for the client (OpenID Connect Core §3.1.3.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
}

impl TokenResponse {
    /// The response with these tokens.
    pub(super) fn bearer(
        token: IssuedToken,
        scopes: &Scopes,
        refresh_token: Option<Secret>,
    ) -> Self {
        Self {
            access_token: token.access_token,
            token_type: "bearer",
            expires_in: token.expires_in,
            scope: Some(scopes.to_string()).filter(|scope| !scope.is_empty()),
            refresh_token: refresh_token.map(|token| token.expose().to_owned()),
            id_token: None,
        }
    }
}
