//! OAuth 2.0 (RFC 6749): requests to the token endpoint, one file per grant, errors.
//!
//! Nothing here knows HTTP or a database.

mod client_auth;
mod error;
mod grants;
mod request;
mod response;
mod scope;

pub use client_auth::{BasicPair, ClientCredentials};
pub use error::GrantError;
pub(crate) use error::TOO_MANY_ATTEMPTS;
pub use grants::{ClientCredentialsGrant, PasswordGrant, RefreshTokenGrant};
pub use request::{GrantType, PasswordClient, TokenRequest};
pub use response::{GrantContext, TokenResponse};
pub use scope::scope_names;
