//! Why an account was not changed.

use crate::accounts::AuthenticateError;
use crate::domain::{ClientId, RepositoryError};
use crate::passwords::PasswordError;
use thiserror::Error;

/// Why an account was not created, changed or deleted.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The old password is wrong.
    #[error("the old password is wrong")]
    WrongPassword,
    /// The password was changed since the caller was admitted.
    #[error("the password was changed meanwhile")]
    PasswordChanged,
    /// The caller presented an API key, and those make no others.
    #[error("an API key cannot make API keys")]
    KeyMakesKey,
    /// A new key would have expired already.
    #[error("the expiry is in the past")]
    KeyExpired,
    /// The client is in the configuration.
    #[error("the client is in the configuration: change [clients.{0}] there")]
    ConfiguredClient(ClientId),
    /// A client's secret from elsewhere is short, and so can be guessed.
    #[error("the client's secret has fewer than 32 bytes")]
    ShortClientSecret,
    /// The old password could not be verified.
    #[error(transparent)]
    Authenticate(#[from] AuthenticateError),
    /// The new password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The repository refused or failed.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
}
