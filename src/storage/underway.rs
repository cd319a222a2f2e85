//! Counts the operations on a pool, running and waiting: sqlx only counts its connections.

use crate::domain::PoolUse;
use sqlx::{Database, Pool};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The operations in progress on one pool, with or without a connection.
#[derive(Debug, Default)]
pub(super) struct Underway(AtomicU32);

impl Underway {
    /// Counts an operation until the returned value is dropped.
    pub(super) fn begin(&self) -> Operation<'_> {
        self.0.fetch_add(1, Relaxed);
        Operation(self)
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(Relaxed) == 0
    }

    /// How their pool is used.
    pub(super) fn condition<DB: Database>(&self, name: &'static str, pool: &Pool<DB>) -> PoolUse {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let in_use = pool.size().saturating_sub(idle);
        let waiting = self.0.load(Relaxed).saturating_sub(in_use);
        PoolUse { name, most: pool.options().get_max_connections(), in_use, waiting }
    }
}

/// A counted operation.
pub(super) struct Operation<'a>(&'a Underway);

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}
