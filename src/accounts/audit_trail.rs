//! Keeps the audit log's events in the database, too: nobody who causes one waits for it.

use crate::domain::{
    AuditEntry, AuditEvent, AuditEvents, AuditFields, AuditKey, Clock, RepositoryError,
};
use crate::logging::RequestId;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

/// The most events that wait to be written, and the most memory that they take.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// Events written by one statement.
const BATCH: usize = 500;

/// How long events gather before they are written.
const GATHER: Duration = Duration::from_millis(100);

/// Pause after a failed write.
const RETRY: Duration = Duration::from_secs(1);

/// Pause between two lines about lost events.
const QUIET: Duration = Duration::from_secs(10);

/// Pause between two rounds of deletions, and between two deletions.
const ROUND: Duration = Duration::from_hours(1);
const BREATH: Duration = Duration::from_millis(100);

/// How long the end of a process waits for the last events to be written.
const LAST: Duration = Duration::from_secs(2);

const DAY: i64 = 24 * 60 * 60 * 1_000_000;

/// The events that wait to be written, and where to.
pub struct AuditTrail {
    events: Arc<dyn AuditEvents>,
    clock: Arc<dyn Clock>,
    retain_days: u32,
    waiting: Mutex<Waiting>,
    arrived: Notify,
    lost: AtomicU64,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<AuditEvent>,
    bytes: usize,
    /// The key of the last one.
    last: AuditKey,
}

impl Waiting {
    /// A key after the last one, even if the clock stands still or has been set back a little. After a
    /// larger step the process takes another number: its time repeats itself.
    fn next_key(&mut self, now: i64) -> AuditKey {
        let AuditKey { at, process } = self.last;
        let is_back = now.saturating_add(1_000_000) < at;
        self.last = if process == 0 || is_back {
            AuditKey { at: now, process: rand::random_range(1..1 << 53) }
        } else {
            AuditKey { at: now.max(at + 1), process }
        };
        self.last
    }

    fn add(&mut self, fields: AuditFields, now: i64) -> bool {
        let size = fields.size();
        if self.events.len() >= MOST || self.bytes + size > MOST_BYTES {
            return false;
        }
        self.bytes += size;
        let key = self.next_key(now);
        self.events.push_back(AuditEvent { key, fields });
        true
    }
}

