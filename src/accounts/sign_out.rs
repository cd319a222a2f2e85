//! Ending all tokens of a user.

use crate::accounts::{AccountError, Accounts, Author};
use crate::domain::{AuditAction, AuditEntry, RepositoryError, User, UserChange, Username};

impl Accounts {
    /// Ends all tokens of a user, on every server within a second. The password stays, and so do API
    /// keys.
    pub async fn sign_out(&self, username: &Username, author: &Author) -> Result<(), AccountError> {
        let ended = self.update(username, end(), author).await;
        self.audit([of(username)], author, &ended);
        ended.map(drop)
    }

    /// The same for the caller, even one who got another name meanwhile.
    pub async fn sign_out_own(&self, user: &User, author: &Author) -> Result<(), AccountError> {
        let ended = self.update_own(user, end(), author).await;
        self.audit([of(&user.username)], author, &ended);
        ended.map(drop)
    }

    /// Changes the caller, whose name may have changed since it was admitted.
    pub(super) async fn update_own(
        &self,
        user: &User,
        change: UserChange,
        author: &Author,
    ) -> Result<User, AccountError> {
        let username = &user.username;
        let changed = self.update(username, change.clone(), author).await;
        if let Err(AccountError::Repository(RepositoryError::NotFound)) = changed {
            let now = self.users.find_by_id(user.id, username).await?;
            if let Some(now) = now.filter(|now| now.username != *username) {
                return self.update(&now.username, change, author).await;
            }
        }
        changed
    }
}

fn end() -> UserChange {
    UserChange { signs_out: true, ..UserChange::default() }
}

fn of(username: &Username) -> AuditEntry {
    AuditEntry::of(AuditAction::UserSignOut).whom(username.as_str())
}
