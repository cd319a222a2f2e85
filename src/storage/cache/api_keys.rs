//! Caches API keys as users are cached, and bounds what unknown keys cost.

use crate::domain::{
    Actor, ApiKey, ApiKeyRepository, Day, KeyId, NewApiKey, RepositoryError, Timestamp, Username,
};
use crate::settings::CacheSettings;
use crate::storage::cache::AGAIN;
use crate::storage::cache::freshness::{Epoch, Freshness, TRUST, Validity, nanoseconds};
use crate::storage::cache::refresh::Refreshes;
use async_trait::async_trait;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Ids that are known to be nobody's. Apart from the keys: no flood of wrong ones makes room here
/// at the expense of right ones.
const MOST_UNKNOWN: usize = 1_024;

/// The most unknown keys that are looked up at a time: they leave connections to all others.
const UNKNOWN_AT_A_TIME: usize = 2;

/// Keys that the cache has room for from its beginning; it grows.
const FEW: usize = 1_024;

#[derive(Clone)]
struct Entry {
    epoch: Epoch,
    /// Nanoseconds after the start of [`Freshness`].
    read: u64,
    key: Arc<ApiKey>,
}

/// A repository with a cache of keys.
pub(in crate::storage) struct CachedApiKeys<R> {
    inner: Arc<R>,
    cache: Arc<Cache<KeyId, Entry>>,
    /// When each was looked up in vain.
    unknown: Cache<KeyId, u64>,
    unknown_turns: Semaphore,
    refreshes: Refreshes<KeyId, ApiKey>,
    freshness: Arc<Freshness>,
    max_age: Duration,
    stale_max: Duration,
}

impl<R: ApiKeyRepository + 'static> CachedApiKeys<R> {
    pub(in crate::storage) fn new(
        inner: R,
        settings: &CacheSettings,
        freshness: Arc<Freshness>,
    ) -> Self {
        let size = settings.size.get();
        let most = u64::try_from(size).unwrap_or(u64::MAX);
        let hasher = DefaultHashBuilder::default();
        let cache = Cache::with(size.min(FEW), most, UnitWeighter, hasher, <_>::default());
        Self {
            inner: Arc::new(inner),
            cache: Arc::new(cache),
            unknown: Cache::new(MOST_UNKNOWN),
            unknown_turns: Semaphore::new(UNKNOWN_AT_A_TIME),
            refreshes: Refreshes::default(),
            freshness,
            max_age: Duration::from_secs(settings.max_age.get().into()),
            stale_max: Duration::from_secs(settings.stale_max.into()),
        }
    }

    /// Whether it was looked up in vain a moment ago.
    pub(in crate::storage) fn is_known_to_be_nobodys(&self, id: &KeyId) -> bool {
        let looked_up = self.unknown.get(id);
        let now = self.freshness.now();
        looked_up.is_some_and(|read| now < read.saturating_add(nanoseconds(TRUST)))
    }

    /// Reads a key that is in no memory. Its id is what a request says it is, so that it takes
    /// turns, and what is nobody's is not looked up again for a second.
    async fn read_unknown(
        &self,
        id: KeyId,
        known: (Validity, Epoch),
    ) -> Result<Option<Arc<ApiKey>>, RepositoryError> {
        if self.is_known_to_be_nobodys(&id) {
            return Ok(None);
        }
        let _turn = self.unknown_turns.acquire().await;
        // Others may have asked meanwhile.
        if self.is_known_to_be_nobodys(&id) {
            return Ok(None);
        }
        let now = self.freshness.now();
        let found = self.read(id, now, known).await?;
        if found.is_none() {
            self.unknown.insert(id, now);
        }
        Ok(found)
    }

    async fn read(
        &self,
        id: KeyId,
        read: u64,
        (validity, epoch): (Validity, Epoch),
    ) -> Result<Option<Arc<ApiKey>>, RepositoryError> {
        let found = self.freshness.ask(self.inner.find(id)).await?;
        match &found {
            Some(key) if validity == Validity::Fresh => {
                self.cache.insert(id, Entry { epoch, read, key: Arc::clone(key) });
            }
            Some(_) => {}
            None => drop(self.cache.remove(&id)),
        }
        Ok(found)
    }

    /// Reads a key again that may be served stale if that takes long or fails.
    async fn refresh(
        &self,
        entry: &Entry,
        read: u64,
        (validity, epoch): (Validity, Epoch),
    ) -> Option<Option<Arc<ApiKey>>> {
        let begin = || {
            let (inner, cache) = (Arc::clone(&self.inner), Arc::clone(&self.cache));
            let (freshness, max_age) = (Arc::clone(&self.freshness), self.max_age);
            let (stale_max, entry) = (self.stale_max, entry.clone());
            async move {
                let id = entry.key.id;
                let found = freshness.ask(inner.find(id)).await;
                match &found {
                    _ if validity != Validity::Fresh => {}
                    Ok(Some(key)) => cache.insert(id, Entry { epoch, read, key: Arc::clone(key) }),
                    // Nothing retries at once.
                    Err(_) if freshness.may_stand_in(id.as_str(), epoch, stale_max) => {
                        let now = freshness.now().saturating_sub(nanoseconds(max_age));
                        cache.insert(id, Entry { read: now + nanoseconds(AGAIN), ..entry });
                    }
                    _ => drop(cache.remove(&id)),
                }
                found.ok()
            }
        };
        self.refreshes.join(&entry.key.id, epoch, begin).await
    }
}

