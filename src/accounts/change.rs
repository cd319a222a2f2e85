//! Changing an account's details and scopes, disabling and deleting it.

use crate::accounts::{AccountError, Accounts, Author};
use crate::domain::{Scopes, User, UserChange, Username};

/// What to change of an account; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountChange {
    /// Renames. Tokens that are out stay the user's; logins need the new name from then on.
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
    /// Changes an account and returns the user as it is then.
    pub async fn change(
        &self,
        username: &Username,
        change: AccountChange,
        author: &Author,
    ) -> Result<User, AccountError> {
        let AccountChange { username: new_name, email, full_name, disabled, scopes } = change;
        let change = UserChange {
            username: new_name,
            email,
            full_name,
            disabled,
            scopes,
            ..UserChange::default()
        };
        self.update(username, change, author).await
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

    /// Disables an account. Tokens that are out are refused from its next request on.
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

    /// Deletes an account. Tokens that are out are refused from then on.
    pub async fn delete(&self, username: &Username, author: &Author) -> Result<(), AccountError> {
        Ok(self.users.delete(username, author.keep().as_ref(), author.actor()).await?)
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
}
