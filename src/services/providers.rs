//! The providers of the configuration, and what requests to them need.

use crate::accounts::{Accounts, ProviderIdentities};
use crate::domain::{Clock, Identities, ScopeTable};
use crate::outgoing::Outgoing;
use crate::services::{StartError, scope_table};
use crate::settings::Settings;
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
    let audit = accounts.audit_log().clone();
    let identities = ProviderIdentities::new(identities, Arc::clone(clock), audit);
    Ok(Some(Arc::new(Upstream::new(providers, identities, outgoing.clone()))))
}

/// Those of the settings, or why one cannot be used.
fn configured(settings: &Settings, scopes: &ScopeTable) -> Result<Vec<Provider>, StartError> {
    let providers = settings.providers.iter().map(|(name, given)| {
        let faulty = |problem: String| StartError::new(format_args!("providers.{name}.{problem}"));
        let provider = Provider::new(name, given).map_err(faulty)?;
        if let Some(scope) = provider.scopes_given().find(|scope| !scopes.contains(scope)) {
            return Err(faulty(format!("scope_rules: `{scope}` is not a declared scope")));
        }
        Ok(provider)
    });
    providers.collect()
}
