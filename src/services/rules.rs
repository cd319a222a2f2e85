//! The settings of logins and of refresh tokens, as rules.

use crate::accounts::Limits;
use crate::domain::{FamilyRules, Limit, ScopeTable};
use crate::settings::{Settings, TokenSettings};
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) fn limits(of: &Settings) -> Limits {
    let (settings, registration) = (&of.logins, &of.registration);
    let seconds = |seconds: NonZeroU32| Duration::from_secs(seconds.get().into());
    let limit = |burst: NonZeroU32, every| Limit { burst: burst.get(), every: seconds(every) };
    Limits {
        known_device: limit(settings.known_device_burst, settings.known_device_every),
        known_network: limit(settings.known_network_burst, settings.known_network_every),
        unknown_network: limit(settings.unknown_network_burst, settings.unknown_network_every),
        all_unknown: limit(settings.all_unknown_burst, settings.all_unknown_every),
        all_accounts: limit(settings.all_accounts_burst, settings.all_accounts_every),
        registrations: limit(registration.burst, registration.every),
        known_for: seconds(settings.known_for),
    }
}

pub(super) fn family_rules(settings: &TokenSettings) -> FamilyRules {
    let seconds = |seconds: u32| Duration::from_secs(seconds.into());
    FamilyRules {
        idle: seconds(settings.refresh_token_idle.get()),
        lifetime: seconds(settings.refresh_token_lifetime.get()),
        reuse: seconds(settings.refresh_token_reuse_seconds),
    }
}

/// The first key that names a scope which nobody has declared, and the scope.
pub(super) fn undeclared<'a>(
    settings: &'a Settings,
    scopes: &ScopeTable,
) -> Option<(&'static str, &'a str)> {
    let of_docs = settings.docs.scope.iter().map(|scope| ("docs.scope", scope.as_str()));
    let of_newcomers = settings.registration.scopes.iter();
    let of_newcomers = of_newcomers.map(|scope| ("registration.scopes", scope.as_str()));
    of_docs.chain(of_newcomers).find(|(_, scope)| !scopes.contains(scope))
}
