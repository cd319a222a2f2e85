//! The grant of a client that acts in its own name: RFC 6749 §4.4.

use crate::accounts::Clients;
use crate::domain::ClientGrant;
use crate::oauth::client_auth::ClientCredentials;
use crate::oauth::error::GrantError;
use crate::oauth::response::{GrantContext, TokenResponse};
use crate::oauth::scope::{granted, scope_names};

/// What a client shows, to be redeemed for a token of its own.
#[derive(Debug)]
pub struct ClientCredentialsGrant {
    /// What it shows.
    pub client: ClientCredentials,
    /// The requested scopes, separated by white space; all that the client has if empty.
    pub scope: String,
}

impl ClientCredentialsGrant {
    /// Issues a token of an asymmetric key only (RFC 9068): with the shared secret, others could make
    /// tokens of clients.
    pub async fn redeem(
        self,
        context: GrantContext<'_>,
        clients: &Clients,
    ) -> Result<TokenResponse, GrantError> {
        if !context.tokens.issues_to_clients() {
            return Err(GrantError::UnsupportedGrantType);
        }
        let client = self.client.require(clients, &context.sender).await?;
        if !client.metadata.may_redeem(ClientGrant::ClientCredentials) {
            return Err(GrantError::UnauthorizedClient);
        }
        let allowed = &client.metadata.scope;
        let scopes = match scope_names(&self.scope).next() {
            Some(_) => granted(&self.scope, allowed)?,
            None => allowed.clone(),
        };
        let token = context.tokens.issue_to_client(&client, &scopes)?;
        clients.audit_token(&client, (&token.id, &scopes, token.expires_in), &context.sender);
        Ok(TokenResponse::bearer(token, &scopes, None))
    }
}
