//! Everything that a database holds, read in one transaction or written in one.

use crate::domain::{Page, RepositoryError, User, Username};
use crate::storage::row::{rows, scopes_of_created};
use async_trait::async_trait;
use std::hash::{DefaultHasher, Hasher as _};

/// Users moved at once.
const BATCH: u32 = 1_000;

/// A name that a user has given up, and the user's id.
pub(super) type FormerName = (String, i64);

/// A transaction over all users; dropped without a commit it leaves nothing behind.
#[async_trait]
pub(super) trait Transfer: Send {
    /// How many users there are.
    async fn count(&mut self) -> Result<u64, RepositoryError>;

    /// A page of users in the order of their names.
    async fn list(&mut self, page: Page) -> Result<Vec<User>, RepositoryError>;

    /// Writes these users as they are; returns the names that are taken.
    async fn add(&mut self, users: Vec<User>) -> Result<Vec<Username>, RepositoryError>;

    /// Names that users have given up, after this one: a page of them, empty after the last.
    async fn former_names(&mut self, after: FormerName)
    -> Result<Vec<FormerName>, RepositoryError>;

    /// Remembers these names.
    async fn add_former_names(&mut self, names: Vec<FormerName>) -> Result<(), RepositoryError>;

    /// Lets the database look at what was written, so that it reads it in the best way.
    async fn analyze(&mut self) -> Result<(), RepositoryError>;

    /// Makes what was written durable.
    async fn commit(self: Box<Self>) -> Result<(), RepositoryError>;
}

/// All users, page by page.
pub(super) struct Pages<'a> {
    from: &'a mut dyn Transfer,
    after: Option<Username>,
}

impl<'a> Pages<'a> {
    pub(super) fn of(from: &'a mut dyn Transfer) -> Self {
        Self { from, after: None }
    }

    /// The next page; empty after the last.
    pub(super) async fn next(&mut self) -> Result<Vec<User>, RepositoryError> {
        let users = self.from.list(Page { after: self.after.take(), limit: BATCH }).await?;
        self.after = users.last().map(|user| user.username.clone());
        match users.iter().find(|user| !user.password_hash.is_readable()) {
            Some(User { username, .. }) => Err(RepositoryError::Unavailable(
                format!(
                    "the stored password hash of {username} is no hash that is verified here: set a password \
                     with `bailiwick users set-password {username}`"
                )
                .into(),
            )),
            None => Ok(users),
        }
    }
}

/// A count and a checksum of users in the order of their names: the same for the same users in
/// every database, in one run of the program.
#[derive(Default)]
pub(super) struct Digest {
    pub(super) count: u64,
    hasher: DefaultHasher,
}

impl Digest {
    pub(super) fn add(&mut self, users: &[User]) {
        for user in users {
            self.count += 1;
            let name = vec![user.username.to_string()];
            let (scopes, _) = scopes_of_created(vec![user.clone()], name);
            self.hasher.write(rows(std::slice::from_ref(user)).as_bytes());
            self.hasher.write(scopes.as_bytes());
        }
    }

    pub(super) fn checksum(&self) -> u64 {
        self.hasher.finish()
    }
}

/// Reads every user: each must be one that the domain allows.
pub(super) async fn digest(from: &mut dyn Transfer) -> Result<Digest, RepositoryError> {
    let (mut digest, mut pages) = (Digest::default(), Pages::of(from));
    loop {
        let users = pages.next().await?;
        if users.is_empty() {
            return Ok(digest);
        }
        digest.add(&users);
    }
}
