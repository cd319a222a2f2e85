//! How a change of an account ended, for the audit log.

use crate::accounts::{AccountError, Accounts, AuthenticateError, Author};
use crate::domain::{AuditAction, AuditEntry, AuditReason, Denied, RepositoryError, Username};
use crate::passwords::PasswordError;

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

impl Accounts {
    /// Tells of a command that ends before its change, because of the user's name.
    pub(crate) fn audit_refused(
        &self,
        action: AuditAction,
        username: &Username,
        error: &RepositoryError,
    ) {
        let entry = AuditEntry::of(action).whom(username.as_str());
        self.audit.tell(entry.because(Some(of_repository(error))));
    }
}

impl AccountError {
    /// Why the change was not made, in the audit log's words.
    pub(super) fn reason(&self) -> AuditReason {
        match self {
            Self::WrongPassword => AuditReason::WrongPassword,
            Self::KeyMakesKey => AuditReason::KeyMakesKey,
            Self::KeyExpired => AuditReason::KeyExpired,
            Self::ConfiguredClient(_) => AuditReason::ConfiguredClient,
            Self::ShortClientSecret => AuditReason::Invalid,
            Self::PasswordChanged => AuditReason::ChangedMeanwhile,
            Self::Authenticate(AuthenticateError::Unavailable(_)) => {
                AuditReason::DatabaseUnavailable
            }
            Self::Authenticate(AuthenticateError::Throttled { .. }) => AuditReason::Throttled,
            Self::Authenticate(AuthenticateError::Busy { .. })
            | Self::Password(PasswordError::Busy { .. }) => AuditReason::Busy,
            Self::Authenticate(AuthenticateError::Hashing) | Self::Password(_) => {
                AuditReason::Internal
            }
            Self::Repository(error) => of_repository(error),
        }
    }
}

pub(super) fn of_repository(error: &RepositoryError) -> AuditReason {
    match error {
        RepositoryError::Exists | RepositoryError::ClientExists => AuditReason::NameTaken,
        RepositoryError::EmailExists => AuditReason::EmailTaken,
        RepositoryError::NotFound => AuditReason::UnknownUser,
        RepositoryError::Denied(Denied::Gone) => AuditReason::CallerDeleted,
        RepositoryError::Denied(Denied::Disabled) => AuditReason::CallerDisabled,
        RepositoryError::Denied(Denied::MissingScope) => AuditReason::CallerLostScope,
        RepositoryError::Denied(Denied::Revoked) => AuditReason::CallerKeyRevoked,
        RepositoryError::IdentityTaken => AuditReason::IdentityTaken,
        RepositoryError::NoSuchIdentity => AuditReason::UnknownIdentity,
        RepositoryError::LastWayIn => AuditReason::LastWayIn,
        RepositoryError::NoSuchKey => AuditReason::UnknownKey,
        RepositoryError::NoSuchSession => AuditReason::UnknownSession,
        RepositoryError::KeyScope(_) | RepositoryError::ClientScope(_) => {
            AuditReason::ScopeNotAllowed
        }
        RepositoryError::NoSuchClient => AuditReason::UnknownClient,
        RepositoryError::BadClient(_) => AuditReason::Invalid,
        RepositoryError::TooManyClients => AuditReason::TooManyClients,
        RepositoryError::TooManyKeys => AuditReason::TooManyKeys,
        RepositoryError::OwnPassword => AuditReason::OwnPassword,
        RepositoryError::LastHolder(_) => AuditReason::LastAdministrator,
        RepositoryError::Unavailable(_) => AuditReason::DatabaseUnavailable,
    }
}
