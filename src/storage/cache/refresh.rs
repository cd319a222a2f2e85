//! Reads cached users again: one read per user, in the background.

use crate::domain::{User, Username};
use crate::storage::cache::freshness::Epoch;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// How long a read is waited for by those who can use the cached entry.
const PATIENCE: Duration = Duration::from_millis(50);

/// The user, or that it is gone, once a read has ended; `None` if it failed.
type Outcome = Option<Option<Arc<User>>>;

/// The reads in progress, by user and epoch.
#[derive(Clone, Default)]
pub(super) struct Refreshes(Arc<Mutex<HashMap<(Username, Epoch), Refresh>>>);

#[derive(Clone)]
struct Refresh {
    begun: Instant,
    found: watch::Receiver<Outcome>,
}

impl Refreshes {
    /// The result of the read in progress, or of one that starts now; `None` if it fails or takes
    /// long. It continues all the same.
    pub(super) async fn join<R>(
        &self,
        username: &Username,
        epoch: Epoch,
        read: impl FnOnce() -> R + Send,
    ) -> Outcome
    where
        R: Future<Output = Outcome> + Send + 'static,
    {
        let key = (username.clone(), epoch);
        let (Refresh { begun, mut found }, begins) = self.enter(&key);
        if let Some(sender) = begins {
            let (read, end) = (read(), End(self.clone(), key));
            tokio::spawn(async move {
                let read = read.await;
                // Later callers find the result in the cache.
                drop(end);
                sender.send_replace(read);
            });
        }
        let found = timeout_at(begun + PATIENCE, found.wait_for(Option::is_some)).await;
        found.ok()?.ok()?.clone()
    }

    /// The read in progress; for a new one, also the sender of its outcome.
    fn enter(&self, key: &(Username, Epoch)) -> (Refresh, Option<watch::Sender<Outcome>>) {
        let mut under_way = self.under_way();
        if let Some(refresh) = under_way.get(key) {
            return (refresh.clone(), None);
        }
        let (sender, found) = watch::channel(None);
        let refresh = Refresh { begun: Instant::now(), found };
        under_way.insert(key.clone(), refresh.clone());
        (refresh, Some(sender))
    }

    fn under_way(&self) -> MutexGuard<'_, HashMap<(Username, Epoch), Refresh>> {
        // No panic leaves the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends a read on drop, even if its thread ends.
struct End(Refreshes, (Username, Epoch));

impl Drop for End {
    fn drop(&mut self) {
        self.0.under_way().remove(&self.1);
    }
}
