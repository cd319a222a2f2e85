//! Buckets in the memory of this process, for as long as the database takes no writes.

use crate::domain::{Bucket, Full, Reservation, Reserved};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Most buckets; beyond that those that are empty go, and then nobody gets room.
const MOST: usize = 20_000;

/// When each bucket is empty.
#[derive(Default)]
pub(super) struct VolatileBuckets(Mutex<HashMap<String, Instant>>);

impl VolatileBuckets {
    /// Takes room in all buckets, or in none.
    pub(super) fn reserve(&self, buckets: &[Bucket], now: Instant) -> Reserved {
        let mut known = self.lock();
        if known.len() + buckets.len() > MOST {
            known.retain(|_, empty| *empty > now);
        }
        let is_crowded = known.len() + buckets.len() > MOST;
        let full = buckets.iter().filter_map(|Bucket { key, limit }| {
            let empty = known.get(key).copied().unwrap_or(now).max(now);
            let room_at = empty + limit.every;
            let allowed = now + limit.every * limit.burst;
            let wait =
                if is_crowded { limit.every } else { room_at.saturating_duration_since(allowed) };
            Some((key, wait)).filter(|(_, wait)| !wait.is_zero())
        });
        if let Some((key, retry_after)) = full.max_by_key(|(_, wait)| *wait) {
            return Reserved::Full(Full { key: key.clone(), retry_after, others_took: None });
        }
        for Bucket { key, limit } in buckets {
            let empty = known.entry(key.clone()).or_insert(now);
            *empty = (*empty).max(now) + limit.every;
        }
        Reserved::Taken(Reservation { buckets: buckets.to_vec(), fresh_places: Vec::new() })
    }

    /// Gives the room back.
    pub(super) fn give_back(&self, buckets: &[Bucket]) {
        let mut known = self.lock();
        for Bucket { key, limit } in buckets {
            if let Some(empty) = known.get_mut(key) {
                *empty = empty.checked_sub(limit.every).unwrap_or(*empty);
            }
        }
    }

    /// Empties the buckets of an account.
    #[cfg(test)]
    pub(super) fn empty(&self, account: &str) {
        self.lock().retain(|key, _| !key.starts_with(&format!("{account}:")));
    }

    /// A map is whole between two calls.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Limit;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_mins(1);

    fn bucket(key: &str, burst: u32) -> Bucket {
        Bucket { key: key.to_owned(), limit: Limit { burst, every: MINUTE } }
    }

    #[test]
    fn a_burst_and_then_a_rate() {
        let (buckets, start) = (VolatileBuckets::default(), Instant::now());
        let all = [bucket("a", 3), bucket("b", 100)];
        let takes = |now| matches!(buckets.reserve(&all, now), Reserved::Taken(_));
        assert_eq!((0..10).filter(|_| takes(start)).count(), 3);
        let full = buckets.reserve(&all, start + MINUTE / 4);
        let expected = Full { key: "a".into(), retry_after: MINUTE * 3 / 4, others_took: None };
        assert_eq!(full, Reserved::Full(expected));
        assert_eq!((0..10).filter(|_| takes(start + MINUTE)).count(), 1);
        buckets.give_back(&all);
        assert_eq!((0..10).filter(|_| takes(start + MINUTE)).count(), 1);
        assert_eq!((0..10).filter(|_| takes(start + 60 * MINUTE)).count(), 3, "never more");
    }

    #[test]
    fn memory_is_bounded() {
        let (buckets, start) = (VolatileBuckets::default(), Instant::now());
        let takes = |key: usize, now| {
            matches!(buckets.reserve(&[bucket(&key.to_string(), 3)], now), Reserved::Taken(_))
        };
        assert!((0..MOST).all(|key| takes(key, start)));
        assert!(!takes(MOST, start));
        assert!(takes(MOST, start + MINUTE));
    }
}
