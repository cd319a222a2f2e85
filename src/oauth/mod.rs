//! OAuth 2.0 (RFC 6749): one file per grant.
//!
//! Nothing here knows HTTP or a database.

mod error;
mod password;
mod response;

pub use error::GrantError;
pub use password::{PasswordGrant, scope_names};
pub use response::{GrantContext, TokenResponse};
