//! Changing an account's details and scopes, disabling and deleting it.

use crate::accounts::{AccountError, Accounts, Author};
use crate::domain::{AuditAction, AuditEntry, Scopes, User, UserChange, Username};

/// What to change of an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Renames. Issued tokens stay the user's; logins need the new name from then on.
    pub username: Option<Username>,
    /// `Some(None)` removes the address.
    pub email: Option<Option<String>>,
    /// `Some(None)` removes the name.
    pub full_name: Option<Option<String>>,
    /// Disables or enables.
    pub disabled: Option<bool>,
    /// Replaces all scopes.
    pub scopes: Option<Scopes>,
}

impl Accounts {
    /// Changes an account and returns the user as changed.
    pub async fn change(
        &self,
        username: &Username,
        change: AccountChange,
        author: &Author,
    ) -> Result<User, AccountError> {
        let entries = self.entries(username, &change).await;
        let AccountChange { username: new_name, email, full_name, disabled, scopes } = change;
        let change = UserChange {
            username: new_name,
            email,
            full_name,
            disabled,
            scopes,
            ..UserChange::default()
        };
        let changed = self.update(username, change, author).await;
        self.audit(entries, author, &changed);
        changed
    }

    /// Renames an account; see [`AccountChange::username`].
    pub async fn rename(
        &self,
        username: &Username,
        to: Username,
        author: &Author,
    ) -> Result<User, AccountError> {
        let change = AccountChange { username: Some(to), ..AccountChange::default() };
        self.change(username, change, author).await
    }

    /// Disables an account. Issued tokens are refused from the user's next request on.
    pub async fn disable(
        &self,
        username: &Username,
        author: &Author,
    ) -> Result<User, AccountError> {
        let change = AccountChange { disabled: Some(true), ..AccountChange::default() };
        self.change(username, change, author).await
    }

    /// Enables a disabled account.
    pub async fn enable(&self, username: &Username, author: &Author) -> Result<User, AccountError> {
        let change = AccountChange { disabled: Some(false), ..AccountChange::default() };
        self.change(username, change, author).await
    }

    /// Deletes an account. Issued tokens are refused from then on.
    pub async fn delete(&self, username: &Username, author: &Author) -> Result<(), AccountError> {
        let keep = author.keep();
        let deleted = self.users.delete(username, keep.as_ref(), author.actor()).await;
        let deleted = deleted.map_err(AccountError::from);
        self.audit([of(AuditAction::UserDelete, username)], author, &deleted);
        deleted
    }

    pub(super) async fn update(
        &self,
        username: &Username,
        change: UserChange,
        author: &Author,
    ) -> Result<User, AccountError> {
        let (keep, now) = (author.keep(), self.clock.now());
        Ok(self.users.update(username, change, keep.as_ref(), author.actor(), now).await?)
    }

    /// What the audit log is to be told of a change: an entry for each thing that it does.
    async fn entries(&self, username: &Username, change: &AccountChange) -> Vec<AuditEntry> {
        let AccountChange { username: new_name, email, full_name, disabled, scopes } = change;
        let mut entries = Vec::new();
        let fields = [("email", email.is_some()), ("full_name", full_name.is_some())];
        let fields: Vec<_> = fields.iter().filter(|(_, is)| *is).map(|(name, _)| *name).collect();
        if !fields.is_empty() {
            entries.push(of(AuditAction::UserChange, username).detail("fields", fields.join(" ")));
        }
        if let Some(disabled) = disabled {
            let action = if *disabled { AuditAction::UserDisable } else { AuditAction::UserEnable };
            entries.push(of(action, username));
        }
        if let Some(scopes) = scopes {
            // What is not known is not told: the change itself will fail, or be told in full.
            let before = self.users.find(username).await.ok().flatten();
            entries.push(of_scopes(username, before.as_deref(), scopes));
        }
        if let Some(new_name) = new_name {
            let entry = of(AuditAction::UserRename, username);
            entries.push(entry.detail("new_name", new_name.as_str()));
        }
        entries
    }
}

fn of(action: AuditAction, username: &Username) -> AuditEntry {
    AuditEntry::of(action).whom(username.as_str())
}

/// All scopes, and those that this grants and removes.
fn of_scopes(username: &Username, before: Option<&User>, scopes: &Scopes) -> AuditEntry {
    let entry = of(AuditAction::ScopesChange, username).detail("scopes", scopes.to_string());
    let Some(before) = before else { return entry };
    let beyond = |all: &Scopes, known: &Scopes| {
        let beyond: Vec<_> = all.iter().filter(|scope| !known.contains(scope)).collect();
        beyond.join(" ")
    };
    let granted = beyond(scopes, &before.scopes);
    entry.detail("granted", granted).detail("removed", beyond(&before.scopes, scopes))
}
