//! Counts evicted users.

use crate::storage::cache::{Entry, Key};
use quick_cache::Lifecycle;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Notified by the cache of evictions; clones share one count.
#[derive(Clone, Default)]
pub(super) struct Evictions(Arc<AtomicU64>);

impl Evictions {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

impl Lifecycle<Key, Entry> for Evictions {
    /// Evicted entries, dropped once the cache is unlocked: one or two per insertion.
    type RequestState = [Option<(Key, Entry)>; 2];

    fn on_evict(&self, state: &mut Self::RequestState, key: Key, entry: Entry) {
        self.0.fetch_add(1, Relaxed);
        if let Some(free) = state.iter_mut().find(|place| place.is_none()) {
            *free = Some((key, entry));
        }
    }
}
