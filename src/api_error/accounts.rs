//! Errors of the account use cases, to HTTP.

use crate::accounts::{AccountError, AuthenticateError};
use crate::api_error::{ApiError, FieldProblem};
use crate::domain::ClientFault;
use crate::oauth::GrantError;

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::WrongPassword => Self::BadRequest("Incorrect password"),
            AccountError::KeyMakesKey => Self::Forbidden("An API key cannot make API keys".into()),
            AccountError::KeyExpired => Self::Validation(vec![FieldProblem::new(
                "value_error",
                ("body", "expires_at"),
                "Value error, expected a time in the future",
            )]),
            AccountError::ConfiguredClient(_) => {
                Self::Conflict("The client is in the configuration, and is changed there")
            }
            AccountError::ShortClientSecret => Self::ClientMetadata(ClientFault::new(
                "client_secret",
                "expected at least 32 bytes",
            )),
            AccountError::PasswordChanged => Self::Conflict("The password was changed meanwhile"),
            AccountError::Authenticate(cause) => cause.into(),
            AccountError::Password(cause) => cause.into(),
            AccountError::Repository(cause) => cause.into(),
        }
    }
}

impl From<AuthenticateError> for ApiError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Throttled { retry_after_seconds } => {
                Self::TooManyAttempts(retry_after_seconds)
            }
            other => GrantError::from(other).into(),
        }
    }
}
