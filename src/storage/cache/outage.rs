//! What operations and the log know while the database is unreachable.

use crate::domain::{Away, RepositoryError};
use std::error::Error;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};

/// Why an operation failed.
pub(super) type Cause = Box<dyn Error + Send + Sync>;

/// From the first sign of an outage to the watcher's next successful check.
#[derive(Debug, Default)]
pub(super) struct Outage {
    /// Whether its beginning was logged.
    is_told: AtomicBool,
    /// Whether an operation failed, too: the watcher alone is not enough.
    is_known: AtomicBool,
    failed: AtomicU64,
}

impl Outage {
    /// The watcher or an operation got no response; the first one logs it.
    pub(super) fn begin(&self, cause: &dyn Display) {
        if !self.is_told.swap(true, SeqCst) {
            log::error!(target: "bailiwick.error", "database: does not answer: {cause}");
        }
    }

    /// Whether an operation would wait in vain.
    pub(super) fn is_known(&self) -> bool {
        self.is_known.load(SeqCst)
    }

    /// An operation got no response.
    pub(super) fn know(&self) {
        self.is_known.store(true, SeqCst);
    }

    /// An operation got a response.
    pub(super) fn doubt(&self) {
        if self.is_known() {
            self.is_known.store(false, SeqCst);
        }
    }

    /// An operation failed, or was not even tried.
    pub(super) fn count(&self) {
        self.failed.fetch_add(1, SeqCst);
    }

    /// The watcher got a response.
    pub(super) fn end(&self) {
        self.doubt();
        if self.is_told.load(SeqCst) && self.is_told.swap(false, SeqCst) {
            let failed = self.failed.swap(0, SeqCst);
            log::info!(
                target: "bailiwick.error",
                "database: answers again; operations that failed meanwhile: {failed}"
            );
        }
    }
}

/// The error of an operation during an outage, with the cause if it was tried.
pub(super) fn away(cause: Option<Cause>) -> RepositoryError {
    RepositoryError::Unavailable(Box::new(Away(cause)))
}
