//! Users who manage their own account: an application that they have signed in to may not.

use crate::api_error::{ApiError, AuthScheme, CLIENTS_TOKEN, Reason};
use crate::security::call::Call;
use crate::security::dependency::{Dependency, Scoped};
use crate::security::required::ScopeList;
use crate::security::user::EnabledUser;
use crate::tokens::NO_SCOPE;
use std::marker::PhantomData;
use std::ops::Deref;

/// An [`EnabledUser`] with these scopes, in person: by an API key, or by a token that no client got but one
/// of the operator's own. Whoever allows a client to read a profile does not give it the account.
#[derive(Debug)]
pub(crate) struct AccountOwner<S>(EnabledUser, PhantomData<S>);

impl<S: ScopeList> Dependency for AccountOwner<S> {
    type Needs = Scoped<EnabledUser, S>;
    const RESPONSES: &'static [(u16, &'static str)] = &[(403, CLIENTS_TOKEN)];

    async fn build(user: Self::Needs, call: &Call<'_>) -> Result<Self, ApiError> {
        let user = user.into_inner();
        let Some(client) = user.principal().issued_to() else { return Ok(Self(user, PhantomData)) };
        let services = call.services()?;
        let client = services.clients.find(client).await?;
        if client.is_some_and(|client| client.metadata.skip_consent) {
            return Ok(Self(user, PhantomData));
        }
        services.tokens.refused().count(NO_SCOPE);
        Err(call.refuse(AuthScheme::Bearer, Reason::ClientsToken))
    }
}

impl<S> Deref for AccountOwner<S> {
    type Target = EnabledUser;

    fn deref(&self) -> &EnabledUser {
        &self.0
    }
}

crate::extractor!(impl<S: ScopeList> AccountOwner<S>);
