//! Creating an account.

use crate::accounts::{AccountError, Accounts, Author};
use crate::domain::{
    AuditAction, AuditEntry, NewUser, PasswordHash, Scopes, Secret, User, Username,
};

/// An account to be created.
#[derive(Debug)]
pub struct NewAccount {
    /// The name to log in with.
    pub username: Username,
    /// The password, which must satisfy the policy; `None` for a service account, which cannot log in
    /// and has API keys only.
    pub password: Option<Secret>,
    /// See [`User::email`].
    pub email: Option<String>,
    /// See [`User::full_name`].
    pub full_name: Option<String>,
    /// See [`User::disabled`].
    pub disabled: bool,
    /// See [`User::scopes`].
    pub scopes: Scopes,
}

impl Accounts {
    /// Creates an account. The name must be free.
    pub async fn create(&self, account: NewAccount, author: &Author) -> Result<User, AccountError> {
        let entry = of(&account);
        let created = self.store(account, author).await;
        self.audit([entry], author, &created);
        if let Ok(user) = &created {
            self.newcomers.tell(user).await;
        }
        created
    }

    async fn store(&self, account: NewAccount, author: &Author) -> Result<User, AccountError> {
        let NewAccount { username, password, email, full_name, disabled, scopes } = account;
        let password_hash = match password {
            Some(password) => self.hash(password, author).await?,
            None => PasswordHash::NoPassword,
        };
        let user = NewUser { username, email, full_name, disabled, password_hash, scopes };
        Ok(self.users.create(user, author.actor(), self.clock.now()).await?)
    }
}

/// For the audit log.
pub(super) fn of(account: &NewAccount) -> AuditEntry {
    let entry = AuditEntry::of(AuditAction::UserCreate).whom(account.username.as_str());
    entry.detail("scopes", account.scopes.to_string())
}
