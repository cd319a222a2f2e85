//! Caches users above any repository: bounded, and at most one second stale while the database
//! responds.

mod api_keys;
mod clients;
mod count;
mod evictions;
mod freshness;
mod known;
mod outage;
mod refresh;
mod renamed;

pub(super) use api_keys::CachedApiKeys;
pub(super) use clients::CachedClients;
pub(super) use freshness::Freshness;

use crate::domain::{
    Actor, Lookups, NewUser, Page, RepositoryError, ScopeName, StoreHealth, Timestamp, User,
    UserChange, UserId, UserImport, UserRepository, Username,
};
use crate::settings::CacheSettings;
use crate::storage::cache::count::Count;
use crate::storage::cache::evictions::Evictions;
use crate::storage::cache::freshness::{Epoch, Validity, nanoseconds};
use crate::storage::cache::outage::away;
use crate::storage::cache::refresh::Refreshes;
use crate::storage::cache::renamed::Renamed;
use crate::storage::error::{has_code, is_unreached};
use async_trait::async_trait;
use quick_cache::sync::Cache;
use quick_cache::{DefaultHashBuilder, UnitWeighter};
use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Pause before a user is read again after a failed read.
const AGAIN: Duration = Duration::from_secs(1);

/// PostgreSQL's code for a write that gave up waiting for a lock.
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// How long a readiness check waits for the database.
const PATIENCE: Duration = Duration::from_millis(1_500);

#[derive(Clone)]
struct Entry {
    epoch: Epoch,
    /// Nanoseconds after the start of [`Freshness`].
    read: u64,
    user: Arc<User>,
}

/// A cached user under its own name: the name is stored once.
struct Key(Arc<User>);

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        self.0.username.as_str()
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.0.username == other.0.username
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.username.as_str().hash(state);
    }
}

type Users = Cache<Key, Entry, UnitWeighter, DefaultHashBuilder, Evictions>;

/// A repository with a cache of users. Absent users are not cached: there are too many possible
/// names.
pub(super) struct CachedUsers<R> {
    inner: Arc<R>,
    cache: Arc<Users>,
    renamed: Renamed,
    evictions: Evictions,
    refreshes: Refreshes<Username, User>,
    freshness: Arc<Freshness>,
    hits: Count,
    misses: Count,
    max_age: Duration,
    stale_max: Duration,
}

impl<R: UserRepository + 'static> CachedUsers<R> {
    pub(super) fn new(inner: R, settings: &CacheSettings, freshness: Arc<Freshness>) -> Self {
        let (size, evictions) = (settings.size.get(), Evictions::default());
        let most = u64::try_from(size).unwrap_or(u64::MAX);
        Self {
            inner: Arc::new(inner),
            cache: Arc::new(Cache::with(
                size,
                most,
                UnitWeighter,
                <_>::default(),
                evictions.clone(),
            )),
            renamed: Renamed::new(size),
            evictions,
            refreshes: Refreshes::default(),
            freshness,
            max_age: Duration::from_secs(settings.max_age.get().into()),
            stale_max: Duration::from_secs(settings.stale_max.into()),
            hits: Count::default(),
            misses: Count::default(),
        }
    }

    /// The user's entry in the current epoch.
    fn entry(&self, username: &str, epoch: Epoch) -> Option<Entry> {
        self.cache.get(username).filter(|entry| entry.epoch == epoch)
    }

    /// Reads a user.
    async fn read(
        &self,
        username: &Username,
        read: u64,
        (validity, epoch): (Validity, Epoch),
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        let found = self.freshness.ask(self.inner.find(username)).await?;
        if let Some(user) = found.as_ref().filter(|_| validity == Validity::Fresh) {
            keep(&self.cache, self.max_age, Entry { epoch, read, user: Arc::clone(user) });
        }
        Ok(found)
    }

    /// Reads a user again that may be served stale if that takes long or fails.
    async fn refresh(
        &self,
        entry: &Entry,
        read: u64,
        (validity, epoch): (Validity, Epoch),
    ) -> Option<Option<Arc<User>>> {
        let begin = || {
            let (inner, cache) = (Arc::clone(&self.inner), Arc::clone(&self.cache));
            let (freshness, max_age) = (Arc::clone(&self.freshness), self.max_age);
            let (stale_max, entry) = (self.stale_max, entry.clone());
            async move {
                let found = freshness.ask(inner.find(&entry.user.username)).await;
                match &found {
                    _ if validity != Validity::Fresh => {}
                    Ok(Some(user)) => {
                        keep(&cache, max_age, Entry { epoch, read, user: Arc::clone(user) });
                    }
                    // Nothing retries at once.
                    Err(_)
                        if freshness.may_stand_in(
                            entry.user.username.as_str(),
                            epoch,
                            stale_max,
                        ) =>
                    {
                        let now = freshness.now().saturating_sub(nanoseconds(max_age));
                        let entry = Entry { read: now + nanoseconds(AGAIN), ..entry };
                        cache.insert(Key(Arc::clone(&entry.user)), entry);
                    }
                    _ => drop(cache.remove(entry.user.username.as_str())),
                }
                found.ok()
            }
        };
        self.refreshes.join(&entry.user.username, epoch, begin).await
    }

    /// Forgets the users with these names, who are being written, and an actor that was refused.
    ///
    /// This also applies if a write fails half-way or its caller leaves; but not if it certainly
    /// did not happen, or each attempt would make the user unknown while the database is
    /// unreachable.
    async fn writing<T>(
        &self,
        usernames: &[&Username],
        actor: Option<&Actor>,
        write: impl Future<Output = Result<T, RepositoryError>> + Send,
    ) -> Result<T, RepositoryError> {
        let mut guard = Forget(&self.freshness, usernames);
        let result = self.freshness.ask(write).await;
        let was_not_done = |error: &_| is_unreached(error) || has_code(error, LOCK_NOT_AVAILABLE);
        if result.as_ref().is_err_and(was_not_done) {
            guard.1 = &[];
        }
        self.freshness.forget_refused(&result, actor);
        result
    }
}

