//! Finds whom a token or an API key belongs to.

use crate::api_error::{ApiError, AuthScheme};
use crate::security::dependency::Call;
use crate::security::presented::{AccessToken, Presented, by_key};
use crate::security::principal::{Means, Principal, found, remember};
use crate::tokens::NO_USER;

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
    let nobody = || {
        services.tokens.refused().count(NO_USER);
        call.invalid()
    };
    if claims.client.is_some() {
        let client = services.clients.holder(&claims).await?.ok_or_else(nobody)?;
        if services.accounts.has_ended(&claims).await? {
            return Err(nobody());
        }
        return Ok(Principal::of_client(client, claims.scopes));
    }
    let user = services.accounts.holder(&claims).await?.ok_or_else(nobody)?;
    Ok(Principal::new(user, AuthScheme::Bearer, Means::Token(claims.scopes)))
}
