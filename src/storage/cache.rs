//! Users in memory, above any repository: bounded, and never staler than one second.

use crate::domain::{
    Lookups, NewUser, Page, RepositoryError, ScopeName, Timestamp, User, UserChange, UserImport,
    UserRepository, Username,
};
use async_trait::async_trait;
use quick_cache::sync::Cache;
use std::any::Any;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// For how long cached users are believed after the database was last asked for changes.
const TRUST: Duration = Duration::from_secs(1);

/// What a cache may believe. Whoever watches the database for changes by others calls
/// [`Freshness::confirm`] at least once a second; when that stops, for whatever reason, the cache
/// is not used any more.
#[derive(Debug)]
pub(super) struct Freshness {
    /// Counts changes. An entry counts only in the epoch in which its reading began, so a slow
    /// reader cannot put back what a change has made stale.
    epoch: AtomicU64,
    /// Nanoseconds after `start`.
    trusted_until: AtomicU64,
    start: Instant,
}

impl Default for Freshness {
    fn default() -> Self {
        Self { epoch: 0.into(), trusted_until: 0.into(), start: Instant::now() }
    }
}

impl Freshness {
    /// Something has changed: nothing that is cached counts any more.
    pub(super) fn invalidate(&self) {
        self.epoch.fetch_add(1, SeqCst);
    }

    /// Every change up to `asked` is known.
    pub(super) fn confirm(&self, asked: Instant) {
        let until = asked.duration_since(self.start) + TRUST;
        self.trusted_until.store(nanoseconds(until), SeqCst);
    }

    /// The epoch, while the cache may be used. The trust is read first: a watcher invalidates
    /// before it confirms, so new trust is never joined with an old epoch.
    fn epoch(&self) -> Option<u64> {
        let trusted = nanoseconds(self.start.elapsed()) < self.trusted_until.load(SeqCst);
        trusted.then(|| self.epoch.load(SeqCst))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Invalidates when dropped: also when a write fails half-way or its caller goes away.
struct Invalidate<'a>(&'a Freshness);

impl Drop for Invalidate<'_> {
    fn drop(&mut self) {
        self.0.invalidate();
    }
}

#[derive(Clone)]
struct Entry {
    epoch: u64,
    user: Arc<User>,
}

/// A repository with a cache of users. Absent users are not cached: there is no end of names.
pub(super) struct CachedUsers<R> {
    inner: R,
    cache: Cache<Username, Entry>,
    freshness: Arc<Freshness>,
    hits: AtomicU64,
    misses: AtomicU64,
    watch: Option<Box<dyn Any + Send + Sync>>,
}

impl<R: UserRepository> CachedUsers<R> {
    pub(super) fn new(inner: R, size: NonZeroUsize, freshness: Arc<Freshness>) -> Self {
        let cache = Cache::new(size.get());
        let (hits, misses) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { inner, cache, freshness, hits, misses, watch: None }
    }

    /// Keeps the watcher alive as long as the cache.
    pub(super) fn owning(mut self, watch: impl Any + Send + Sync) -> Self {
        self.watch = Some(Box::new(watch));
        self
    }
}

#[async_trait]
impl<R: UserRepository> UserRepository for CachedUsers<R> {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let Some(epoch) = self.freshness.epoch() else {
            self.misses.fetch_add(1, Relaxed);
            return self.inner.find(username).await;
        };
        if let Some(entry) = self.cache.get(username)
            && entry.epoch == epoch
        {
            self.hits.fetch_add(1, Relaxed);
            return Ok(Some(entry.user));
        }
        self.misses.fetch_add(1, Relaxed);
        let found = self.inner.find(username).await?;
        if let Some(user) = &found {
            self.cache.insert(username.clone(), Entry { epoch, user: Arc::clone(user) });
        }
        Ok(found)
    }

    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError> {
        self.inner.list(page).await
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        self.inner.is_empty().await
    }

    async fn create(&self, user: NewUser, now: Timestamp) -> Result<User, RepositoryError> {
        self.inner.create(user, now).await
    }

    /// Forgets everybody, not just this user: each change costs a bcrypt hash or an
    /// administrator's click, and reading a user again costs microseconds.
    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        keep: Option<&ScopeName>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let _invalidate = Invalidate(&self.freshness);
        self.inner.update(username, change, keep, now).await
    }

    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
    ) -> Result<(), RepositoryError> {
        let _invalidate = Invalidate(&self.freshness);
        self.inner.delete(username, keep).await
    }

    /// Imports create users and change none, so nothing that is cached becomes stale.
    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        self.inner.import(now).await
    }

    async fn ping(&self) -> Result<(), RepositoryError> {
        self.inner.ping().await
    }

    fn lookups(&self) -> Lookups {
        Lookups { hits: self.hits.load(Relaxed), misses: self.misses.load(Relaxed) }
    }
}

#[cfg(test)]
mod tests;
