//! The days on which API keys were last used: gathered in memory, stored from time to time.

use crate::domain::{ApiKey, ApiKeyRepository, Day, KeyId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Pause between two looks. A process stores each key once a day.
const PAUSE: Duration = Duration::from_secs(5);

/// The most uses that wait to be stored; of further keys, a later use is.
const MOST: usize = 10_000;

/// The most uses that one statement stores.
const BATCH: usize = 1_000;

/// Uses that are not stored yet; clones share them.
#[derive(Clone, Default)]
pub(super) struct KeyUses(Arc<Mutex<HashMap<KeyId, Day>>>);

impl KeyUses {
    /// Notes that the key is used on this day, without waiting for anything.
    pub(super) fn note(&self, key: &ApiKey, day: Day) {
        if key.last_used.is_first_on(day) {
            self.keep(key.id, day);
        }
    }

    fn keep(&self, id: KeyId, day: Day) {
        let mut waiting = self.waiting();
        if waiting.len() < MOST || waiting.contains_key(&id) {
            waiting.insert(id, day);
        }
    }

    /// Stores what has gathered, as long as it is polled.
    pub(super) async fn watch(&self, keys: &dyn ApiKeyRepository) {
        loop {
            tokio::time::sleep(PAUSE).await;
            self.store(keys).await;
        }
    }

    /// Stores what has gathered; what cannot be stored now waits for the next time.
    pub(super) async fn store(&self, keys: &dyn ApiKeyRepository) {
        let uses: Vec<_> = self.waiting().drain().collect();
        for batch in uses.chunks(BATCH) {
            if let Err(cause) = keys.store_uses(batch.to_vec()).await {
                log::debug!("the last uses of API keys are not stored yet: {cause}");
                for (id, day) in batch {
                    self.keep(*id, *day);
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<KeyId, Day>> {
        // No panic leaves the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
