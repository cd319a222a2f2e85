//! API keys: what is stored of them, and the repository trait.

use crate::domain::actor::Actor;
use crate::domain::clock::Timestamp;
use crate::domain::day::Day;
use crate::domain::key_id::{KeyHash, KeyId};
use crate::domain::repository::RepositoryError;
use crate::domain::scope::{ScopeName, Scopes};
use crate::domain::user::{UserId, Username};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

/// The day of a key's last use, which requests move on in memory.
#[derive(Debug)]
pub struct LastUse(AtomicI64);

impl LastUse {
    const NEVER: i64 = i64::MIN;

    /// As stored.
    #[must_use]
    pub fn new(day: Option<Day>) -> Self {
        Self(AtomicI64::new(day.map_or(Self::NEVER, |day| day.0)))
    }

    /// The day, if there was a use.
    #[must_use]
    pub fn day(&self) -> Option<Day> {
        Some(self.0.load(Relaxed)).filter(|day| *day != Self::NEVER).map(Day)
    }

    /// Records a use; returns whether it is the first one on that day, which is to be stored.
    pub fn is_first_on(&self, day: Day) -> bool {
        // Nearly always the same day: a read, so that threads share the memory.
        self.0.load(Relaxed) < day.0 && self.0.fetch_max(day.0, Relaxed) < day.0
    }
}

impl Clone for LastUse {
    fn clone(&self) -> Self {
        Self::new(self.day())
    }
}

/// A key as stored: everything but the key itself.
#[derive(Clone, Debug)]
pub struct ApiKey {
    /// Names it.
    pub id: KeyId,
    /// Of the whole key.
    pub hash: KeyHash,
    /// Its owner, whose current name may differ from `owner`.
    pub user: UserId,
    /// The owner's name when the key was read.
    pub owner: Username,
    /// What the owner calls it.
    pub name: Box<str>,
    /// Each counts only while the owner holds it.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Timestamp,
    /// The first second at which it is refused.
    pub expires_at: Option<Timestamp>,
    /// When it was last used.
    pub last_used: LastUse,
}

impl ApiKey {
    /// The most keys of one user.
    pub const MOST: u32 = 1_000;

    /// Longest name, in characters.
    pub const LONGEST_NAME: usize = 100;

    /// Whether it has expired.
    #[must_use]
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

/// A key to be stored.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// See [`ApiKey::id`].
    pub id: KeyId,
    /// See [`ApiKey::hash`].
    pub hash: KeyHash,
    /// The owner's current name.
    pub owner: Username,
    /// See [`ApiKey::name`].
    pub name: String,
    /// See [`ApiKey::scopes`].
    pub scopes: Scopes,
    /// See [`ApiKey::expires_at`].
    pub expires_at: Option<Timestamp>,
}

impl NewApiKey {
    /// The first scope that the other set lacks.
    #[must_use]
    pub fn scope_beyond(&self, allowed: &Scopes) -> Option<ScopeName> {
        self.scopes.iter().find(|scope| !allowed.contains(scope))?.parse().ok()
    }
}

/// A repository of API keys. `actor` is the author of a change over HTTP, as for users.
#[async_trait]
pub trait ApiKeyRepository: Send + Sync {
    /// The key with this id, if a result as good as [`ApiKeyRepository::find`]'s is at hand; `None`
    /// means nothing. Neither waits nor allocates.
    fn find_in_memory(&self, id: &KeyId) -> Option<Arc<ApiKey>> {
        let _ = id;
        None
    }

    /// The key with this id, expired or not.
    async fn find(&self, id: KeyId) -> Result<Option<Arc<ApiKey>>, RepositoryError>;

    /// The keys of a user, or of all, the oldest first; [`RepositoryError::NotFound`] without the
    /// user.
    async fn list(&self, owner: Option<&Username>) -> Result<Vec<ApiKey>, RepositoryError>;

    /// Stores a key. The owner must hold its scopes ([`RepositoryError::KeyScope`]), another actor
    /// too. [`RepositoryError::TooManyKeys`] if the owner has [`ApiKey::MOST`].
    async fn add(
        &self,
        new: NewApiKey,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<ApiKey, RepositoryError>;

    /// Removes a key, if it is this user's; returns it. [`RepositoryError::NoSuchKey`] otherwise.
    async fn revoke(
        &self,
        id: KeyId,
        owner: Option<&Username>,
        actor: Option<&Actor>,
    ) -> Result<ApiKey, RepositoryError>;

    /// Stores the days on which keys were used; never moves one back.
    async fn store_uses(&self, uses: Vec<(KeyId, Day)>) -> Result<(), RepositoryError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_use_of_a_day_is_told_once() {
        let day = Day::from(Timestamp(1_769_846_400));
        assert_eq!(day.to_string(), "2026-01-31");
        let last = LastUse::new(None);
        assert_eq!(last.day(), None);
        assert!(last.is_first_on(day) && !last.is_first_on(day));
        assert!(!last.is_first_on(Day(day.0 - 1)), "a clock that was set back");
        assert_eq!(last.clone().day(), Some(day));
        assert!(last.is_first_on(Day(day.0 + 1)));
    }
}
