//! Which rates are one, though each thread makes its own.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

/// Which rate it is. Each thread mounts the routes for itself, in the same order: that is how it is known
/// which of them are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RateId {
    /// The first, second, … that is made while routes are mounted.
    Mounted(u64),
    /// One made elsewhere, which all threads have clones of.
    Made(u64),
}

thread_local! {
    static MOUNTED: Cell<Option<u64>> = const { Cell::new(None) };
}

impl RateId {
    pub(super) fn next() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        match MOUNTED.get() {
            Some(number) => {
                MOUNTED.set(Some(number + 1));
                Self::Mounted(number)
            }
            None => Self::Made(MADE.fetch_add(1, Ordering::Relaxed)),
        }
    }
}

/// Mounts all routes of a thread: the rates that are made meanwhile are those of the other threads.
pub(in crate::http) fn numbered(mount: impl FnOnce()) {
    MOUNTED.set(Some(0));
    mount();
    MOUNTED.set(None);
}
