//! A login that is under way: counted, and told to the audit log, once and however it ends.

use crate::accounts::Accounts;
use crate::domain::{
    AuditAction, AuditEntry, AuditReason, Day, Login, LoginOutcome, Scopes, Sender, User, UserId,
};

/// How a password is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LoginMethod {
    /// RFC 6749 §4.3.
    PasswordGrant,
    /// RFC 7617.
    Basic,
    /// At the login page.
    Page,
    /// By a login of the application's own.
    Own,
}

impl LoginMethod {
    fn word(self) -> &'static str {
        match self {
            Self::PasswordGrant => "password_grant",
            Self::Basic => "basic",
            Self::Page => "page",
            Self::Own => "own",
        }
    }
}

/// A login that is under way; abandoned, unless it ends otherwise.
pub(crate) struct LoginAttempt<'a> {
    accounts: &'a Accounts,
    counted: Option<Login<'a>>,
    outcome: LoginOutcome,
    pub(super) tried: String,
    pub(super) sender: Sender,
    method: LoginMethod,
    /// Whether there is a user of that name at all; only the audit log may say so.
    pub(super) is_known: bool,
    /// Whether no password could have been right.
    pub(super) is_unusable: bool,
    /// Whose password it was, and whether that user is disabled.
    user: Option<UserId>,
    is_disabled: bool,
}

impl Accounts {
    /// Begins one.
    pub(crate) fn begin_login(
        &self,
        method: LoginMethod,
        tried: &str,
        sender: Sender,
    ) -> LoginAttempt<'_> {
        LoginAttempt {
            accounts: self,
            counted: Some(self.logins.begin()),
            outcome: LoginOutcome::Abandoned,
            tried: tried.to_owned(),
            sender,
            method,
            is_known: false,
            is_unusable: false,
            user: None,
            is_disabled: false,
        }
    }

    /// Tells of a token that was issued to a user.
    pub(crate) fn audit_token(
        &self,
        user: &User,
        (id, scopes, expires_in): (&str, &Scopes, u64),
        more: &[(&'static str, String)],
        sender: &Sender,
    ) {
        let entry = AuditEntry::of(AuditAction::TokenIssue)
            .by_request(sender)
            .who(user.username.as_str())
            .detail("token_id", id)
            .detail("scopes", scopes.to_string())
            .detail("expires_in", expires_in.to_string());
        let detailed = |entry: AuditEntry, (name, value): &(&'static str, String)| {
            entry.detail(name, value.as_str())
        };
        self.audit.tell(more.iter().fold(entry, detailed));
    }
}

impl LoginAttempt<'_> {
    /// The password was that of this user.
    pub(super) fn is_of(&mut self, user: &User) {
        user.username.as_str().clone_into(&mut self.tried);
        self.user = Some(user.id);
        self.is_disabled = user.disabled;
    }

    /// It has ended.
    pub(crate) fn end(mut self, outcome: LoginOutcome) {
        self.outcome = outcome;
    }

    fn reason(&self) -> Option<AuditReason> {
        Some(match self.outcome {
            LoginOutcome::Accepted => return None,
            LoginOutcome::Rejected if self.is_unusable => AuditReason::UnusableHash,
            LoginOutcome::Rejected if self.is_known => AuditReason::WrongPassword,
            LoginOutcome::Rejected => AuditReason::UnknownUser,
            LoginOutcome::Disabled => AuditReason::UserDisabled,
            LoginOutcome::InvalidScope => AuditReason::ScopeNotAllowed,
            LoginOutcome::Throttled => AuditReason::Throttled,
            LoginOutcome::Busy => AuditReason::Busy,
            LoginOutcome::Unavailable => AuditReason::DatabaseUnavailable,
            LoginOutcome::Failed => AuditReason::Internal,
            LoginOutcome::Abandoned => AuditReason::ClientGone,
        })
    }
}

impl Drop for LoginAttempt<'_> {
    fn drop(&mut self) {
        if let Some(counted) = self.counted.take() {
            counted.end(self.outcome);
        }
        let entry = AuditEntry::of(AuditAction::Login)
            .by_request(&self.sender)
            .who(&self.tried)
            .detail("method", self.method.word())
            .because(self.reason());
        let is_accepted = self.outcome == LoginOutcome::Accepted;
        let Accounts { audit, last_logins, clock, .. } = self.accounts;
        if let (Some(notes), Some(user)) = (last_logins, self.user)
            && is_accepted
            && !self.is_disabled
        {
            notes.take(user, Day::from(clock.now()));
        }
        let is_let_in = self.is_disabled && is_accepted;
        audit.tell(if is_let_in { entry.detail("disabled", "true") } else { entry });
    }
}
