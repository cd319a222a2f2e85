//! OAuth 2.0 (RFC 6749): requests to the token endpoint, one file per grant, errors.
//!
//! Nothing here knows HTTP or a database.

mod error;
mod grants;
mod request;
mod response;
mod scope;

pub use error::GrantError;
pub(crate) use error::TOO_MANY_ATTEMPTS;
pub use grants::PasswordGrant;
pub use request::{GrantType, TokenRequest};
pub use response::{GrantContext, TokenResponse};
pub use scope::scope_names;
