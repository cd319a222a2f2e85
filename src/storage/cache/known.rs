//! Caches what requests name by an id, and bounds what unknown ids cost.

use crate::domain::RepositoryError;
use crate::settings::CacheSettings;
use crate::storage::cache::AGAIN;
use crate::storage::cache::freshness::{Epoch, Freshness, TRUST, Validity, nanoseconds};
use crate::storage::cache::refresh::Refreshes;
use async_trait::async_trait;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, Equivalent, UnitWeighter};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Ids that are known to be nobody's. Apart from the others: no flood of wrong ones makes room here
/// at the expense of right ones.
const MOST_UNKNOWN: usize = 1_024;

/// The most unknown ids that are looked up at a time: they leave connections to all others.
const UNKNOWN_AT_A_TIME: usize = 2;

/// Entries that the cache has room for from its beginning; it grows.
const FEW: usize = 1_024;

/// What is cached, by its id.
#[async_trait]
pub(super) trait Source: Send + Sync + 'static {
    /// The id.
    type Id: AsRef<str> + Clone + Eq + Hash + Send + Sync + 'static;
    /// What it names.
    type Found: Send + Sync + 'static;

    /// Reads it from the database.
    async fn read(&self, id: &Self::Id) -> Result<Option<Arc<Self::Found>>, RepositoryError>;
}

struct Entry<V> {
    epoch: Epoch,
    /// Nanoseconds after the start of [`Freshness`].
    read: u64,
    found: Arc<V>,
}

impl<V> Clone for Entry<V> {
    fn clone(&self) -> Self {
        Self { epoch: self.epoch, read: self.read, found: Arc::clone(&self.found) }
    }
}

/// A cache above a source.
pub(super) struct Known<S: Source> {
    pub(super) inner: Arc<S>,
    cache: Arc<Cache<S::Id, Entry<S::Found>>>,
    /// When each was looked up in vain.
    unknown: Cache<S::Id, u64>,
    unknown_turns: Semaphore,
    refreshes: Refreshes<S::Id, S::Found>,
    pub(super) freshness: Arc<Freshness>,
    max_age: Duration,
    stale_max: Duration,
}

impl<S: Source> Known<S> {
    pub(super) fn new(inner: S, settings: &CacheSettings, freshness: Arc<Freshness>) -> Self {
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

    /// What the id names, if a result as good as [`Known::find`]'s is at hand.
    pub(super) fn find_in_memory<Q>(&self, id: &Q) -> Option<Arc<S::Found>>
    where
        Q: AsRef<str> + Hash + Equivalent<S::Id> + ?Sized,
    {
        let now = self.freshness.now();
        let (validity, epoch) = self.freshness.validity(id.as_ref(), self.stale_max, now);
        let entry = self.cache.get(id).filter(|entry| entry.epoch == epoch)?;
        validity.allows(entry.read, self.max_age, now).then_some(entry.found)
    }

    /// What the id names.
    pub(super) async fn find(&self, id: &S::Id) -> Result<Option<Arc<S::Found>>, RepositoryError> {
        let read = self.freshness.now();
        let known @ (validity, epoch) = self.freshness.validity(id.as_ref(), self.stale_max, read);
        let Some(entry) = self.cache.get(id) else { return self.read_unknown(id, known).await };
        if entry.epoch != epoch {
            return self.read(id, read, known).await;
        }
        if validity.allows(entry.read, self.max_age, read) {
            return Ok(Some(entry.found));
        }
        let may_stand_in = || self.freshness.may_stand_in(id.as_ref(), epoch, self.stale_max);
        if !may_stand_in() {
            return self.read(id, read, known).await;
        }
        match self.refresh(id, &entry, read, known).await {
            Some(found) => Ok(found),
            None if may_stand_in() => Ok(Some(entry.found)),
            None => self.read(id, read, known).await,
        }
    }

    /// Whether it was looked up in vain a moment ago.
    pub(super) fn is_known_to_be_nobodys(&self, id: &S::Id) -> bool {
        let looked_up = self.unknown.get(id);
        let now = self.freshness.now();
        looked_up.is_some_and(|read| now < read.saturating_add(nanoseconds(TRUST)))
    }

    /// It has been made meanwhile.
    pub(super) fn is_no_longer_unknown(&self, id: &S::Id) {
        self.unknown.remove(id);
    }

    /// Reads what is in no memory. Its id is what a request says it is, so that it takes turns, and
    /// what is nobody's is not looked up again for a second.
    async fn read_unknown(
        &self,
        id: &S::Id,
        known: (Validity, Epoch),
    ) -> Result<Option<Arc<S::Found>>, RepositoryError> {
        if self.is_known_to_be_nobodys(id) {
            return Ok(None);
        }
        let _turn = self.unknown_turns.acquire().await;
        // Others may have asked meanwhile.
        if self.is_known_to_be_nobodys(id) {
            return Ok(None);
        }
        let now = self.freshness.now();
        let found = self.read(id, now, known).await?;
        if found.is_none() {
            self.unknown.insert(id.clone(), now);
        }
        Ok(found)
    }

    async fn read(
        &self,
        id: &S::Id,
        read: u64,
        (validity, epoch): (Validity, Epoch),
    ) -> Result<Option<Arc<S::Found>>, RepositoryError> {
        let found = self.freshness.ask(self.inner.read(id)).await?;
        match &found {
            Some(found) if validity == Validity::Fresh => {
                let found = Arc::clone(found);
                self.cache.insert(id.clone(), Entry { epoch, read, found });
            }
            Some(_) => {}
            None => drop(self.cache.remove(id)),
        }
        Ok(found)
    }

    /// Reads again what may be served stale if that takes long or fails.
    async fn refresh(
        &self,
        id: &S::Id,
        entry: &Entry<S::Found>,
        read: u64,
        (validity, epoch): (Validity, Epoch),
    ) -> Option<Option<Arc<S::Found>>> {
        let begin = || {
            let (inner, cache) = (Arc::clone(&self.inner), Arc::clone(&self.cache));
            let (freshness, max_age) = (Arc::clone(&self.freshness), self.max_age);
            let (stale_max, entry, id) = (self.stale_max, entry.clone(), id.clone());
            async move {
                let found = freshness.ask(inner.read(&id)).await;
                match &found {
                    _ if validity != Validity::Fresh => {}
                    Ok(Some(found)) => {
                        cache.insert(id, Entry { epoch, read, found: Arc::clone(found) });
                    }
                    // Nothing retries at once.
                    Err(_) if freshness.may_stand_in(id.as_ref(), epoch, stale_max) => {
                        let now = freshness.now().saturating_sub(nanoseconds(max_age));
                        cache.insert(id, Entry { read: now + nanoseconds(AGAIN), ..entry });
                    }
                    _ => drop(cache.remove(&id)),
                }
                found.ok()
            }
        };
        self.refreshes.join(id, epoch, begin).await
    }

    /// Forgets it when dropped: also if a write fails half-way or its caller leaves.
    pub(super) fn writing<'a>(&'a self, id: &'a S::Id) -> Forget<'a> {
        Forget(&self.freshness, id.as_ref())
    }
}

/// Forgets what has this id when dropped.
pub(super) struct Forget<'a>(&'a Freshness, &'a str);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}
