//! The days on which something last happened: gathered in memory, stored from time to time, so that
//! nobody waits for it.

use crate::domain::{Day, RepositoryError};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Pause between two rounds of storing.
const PAUSE: Duration = Duration::from_secs(5);

/// The most days that wait to be stored.
const MOST: usize = 10_000;

/// The most days that one statement stores.
const BATCH: usize = 1_000;

/// How long the end of a process waits for the last ones to be stored.
const LAST: Duration = Duration::from_secs(1);

/// The days that are not stored yet, by what they are of.
pub(super) struct Days<K>(Mutex<HashMap<K, Day>>);

impl<K> Default for Days<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Copy + Eq + Hash> Days<K> {
    /// Takes a day to be stored, without waiting for anything; not if too many wait already.
    pub(super) fn take(&self, key: K, day: Day) -> bool {
        let mut waiting = self.waiting();
        if waiting.len() >= MOST && !waiting.contains_key(&key) {
            return false;
        }
        waiting.insert(key, day);
        true
    }

    /// Stores what has gathered, as long as it is polled.
    pub(super) async fn run<S>(&self, what: &str, store: S)
    where
        S: AsyncFn(Vec<(K, Day)>) -> Result<(), RepositoryError>,
    {
        loop {
            sleep(PAUSE).await;
            self.store(what, &store).await;
        }
    }

    /// Stores the last ones. What is lost is a day, which the next time tells.
    pub(super) async fn end<S>(&self, what: &str, store: S)
    where
        S: AsyncFn(Vec<(K, Day)>) -> Result<(), RepositoryError>,
    {
        let _ = timeout(LAST, self.store(what, &store)).await;
    }

    /// Stores what has gathered; what cannot be stored waits for the next round.
    async fn store<S>(&self, what: &str, store: &S)
    where
        S: AsyncFn(Vec<(K, Day)>) -> Result<(), RepositoryError>,
    {
        let days: Vec<_> = self.waiting().drain().collect();
        for batch in days.chunks(BATCH) {
            if let Err(cause) = store(batch.to_vec()).await {
                log::debug!("{what} are not stored yet: {cause}");
                let mut waiting = self.waiting();
                for (key, day) in batch {
                    // A later day may have arrived meanwhile.
                    waiting.entry(*key).or_insert(*day);
                }
            }
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<K, Day>> {
        // No panic leaves the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_cannot_be_stored_waits_and_a_later_day_stays() {
        let days = Days::default();
        assert!(days.take(1, Day(7)) && days.take(2, Day(7)));
        let away = async |_| {
            days.take(1, Day(8));
            Err(RepositoryError::Unavailable("away".into()))
        };
        days.store("days", &away).await;
        assert_eq!(*days.waiting(), [(1, Day(8)), (2, Day(7))].into());
        days.end("days", async |_| Ok(())).await;
        assert!(days.waiting().is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let days = Days::default();
        assert_eq!((0..20_000).filter(|key| days.take(*key, Day(7))).count(), MOST);
        assert!(days.take(0, Day(8)), "it waits already");
    }
}
