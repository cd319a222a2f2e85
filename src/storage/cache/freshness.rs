//! Whether the database answers, and so what a cache may believe.

use std::fmt::Display;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// For how long cached users are believed after the database was last asked for changes.
const TRUST: Duration = Duration::from_secs(1);

/// What a cache may believe. Whoever watches the database for changes by others calls
/// [`Freshness::confirm`] at least once a second; when that stops, for whatever reason, the cache
/// is not trusted any more.
#[derive(Debug)]
pub(in crate::storage) struct Freshness {
    /// Counts changes. An entry counts only in the epoch in which its reading began, so a slow
    /// reader cannot put back what a change has made stale.
    epoch: AtomicU64,
    /// Nanoseconds after `start`; 0: never.
    pub(super) confirmed: AtomicU64,
    looks: watch::Sender<Looks>,
    /// Asks the watcher to look at once.
    wish: Notify,
    start: Instant,
}

/// What the watcher's looks at the database have found.
#[derive(Clone, Copy, Debug, Default)]
struct Looks {
    begun: u64,
    /// The last one of all that have ended.
    ended: u64,
    /// Whether there has been no answer since the last time that there was none.
    away: bool,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            epoch: 0.into(),
            confirmed: 0.into(),
            looks: watch::Sender::default(),
            wish: Notify::new(),
            start: Instant::now(),
        }
    }
}

impl Freshness {
    /// Something has changed: nothing that is cached counts any more.
    pub(in crate::storage) fn invalidate(&self) {
        self.epoch.fetch_add(1, SeqCst);
    }

    /// The watcher begins to look; the number of this look.
    pub(in crate::storage) fn begin_look(&self) -> u64 {
        let mut number = 0;
        self.looks.send_modify(|looks| {
            looks.begun += 1;
            number = looks.begun;
        });
        number
    }

    /// Every change up to `asked` is known.
    pub(in crate::storage) fn confirm(&self, asked: Instant) {
        self.confirmed.store(nanoseconds(asked.duration_since(self.start)).max(1), SeqCst);
        let mut was_away = false;
        self.looks.send_modify(|looks| {
            was_away = std::mem::take(&mut looks.away);
            looks.ended = looks.begun;
        });
        if was_away {
            log::info!(target: "bailiwick.error", "database: answers again");
        }
    }

    /// The watcher had no answer to this look. Whatever changes now is not heard of, so it must
    /// invalidate before it confirms again.
    pub(in crate::storage) fn lose(&self, look: u64, cause: &dyn Display) {
        let mut was_away = false;
        self.looks.send_modify(|looks| {
            was_away = std::mem::replace(&mut looks.away, true);
            looks.ended = looks.ended.max(look);
        });
        if !was_away {
            log::error!(target: "bailiwick.error", "database: does not answer: {cause}");
        }
    }

    /// Ends when somebody wants to know whether the database is back.
    #[cfg(feature = "postgres")]
    pub(in crate::storage) async fn wish(&self) {
        self.wish.notified().await;
    }

    /// Whether the database answers now: by the last look, if it had an answer a moment ago, else
    /// by one that begins now and ends in time.
    pub(super) async fn answers(&self, patience: Duration) -> bool {
        if !self.is_away() && self.was_confirmed_within(TRUST, self.now()) {
            return true;
        }
        let mut looks = self.looks.subscribe();
        let begun = looks.borrow().begun;
        self.wish.notify_one();
        let ended = looks.wait_for(|looks| {
            let answers = !looks.away && self.was_confirmed_within(TRUST, self.now());
            answers || looks.ended > begun
        });
        matches!(timeout(patience, ended).await, Ok(Ok(looks)) if !looks.away)
    }

    fn is_away(&self) -> bool {
        self.looks.borrow().away
    }

    /// Nanoseconds after `start`.
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    /// Whether the last look is at most so long before `now`.
    fn was_confirmed_within(&self, period: Duration, now: u64) -> bool {
        let confirmed = self.confirmed.load(SeqCst);
        confirmed != 0 && now < confirmed.saturating_add(nanoseconds(period))
    }

    /// What may be believed, with the epoch of it. The trust is read first: a watcher invalidates
    /// before it confirms, so new trust is never joined with an old epoch.
    pub(super) fn belief(&self, stale_max: Duration, now: u64) -> (Belief, u64) {
        let belief = if self.was_confirmed_within(TRUST, now) {
            Belief::Fresh
        } else if self.was_confirmed_within(stale_max, now) && self.is_away() {
            Belief::Stale
        } else {
            Belief::None
        };
        (belief, self.epoch.load(SeqCst))
    }

    /// Whether the last look was answered; nothing before the first.
    pub(super) fn was_answered(&self) -> Option<bool> {
        let away = self.is_away();
        (away || self.confirmed.load(SeqCst) != 0).then_some(!away)
    }

    /// Whether what was read in `epoch` is the best there is, now that the database gave no answer.
    pub(super) fn may_stand_in(&self, epoch: u64, stale_max: Duration) -> bool {
        self.was_confirmed_within(stale_max, self.now()) && self.epoch.load(SeqCst) == epoch
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What an entry of the present epoch is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Belief {
    /// The database would say the same.
    Fresh,
    /// The database is away, and was there a short time ago.
    Stale,
    /// Ask the database.
    None,
}
