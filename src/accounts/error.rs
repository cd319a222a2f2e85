//! Why an account was not changed.

use crate::accounts::AuthenticateError;
use crate::domain::RepositoryError;
use crate::passwords::PasswordError;
use thiserror::Error;

/// Why an account was not created, changed or deleted.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The old password is another one.
    #[error("the old password is wrong")]
    WrongPassword,
    /// Somebody has changed the password since the caller was let in.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// The old password could not be verified.
    #[error(transparent)]
    Authenticate(#[from] AuthenticateError),
    /// The new password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The store did not do it.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
