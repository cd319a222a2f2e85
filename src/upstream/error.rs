//! Why a login at another provider did not succeed.

use crate::domain::AuditReason;
use crate::outgoing::OutgoingError;
use crate::tokens::TokenError;
use thiserror::Error;

/// Why a login at another provider did not succeed; the texts are for the log.
#[derive(Debug, Error)]
pub enum ProviderFault {
    /// It does not respond, or not in time.
    #[error("{what}: {cause}")]
    Away {
        /// What was asked for.
        what: &'static str,
        /// Why it did not come.
        cause: OutgoingError,
    },
    /// It responds, but not as it should.
    #[error("{0}")]
    Nonsense(String),
    /// The user, or the provider, said no; by an error of RFC 6749 §4.1.2.1 or §5.2.
    #[error("the provider says {0}")]
    Refused(String),
    /// Another provider's response (RFC 9207).
    #[error("the response names another issuer, or none")]
    WrongIssuer,
    /// The ID token is not for this login.
    #[error("the ID token: {0}")]
    IdToken(TokenError),
    /// The user had to log in again, and the provider does not say that this happened.
    #[error("the user had to log in again there, and the provider does not say that this happened")]
    NotRenewed,
}

impl ProviderFault {
    /// The word in the audit log.
    #[must_use]
    pub fn reason(&self) -> AuditReason {
        match self {
            Self::Away { .. } | Self::Nonsense(_) => AuditReason::ProviderUnavailable,
            Self::Refused(_) => AuditReason::ProviderRefused,
            Self::WrongIssuer | Self::IdToken(TokenError::Claim("iss")) => AuditReason::WrongIssuer,
            Self::IdToken(_) => AuditReason::WrongIdToken,
            Self::NotRenewed => AuditReason::LoginNotRenewed,
        }
    }

    pub(super) fn away(what: &'static str) -> impl Fn(OutgoingError) -> Self {
        move |cause| Self::Away { what, cause }
    }

    pub(super) fn nonsense(text: impl Into<String>) -> Self {
        Self::Nonsense(text.into())
    }
}

impl From<TokenError> for ProviderFault {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Claim("auth_time") => Self::NotRenewed,
            error => Self::IdToken(error),
        }
    }
}
