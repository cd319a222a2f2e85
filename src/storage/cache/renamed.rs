//! Users whose tokens carry a former name.

use crate::domain::{RepositoryError, User, UserId, UserRepository, Username};
use crate::storage::cache::freshness::{TRUST, Validity, nanoseconds};
use crate::storage::cache::{CachedUsers, Entry, keep};
use quick_cache::sync::Cache;
use std::sync::Arc;

/// Results of reads by id, bounded.
pub(super) struct Renamed(Cache<UserId, Found>);

#[derive(Clone)]
enum Found {
    /// The user had this name. Only a hint: the entry cached under it shows whether it is right,
    /// and how fresh.
    Called(Username),
    /// There was no such user, this many nanoseconds after the start of `Freshness`.
    Nobody(u64),
}

impl Renamed {
    pub(super) fn new(size: usize) -> Self {
        Self(Cache::new(size))
    }
}

impl<R: UserRepository + 'static> CachedUsers<R> {
    /// Finds a user by its id: in the cache, if it is cached under its last known name. The
    /// database is asked for missing users at most once a second.
    pub(super) async fn follow(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        let found = self.renamed.0.get(&id);
        let name = match &found {
            Some(Found::Called(name)) => name,
            Some(Found::Nobody(read)) if self.freshness.now() < read + nanoseconds(TRUST) => {
                return Ok(None);
            }
            _ => name,
        };
        if self.cache.get(name.as_str()).is_some_and(|entry| entry.user.id == id)
            && let Some(user) = self.find(name).await?.filter(|user| user.id == id)
        {
            return Ok(Some(user));
        }
        self.read_by_id(id, name).await
    }

    /// Reads a user, and caches it if it still has this name: only then is it certain that nothing
    /// has changed since the read began.
    pub(super) async fn read_by_id(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        self.misses.add_one();
        let read = self.freshness.now();
        let (validity, epoch) = self.freshness.validity(name.as_str(), self.stale_max, read);
        let found = self.freshness.ask(self.inner.find_by_id(id, name)).await?;
        match &found {
            Some(user) if user.username != *name => {
                self.renamed.0.insert(id, Found::Called(user.username.clone()));
            }
            Some(user) if validity == Validity::Fresh => {
                keep(&self.cache, self.max_age, Entry { epoch, read, user: Arc::clone(user) });
            }
            Some(_) => {}
            None => self.renamed.0.insert(id, Found::Nobody(read)),
        }
        Ok(found)
    }
}
