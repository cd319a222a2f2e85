//! Setting a user's password, and changing one's own.

use crate::accounts::{AccountError, Accounts, Author};
use crate::domain::{
    AuditAction, AuditEntry, PasswordHash, RepositoryError, Secret, User, UserChange, Username,
};

/// A user's old password and a new one.
#[derive(Debug)]
pub struct PasswordChange {
    /// The current one.
    pub old: Secret,
    /// The new one, which must satisfy the policy.
    pub new: Secret,
}

impl Accounts {
    /// Sets a password without the old one, and ends the user's tokens. Callers cannot set their own like that:
    /// `RepositoryError::OwnPassword`.
    pub async fn set_password(
        &self,
        username: &Username,
        password: Secret,
        author: &Author,
    ) -> Result<User, AccountError> {
        let set = async {
            let password_hash = Some(self.hash(password, author).await?);
            let change = UserChange { password_hash, signs_out: true, ..UserChange::default() };
            self.update(username, change, author).await
        };
        let set = set.await;
        let entry = AuditEntry::of(AuditAction::PasswordSet).whom(username.as_str());
        self.audit([entry], author, &set);
        set
    }

    /// Changes a caller's own password, and ends the caller's tokens. `user` is the caller as admitted: a password changed since
    /// then is kept, but a new name does not matter.
    pub async fn change_password(
        &self,
        user: &User,
        passwords: PasswordChange,
        author: &Author,
    ) -> Result<(), AccountError> {
        let changed = self.exchange_password(user, passwords, author).await;
        let entry = AuditEntry::of(AuditAction::PasswordChange).whom(user.username.as_str());
        self.audit([entry], author, &changed);
        changed
    }

    async fn exchange_password(
        &self,
        user: &User,
        PasswordChange { old, new }: PasswordChange,
        author: &Author,
    ) -> Result<(), AccountError> {
        if !self.confirm(user, old, &author.sender()).await? {
            return Err(AccountError::WrongPassword);
        }
        let change = UserChange {
            password_hash: Some(self.hash(new, author).await?),
            expected_hash: Some(user.password_hash.clone()),
            signs_out: true,
            ..UserChange::default()
        };
        match self.update_own(user, change, author).await {
            // The user exists, but with another hash.
            Err(AccountError::Repository(RepositoryError::NotFound)) => {
                Err(AccountError::PasswordChanged)
            }
            done => done.map(drop),
        }
    }

    /// Hashes a new password when it is the author's turn.
    pub(super) async fn hash(
        &self,
        password: Secret,
        author: &Author,
    ) -> Result<PasswordHash, AccountError> {
        Ok(match author {
            Author::Caller(actor, sender) => {
                let place = self.passwords.place(sender.origin, actor.username.as_str()).await?;
                place.hash(password).await?
            }
            // By the network: whoever makes up names must not be many parties.
            Author::Stranger(sender) => {
                let place = self.passwords.place(sender.origin, "").await?;
                place.hash(password).await?
            }
            Author::Operator => self.passwords.hash(password).await?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::memory::{MemoryUsers, accounts, hashed};
    use crate::domain::{Actor, Origin};
    use std::sync::Arc;

    async fn johndoe(users: &Arc<MemoryUsers>) -> Arc<User> {
        use crate::domain::UserRepository as _;
        users.find(&"johndoe".parse().unwrap()).await.unwrap().unwrap()
    }

    fn caller(user: &User) -> Author {
        let actor =
            Actor { username: user.username.clone(), id: user.id, scopes: &["me"], key: None };
        Author::Caller(actor, Origin::Local.into())
    }

    fn change(old: &str, new: &str) -> PasswordChange {
        PasswordChange { old: Secret::new(old), new: Secret::new(new) }
    }

    #[tokio::test]
    async fn ones_own_password_is_changed_with_the_old_one_only() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let (by, user) = (accounts(&users, 4), johndoe(&users).await);
        let author = caller(&user);
        let wrong = by.change_password(&user, change("wrong", "marlinspike"), &author).await;
        assert!(matches!(wrong, Err(AccountError::WrongPassword)), "{wrong:?}");
        assert_eq!(users.hash_of("johndoe"), user.password_hash);
        by.change_password(&user, change("swordfish", "marlinspike"), &author).await.unwrap();
        let login = async |password: &str| {
            by.authenticate("johndoe", Secret::new(password), Origin::Local).await.unwrap()
        };
        assert!(login("swordfish").await.is_none());
        assert!(login("marlinspike").await.is_some());
    }

    #[tokio::test]
    async fn a_password_that_was_changed_meanwhile_stays() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let (by, user) = (accounts(&users, 4), johndoe(&users).await);
        let meanwhile = hashed(4, "thimblerig").await;
        users.edit("johndoe", |user| user.password_hash = meanwhile.clone());
        let late = change("swordfish", "marlinspike");
        let refused = by.change_password(&user, late, &caller(&user)).await;
        assert!(matches!(refused, Err(AccountError::PasswordChanged)), "{refused:?}");
        assert_eq!(users.hash_of("johndoe"), meanwhile);
    }

    /// Callers cannot leave the server without an administrator; a command can.
    #[tokio::test]
    async fn only_a_caller_must_leave_an_administrator() {
        let users = MemoryUsers::with("johndoe", hashed(4, "swordfish").await);
        let author = caller(&*johndoe(&users).await);
        assert_eq!(author.keep().unwrap().as_str(), "users:write");
        assert_eq!(Author::Operator.keep(), None);
    }
}
