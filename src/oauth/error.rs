//! The errors of a token endpoint: RFC 6749 §5.2.

use crate::accounts::AuthenticateError;
use crate::domain::{LoginOutcome, RepositoryError, ScopeName};
use crate::tokens::TokenError;
use std::borrow::Cow;
use thiserror::Error;

/// The text of [`GrantError::Throttled`], here and for callers who use no grant.
pub(crate) const TOO_MANY_ATTEMPTS: &str = "Too many attempts, try again later";

/// Why a grant was not redeemed.
#[derive(Debug, Error)]
#[error("{}", self.description())]
pub enum GrantError {
    /// A parameter is missing, malformed or repeated.
    InvalidRequest,
    /// The client did not prove who it is.
    InvalidClient {
        /// Whether it tried by HTTP Basic, and so is told of it.
        by_basic: bool,
    },
    /// The client may not redeem such a grant.
    UnauthorizedClient,
    /// An unsupported `grant_type`.
    UnsupportedGrantType,
    /// Unknown user or wrong password; the client does not learn which.
    InvalidCredentials,
    /// A refresh token that is unknown, or has ended.
    InvalidRefreshToken,
    /// An authorization code that is unknown, has ended, or was given to another client.
    InvalidCode,
    /// A refresh token of another client, to be revoked.
    OthersToken,
    /// A `resource` that tokens cannot be for (RFC 8707 §2).
    InvalidTarget,
    /// The user is disabled and gets no token.
    Disabled,
    /// Requested scopes that the user does not hold or that are malformed: in order, each once.
    InvalidScope(Vec<String>),
    /// More scopes than a token can hold.
    TooManyScopes,
    /// Too many logins at once.
    Busy {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// Too many wrong passwords.
    Throttled {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// The user repository does not respond.
    Unavailable(#[source] RepositoryError),
    /// Our fault: the token could not be signed.
    Signing(#[source] TokenError),
    /// Our fault: the password could not be hashed.
    Hashing,
}

impl GrantError {
    /// The `error` of RFC 6749 §5.2; for faults of the server, those of §4.1.2.1.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient { .. } => "invalid_client",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidCredentials
            | Self::InvalidRefreshToken
            | Self::InvalidCode
            | Self::OthersToken
            | Self::Disabled => "invalid_grant",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidScope(_) | Self::TooManyScopes => "invalid_scope",
            Self::Busy { .. } | Self::Throttled { .. } | Self::Unavailable(_) => {
                "temporarily_unavailable"
            }
            Self::Signing(_) | Self::Hashing => "server_error",
        }
    }

    /// The outcome of the login, for the metrics.
    pub(super) fn outcome(&self) -> LoginOutcome {
        match self {
            Self::InvalidCredentials => LoginOutcome::Rejected,
            Self::Disabled => LoginOutcome::Disabled,
            Self::InvalidScope(_) | Self::TooManyScopes => LoginOutcome::InvalidScope,
            Self::Busy { .. } => LoginOutcome::Busy,
            Self::Throttled { .. } => LoginOutcome::Throttled,
            Self::Unavailable(_) => LoginOutcome::Unavailable,
            Self::InvalidRequest
            | Self::InvalidClient { .. }
            | Self::UnauthorizedClient
            | Self::UnsupportedGrantType
            | Self::InvalidRefreshToken
            | Self::InvalidCode
            | Self::OthersToken
            | Self::InvalidTarget
            | Self::Signing(_)
            | Self::Hashing => LoginOutcome::Failed,
        }
    }

    /// The `error_description`, for developers; only characters that RFC 6749 allows.
    #[must_use]
    pub fn description(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::InvalidRequest => "A parameter is missing or malformed",
            Self::InvalidClient { .. } => "Client authentication failed",
            Self::UnauthorizedClient => "The client may not use this grant type",
            Self::UnsupportedGrantType => "The grant type is not supported",
            Self::InvalidCredentials => "Incorrect username or password",
            Self::InvalidRefreshToken => "The refresh token is unknown, expired or revoked",
            Self::InvalidCode => {
                "The authorization code is unknown, expired, used, or does not fit the request"
            }
            Self::OthersToken => "The token was issued to another client",
            Self::InvalidTarget => "The resource is not the one that was granted",
            Self::Disabled => "Inactive user",
            Self::InvalidScope(refused) => return describe(refused).into(),
            Self::TooManyScopes => "Too many scopes for one token",
            Self::Busy { .. } => "Too many logins at once, try again later",
            Self::Throttled { .. } => TOO_MANY_ATTEMPTS,
            Self::Unavailable(_) => "The service is temporarily unavailable, try again later",
            Self::Signing(_) | Self::Hashing => "The server failed",
        })
    }
}

/// Malformed scopes are not echoed: they may contain any character.
fn describe(refused: &[String]) -> String {
    let named: Vec<_> =
        refused.iter().map(String::as_str).filter(|name| ScopeName::is_valid(name)).collect();
    match (named.is_empty(), named.len() == refused.len()) {
        (true, _) => "Malformed scope".to_owned(),
        (false, true) => format!("Scope not allowed: {}", named.join(" ")),
        (false, false) => format!("Malformed scope, and not allowed: {}", named.join(" ")),
    }
}

impl From<AuthenticateError> for GrantError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Busy { retry_after_seconds } => Self::Busy { retry_after_seconds },
            AuthenticateError::Throttled { retry_after_seconds } => {
                Self::Throttled { retry_after_seconds }
            }
            AuthenticateError::Unavailable(cause) => Self::Unavailable(cause),
            AuthenticateError::Hashing => Self::Hashing,
        }
    }
}

impl From<TokenError> for GrantError {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::TooLarge => Self::TooManyScopes,
            other => Self::Signing(other),
        }
    }
}
