//! Finds whom a token or an API key belongs to.

use crate::api_error::{ApiError, AuthScheme};
use crate::domain::{Client, RepositoryError};
use crate::logging::name_client;
use crate::security::call::Call;
use crate::security::presented::{AccessToken, Presented, by_key};
use crate::security::principal::{Means, Principal, found, remember};
use crate::services::Services;
use crate::tokens::{Claims, NO_USER};
use std::sync::Arc;

/// Whom the credentials belong to, as a guard has found already, or as is found now.
pub(super) async fn resolve(presented: Presented, call: &Call<'_>) -> Result<Principal, ApiError> {
    if let Some(principal) = found(call.request(), presented.scheme()) {
        return Ok(principal);
    }
    let principal = match presented {
        Presented::Token(token) => verify(&token, call).await?,
        Presented::Key(key, scheme) => by_key((key, scheme), None, call).await?,
    };
    remember(call.request(), &principal);
    Ok(principal)
}

/// Verifies a token and looks up whose it is.
async fn verify(token: &AccessToken, call: &Call<'_>) -> Result<Principal, ApiError> {
    let services = call.services()?;
    let claims = services.keeper.verify(token.expose()).await.map_err(|cause| {
        log::debug!(target: "bailiwick.error", "a caller is refused: {cause}");
        call.invalid()
    })?;
    principal_of(claims, services).await?.ok_or_else(|| {
        services.tokens.refused().count(NO_USER);
        call.invalid()
    })
}

/// The request is this client's, for the access log, whoever else it is about.
pub(crate) fn by_client(client: &Arc<Client>) {
    name_client(client);
}

/// The user or client of a verified token; `None` if there is none any more, or the token was ended.
pub(crate) async fn principal_of(
    claims: Claims,
    services: &Services,
) -> Result<Option<Principal>, RepositoryError> {
    if claims.client.is_some() {
        let Some(client) = services.clients.holder(&claims).await? else { return Ok(None) };
        let has_ended = services.accounts.has_ended(&claims).await?;
        return Ok((!has_ended).then(|| Principal::of_client(client, claims.scopes)));
    }
    let user = services.accounts.holder(&claims).await?;
    let means = Means::Token(claims.scopes, claims.issued_to);
    Ok(user.map(|user| Principal::new(user, AuthScheme::Bearer, means)))
}
