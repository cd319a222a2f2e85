//! Adding the users of another application.

use crate::accounts::{AccountError, Accounts, Author};
use crate::domain::{
    AuditAction, AuditEntry, NewUser, RepositoryError, Taken, UserImport, Username,
};
use std::collections::HashSet;

/// Many users that are added at once; dropped without a commit it leaves nothing behind.
pub struct Import<'a> {
    accounts: &'a Accounts,
    users: Box<dyn UserImport>,
    /// The names of the added, if somebody wants to know.
    names: Option<Vec<Username>>,
    added: usize,
    skipped: usize,
}

impl Accounts {
    /// Begins to add many users; others who write may have to wait until it is committed or dropped.
    pub async fn import(&self) -> Result<Import<'_>, RepositoryError> {
        let users = self.users.import(self.clock.now()).await?;
        let names = self.newcomers.has_listener().then(Vec::new);
        Ok(Import { accounts: self, users, names, added: 0, skipped: 0 })
    }
}

impl Import<'_> {
    /// Adds these users, except those whose name or address is taken; returns these.
    pub async fn add(&mut self, users: Vec<NewUser>) -> Result<Vec<Taken>, RepositoryError> {
        let all = users.len();
        let asked: Vec<_> = match &self.names {
            Some(_) => users.iter().map(|user| user.username.clone()).collect(),
            None => Vec::new(),
        };
        let taken = self.users.add(users).await?;
        if let Some(names) = &mut self.names {
            let taken: HashSet<_> =
                taken.iter().map(|(Taken::Name(name) | Taken::Email(name))| name).collect();
            names.extend(asked.into_iter().filter(|name| !taken.contains(name)));
        }
        self.added += all - taken.len();
        self.skipped += taken.len();
        Ok(taken)
    }

    /// Makes them all visible and durable.
    pub async fn commit(self, author: &Author) -> Result<(), AccountError> {
        let entry = AuditEntry::of(AuditAction::UserImport)
            .detail("added", self.added.to_string())
            .detail("skipped", self.skipped.to_string());
        let committed = self.users.commit().await.map_err(AccountError::from);
        self.accounts.audit([entry], author, &committed);
        if committed.is_ok() {
            for name in self.names.unwrap_or_default() {
                if let Some(user) = self.accounts.users.find(&name).await? {
                    self.accounts.newcomers.tell(&user).await;
                }
            }
        }
        committed
    }
}
