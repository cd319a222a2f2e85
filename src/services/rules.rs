//! The settings of logins and of refresh tokens, as rules.

use crate::accounts::Limits;
use crate::domain::{FamilyRules, Limit};
use crate::settings::{LoginSettings, TokenSettings};
use std::num::NonZeroU32;
use std::time::Duration;

pub(super) fn limits(settings: &LoginSettings) -> Limits {
    let seconds = |seconds: NonZeroU32| Duration::from_secs(seconds.get().into());
    let limit = |burst: NonZeroU32, every| Limit { burst: burst.get(), every: seconds(every) };
    Limits {
        known_device: limit(settings.known_device_burst, settings.known_device_every),
        known_network: limit(settings.known_network_burst, settings.known_network_every),
        unknown_network: limit(settings.unknown_network_burst, settings.unknown_network_every),
        all_unknown: limit(settings.all_unknown_burst, settings.all_unknown_every),
        all_accounts: limit(settings.all_accounts_burst, settings.all_accounts_every),
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
