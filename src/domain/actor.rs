//! The author of a change.

use crate::domain::key_id::KeyId;
use crate::domain::user::{User, UserId, Username};
use thiserror::Error;

/// A caller who changes something: a user, and the scopes that the request requires.
///
/// Between admitting the caller and making the change, the body has to arrive and a password may
/// have to wait for its turn. So the actor goes into the transaction of the change, which refuses
/// it if the user was deleted, disabled or stripped of a scope meanwhile.
#[derive(Clone, Debug)]
pub struct Actor {
    /// The user's name when it was admitted.
    pub username: Username,
    /// The user's id, which a renaming does not change.
    pub id: UserId,
    /// The scopes that the user must still hold.
    pub scopes: &'static [&'static str],
    /// The API key that was presented, if one was: it must still be there.
    pub key: Option<KeyId>,
}

/// Why an actor may no longer make a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// The user was deleted.
    #[error("the caller was deleted meanwhile")]
    Gone,
    /// The user was disabled.
    #[error("the caller was disabled meanwhile")]
    Disabled,
    /// The key was revoked, or has expired.
    #[error("the caller's API key was revoked meanwhile")]
    Revoked,
    /// The user no longer holds a scope that the change requires.
    #[error("the caller has lost a scope meanwhile")]
    MissingScope,
}

impl Actor {
    /// Whether it may still act; `now` is the user at the moment of the change.
    pub fn check(&self, now: Option<&User>) -> Result<(), Denied> {
        let user = now.filter(|user| user.id == self.id).ok_or(Denied::Gone)?;
        if user.disabled {
            Err(Denied::Disabled)
        } else if self.scopes.iter().all(|scope| user.scopes.contains(scope)) {
            Ok(())
        } else {
            Err(Denied::MissingScope)
        }
    }
}
