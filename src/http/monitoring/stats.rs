//! Statistics of one worker process: its threads' heartbeats, connections, requests and memory.

use actix_web::dev::Extensions;
use rustix::param::page_size;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// Pause between two beats of a heartbeat.
const PULSE: Duration = Duration::from_millis(100);

/// Live counters: written by the worker threads, read by the process's first thread.
#[derive(Debug)]
pub(crate) struct WorkerStats {
    start: Instant,
    /// Milliseconds for which the whole process was suspended.
    lost: AtomicU64,
    heartbeats: Mutex<Vec<Weak<Heartbeat>>>,
    connections: AtomicUsize,
    /// Requests in flight, while they are limited.
    admitted: AtomicUsize,
}

/// One thread's counters; only that thread writes them.
#[derive(Debug)]
pub(crate) struct Heartbeat {
    /// Milliseconds after the start.
    last: AtomicU64,
    beats: AtomicU64,
    in_flight: AtomicUsize,
    requests: AtomicU64,
}

impl Heartbeat {
    fn beats(&self) -> u64 {
        self.beats.load(Ordering::Relaxed)
    }

    /// Counts a request, in flight until the returned value is dropped.
    pub(crate) fn count_request(&self) -> InFlight<'_> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }
}

impl WorkerStats {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Instant::now(),
            lost: AtomicU64::new(0),
            heartbeats: Mutex::default(),
            connections: AtomicUsize::new(0),
            admitted: AtomicUsize::new(0),
        })
    }

    /// Starts this thread's heartbeat: it beats while the thread's event loop turns.
    pub(crate) fn start_heartbeat(self: &Arc<Self>) -> Arc<Heartbeat> {
        let heartbeat = Arc::new(Heartbeat {
            last: AtomicU64::new(self.now()),
            beats: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            requests: AtomicU64::new(0),
        });
        self.heartbeats().push(Arc::downgrade(&heartbeat));
        let (stats, started) = (Arc::clone(self), Arc::clone(&heartbeat));
        actix_web::rt::spawn(async move {
            loop {
                heartbeat.last.store(stats.now(), Ordering::Relaxed);
                heartbeat.beats.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(PULSE).await;
            }
        });
        started
    }

    /// Counts a connection until its data are dropped.
    pub(crate) fn count_connection(self: &Arc<Self>, data: &mut Extensions) {
        self.connections.fetch_add(1, Ordering::Relaxed);
        data.insert(Connection(Arc::clone(self)));
    }

    /// Counts a request against a limit until the returned value is dropped; fails at the limit.
    /// All threads share this counter and contend for it.
    pub(crate) fn admit(&self, limit: usize) -> Result<InFlight<'_>, Full> {
        let before = self.admitted.fetch_add(1, Ordering::Relaxed);
        let counted = InFlight(&self.admitted);
        if before < limit { Ok(counted) } else { Err(Full) }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Each thread's number of beats.
    pub(crate) fn beats(&self) -> Vec<u64> {
        let heartbeats = self.heartbeats();
        let beats = |heartbeat: &Weak<Heartbeat>| {
            heartbeat.upgrade().map_or(u64::MAX, |heartbeat| heartbeat.beats())
        };
        heartbeats.iter().map(beats).collect()
    }

    /// Credits all heartbeats with the time the whole process was suspended: no thread stalled.
    pub(crate) fn forgive(&self, lost: Duration) {
        self.lost.fetch_add(millis(lost), Ordering::Relaxed);
    }

    pub(crate) fn report(&self) -> StatsSnapshot {
        let now = self.now();
        let heartbeats = self.heartbeats();
        // A thread that has ended has dropped its heartbeat.
        let heartbeats: Vec<_> = heartbeats.iter().filter_map(Weak::upgrade).collect();
        let slowest =
            heartbeats.iter().map(|heartbeat| heartbeat.last.load(Ordering::Relaxed)).min();
        StatsSnapshot {
            stalled: slowest.map_or(0, |last| now.saturating_sub(last)),
            connections: self.connections(),
            in_flight: heartbeats
                .iter()
                .map(|heartbeat| heartbeat.in_flight.load(Ordering::Relaxed))
                .sum(),
            requests: heartbeats
                .iter()
                .map(|heartbeat| heartbeat.requests.load(Ordering::Relaxed))
                .sum(),
            memory: resident_memory().unwrap_or(0) / 1024,
            cpu: cpu_time().as_secs(),
        }
    }

    fn now(&self) -> u64 {
        millis(self.start.elapsed()).saturating_sub(self.lost.load(Ordering::Relaxed))
    }

    fn heartbeats(&self) -> std::sync::MutexGuard<'_, Vec<Weak<Heartbeat>>> {
        self.heartbeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// CPU time this process has spent.
pub(super) fn cpu_time() -> Duration {
    clock_gettime(ClockId::ProcessCPUTime).try_into().unwrap_or_default()
}

/// Resident memory of this process in bytes: the second number of `/proc/self/statm` (proc(5)), in
/// pages.
pub(super) fn resident_memory() -> Option<u64> {
    let numbers = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = numbers.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * page_size() as u64)
}

/// A worker process's report on itself, several times a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StatsSnapshot {
    /// Milliseconds since the slowest thread last turned.
    pub(crate) stalled: u64,
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
    pub(crate) requests: u64,
    /// Resident memory in KiB; 0 if the system does not tell.
    pub(crate) memory: u64,
    /// Seconds of CPU time.
    #[serde(default)]
    pub(crate) cpu: u64,
}

struct Connection(Arc<WorkerStats>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The limit of requests in flight is reached.
pub(crate) struct Full;

/// A request in flight, counted until dropped.
pub(crate) struct InFlight<'a>(&'a AtomicUsize);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn time_lost_by_the_process_does_not_count_as_a_stall() {
        let stats = WorkerStats::new();
        let heartbeat = stats.start_heartbeat();
        // It does not beat: this thread looks before its loop turns.
        let stats = WorkerStats {
            start: Instant::now().checked_sub(Duration::from_mins(1)).expect("a minute ago"),
            lost: AtomicU64::new(0),
            heartbeats: Mutex::new(vec![Arc::downgrade(&heartbeat)]),
            connections: AtomicUsize::new(0),
            admitted: AtomicUsize::new(0),
        };
        assert!(stats.report().stalled >= 59_000);
        stats.forgive(Duration::from_secs(59));
        let stalled = stats.report().stalled;
        assert!((900..30_000).contains(&stalled), "{stalled}");
    }
}
