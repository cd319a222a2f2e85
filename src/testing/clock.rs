//! The clock of a test: the machine's, moved.

use crate::domain::{Clock, SystemClock, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// The machine's clock, moved by so many microseconds.
#[derive(Clone, Debug, Default)]
pub(super) struct TestClock(Arc<AtomicI64>);

impl TestClock {
    pub(super) fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn set(&self, seconds: i64) {
        let by = seconds.saturating_mul(1_000_000).saturating_sub(SystemClock.microseconds());
        self.0.store(by, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.microseconds().div_euclid(1_000_000))
    }

    fn microseconds(&self) -> i64 {
        SystemClock.microseconds().saturating_add(self.0.load(Ordering::Relaxed))
    }
}
