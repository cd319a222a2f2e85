//! What other pages show of other providers: buttons, and what a user has linked.

use crate::accounts::SignedIn;
use crate::api_error::ApiError;
use crate::domain::Subject;
use crate::pages::{Connected, LinkedIdentity, ProviderButton};
use crate::routes::pages::Visit;
use crate::upstream::Provider;

/// What the forms of visitors, and of users, do.
pub(super) const ACTION: &str = "provider";

/// The buttons of all providers, and the token of their forms before a login.
pub(super) fn buttons(visit: &Visit) -> (Vec<ProviderButton>, String) {
    let providers = visit.services.upstream.iter().flat_map(|upstream| upstream.providers());
    (providers.map(button).collect(), visit.visitor_form(ACTION))
}

fn button(provider: &Provider) -> ProviderButton {
    ProviderButton { name: provider.name.clone(), label: provider.button.clone() }
}

/// What a user has linked, and can link.
pub(super) async fn connected(visit: &Visit, by: &SignedIn) -> Result<Connected, ApiError> {
    let Some(upstream) = &visit.services.upstream else { return Ok(Connected::default()) };
    let identities = upstream.identities.list(by.user.id).await?;
    let identities = identities.into_iter().map(|identity| {
        let Subject { provider, id } = identity.subject;
        let known = upstream.find(&provider).map(|it| it.button.clone());
        LinkedIdentity {
            provider_label: known.unwrap_or_else(|| provider.to_string()),
            provider: provider.into(),
            subject: id.into(),
            label: identity.label.into(),
        }
    });
    Ok(Connected {
        identities: identities.collect(),
        providers: upstream.providers().iter().map(button).collect(),
        form_token: visit.session_form(by, ACTION),
    })
}
