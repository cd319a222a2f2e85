//! The providers of the configuration, and what requests to them need.

use crate::domain::ScopeTable;
use crate::outgoing::Outgoing;
use crate::services::{StartError, scope_table};
use crate::settings::Settings;
use crate::upstream::Provider;

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

/// Those that users can log in at, or why one cannot be used.
pub(super) fn configured(
    settings: &Settings,
    scopes: &ScopeTable,
) -> Result<Vec<Provider>, StartError> {
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
