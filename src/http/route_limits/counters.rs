//! Counts requests of many parties in bounded memory, for all threads.

use crate::http::route_limits::rate_id::RateId;
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Each has a lock of its own, held for some nanoseconds: threads hardly ever meet.
const BUCKETS: usize = 2048;

/// Parties in a bucket.
const WAYS: usize = 8;

/// How much is allowed, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// What one request uses up.
    each: i64,
    /// What is there at most.
    whole: i64,
}

impl Allowance {
    pub(super) fn new(most: u32, within: Duration, burst: u32) -> Self {
        let within = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
        let each = (within / i64::from(most)).max(1);
        Self { each, whole: each.saturating_mul(i64::from(burst)) }
    }
}

/// The generic cell rate algorithm: all that is kept of a party is when its allowance will be whole again.
///
/// `governor` keeps every party until it is told to forget; a flood of addresses would fill the memory.
pub(super) struct Counters {
    hasher: RandomState,
    buckets: Box<[Mutex<[Entry; WAYS]>]>,
}

#[derive(Clone, Copy, Default)]
struct Entry {
    /// A hash with a secret key: nobody can choose a party of the same.
    party: u64,
    /// In microseconds; free, if that is past.
    whole_at: i64,
}

impl Counters {
    fn new() -> Self {
        let buckets = (0..BUCKETS).map(|_| Mutex::default()).collect();
        Self { hasher: RandomState::new(), buckets }
    }

    /// Counts a request, or says how long to wait.
    pub(super) fn count(
        &self,
        party: &impl Hash,
        Allowance { each, whole }: Allowance,
        now: i64,
    ) -> Result<(), Duration> {
        let party = self.hasher.hash_one(party);
        let number = usize::try_from(party >> 32).unwrap_or(0) % BUCKETS;
        let mut bucket = self.buckets[number].lock().unwrap_or_else(PoisonError::into_inner);
        // Its own place, or that of whoever is the nearest to being as good as new.
        let place = |entry: &&mut Entry| (entry.party != party, entry.whole_at);
        let Some(entry) = bucket.iter_mut().min_by_key(place) else { return Ok(()) };
        if entry.party != party {
            *entry = Entry { party, whole_at: now };
        }
        // Not further ahead than it could be, should the clock have been set back.
        let used = entry.whole_at.saturating_sub(now).clamp(0, whole);
        entry.whole_at = now + used;
        let short = used + each - whole;
        if short > 0 {
            return Err(Duration::from_micros(short.unsigned_abs()));
        }
        entry.whole_at += each;
        Ok(())
    }
}

/// Those of all rates of a process.
#[derive(Default)]
pub(in crate::http) struct AllCounters(Mutex<HashMap<RateId, Arc<Counters>>>);

impl AllCounters {
    /// Those of a rate; each thread asks once.
    pub(super) fn of(&self, rate: RateId) -> Arc<Counters> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(rate).or_insert_with(|| Arc::new(Counters::new())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn three_a_minute() -> Allowance {
        Allowance::new(3, Duration::from_mins(1), 3)
    }

    #[test]
    fn an_allowance_comes_back_evenly() {
        let (counters, allowance) = (Counters::new(), three_a_minute());
        let at = |seconds| counters.count(&"jane", allowance, seconds * SECOND);
        assert_eq!([at(1000), at(1000), at(1000)], [Ok(()); 3]);
        assert_eq!(at(1000), Err(Duration::from_secs(20)));
        assert_eq!(at(1015), Err(Duration::from_secs(5)));
        assert_eq!([at(1020), at(1040)], [Ok(()); 2]);
        assert_eq!(at(1041), Err(Duration::from_secs(19)));
        assert_eq!([at(2000), at(2000), at(2000)], [Ok(()); 3]);
        // The clock is set back by a quarter of an hour.
        assert_eq!(at(1100), Err(Duration::from_secs(20)));
        assert_eq!(at(1120), Ok(()));
    }

    #[test]
    fn a_burst_may_be_smaller_or_larger() {
        let counters = Counters::new();
        for (burst, party) in [(1, "one"), (5, "five")] {
            let allowance = Allowance::new(3, Duration::from_mins(1), burst);
            let allowed = (0..9).filter(|_| counters.count(&party, allowance, SECOND).is_ok());
            assert_eq!(allowed.count(), burst as usize);
        }
    }

    #[test]
    fn a_flood_takes_no_memory_and_forgets_nobody_who_is_refused() {
        let (counters, allowance) = (Counters::new(), three_a_minute());
        for _ in 0..3 {
            assert_eq!(counters.count(&"greedy", allowance, SECOND), Ok(()));
        }
        let flood = 20 * BUCKETS * WAYS;
        for party in 0..flood {
            assert_eq!(counters.count(&party, allowance, SECOND), Ok(()));
        }
        assert!(counters.count(&"greedy", allowance, SECOND).is_err());
        assert_eq!(counters.buckets.len() * WAYS, 16_384);
    }

    #[test]
    fn threads_count_together() {
        let all = AllCounters::default();
        let allowance = Allowance::new(100, Duration::from_hours(1), 100);
        let allowed: usize = std::thread::scope(|scope| {
            let counting = (0..4).map(|_| {
                scope.spawn(|| {
                    let counters = all.of(RateId::Mounted(0));
                    (0..100).filter(|_| counters.count(&"jane", allowance, SECOND).is_ok()).count()
                })
            });
            let counting: Vec<_> = counting.collect();
            counting.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(allowed, 100);
    }
}
