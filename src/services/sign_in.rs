//! What the login page and everything behind it need. Only with `server.public_url`.

use crate::accounts::{Accounts, Authorizations, BrowserSessions};
use crate::domain::{AuthorizationCodes, Consents, SessionRules, Sessions};
use crate::sealing::{BrowserKey, FlowKey};
use crate::services::keeper::{Keeper, KeyError};
use crate::settings::{PublicUrl, SessionSettings};
use std::sync::Arc;
use std::time::Duration;

/// Sessions of browsers, and the keys of what they carry.
pub struct SignIn {
    /// Where browsers reach this server.
    pub url: PublicUrl,
    /// The sessions.
    pub sessions: BrowserSessions,
    /// What users grant clients.
    pub authorizations: Authorizations,
    /// Seals what is under way.
    pub flows: FlowKey,
    /// Proves whose a form and a cookie is.
    pub browsers: BrowserKey,
    pub(super) settings: SessionSettings,
}

/// Where it is kept: sessions, and what users grant clients.
pub(super) type SignInStores =
    (Arc<dyn Sessions>, (Arc<dyn AuthorizationCodes>, Arc<dyn Consents>));

impl SignIn {
    /// With its keys, which are made if there are none.
    pub(super) async fn open(
        (url, settings): (&PublicUrl, SessionSettings),
        keeper: &Keeper,
        (sessions, grants): SignInStores,
        accounts: &Accounts,
    ) -> Result<Self, KeyError> {
        let (flows, browsers) = keeper.page_keys().await?;
        let audit = accounts.audit_log().clone();
        Ok(Self {
            url: url.clone(),
            sessions: BrowserSessions::new(sessions, accounts),
            authorizations: Authorizations::new(grants, keeper.code_key().await?, audit),
            flows,
            browsers,
            settings,
        })
    }

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
