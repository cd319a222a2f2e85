//! One write to a user at a time: if others lock its row, the writes waiting for it hold one
//! connection, not all.

use crate::domain::Username;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// The users being written, each with the writes waiting for it, in order.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<Mutex<HashMap<Username, Arc<Queue<()>>>>>);

impl Turns {
    /// Waits until no other operation of this process writes to the user.
    pub(super) async fn take(&self, username: Username) -> Turn {
        let queue = Arc::clone(self.queues().entry(username.clone()).or_default());
        // Created first: a caller that stops waiting leaves nothing behind either.
        let mut turn = Turn { turns: self.clone(), username, held: None };
        turn.held = Some(queue.lock_owned().await);
        turn
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, HashMap<Username, Arc<Queue<()>>>> {
        // No panic leaves the map inconsistent.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets the next write begin on drop.
pub(super) struct Turn {
    turns: Turns,
    username: Username,
    held: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queues = self.turns.queues();
        drop(self.held.take());
        // The map holds the last reference: no operation holds the queue or waits in it.
        if queues.get(&self.username).is_some_and(|queue| Arc::strong_count(queue) == 1) {
            queues.remove(&self.username);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn name(text: &str) -> Username {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn each_user_has_a_queue_which_ends_with_its_last_turn() {
        let turns = Turns::default();
        let alice = turns.take(name("alice")).await;
        assert!(turns.take(name("alice")).now_or_never().is_none(), "she is being written");
        assert!(turns.take(name("bob")).now_or_never().is_some(), "he is not");
        let mut next = Box::pin(turns.take(name("alice")));
        assert!(next.as_mut().now_or_never().is_none());
        drop(alice);
        drop(next.await);
        assert!(turns.queues().is_empty());
    }

    #[tokio::test]
    async fn a_caller_that_stops_waiting_leaves_nothing_behind() {
        let turns = Turns::default();
        let alice = turns.take(name("alice")).await;
        let mut next = Box::pin(turns.take(name("alice")));
        assert!(next.as_mut().now_or_never().is_none());
        drop(alice);
        drop(next);
        assert!(turns.queues().is_empty());
    }
}
