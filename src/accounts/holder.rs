//! Finds users by name or by token.

use crate::accounts::Accounts;
use crate::domain::{RepositoryError, Revocations, User, Username};
use crate::tokens::Claims;
use std::sync::Arc;

impl Accounts {
    /// The user with this name, possibly disabled.
    pub async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        self.users.find(username).await
    }

    /// The user of a token with these claims, possibly disabled or renamed since; `None` if the
    /// user is gone, or the token has ended: by a new password, by signing out everywhere, or by itself.
    ///
    /// A token without an id, as other applications sign them, belongs to the user who has the
    /// name, unless another user had it before.
    pub async fn holder(&self, claims: &Claims) -> Result<Option<Arc<User>>, RepositoryError> {
        if let Some(user) = self.users.find_in_memory(claims.subject.as_str())
            && claims.are_of(&user)
        {
            let holds = |all: &Arc<dyn Revocations>| claims.ends_with().any(|it| all.holds(it));
            return Ok(Some(user).filter(|_| !self.revocations.as_ref().is_some_and(holds)));
        }
        let found = match claims.id {
            Some(id) => {
                let found = self.users.find_by_id(id, &claims.subject).await?;
                // A login after an end that this server has not heard of yet.
                match found {
                    Some(user) if user.epoch < claims.epoch => {
                        self.users.find_now(id, &claims.subject).await?
                    }
                    found => found,
                }
            }
            None => self.users.find(&claims.subject).await?,
        };
        let found = found.filter(|user| claims.are_of(user));
        if found.is_some() && self.has_ended(claims).await? {
            return Ok(None);
        }
        Ok(found)
    }

    /// Whether a token was ended by itself, or with its login.
    pub(crate) async fn has_ended(&self, claims: &Claims) -> Result<bool, RepositoryError> {
        let Some(revocations) = &self.revocations else { return Ok(false) };
        for what in claims.ends_with() {
            if revocations.finds(what).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The user whose password was verified, as stored now: what was verified may be a second old,
    /// and a token for that user would have ended already. `None` if the password was changed
    /// meanwhile.
    pub(crate) async fn renewed(
        &self,
        user: Arc<User>,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        match self.users.find_now(user.id, &user.username).await {
            // Another login may have renewed the hash.
            Ok(now) => Ok(now
                .filter(|now| now.password_hash == user.password_hash || now.epoch == user.epoch)),
            // The token will be judged by the user of then.
            Err(RepositoryError::Unavailable(_)) => Ok(Some(user)),
            Err(error) => Err(error),
        }
    }
}
