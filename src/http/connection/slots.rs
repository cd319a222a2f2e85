//! How many connections each origin has, and which is closed when no more can be accepted.

use crate::security::Origin;
use futures_util::task::AtomicWaker;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

/// The connections of one process.
#[derive(Debug)]
pub(crate) struct ConnectionSlots {
    /// The number of slots.
    all: usize,
    /// How many one origin may keep once all are taken; 0: no limit.
    share: usize,
    taken: Mutex<TakenSlots>,
}

#[derive(Debug, Default)]
struct TakenSlots {
    /// All connections, including those whose origin is unknown.
    count: usize,
    last: u64,
    /// By origin, from the oldest to the newest.
    origins: HashMap<Origin, BTreeMap<u64, Arc<Eviction>>>,
}

/// Tells a connection to close.
#[derive(Debug, Default)]
struct Eviction {
    leave: AtomicBool,
    waker: AtomicWaker,
}

/// The slot of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct ConnectionSlot {
    slots: Arc<ConnectionSlots>,
    /// `None` for a peer that sends for many clients, such as a proxy.
    own: Option<(Origin, u64, Arc<Eviction>)>,
}

impl ConnectionSlots {
    /// `all` slots; once they are taken, an origin keeps at least `share` of its own.
    pub(crate) fn new(all: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { all, share, taken: Mutex::default() })
    }

    /// Takes a slot. Taking the last one closes the newest connection of the origin with the most,
    /// if that exceeds a share: so there is always a slot for the next connection.
    pub(crate) fn take(self: &Arc<Self>, origin: Option<Origin>) -> ConnectionSlot {
        let mut taken = self.taken();
        taken.count += 1;
        let own = origin.filter(|_| self.share > 0).map(|origin| {
            taken.last += 1;
            let (number, eviction) = (taken.last, Arc::<Eviction>::default());
            taken.origins.entry(origin).or_default().insert(number, Arc::clone(&eviction));
            (origin, number, eviction)
        });
        if self.share > 0 && taken.count >= self.all {
            let most = taken.origins.values().max_by_key(|evictions| evictions.len());
            let most = most.filter(|evictions| evictions.len() > self.share);
            let newest = most.and_then(|evictions| {
                evictions.values().rev().find(|eviction| !eviction.leave.load(Ordering::Relaxed))
            });
            if let Some(eviction) = newest {
                eviction.leave.store(true, Ordering::Release);
                eviction.waker.wake();
            }
        }
        drop(taken);
        ConnectionSlot { slots: Arc::clone(self), own }
    }

    fn taken(&self) -> MutexGuard<'_, TakenSlots> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionSlot {
    /// Whether the connection must close; if not, wakes the task when it must.
    pub(super) fn is_lost(&self, context: &Context<'_>) -> bool {
        let Some((_, _, eviction)) = &self.own else { return false };
        if !eviction.leave.load(Ordering::Acquire) {
            eviction.waker.register(context.waker());
        }
        eviction.leave.load(Ordering::Acquire)
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut taken = self.slots.taken();
        taken.count -= 1;
        let Some((origin, number, _)) = &self.own else { return };
        if let Some(evictions) = taken.origins.get_mut(origin) {
            evictions.remove(number);
            if evictions.is_empty() {
                taken.origins.remove(origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;
    use std::task::Waker;

    fn client(number: u8) -> Origin {
        Origin::V4(Ipv4Addr::new(192, 0, 2, number))
    }

    fn lost(slots: &[ConnectionSlot]) -> Vec<bool> {
        slots.iter().map(|slot| slot.is_lost(&Context::from_waker(Waker::noop()))).collect()
    }

    #[test]
    fn taking_the_last_slot_closes_the_newest_of_the_largest_origin() {
        let slots = ConnectionSlots::new(5, 2);
        let greedy: Vec<_> = (0..4).map(|_| slots.take(Some(client(1)))).collect();
        assert_eq!(lost(&greedy), [false; 4]);
        let _other = slots.take(Some(client(2)));
        assert_eq!(lost(&greedy), [false, false, false, true]);
    }

    #[test]
    fn a_share_is_never_taken_away() {
        let slots = ConnectionSlots::new(4, 2);
        let all: Vec<_> = [1, 1, 2, 2, 3].map(|number| slots.take(Some(client(number)))).into();
        assert_eq!(lost(&all), [false; 5]);
    }

    #[test]
    fn a_peer_that_sends_for_many_loses_none() {
        let slots = ConnectionSlots::new(4, 1);
        let proxy: Vec<_> = (0..4).map(|_| slots.take(None)).collect();
        let client = slots.take(Some(client(1)));
        assert_eq!(lost(&proxy), [false; 4]);
        assert_eq!(lost(&[client]), [false]);
    }

    #[test]
    fn a_dropped_slot_is_free() {
        let slots = ConnectionSlots::new(3, 1);
        let first = slots.take(Some(client(1)));
        drop(slots.take(Some(client(1))));
        let all = [first, slots.take(Some(client(1)))];
        assert_eq!(lost(&all), [false; 2]);
        drop(all);
        assert!(slots.taken().origins.is_empty());
        assert_eq!(slots.taken().count, 0);
    }
}
