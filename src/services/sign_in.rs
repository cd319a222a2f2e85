//! What the login page and everything behind it need. Only with `server.public_url`.

use crate::accounts::BrowserSessions;
use crate::domain::SessionRules;
use crate::sealing::{BrowserKey, FlowKey};
use crate::settings::{PublicUrl, SessionSettings};
use std::time::Duration;

/// Sessions of browsers, and the keys of what they carry.
pub struct SignIn {
    /// Where browsers reach this server.
    pub url: PublicUrl,
    /// The sessions.
    pub sessions: BrowserSessions,
    /// Seals what is under way.
    pub flows: FlowKey,
    /// Proves whose a form and a cookie is.
    pub browsers: BrowserKey,
    pub(super) settings: SessionSettings,
}

impl SignIn {
    /// How a session lives; `stays` if the user has asked for that.
    #[must_use]
    pub fn rules(&self, stays: bool) -> SessionRules {
        let SessionSettings { idle, lifetime, .. } = self.settings;
        let seconds = |seconds: u32| Duration::from_secs(seconds.into());
        let lifetime = seconds(lifetime.get());
        let idle = if self.stays(stays) { lifetime } else { seconds(idle.get()).min(lifetime) };
        SessionRules { idle, lifetime }
    }

    /// Whether a session stays that the user has asked to stay.
    #[must_use]
    pub fn stays(&self, asked: bool) -> bool {
        asked && self.settings.remember
    }
}
