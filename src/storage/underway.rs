//! Who works with a pool and who waits for it: sqlx tells of its connections only.

use crate::domain::PoolUse;
use sqlx::{Database, Pool};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// The operations that are under way on one pool, whether they have a connection already or not.
#[derive(Debug, Default)]
pub(super) struct Underway(AtomicU32);

impl Underway {
    /// Counts an operation for as long as what is returned lives.
    pub(super) fn begin(&self) -> Operation<'_> {
        self.0.fetch_add(1, Relaxed);
        Operation(self)
    }

    /// How their pool is used.
    pub(super) fn condition<DB: Database>(&self, name: &'static str, pool: &Pool<DB>) -> PoolUse {
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let in_use = pool.size().saturating_sub(idle);
        let waiting = self.0.load(Relaxed).saturating_sub(in_use);
        PoolUse { name, most: pool.options().get_max_connections(), in_use, waiting }
    }
}

/// One that is counted.
pub(super) struct Operation<'a>(&'a Underway);

impl Drop for Operation<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Relaxed);
    }
}
