//! OAuth 2.0 (RFC 6749): one file per grant, and who a user name and a password are.
//!
//! Nothing here knows HTTP or a database.

mod authenticator;
mod error;
mod password;
mod response;

pub use authenticator::{AuthenticateError, Authenticator};
pub use error::GrantError;
pub use password::{PasswordGrant, scope_names};
pub use response::{GrantContext, TokenResponse};

#[cfg(test)]
mod memory;
