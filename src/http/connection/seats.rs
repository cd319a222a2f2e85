//! Who has how many connections, and whose is closed when no more can be accepted.

use crate::security::Origin;
use futures_util::task::AtomicWaker;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Context;

/// The connections of one process.
#[derive(Debug)]
pub(crate) struct Seats {
    /// How many there can be.
    all: usize,
    /// How many one origin may keep once all are taken; 0: any number.
    share: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    /// Of anybody, also of those who are not told apart.
    count: usize,
    last: u64,
    /// By origin, from the oldest to the newest.
    origins: HashMap<Origin, BTreeMap<u64, Arc<Order>>>,
}

/// What a connection is told by another one.
#[derive(Debug, Default)]
struct Order {
    leave: AtomicBool,
    waker: AtomicWaker,
}

/// The seat of one connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    /// Nothing for a peer who speaks for many, such as a proxy.
    own: Option<(Origin, u64, Arc<Order>)>,
}

impl Seats {
    /// `all` seats, of which one origin keeps `share` at least, if it has them, when all are taken.
    pub(crate) fn new(all: usize, share: usize) -> Arc<Self> {
        Arc::new(Self { all, share, taken: Mutex::default() })
    }

    /// Takes a seat. With the last one goes the newest connection of whoever has most, if that is
    /// more than a share: so there is always a seat for the next who comes.
    pub(crate) fn take(self: &Arc<Self>, origin: Option<Origin>) -> Seat {
        let mut taken = self.taken();
        taken.count += 1;
        let own = origin.filter(|_| self.share > 0).map(|origin| {
            taken.last += 1;
            let (number, order) = (taken.last, Arc::<Order>::default());
            taken.origins.entry(origin).or_default().insert(number, Arc::clone(&order));
            (origin, number, order)
        });
        if self.share > 0 && taken.count >= self.all {
            let most = taken.origins.values().max_by_key(|orders| orders.len());
            let most = most.filter(|orders| orders.len() > self.share);
            let newest = most.and_then(|orders| {
                orders.values().rev().find(|order| !order.leave.load(Ordering::Relaxed))
            });
            if let Some(order) = newest {
                order.leave.store(true, Ordering::Release);
                order.waker.wake();
            }
        }
        drop(taken);
        Seat { seats: Arc::clone(self), own }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    /// Whether the connection is to end; if not, the task is woken when it is.
    pub(super) fn is_lost(&self, context: &Context<'_>) -> bool {
        let Some((_, _, order)) = &self.own else { return false };
        if !order.leave.load(Ordering::Acquire) {
            order.waker.register(context.waker());
        }
        order.leave.load(Ordering::Acquire)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.count -= 1;
        let Some((origin, number, _)) = &self.own else { return };
        if let Some(orders) = taken.origins.get_mut(origin) {
            orders.remove(number);
            if orders.is_empty() {
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

    fn lost(seats: &[Seat]) -> Vec<bool> {
        seats.iter().map(|seat| seat.is_lost(&Context::from_waker(Waker::noop()))).collect()
    }

    #[test]
    fn the_newest_of_whoever_has_most_goes_with_the_last_seat() {
        let seats = Seats::new(5, 2);
        let greedy: Vec<_> = (0..4).map(|_| seats.take(Some(client(1)))).collect();
        assert_eq!(lost(&greedy), [false; 4]);
        let _other = seats.take(Some(client(2)));
        assert_eq!(lost(&greedy), [false, false, false, true]);
    }

    #[test]
    fn a_share_is_never_taken_away() {
        let seats = Seats::new(4, 2);
        let all: Vec<_> = [1, 1, 2, 2, 3].map(|number| seats.take(Some(client(number)))).into();
        assert_eq!(lost(&all), [false; 5]);
    }

    #[test]
    fn who_speaks_for_many_loses_none() {
        let seats = Seats::new(4, 1);
        let proxy: Vec<_> = (0..4).map(|_| seats.take(None)).collect();
        let client = seats.take(Some(client(1)));
        assert_eq!(lost(&proxy), [false; 4]);
        assert_eq!(lost(&[client]), [false]);
    }

    #[test]
    fn a_seat_that_was_left_is_free() {
        let seats = Seats::new(3, 1);
        let first = seats.take(Some(client(1)));
        drop(seats.take(Some(client(1))));
        let all = [first, seats.take(Some(client(1)))];
        assert_eq!(lost(&all), [false; 2]);
        drop(all);
        assert!(seats.taken().origins.is_empty());
        assert_eq!(seats.taken().count, 0);
    }
}
