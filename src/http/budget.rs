//! How many bytes of bodies a process holds in memory at once, and for which clients.

use crate::security::Origin;
use crate::settings::ServerSettings;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Bytes of a body that do not count: forms and small documents pass even when the budget is spent.
/// `worker_connections` bounds them.
pub(crate) const FREE: usize = 16 * 1024;

/// Counts the bytes of request bodies, and of responses waiting for their clients.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    held: AtomicUsize,
    /// What each origin holds in bodies that count.
    shares: Mutex<HashMap<Origin, usize>>,
}

impl Budget {
    /// The configured budget, but always with room for two requests of one client.
    pub(crate) fn of(settings: &ServerSettings) -> Arc<Self> {
        match settings.limit_buffered {
            0 => Self::new(0),
            limit => Self::new(limit.max(2 * settings.limit_request_body.get())),
        }
    }

    /// At most `limit` bytes; 0 for no limit.
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let limit = if limit == 0 { usize::MAX } else { limit };
        Arc::new(Self { limit, held: AtomicUsize::new(0), shares: Mutex::default() })
    }

    /// Whether the budget is spent.
    pub(crate) fn is_spent(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.limit
    }

    /// The body of a request from `origin`, still empty. `None`: a proxy that does not name its
    /// client.
    pub(crate) fn request(self: &Arc<Self>, origin: Option<Origin>) -> Reservation {
        Reservation { budget: Arc::clone(self), origin, bytes: 0 }
    }

    /// A response of so many bytes. It already exists, so it is not refused; instead a client that
    /// does not read it is cut off sooner.
    pub(crate) fn response(self: &Arc<Self>, bytes: usize) -> Reservation {
        self.held.fetch_add(bytes, Ordering::Relaxed);
        Reservation { budget: Arc::clone(self), origin: None, bytes }
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<Origin, usize>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that count until this is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    /// The origin whose share they count against.
    origin: Option<Origin>,
    bytes: usize,
}

impl Reservation {
    /// Reserves more bytes, unless that exceeds the budget or the half that one origin may hold, so
    /// that it cannot shut out all others.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let Self { budget, origin, .. } = self;
        let mut shares = budget.shares();
        if budget.held.load(Ordering::Relaxed).saturating_add(bytes) > budget.limit {
            return false;
        }
        if let Some(origin) = *origin {
            let share = shares.get(&origin).copied().unwrap_or(0).saturating_add(bytes);
            if share > budget.limit / 2 {
                return false;
            }
            shares.insert(origin, share);
        }
        budget.held.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
        let Some(origin) = self.origin else { return };
        let mut shares = self.budget.shares();
        if let Some(share) = shares.get_mut(&origin) {
            *share -= self.bytes;
            if *share == 0 {
                shares.remove(&origin);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn client(number: u8) -> Origin {
        Origin::V4(Ipv4Addr::new(192, 0, 2, number))
    }

    #[test]
    fn one_origin_has_half_at_most_and_gives_it_back() {
        let budget = Budget::new(100);
        let mut first = budget.request(Some(client(1)));
        assert!(first.grow(30) && first.grow(20));
        let mut second = budget.request(Some(client(1)));
        assert!(!second.grow(1));
        let mut other = budget.request(Some(client(2)));
        assert!(other.grow(50));
        assert!(budget.is_spent());
        assert!(!budget.request(Some(client(3))).grow(1));
        drop(first);
        assert!(second.grow(50) && !second.grow(1));
        drop((second, other));
        assert!(!budget.is_spent());
        assert!(budget.shares().is_empty());
    }

    #[test]
    fn a_response_counts_and_is_never_refused() {
        let budget = Budget::new(100);
        let response = budget.response(150);
        assert!(budget.is_spent());
        assert!(!budget.request(Some(client(1))).grow(1));
        drop(response);
        assert!(budget.request(Some(client(1))).grow(1));
    }

    #[test]
    fn without_a_limit_nothing_is_refused() {
        let budget = Budget::new(0);
        assert!(budget.request(Some(client(1))).grow(usize::MAX / 4));
        assert!(!budget.is_spent());
    }
}
