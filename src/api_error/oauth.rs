//! Errors of grants, to HTTP.

use crate::api_error::{ApiError, Overload};
use crate::oauth::GrantError;

impl From<GrantError> for ApiError {
    fn from(error: GrantError) -> Self {
        match error {
            GrantError::Busy { retry_after_seconds } => {
                Self::Busy(Overload::Logins, retry_after_seconds)
            }
            GrantError::Unavailable(cause) => cause.into(),
            GrantError::Signing(cause) => Self::internal(&cause),
            GrantError::Hashing => Self::internal(&"a password could not be hashed"),
            GrantError::InvalidRequest
            | GrantError::InvalidClient { .. }
            | GrantError::UnauthorizedClient
            | GrantError::UnsupportedGrantType
            | GrantError::InvalidCredentials
            | GrantError::InvalidRefreshToken
            | GrantError::InvalidCode
            | GrantError::OthersToken
            | GrantError::InvalidTarget
            | GrantError::Throttled { .. }
            | GrantError::Disabled
            | GrantError::InvalidScope(_)
            | GrantError::TooManyScopes => Self::Grant(error),
        }
    }
}
