//! The account page: what a user sees and changes of the own account.

use crate::domain::{ApiKey, Consent, Day, Device, Session, SessionId, Timestamp, User};
use crate::pages::fault::{AccountFault, Done};
use crate::pages::frame::Frame;
use crate::pages::provider::Connected;
use askama::Template;

/// A session, as the page shows it.
pub struct SessionRow {
    /// Names it.
    pub id: SessionId,
    /// The browser and its system.
    pub device: String,
    /// When it was used last.
    pub seen: String,
    /// Whether it is this one.
    pub is_own: bool,
}

impl SessionRow {
    /// As it is now.
    #[must_use]
    pub fn of(session: &Session, own: SessionId, now: Timestamp, frame: Frame<'_>) -> Self {
        let texts = &frame.texts().account;
        let is_own = session.id == own;
        let seconds = if is_own { 0 } else { now.seconds() - session.seen.seconds() };
        let device = texts.device(Device::of(&session.agent));
        Self { id: session.id, device, seen: texts.ago(seconds), is_own }
    }
}

/// A client with access, as the page shows it.
pub struct ConsentRow {
    /// Names it.
    pub id: String,
    /// What users know it by.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<String>,
    /// Since when.
    pub since: String,
}

impl ConsentRow {
    /// As it is now; `scopes` with what the settings say about each.
    #[must_use]
    pub fn of(consent: &Consent, name: &str, scopes: &[(&str, &str)], frame: Frame<'_>) -> Self {
        let texts = frame.texts();
        let line = |&(scope, about): &(&str, &str)| {
            texts.authorize.scope(scope).unwrap_or(about).to_owned()
        };
        let since = (texts.account.allowed_on)(&Day::from(consent.given_at).to_string());
        let (id, scopes) = (consent.client.id.to_string(), scopes.iter().map(line).collect());
        Self { id, name: name.to_owned(), scopes, since }
    }
}

/// An API key, as the page shows it.
pub struct KeyRow {
    /// Names it.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// What it may do, when it ends and when it was used.
    pub facts: Vec<String>,
}

impl KeyRow {
    /// As it is now.
    #[must_use]
    pub fn of(key: &ApiKey, now: Timestamp, frame: Frame<'_>) -> Self {
        let texts = &frame.texts().account;
        let mut facts = vec![key.scopes.to_string()];
        if key.is_over(now) {
            facts.push(texts.ended.to_owned());
        } else if let Some(end) = key.expires_at {
            facts.push((texts.ends_on)(&Day::from(end).to_string()));
        }
        facts.push(match key.last_used.day() {
            Some(day) => (texts.used_on)(&day.to_string()),
            None => texts.never_used.to_owned(),
        });
        facts.retain(|fact| !fact.is_empty());
        Self { id: key.id.to_string(), name: key.name.to_string(), facts }
    }
}

/// The account of a user who is logged in.
#[derive(Template)]
#[template(path = "account.html")]
pub struct AccountPage<'a> {
    /// The layout's.
    pub frame: Frame<'a>,
    /// Proves that the page's forms are ours.
    pub form_token: &'a str,
    /// Whose account it is.
    pub user: &'a User,
    /// The full name as it is, or as it was typed.
    pub full_name: &'a str,
    /// The e-mail address in the same way.
    pub email: &'a str,
    /// The clients that the user has allowed something.
    pub consents: &'a [ConsentRow],
    /// The sessions, the one used last first.
    pub sessions: &'a [SessionRow],
    /// The identities at other providers.
    pub connected: &'a Connected,
    /// The API keys, if the user may have some.
    pub keys: Option<&'a [KeyRow]>,
    /// A key that was made: its name, and the key itself.
    pub made: Option<(&'a str, &'a str)>,
    /// What the name of a key was to be.
    pub key_name: &'a str,
    /// What was done.
    pub done: Option<Done>,
    /// Why nothing was.
    pub fault: Option<AccountFault>,
}

impl AccountPage<'_> {
    /// What is wrong in this section.
    fn fault_in(&self, section: &str) -> Option<&'static str> {
        let fault = self.fault.filter(|fault| fault.section() == section);
        fault.map(|fault| self.frame.texts().account.fault(fault))
    }

    /// Whether this field is wrong.
    fn is_wrong(&self, field: &str) -> bool {
        match self.fault {
            Some(AccountFault::FullName) => field == "full_name",
            Some(AccountFault::Email | AccountFault::EmailTaken | AccountFault::EmailTrusted) => {
                field == "email"
            }
            Some(AccountFault::WrongPassword) => field == "old_password",
            Some(
                AccountFault::ShortPassword
                | AccountFault::LongPassword
                | AccountFault::CommonPassword,
            ) => field == "new_password",
            Some(AccountFault::KeyName) => field == "key_name",
            _ => false,
        }
    }

    fn notice(&self) -> Option<&'static str> {
        self.done.map(|done| self.frame.texts().account.done(done))
    }

    fn has_others(&self) -> bool {
        self.sessions.iter().any(|row| !row.is_own)
    }
}
