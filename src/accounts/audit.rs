//! The audit log: every rule of this floor tells it what was done in whose name, and what was not.

use crate::accounts::{AccountError, Accounts, AuthenticateError, Author};
use crate::domain::{AuditEntry, AuditReason, Denied, RepositoryError};
use crate::logging::write_audit;
use crate::passwords::PasswordError;
use std::sync::Arc;

/// Who tells the audit log.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    operator: Option<Arc<str>>,
}

impl Audit {
    /// For a command that this system user runs.
    #[must_use]
    pub fn of_operator(name: &str) -> Self {
        Self { operator: Some(name.into()) }
    }

    /// Tells of something that no caller asked for.
    pub fn tell(&self, entry: AuditEntry) {
        write_audit(&match &self.operator {
            Some(operator) => entry.by_command(operator),
            None => entry,
        });
    }

    /// Tells of a change in somebody's name, and how it ended.
    fn tell_change(&self, entry: AuditEntry, author: &Author, reason: Option<AuditReason>) {
        let entry = entry.because(reason);
        match author {
            Author::Caller(actor, sender) => {
                self.tell(entry.who(actor.username.as_str()).by_request(sender));
            }
            Author::Operator => self.tell(entry),
        }
    }
}

impl Accounts {
    /// Tells of changes in the author's name that belong together.
    pub(super) fn audit<T>(
        &self,
        entries: impl IntoIterator<Item = AuditEntry>,
        author: &Author,
        result: &Result<T, AccountError>,
    ) {
        let reason = result.as_ref().err().map(AccountError::reason);
        for entry in entries {
            self.audit.tell_change(entry, author, reason);
        }
    }
}

impl AccountError {
    /// Why the change was not made, in the audit log's words.
    pub(super) fn reason(&self) -> AuditReason {
        match self {
            Self::WrongPassword => AuditReason::WrongPassword,
            Self::PasswordChanged => AuditReason::ChangedMeanwhile,
            Self::Authenticate(AuthenticateError::Unavailable(_)) => {
                AuditReason::DatabaseUnavailable
            }
            Self::Authenticate(AuthenticateError::Busy { .. })
            | Self::Password(PasswordError::Busy { .. }) => AuditReason::Busy,
            Self::Authenticate(AuthenticateError::Hashing) | Self::Password(_) => {
                AuditReason::Internal
            }
            Self::Repository(error) => of_repository(error),
        }
    }
}

fn of_repository(error: &RepositoryError) -> AuditReason {
    match error {
        RepositoryError::Exists => AuditReason::NameTaken,
        RepositoryError::EmailExists => AuditReason::EmailTaken,
        RepositoryError::NotFound => AuditReason::UnknownUser,
        RepositoryError::Denied(Denied::Gone) => AuditReason::CallerDeleted,
        RepositoryError::Denied(Denied::Disabled) => AuditReason::CallerDisabled,
        RepositoryError::Denied(Denied::MissingScope) => AuditReason::CallerLostScope,
        RepositoryError::OwnPassword => AuditReason::OwnPassword,
        RepositoryError::LastHolder(_) => AuditReason::LastAdministrator,
        RepositoryError::Unavailable(_) => AuditReason::DatabaseUnavailable,
    }
}