impl AuditTrail {
    /// Keeps events for so many days.
    #[must_use]
    pub fn new(events: Arc<dyn AuditEvents>, clock: Arc<dyn Clock>, retain_days: u32) -> Self {
        let (waiting, arrived, lost) = (Mutex::default(), Notify::new(), AtomicU64::new(0));
        Self { events, clock, retain_days, waiting, arrived, lost }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an entry to be kept; it neither waits nor fails.
    pub(super) fn take(&self, entry: &AuditEntry) {
        let request_id = RequestId::current();
        self.take_fields(AuditFields::of(entry, request_id.as_ref().map(RequestId::as_str)));
    }

    pub(super) fn take_fields(&self, fields: AuditFields) {
        if self.waiting().add(fields, self.clock.microseconds()) {
            self.arrived.notify_one();
        } else {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    /// How many events wait, and how many were lost because no more could wait.
    pub(super) fn counts(&self) -> (usize, u64) {
        (self.waiting().events.len(), self.lost.load(Relaxed))
    }

    /// Writes all that wait, oldest first. Only one may do so at a time.
    pub(super) async fn write(&self) -> Result<(), RepositoryError> {
        loop {
            let batch: Vec<_> = self.waiting().events.iter().take(BATCH).cloned().collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.events.keep(&batch).await?;
            let mut waiting = self.waiting();
            for _ in &batch {
                let written = waiting.events.pop_front();
                waiting.bytes -= written.map_or(0, |event| event.fields.size());
            }
        }
    }

    /// Writes what arrives, and deletes what is too old, as long as it is polled.
    pub(super) async fn run(&self) {
        tokio::join!(self.write_all(), self.forget_all());
    }

    async fn write_all(&self) {
        let mut teller = Teller::default();
        loop {
            self.arrived.notified().await;
            sleep(GATHER).await;
            let mut is_failing = false;
            while let Err(cause) = self.write().await {
                if !is_failing {
                    log::warn!(
                        target: "bailiwick.error",
                        "audit.retain_days: the database takes no events; up to {MOST} wait: {cause}"
                    );
                }
                is_failing = true;
                teller.tell(self.lost.load(Relaxed));
                sleep(RETRY).await;
            }
            if is_failing {
                log::info!(target: "bailiwick.error", "audit.retain_days: the database takes events again");
            }
            teller.tell(self.lost.load(Relaxed));
        }
    }

    async fn forget_all(&self) {
        loop {
            let before = self.clock.microseconds() - i64::from(self.retain_days) * DAY;
            loop {
                match self.events.forget(before).await {
                    Ok(true) => sleep(BREATH).await,
                    Ok(false) => break,
                    Err(cause) => {
                        log::debug!("old audit events stay for now: {cause}");
                        break;
                    }
                }
            }
            sleep(ROUND).await;
        }
    }

    /// Writes the last ones; what the database does not take in time is lost.
    pub(super) async fn end(&self) {
        let written = timeout(LAST, self.write()).await;
        let cause = match written {
            Ok(Ok(())) => return,
            Ok(Err(cause)) => cause.to_string(),
            Err(_) => "it does not answer in time".to_owned(),
        };
        let count = self.waiting().events.len();
        self.lost.fetch_add(count as u64, Relaxed);
        log::error!(
            target: "bailiwick.error",
            "audit.retain_days: the last {count} events are not in the database, only in the log: {cause}"
        );
    }
}

/// Logs lost events, now and then.
#[derive(Default)]
struct Teller {
    told: u64,
    last: Option<Instant>,
}

impl Teller {
    fn tell(&mut self, lost: u64) {
        let is_quiet = self.last.is_some_and(|last| last.elapsed() < QUIET);
        if lost == self.told || is_quiet {
            return;
        }
        log::error!(
            target: "bailiwick.error",
            "audit.retain_days: {} events are not in the database, only in the log: more than {MOST} waited",
            lost - self.told,
        );
        *self = Self { told: lost, last: Some(Instant::now()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{AuditAction, AuditQuery, SystemClock};
    use async_trait::async_trait;
    use std::sync::atomic::AtomicBool;

    /// In memory; takes nothing while it is away.
    #[derive(Default)]
    struct Kept {
        events: Mutex<Vec<AuditEvent>>,
        is_away: AtomicBool,
    }

    #[async_trait]
    impl AuditEvents for Kept {
        async fn keep(&self, events: &[AuditEvent]) -> Result<(), RepositoryError> {
            if self.is_away.load(Relaxed) {
                return Err(RepositoryError::Unavailable("away".into()));
            }
            self.events.lock().unwrap().extend_from_slice(events);
            Ok(())
        }

        async fn page(&self, _: &AuditQuery) -> Result<Vec<AuditEvent>, RepositoryError> {
            Ok(self.events.lock().unwrap().clone())
        }

        async fn forget(&self, _: i64) -> Result<bool, RepositoryError> {
            Ok(false)
        }
    }

    fn login(who: &str) -> AuditEntry {
        AuditEntry::of(AuditAction::Login).who(who)
    }

    fn trail() -> (Arc<Kept>, AuditTrail) {
        let kept = Arc::new(Kept::default());
        (Arc::clone(&kept), AuditTrail::new(kept, Arc::new(SystemClock), 1))
    }

    #[tokio::test]
    async fn more_than_a_batch_is_written_in_order() {
        let (kept, trail) = trail();
        for who in 0..1_234 {
            trail.take(&login(&who.to_string()));
        }
        trail.write().await.unwrap();
        let events = kept.events.lock().unwrap();
        assert!(events.iter().map(|event| event.key).is_sorted());
        let who: Vec<_> = events.iter().filter_map(|event| event.fields.get("who")).collect();
        assert_eq!(who, (0..1_234).map(|who| who.to_string()).collect::<Vec<_>>());
        assert_eq!(trail.counts(), (0, 0));
        assert_eq!(trail.waiting().bytes, 0);
    }

    #[tokio::test]
    async fn what_cannot_wait_is_counted_and_the_rest_is_written_later() {
        let (kept, trail) = trail();
        kept.is_away.store(true, Relaxed);
        for _ in 0..MOST + 7 {
            trail.take(&login("johndoe"));
        }
        assert!(trail.write().await.is_err());
        assert_eq!(trail.counts(), (MOST, 7));
        kept.is_away.store(false, Relaxed);
        trail.end().await;
        assert_eq!(trail.counts(), (0, 7));
        assert_eq!(kept.events.lock().unwrap().len(), MOST);
        kept.is_away.store(true, Relaxed);
        trail.take(&login("johndoe"));
        trail.end().await;
        assert_eq!(trail.counts().1, 8);
    }

    #[test]
    fn large_events_wait_in_smaller_numbers() {
        let (_, trail) = trail();
        let large = login("johndoe").detail("scopes", "x".repeat(5_000));
        (0..MOST).for_each(|_| trail.take(&large));
        let (waiting, lost) = trail.counts();
        assert!((1_000..2_100).contains(&waiting), "{waiting}");
        assert_eq!(lost, (MOST - waiting) as u64);
    }

    #[test]
    fn no_two_events_of_a_process_have_one_key() {
        let mut waiting = Waiting::default();
        let times = [5, 5, 4, 2_000_000, 1_999_999, 7, 7, 8, 2_000_000];
        let keys: Vec<_> = times.iter().map(|now| waiting.next_key(*now)).collect();
        assert_eq!([keys[0].at, keys[1].at, keys[2].at], [5, 6, 7]);
        assert_eq!((keys[3].at, keys[4].at, keys[5].at), (2_000_000, 2_000_001, 7));
        assert_eq!(keys[0].process, keys[4].process);
        assert_ne!(keys[4].process, keys[5].process, "its time repeats itself");
    }
}
