//! Requests to `POST /token`, told apart by `grant_type` (RFC 6749 §4).

use crate::accounts::{Authorizations, Clients};
use crate::domain::{Client, ClientGrant, Sender};
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::GrantError;
use crate::oauth::grants::{
    AuthorizationCodeGrant, ClientCredentialsGrant, PasswordGrant, RefreshTokenGrant,
};
use crate::oauth::response::{GrantContext, TokenResponse};
use std::str::FromStr;
use std::sync::Arc;

/// The supported values of `grant_type`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GrantType {
    /// `password`; also the default without `grant_type`, as in FastAPI's form.
    #[default]
    Password,
    /// `refresh_token`.
    RefreshToken,
}

impl FromStr for GrantType {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        match text {
            "password" => Ok(Self::Password),
            "refresh_token" => Ok(Self::RefreshToken),
            _ => Err(GrantError::UnsupportedGrantType),
        }
    }
}

/// A parsed request to the token endpoint.
#[derive(Debug)]
pub enum TokenRequest {
    /// RFC 6749 §4.3, and the client that sends it, where there are clients.
    Password(PasswordGrant, Option<PasswordClient>),
    /// RFC 6749 §4.1.
    AuthorizationCode(AuthorizationCodeGrant),
    /// RFC 6749 §4.4.
    ClientCredentials(ClientCredentialsGrant),
    /// RFC 6749 §6, and the same.
    RefreshToken(RefreshTokenGrant, Option<PasswordClient>),
}

/// The client that sends a user's password, or a refresh token that came of one. One that is not
/// registered counts for nothing, as with FastAPI's form, unless a registered one is required.
#[derive(Debug, Default)]
pub struct PasswordClient {
    /// What the request shows of it.
    pub shown: ClientCredentials,
    /// Whether it must be registered.
    pub is_required: bool,
}

impl PasswordClient {
    /// The same, and refuses one that may not use the grant.
    async fn admit(
        self,
        grant: ClientGrant,
        clients: &Clients,
        sender: &Sender,
    ) -> Result<Option<Arc<Client>>, GrantError> {
        let client = self.identify(clients, sender).await?;
        match &client {
            Some(client) if !client.metadata.may_redeem(grant) => {
                Err(GrantError::UnauthorizedClient)
            }
            _ => Ok(client),
        }
    }

    /// The client, if it counts. Refuses one that does not prove who it is.
    pub async fn identify(
        self,
        clients: &Clients,
        sender: &Sender,
    ) -> Result<Option<Arc<Client>>, GrantError> {
        let is_registered = self.shown.names_one_of(clients).await;
        if !self.is_required && !is_registered.map_err(GrantError::Unavailable)? {
            return Ok(None);
        }
        self.shown.require(clients, sender).await.map(Some)
    }
}

impl TokenRequest {
    /// Issues a token for the grant.
    pub async fn redeem(
        self,
        context: GrantContext<'_>,
        clients: &Clients,
        authorizations: Option<&Authorizations>,
    ) -> Result<TokenResponse, GrantError> {
        match self {
            Self::AuthorizationCode(grant) => {
                let authorizations = authorizations.ok_or(GrantError::UnsupportedGrantType)?;
                grant.redeem(context, clients, authorizations).await
            }
            Self::Password(grant, client) => {
                let client = admitted(client, ClientGrant::Password, clients, &context).await?;
                grant.redeem_by(client.as_deref(), context).await
            }
            Self::RefreshToken(grant, client) => {
                let client = admitted(client, ClientGrant::RefreshToken, clients, &context).await?;
                grant.redeem(client.as_deref(), context).await
            }
            Self::ClientCredentials(grant) => grant.redeem(context, clients).await,
        }
    }
}

/// Without a public URL there are no clients.
async fn admitted(
    client: Option<PasswordClient>,
    grant: ClientGrant,
    clients: &Clients,
    context: &GrantContext<'_>,
) -> Result<Option<Arc<Client>>, GrantError> {
    match client {
        Some(client) => client.admit(grant, clients, &context.sender).await,
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_supported_values_are_grant_types() {
        assert_eq!("password".parse::<GrantType>().ok(), Some(GrantType::Password));
        assert_eq!("refresh_token".parse::<GrantType>().ok(), Some(GrantType::RefreshToken));
        for other in ["", "PASSWORD", "password ", "Refresh_token", "authorization_code"] {
            let refused = other.parse::<GrantType>();
            assert!(matches!(refused, Err(GrantError::UnsupportedGrantType)), "{other}");
        }
    }
}