#[async_trait]
impl<R: ApiKeyRepository + 'static> ApiKeyRepository for CachedApiKeys<R> {
    fn find_in_memory(&self, id: &KeyId) -> Option<Arc<ApiKey>> {
        let now = self.freshness.now();
        let (validity, epoch) = self.freshness.validity(id.as_str(), self.stale_max, now);
        let entry = self.cache.get(id).filter(|entry| entry.epoch == epoch)?;
        validity.allows(entry.read, self.max_age, now).then_some(entry.key)
    }

    async fn find(&self, id: KeyId) -> Result<Option<Arc<ApiKey>>, RepositoryError> {
        let read = self.freshness.now();
        let known @ (validity, epoch) = self.freshness.validity(id.as_str(), self.stale_max, read);
        let Some(entry) = self.cache.get(&id) else { return self.read_unknown(id, known).await };
        if entry.epoch != epoch {
            return self.read(id, read, known).await;
        }
        if validity.allows(entry.read, self.max_age, read) {
            return Ok(Some(entry.key));
        }
        let may_stand_in = || self.freshness.may_stand_in(id.as_str(), epoch, self.stale_max);
        if !may_stand_in() {
            return self.read(id, read, known).await;
        }
        match self.refresh(&entry, read, known).await {
            Some(found) => Ok(found),
            None if may_stand_in() => Ok(Some(entry.key)),
            None => self.read(id, read, known).await,
        }
    }

    async fn list(&self, owner: Option<&Username>) -> Result<Vec<ApiKey>, RepositoryError> {
        self.freshness.ask(self.inner.list(owner)).await
    }

    async fn add(
        &self,
        new: NewApiKey,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<ApiKey, RepositoryError> {
        let added = self.freshness.ask(self.inner.add(new, actor, now)).await;
        self.freshness.forget_refused(&added, actor);
        added
    }

    async fn revoke(
        &self,
        id: KeyId,
        owner: Option<&Username>,
        actor: Option<&Actor>,
    ) -> Result<ApiKey, RepositoryError> {
        // Also if the write fails half-way or its caller leaves.
        let _forget = Forget(&self.freshness, id);
        let revoked = self.freshness.ask(self.inner.revoke(id, owner, actor)).await;
        self.freshness.forget_refused(&revoked, actor);
        revoked
    }

    async fn store_uses(&self, uses: Vec<(KeyId, Day)>) -> Result<(), RepositoryError> {
        self.freshness.ask(self.inner.store_uses(uses)).await
    }
}

/// Forgets a key when dropped.
struct Forget<'a>(&'a Freshness, KeyId);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1.as_str());
    }
}
