//! The use cases on accounts: log in, create, change, delete. Each rule exists once, here;
//! handlers, commands and grants call it.
//!
//! Nothing here knows HTTP or a database.

mod api_keys;
mod audit;
mod audit_change;
mod audit_trail;
mod authenticate;
mod authorizations;
mod change;
mod client_audit;
mod client_rules;
mod clients;
mod create;
mod days;
mod error;
mod holder;
mod identities;
mod import;
mod last_login;
mod login;
#[cfg(test)]
pub(crate) mod memory;
mod newcomers;
mod origins;
mod password;
mod refresh;
mod register;
mod revoke;
mod session_family;
mod sessions;
mod sign_out;
mod throttle;

pub use api_keys::{ApiKeys, NewKey};
pub use audit::Audit;
pub use audit_trail::AuditTrail;
pub use authenticate::AuthenticateError;
pub(crate) use authorizations::FoundCode;
pub use authorizations::{Authorizations, CodeError};
pub use change::AccountChange;
pub use client_rules::ClientRules;
pub use clients::{Clients, Registrar, Registration, outside as client_secret};
pub use create::NewAccount;
pub use error::AccountError;
pub use identities::{Arrival, ProviderIdentities, Unwelcome};
pub(crate) use login::{LoginAttempt, LoginMethod};
pub use newcomers::Newcomers;
pub use password::PasswordChange;
pub use refresh::RefreshTokens;
pub(crate) use refresh::{LoginEnd, RefusedRefresh, Renewed};
pub use revoke::MARGIN;
pub use sessions::BrowserSessions;
pub(crate) use sessions::{NewLogin, SignedIn};
pub use throttle::{Limits, Throttle};

use crate::domain::{
    Actor, AuditAction, AuditEntry, Clock, LastLogins, Logins, Origin, Revocations, Scope as _,
    ScopeName, Sender, UserId, UserRepository, Username, UsersWrite,
};
use crate::passwords::Passwords;
use last_login::LastLoginNotes;
use std::sync::Arc;

/// The accounts of the users in a repository.
#[derive(Clone)]
pub struct Accounts {
    users: Arc<dyn UserRepository>,
    passwords: Arc<Passwords>,
    clock: Arc<dyn Clock>,
    logins: Arc<Logins>,
    audit: Audit,
    newcomers: Newcomers,
    last_logins: Option<Arc<LastLoginNotes>>,
    throttle: Option<Arc<Throttle>>,
    revocations: Option<Arc<dyn Revocations>>,
    refresh_tokens: Option<Arc<RefreshTokens>>,
    is_throttled: bool,
}

/// The author of a change.
#[derive(Clone, Debug)]
pub enum Author {
    /// A caller, who must still be allowed to make the change when it is made, and whose request
    /// takes turns with others for hashing.
    Caller(Actor, Sender),
    /// Somebody without an account, who may make one.
    Stranger(Sender),
    /// The operator who runs a command, who owns the database and may change everything.
    Operator,
}

impl Accounts {
    /// Takes the repository, the password hashing, and the clock that dates changes.
    #[must_use]
    pub fn new(
        users: Arc<dyn UserRepository>,
        passwords: Arc<Passwords>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            users,
            passwords,
            clock,
            logins: Arc::default(),
            audit: Audit::default(),
            newcomers: Newcomers::default(),
            last_logins: None,
            throttle: None,
            revocations: None,
            refresh_tokens: None,
            is_throttled: false,
        }
    }

    /// The same for a command run by this system user.
    #[must_use]
    pub fn of_operator(self, name: &str) -> Self {
        Self { audit: self.audit.of_operator(name), ..self }
    }

    /// The database keeps the audit log's events, too.
    #[must_use]
    pub(crate) fn keeping(self, trail: AuditTrail) -> Self {
        Self { audit: self.audit.keeping(trail), ..self }
    }

    /// Notes the day of each user's last login.
    #[must_use]
    pub(crate) fn noting(self, last_logins: Arc<dyn LastLogins>) -> Self {
        Self { last_logins: Some(Arc::new(LastLoginNotes::new(last_logins))), ..self }
    }

    /// Writes what no login waits for, as long as it is polled: what the database keeps of the audit
    /// log, and the days of last logins.
    pub(crate) async fn write_behind(&self) {
        let last_logins = async {
            if let Some(notes) = &self.last_logins {
                notes.run().await;
            }
        };
        tokio::join!(self.audit.run(), last_logins);
    }

    /// Writes the last of it, at the end of a process.
    pub(crate) async fn end_writing(&self) {
        let last_logins = async {
            if let Some(notes) = &self.last_logins {
                notes.end().await;
            }
        };
        tokio::join!(self.audit.end(), last_logins);
    }

    /// The audit log of what is done with these accounts.
    pub(crate) fn audit_log(&self) -> &Audit {
        &self.audit
    }

    /// Tells of new users.
    pub(crate) fn newcomers(&self) -> &Newcomers {
        &self.newcomers
    }

    /// The same with what counts wrong passwords; `is_throttled` says whether it does.
    #[must_use]
    pub fn with_throttle(self, throttle: Arc<Throttle>, is_throttled: bool) -> Self {
        Self { throttle: Some(throttle), is_throttled, ..self }
    }

    /// The same with the tokens that have ended before they expire.
    #[must_use]
    pub fn with_revocations(self, revocations: Arc<dyn Revocations>) -> Self {
        Self { revocations: Some(revocations), ..self }
    }

    /// Forgets an account's wrong passwords. Servers that remember a refusal notice within a second.
    pub async fn unlock(&self, username: &Username, author: &Author) -> Result<(), AccountError> {
        let unlocked = match &self.throttle {
            Some(throttle) => throttle.unlock(username.as_str()).await.map_err(AccountError::from),
            None => Ok(()),
        };
        let entry = AuditEntry::of(AuditAction::UserUnlock).whom(username.as_str());
        self.audit([entry], author, &unlocked);
        unlocked
    }

    /// A user has logged in with this browser: it is known from now on, if wrong passwords are counted.
    pub(crate) async fn know_device(&self, user: UserId, device: &str) {
        if let Some(throttle) = self.throttle.as_ref().filter(|_| self.is_throttled) {
            throttle.know(user, device).await;
        }
    }

    /// The clock that dates changes.
    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The outcomes of logins so far.
    #[must_use]
    pub fn logins(&self) -> &Logins {
        &self.logins
    }
}

impl Author {
    fn actor(&self) -> Option<&Actor> {
        match self {
            Self::Caller(actor, _) => Some(actor),
            Self::Stranger(_) | Self::Operator => None,
        }
    }

    fn sender(&self) -> Sender {
        match self {
            Self::Caller(_, sender) | Self::Stranger(sender) => sender.clone(),
            Self::Operator => Origin::Local.into(),
        }
    }

    /// The scope that an enabled user must still hold after the change: without a holder of
    /// `users:write`, no caller could administer users. A command can always restore it.
    fn keep(&self) -> Option<ScopeName> {
        self.actor().and_then(|_| UsersWrite::NAME.parse().ok())
    }
}
