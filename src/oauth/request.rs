//! What `POST /token` is asked for: `grant_type` decides (RFC 6749 §4).

use crate::oauth::error::GrantError;
use crate::oauth::grants::PasswordGrant;
use crate::oauth::response::{GrantContext, TokenResponse};
use std::str::FromStr;

/// The values of `grant_type` that are offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantType {
    /// `password`; also what a request without `grant_type` asks for, as FastAPI's form allows.
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

/// A request to the token endpoint, parsed.
#[derive(Debug)]
pub enum TokenRequest {
    /// RFC 6749 §4.3.
    Password(PasswordGrant),
}

impl TokenRequest {
    /// Issues a token for what was presented.
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
    fn only_what_is_offered_is_a_grant_type() {
        assert_eq!("password".parse::<GrantType>().ok(), Some(GrantType::Password));
        for other in ["", "PASSWORD", "password ", "refresh_token", "authorization_code"] {
            let refused = other.parse::<GrantType>();
            assert!(matches!(refused, Err(GrantError::UnsupportedGrantType)), "{other}");
        }
    }
}
