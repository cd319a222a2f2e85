//! Finds users by name or by token.

use crate::accounts::Accounts;
use crate::domain::{RepositoryError, User, Username};
use crate::tokens::Claims;
use std::sync::Arc;

impl Accounts {
    /// The user with this name, possibly disabled.
    pub async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        self.users.find(username).await
    }

    /// The user of a token with these claims, possibly disabled or renamed since; `None` if the
    /// user is gone.
    ///
    /// A token without an id, as other applications sign them, belongs to the user who has the
    /// name, unless another user had it before.
    pub async fn holder(&self, claims: &Claims) -> Result<Option<Arc<User>>, RepositoryError> {
        if let Some(user) = self.users.find_in_memory(claims.subject.as_str())
            && claims.are_of(&user)
        {
            return Ok(Some(user));
        }
        if let Some(id) = claims.id {
            return self.users.find_by_id(id, &claims.subject).await;
        }
        let found = self.users.find(&claims.subject).await?;
        Ok(found.filter(|user| claims.are_of(user)))
    }
}
