//! Which attempts hold room in a bucket until they are decided, and which wait in line for it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::futures::Notified;
use tokio::sync::{Mutex as Turns, MutexGuard as Turn, Notify};

/// Most attempts that wait in a process.
const MOST_WAITING: usize = 1_000;

/// The lines before all buckets, each kept as long as somebody is in it or has room in the bucket.
#[derive(Default)]
pub(super) struct Lines {
    buckets: Mutex<HashMap<String, Arc<Line>>>,
    waiting: AtomicUsize,
}

#[derive(Default)]
struct Line {
    turns: Turns<()>,
    under_way: AtomicUsize,
    settled: Notify,
}

impl Lines {
    /// A place in the line before a bucket; none if too many wait already.
    pub(super) fn join(self: &Arc<Self>, key: &str) -> Option<Waiting> {
        if self.waiting.fetch_add(1, SeqCst) >= MOST_WAITING {
            self.waiting.fetch_sub(1, SeqCst);
            return None;
        }
        Some(Waiting(self.hold(key)))
    }

    /// Announces an attempt that may take room in these buckets.
    pub(super) fn set_out<'k>(
        self: &Arc<Self>,
        keys: impl Iterator<Item = &'k String>,
    ) -> UnderWay {
        let held = keys.map(|key| {
            let held = self.hold(key);
            held.line.under_way.fetch_add(1, SeqCst);
            held
        });
        UnderWay(held.collect())
    }

    fn hold(self: &Arc<Self>, key: &str) -> Held {
        let mut buckets = self.lock();
        let line = match buckets.get(key) {
            Some(line) => Arc::clone(line),
            None => Arc::clone(buckets.entry(key.to_owned()).or_default()),
        };
        Held { lines: Arc::clone(self), key: key.to_owned(), line }
    }

    /// A map is whole between two calls.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Line>>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps a line.
struct Held {
    lines: Arc<Lines>,
    key: String,
    line: Arc<Line>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut buckets = self.lines.lock();
        // The map's and this one.
        if Arc::strong_count(&self.line) == 2 {
            buckets.remove(&self.key);
        }
    }
}

/// Tries that are under way, each counted in its buckets.
pub(super) struct UnderWay(Vec<Held>);

impl UnderWay {
    /// It has room in these buckets only.
    pub(super) fn only_in(&mut self, is_taken: impl Fn(&str) -> bool) {
        for held in self.0.extract_if(.., |held| !is_taken(&held.key)) {
            held.line.under_way.fetch_sub(1, SeqCst);
        }
    }

    /// It has found no room: nothing changes for those who wait.
    pub(super) fn withdraw(mut self) {
        self.only_in(|_| false);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        for held in &self.0 {
            held.line.under_way.fetch_sub(1, SeqCst);
            held.line.settled.notify_waiters();
        }
    }
}

/// Somebody in a line.
pub(super) struct Waiting(Held);

impl Waiting {
    /// The bucket.
    pub(super) fn key(&self) -> &str {
        &self.0.key
    }

    /// Waits to be at the head of the line.
    pub(super) async fn turn(&self) -> Turn<'_, ()> {
        self.0.line.turns.lock().await
    }

    /// Whether somebody has room in the bucket who may give it back.
    pub(super) fn is_under_way(&self) -> bool {
        self.0.line.under_way.load(SeqCst) > 0
    }

    /// The next verdict from now on.
    pub(super) fn settled(&self) -> Notified<'_> {
        self.0.line.settled.notified()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.lines.waiting.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    fn keys() -> [String; 2] {
        ["a".to_owned(), "b".to_owned()]
    }

    #[tokio::test]
    async fn a_verdict_wakes_the_head_of_the_line() {
        let lines = Arc::new(Lines::default());
        let mut under_way = lines.set_out(keys().iter());
        under_way.only_in(|key| key == "a");
        let (head, next) = (lines.join("a").unwrap(), lines.join("a").unwrap());
        let turn = head.turn().await;
        assert!(next.turn().now_or_never().is_none(), "one after the other");
        assert!(head.is_under_way() && !lines.join("b").unwrap().is_under_way());
        let settled = head.settled();
        drop(under_way);
        settled.await;
        assert!(!head.is_under_way());
        drop(turn);
        assert!(next.turn().now_or_never().is_some());
    }

    #[tokio::test]
    async fn nothing_is_left_behind_and_few_wait() {
        let lines = Arc::new(Lines::default());
        let all: Vec<_> = (0..MOST_WAITING).map(|_| lines.join("a").unwrap()).collect();
        assert!(lines.join("b").is_none());
        lines.set_out(keys().iter()).withdraw();
        drop(all);
        drop(lines.set_out(keys().iter()));
        assert!(lines.lock().is_empty());
        assert!(lines.join("b").is_some());
    }
}