fn keep(cache: &Users, max_age: Duration, mut entry: Entry) {
    // Users read at the same time are not all read again at the same time: each counts as older by
    // its own share of up to a quarter of the maximal age.
    let part = entry.user.id.0.unsigned_abs() % 1024;
    entry.read = entry.read.saturating_sub(nanoseconds(max_age) / 4096 * part);
    cache.insert(Key(Arc::clone(&entry.user)), entry);
}

/// Forgets users when dropped.
struct Forget<'a>(&'a Freshness, &'a [&'a Username]);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        for username in self.1 {
            self.0.forget(username.as_str());
        }
    }
}

#[async_trait]
impl<R: UserRepository + 'static> UserRepository for CachedUsers<R> {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        let read = self.freshness.now();
        let name = username.as_str();
        let known @ (validity, epoch) = self.freshness.validity(name, self.stale_max, read);
        let entry = self.entry(name, epoch);
        if let Some(entry) =
            entry.as_ref().filter(|entry| validity.allows(entry.read, self.max_age, read))
        {
            self.hits.add_one();
            return Ok(Some(Arc::clone(&entry.user)));
        }
        self.misses.add_one();
        let may_stand_in = || self.freshness.may_stand_in(name, epoch, self.stale_max);
        let Some(entry) = entry.filter(|_| may_stand_in()) else {
            return self.read(username, read, known).await;
        };
        match self.refresh(&entry, read, known).await {
            Some(found) => Ok(found),
            None if may_stand_in() => Ok(Some(entry.user)),
            None => self.read(username, read, known).await,
        }
    }

    fn find_in_memory(&self, username: &str) -> Option<Arc<User>> {
        let now = self.freshness.now();
        let (validity, epoch) = self.freshness.validity(username, self.stale_max, now);
        let entry = self
            .entry(username, epoch)
            .filter(|entry| validity.allows(entry.read, self.max_age, now))?;
        self.hits.add_one();
        Some(entry.user)
    }

    async fn find_by_id(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        self.follow(id, name).await
    }

    async fn find_now(
        &self,
        id: UserId,
        name: &Username,
    ) -> Result<Option<Arc<User>>, RepositoryError> {
        self.read_by_id(id, name).await
    }

    async fn find_folded(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        self.freshness.ask(self.inner.find_folded(username)).await
    }

    async fn list(&self, page: &Page) -> Result<Vec<User>, RepositoryError> {
        self.freshness.ask(self.inner.list(page)).await
    }

    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        self.freshness.ask(self.inner.is_empty()).await
    }

    async fn create(
        &self,
        user: NewUser,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        // The previous owner of the name may still be cached.
        let username = user.username.clone();
        self.writing(&[&username], actor, self.inner.create(user, actor, now)).await
    }

    async fn update(
        &self,
        username: &Username,
        change: UserChange,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
        now: Timestamp,
    ) -> Result<User, RepositoryError> {
        let renamed = change.username.clone();
        let names = [username, renamed.as_ref().unwrap_or(username)];
        let update = self.inner.update(username, change, keep, actor, now);
        self.writing(&names, actor, update).await
    }

    async fn delete(
        &self,
        username: &Username,
        keep: Option<&ScopeName>,
        actor: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        self.writing(&[username], actor, self.inner.delete(username, keep, actor)).await
    }

    /// Imports create users and change none, so no cached entry becomes stale.
    async fn import(&self, now: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        self.inner.import(now).await
    }

    /// Asks the watcher: neither a queue for a pooled connection nor a lock makes the database seem
    /// unreachable.
    async fn ping(&self) -> Result<(), RepositoryError> {
        if self.freshness.answers(PATIENCE).await {
            return Ok(());
        }
        if self.freshness.is_away() {
            return Err(away(None));
        }
        Err(RepositoryError::Unavailable("no answer to whoever watches it".into()))
    }

    fn give_back(&self) {
        self.inner.give_back();
    }

    fn lookups(&self) -> Lookups {
        Lookups { hits: self.hits.sum(), misses: self.misses.sum() }
    }

    fn health(&self) -> StoreHealth {
        StoreHealth {
            cached: self.cache.len(),
            evicted: self.evictions.count(),
            answers: self.freshness.was_answered(),
            ..self.inner.health()
        }
    }
}

#[cfg(test)]
mod tests;
