//! Reads what is cached again: one read at a time for each, in the background.

use crate::storage::cache::freshness::Epoch;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long a read is waited for by those who can use the cached entry.
const PATIENCE: Duration = Duration::from_millis(50);

/// What was read, or that it is gone, once a read has ended; `None` if it failed.
type Outcome<V> = Option<Option<Arc<V>>>;

/// The reads in progress, by key and epoch.
type UnderWay<K, V> = HashMap<(K, Epoch), Refresh<V>>;

/// The reads in progress.
pub(super) struct Refreshes<K, V>(Arc<Mutex<UnderWay<K, V>>>);

impl<K, V> Default for Refreshes<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

struct Refresh<V> {
    begun: Instant,
    found: watch::Receiver<Outcome<V>>,
}

impl<K, V> Refreshes<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
{
    /// The result of the read in progress, or of one that starts now; `None` if it fails or takes
    /// long. It continues all the same.
    pub(super) async fn join<R>(
        &self,
        key: &K,
        epoch: Epoch,
        read: impl FnOnce() -> R + Send,
    ) -> Outcome<V>
    where
        R: Future<Output = Outcome<V>> + Send + 'static,
    {
        let key = (key.clone(), epoch);
        let (Refresh { begun, mut found }, begins) = self.enter(&key);
        if let Some(sender) = begins {
            let (read, end) = (read(), End(Self(Arc::clone(&self.0)), key));
            tokio::spawn(async move {
                let read = read.await;
                // Later callers find the result in the cache.
                drop(end);
                sender.send_replace(read);
            });
        }
        let found = timeout_at(begun + PATIENCE, found.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }

    /// The read in progress; for a new one, also the sender of its outcome.
    fn enter(&self, key: &(K, Epoch)) -> (Refresh<V>, Option<watch::Sender<Outcome<V>>>) {
        let mut under_way = self.under_way();
        if let Some(refresh) = under_way.get(key) {
            return (refresh.another(), None);
        }
        let (sender, found) = watch::channel(None);
        let refresh = Refresh { begun: Instant::now(), found };
        under_way.insert(key.clone(), refresh.another());
        (refresh, Some(sender))
    }
}

impl<K, V> Refreshes<K, V> {
    fn under_way(&self) -> MutexGuard<'_, UnderWay<K, V>> {
        // No panic leaves the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Refresh<V> {
    fn another(&self) -> Self {
        Self { begun: self.begun, found: self.found.clone() }
    }
}

/// Ends a read on drop, even if its thread ends.
struct End<K: Eq + Hash, V>(Refreshes<K, V>, (K, Epoch));

impl<K: Eq + Hash, V> Drop for End<K, V> {
    fn drop(&mut self) {
        self.0.under_way().remove(&self.1);
    }
}
