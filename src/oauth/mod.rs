//! OAuth 2.0 (RFC 6749): requests to the token endpoint, one file per grant, errors.
//!
//! Nothing here knows HTTP or a database.

mod authorize;
mod authorize_error;
mod client_auth;
mod error;
mod grants;
mod parameters;
mod request;
mod response;
mod scope;
mod session;

pub use authorize::AuthorizationRequest;
pub use authorize_error::{AuthorizeError, ClientResponse, RequestFault, ResponseMode};
pub use client_auth::{BasicPair, ClientCredentials};
pub use error::GrantError;
pub(crate) use error::TOO_MANY_ATTEMPTS;
pub use grants::{
    AuthorizationCodeGrant, ClientCredentialsGrant, PasswordGrant, RefreshTokenGrant,
};
pub use parameters::Parameters;
pub use request::{GrantType, PasswordClient, TokenRequest};
pub use response::{GrantContext, TokenResponse};
pub use scope::scope_names;
pub(crate) use session::held_now;
