//! The providers of the configuration, and what requests to them need.

use crate::accounts::{Accounts, ProviderIdentities};
use crate::domain::{Clock, Identities, ScopeTable};
use crate::outgoing::{Outgoing, known_refusal};
use crate::services::{StartError, scope_table};
use crate::settings::{PublicUrl, Settings};
use crate::upstream::{Provider, Upstream};
use std::sync::Arc;

/// Checks the configured providers.
pub fn check_providers(settings: &Settings) -> Result<(), StartError> {
    match scope_table(settings) {
        Ok(scopes) => configured(settings, &scopes).map(drop),
        // Others tell what is wrong with the scopes.
        Err(_) => Ok(()),
    }
}

/// Checks what requests to other servers need.
pub fn check_outgoing(settings: &Settings) -> Result<(), StartError> {
    Outgoing::new(&settings.outgoing).map(drop).map_err(StartError::new)
}

/// The logins at them, if there are any.
pub(super) fn upstream(
    (settings, scopes): (&Settings, &ScopeTable),
    (identities, accounts, clock): (Arc<dyn Identities>, &Accounts, &Arc<dyn Clock>),
    outgoing: &Outgoing,
) -> Result<Option<Arc<Upstream>>, StartError> {
    let providers = configured(settings, scopes)?;
    if providers.is_empty() {
        return Ok(None);
    }
    let tells = (accounts.audit_log().clone(), accounts.newcomers().clone());
    let identities = ProviderIdentities::new(identities, Arc::clone(clock), tells);
    Ok(Some(Arc::new(Upstream::new(providers, identities, outgoing.clone()))))
}

/// Those of the settings, or why one cannot be used.
fn configured(settings: &Settings, scopes: &ScopeTable) -> Result<Vec<Provider>, StartError> {
    let own = settings.server.public_url.as_ref().map(PublicUrl::as_str);
    let providers = settings.providers.iter().map(|(name, given)| {
        let faulty = |problem: String| StartError::new(format_args!("providers.{name}.{problem}"));
        let provider = Provider::new(name, given).map_err(faulty)?;
        if let Some(scope) = provider.scopes_given().find(|scope| !scopes.contains(scope)) {
            return Err(faulty(format!("scope_rules: `{scope}` is not a declared scope")));
        }
        if let Some(own) = own.filter(|own| provider.is_at(own)) {
            let problem = "is server.public_url, this server itself: expected another one";
            return Err(faulty(format!("issuer: `{own}` {problem}")));
        }
        for (key, url) in provider.asked_urls() {
            if let Some(cause) = known_refusal(&settings.outgoing, url) {
                return Err(faulty(format!(
                    "{key}: `{url}`: {cause}: expected https at a public address, or its host in \
                     outgoing.allow"
                )));
            }
        }
        Ok(provider)
    });
    providers.collect()
}
