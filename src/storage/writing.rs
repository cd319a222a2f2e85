//! The statements that write users, which each database brings.

use crate::domain::{ScopeName, User, UserId, Username};
use async_trait::async_trait;

/// The statements of one database, in a transaction that the caller begins and commits.
#[async_trait]
pub(super) trait Statements: Send {
    /// Those of the two users that there are, whom nobody else can write until the transaction
    /// ends: one who is to be changed, and the actor, who only stays as is. Everybody locks in the
    /// order of the ids, so that nobody waits in a circle.
    async fn lock(
        &mut self,
        target: Option<&Username>,
        actor: Option<UserId>,
    ) -> Result<Vec<User>, sqlx::Error>;

    /// Keeps others from adding names and addresses until the transaction ends. Taken after users'
    /// rows and before everything else, so that nobody waits in a circle.
    async fn lock_unique(&mut self) -> Result<(), sqlx::Error>;

    /// Those of these folded names that a user has.
    async fn taken_names(&mut self, folded: &[String]) -> Result<Vec<String>, sqlx::Error>;

    /// Those of these addresses, in lower case, that a user has.
    async fn taken_emails(&mut self, emails: &[String]) -> Result<Vec<String>, sqlx::Error>;

    /// Those of these ids that a user has.
    async fn taken_ids(&mut self, ids: &[UserId]) -> Result<Vec<i64>, sqlx::Error>;

    /// Creates the users whose names are free and returns the other names.
    async fn insert(&mut self, users: Vec<User>) -> Result<Vec<Username>, sqlx::Error>;

    /// Gives a user another name, which must be free.
    async fn rename(&mut self, from: &Username, to: &Username) -> Result<(), sqlx::Error>;

    /// Writes what has changed of a user, who has the new name already.
    async fn write(&mut self, before: &User, after: &User) -> Result<(), sqlx::Error>;

    /// Deletes the user.
    async fn remove(&mut self, username: &Username) -> Result<(), sqlx::Error>;

    /// Whether an enabled user other than this one holds the scope. Users who leave together ask one
    /// after the other.
    async fn has_another_holder(
        &mut self,
        username: &Username,
        scope: &ScopeName,
    ) -> Result<bool, sqlx::Error>;
}
