//! What is done while the database is known to be away: nothing, but for a try now and then.

use crate::domain::{Away, RepositoryError};
use std::error::Error;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Why an operation failed.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// Nanoseconds between two tries. The watcher finds out by itself when the database is back; these
/// are for a database that gives connections to others, but none to the watcher.
const BETWEEN_TRIES: u64 = 1_000_000_000;

/// From the first sign that the database is away to the watcher's next answer.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Whether the log has its beginning.
    is_told: AtomicBool,
    /// Whether an operation had no answer either: the watcher alone is not believed.
    is_known: AtomicBool,
    /// When the last operation failed or was tried.
    tried: AtomicU64,
    failed: AtomicU64,
}

impl Outage {
    /// The watcher or an operation has no answer; whichever is first says so.
    pub(super) fn begin(&self, cause: &dyn Display) {
        if !self.is_told.load(SeqCst) && !self.is_told.swap(true, SeqCst) {
            log::error!(target: "bailiwick.error", "database: does not answer: {cause}");
        }
    }

    /// Whether an operation is not even tried.
    pub(super) fn refuses(&self, now: u64) -> bool {
        if !self.is_known.load(SeqCst) {
            return false;
        }
        let tried = self.tried.load(SeqCst);
        if now.saturating_sub(tried) >= BETWEEN_TRIES
            && self.tried.compare_exchange(tried, now, SeqCst, SeqCst).is_ok()
        {
            return false;
        }
        self.failed.fetch_add(1, SeqCst);
        true
    }

    /// An operation has failed; `unanswered`, if it had not even an error from the database.
    pub(super) fn failed(&self, now: u64, unanswered: bool) {
        if unanswered {
            self.tried.store(now, SeqCst);
            self.is_known.store(true, SeqCst);
        }
        self.failed.fetch_add(1, SeqCst);
    }

    /// An operation was done.
    pub(super) fn succeeded(&self) {
        if self.is_known.load(SeqCst) {
            self.is_known.store(false, SeqCst);
        }
    }

    /// The watcher has an answer.
    pub(super) fn end(&self) {
        self.is_known.store(false, SeqCst);
        if self.is_told.swap(false, SeqCst) {
            let failed = self.failed.swap(0, SeqCst);
            log::info!(
                target: "bailiwick.error",
                "database: answers again; operations that failed meanwhile: {failed}"
            );
        }
    }
}

/// The error of an operation during it, with the cause if it was tried.
pub(super) fn away(cause: Option<Cause>) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(Away(cause)))
}
