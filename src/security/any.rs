//! A caller of any kind: a user, or a client in its own name.

use crate::api_error::ApiError;
use crate::security::call::Call;
use crate::security::dependency::Dependency;
use crate::security::presented::Presented;
use crate::security::principal::Principal;
use crate::security::whose::resolve;
use std::ops::Deref;

/// An enabled user, by a token or an API key, or a client of the authorization server, by a token that it
/// got with `grant_type=client_credentials`. All other guards take users only.
///
/// ```
/// use bailiwick::prelude::*;
/// use bailiwick::security::AnyPrincipal;
///
/// scopes! {
///     /// Read reports.
///     pub ReportsRead = "reports:read";
/// }
///
/// /// For people and for services.
/// async fn reports(caller: Scoped<AnyPrincipal, ReportsRead>) -> String {
///     match (caller.user(), caller.client_id()) {
///         (Some(user), _) => format!("the user {}", user.username),
///         (None, client) => format!("the client {}", client.unwrap_or_default()),
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct AnyPrincipal(Principal);

impl Dependency for AnyPrincipal {
    type Needs = Presented;
    const RESPONSES: &'static [(u16, &'static str)] = &[(400, "Inactive user")];

    async fn build(presented: Presented, call: &Call<'_>) -> Result<Self, ApiError> {
        let principal = resolve(presented, call).await?;
        if principal.user().is_some_and(|user| user.disabled) {
            return Err(call.inactive(principal.scheme()));
        }
        principal.check(call)?;
        Ok(Self(principal))
    }
}

impl Deref for AnyPrincipal {
    type Target = Principal;

    fn deref(&self) -> &Principal {
        &self.0
    }
}

crate::extractor!(AnyPrincipal);
