//! Requests to `POST /token`, told apart by `grant_type` (RFC 6749 §4).

use crate::oauth::error::GrantError;
use crate::oauth::grants::PasswordGrant;
use crate::oauth::response::{GrantContext, TokenResponse};
use std::str::FromStr;

/// The supported values of `grant_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantType {
    /// `password`; also the default without `grant_type`, as in FastAPI's form.
    #[default]
    Password,
}

impl FromStr for GrantType {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        match text {
            "password" => Ok(Self::Password),
            _ => Err(GrantError::UnsupportedGrantType),
        }
    }
}

/// A parsed request to the token endpoint.
#[derive(Debug)]
pub enum TokenRequest {
    /// RFC 6749 §4.3.
    Password(PasswordGrant),
}

impl TokenRequest {
    /// Issues a token for the grant.
    pub async fn redeem(self, context: GrantContext<'_>) -> Result<TokenResponse, GrantError> {
        match self {
            Self::Password(grant) => grant.redeem(context).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_supported_values_are_grant_types() {
        assert_eq!("password".parse::<GrantType>().ok(), Some(GrantType::Password));
        for other in ["", "PASSWORD", "password ", "refresh_token", "authorization_code"] {
            let refused = other.parse::<GrantType>();
            assert!(matches!(refused, Err(GrantError::UnsupportedGrantType)), "{other}");
        }
    }
}
