//! Requests to `POST /token`, told apart by `grant_type` (RFC 6749 §4).

use crate::accounts::Clients;
use crate::domain::{ClientGrant, Sender};
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::GrantError;
use crate::oauth::grants::{ClientCredentialsGrant, PasswordGrant};
use crate::oauth::response::{GrantContext, TokenResponse};
use crate::oauth::scope::granted;
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
    /// RFC 6749 §4.3, and the client that sends it, where there are clients.
    Password(PasswordGrant, Option<PasswordClient>),
    /// RFC 6749 §4.4.
    ClientCredentials(ClientCredentialsGrant),
}

/// The client that sends a user's password. One that is not registered counts for nothing, as with
/// FastAPI's form, unless a registered one is required.
#[derive(Debug, Default)]
pub struct PasswordClient {
    /// What the request shows of it.
    pub shown: ClientCredentials,
    /// Whether it must be registered.
    pub is_required: bool,
}

impl PasswordClient {
    /// Refuses a client that does not prove who it is, or may not have what the grant asks for.
    async fn admit(
        self,
        grant: &PasswordGrant,
        clients: &Clients,
        sender: &Sender,
    ) -> Result<(), GrantError> {
        let is_registered = self.shown.names_one_of(clients).await;
        if !self.is_required && !is_registered.map_err(GrantError::Unavailable)? {
            return Ok(());
        }
        let client = self.shown.require(clients, sender).await?;
        if !client.metadata.may_redeem(ClientGrant::Password) {
            return Err(GrantError::UnauthorizedClient);
        }
        granted(&grant.scope, &client.metadata.scope).map(drop)
    }
}

impl TokenRequest {
    /// Issues a token for the grant.
    pub async fn redeem(
        self,
        context: GrantContext<'_>,
        clients: &Clients,
    ) -> Result<TokenResponse, GrantError> {
        match self {
            Self::Password(grant, client) => {
                if let Some(client) = client {
                    client.admit(&grant, clients, &context.sender).await?;
                }
                grant.redeem(context).await
            }
            Self::ClientCredentials(grant) => grant.redeem(context, clients).await,
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
