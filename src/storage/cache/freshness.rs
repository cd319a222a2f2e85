//! Whether the database responds, and so what a cache may trust.

use crate::domain::{Actor, RepositoryError};
use crate::storage::cache::outage::{Cause, Outage, away};
use crate::storage::error::is_unanswered;
use quick_cache::DefaultHashBuilder;
use std::fmt::Display;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// How long cached users are trusted after the last check for changes.
pub(super) const TRUST: Duration = Duration::from_secs(1);

/// Longest check whether the database is back, while an operation waits for it.
const AT_ONCE: Duration = Duration::from_millis(250);

/// Number of change counters. Users that share one are forgotten together, which costs a read.
const PLACES: u64 = 1 << 16;

/// The period between two changes of a user, or of all users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Epoch(u32, u32);

/// What a cache may trust. The watcher of changes by others calls [`Freshness::confirm`] at least
/// once a second; when that stops, for whatever reason, the cache is no longer trusted.
pub(in crate::storage) struct Freshness {
    /// Counts how often all users were forgotten.
    everybody: AtomicU32,
    /// Counts changes of users, at positions given by the hashes of their names.
    users: Box<[AtomicU32]>,
    places: DefaultHashBuilder,
    /// Nanoseconds after `start`; 0: never.
    pub(super) confirmed: AtomicU64,
    checks: watch::Sender<Checks>,
    /// Asks the watcher to check at once.
    wish: Notify,
    /// What operations and the log know about an outage.
    pub(super) outage: Outage,
    start: Instant,
}

/// The results of the watcher's checks.
#[derive(Clone, Copy, Debug, Default)]
struct Checks {
    begun: u64,
    /// The latest check that has ended.
    ended: u64,
    /// Whether the last check failed and none has succeeded since.
    away: bool,
}

impl Default for Freshness {
    fn default() -> Self {
        Self {
            everybody: 0.into(),
            users: (0..PLACES).map(|_| 0.into()).collect(),
            places: DefaultHashBuilder::default(),
            confirmed: 0.into(),
            checks: watch::Sender::default(),
            wish: Notify::new(),
            outage: Outage::default(),
            start: Instant::now(),
        }
    }
}

impl Freshness {
    /// Any user may have changed: no cached entry counts any more.
    pub(in crate::storage) fn invalidate(&self) {
        self.everybody.fetch_add(1, SeqCst);
    }

    /// This user has changed: its cached entry no longer counts.
    pub(in crate::storage) fn forget(&self, username: &str) {
        self.changes_of(username).fetch_add(1, SeqCst);
    }

    /// Forgets an actor that was refused, and its key: others have changed them, which is not known
    /// here yet.
    pub(super) fn forget_refused<T>(
        &self,
        result: &Result<T, RepositoryError>,
        actor: Option<&Actor>,
    ) {
        if let (Err(RepositoryError::Denied(_)), Some(actor)) = (result, actor) {
            self.forget(actor.username.as_str());
            actor.key.iter().for_each(|key| self.forget(key.as_str()));
        }
    }

    /// The change counter of this user, and of the few that share it.
    fn changes_of(&self, username: &str) -> &AtomicU32 {
        let hash = self.places.hash_one(username);
        &self.users[usize::try_from(hash % PLACES).unwrap_or_default()]
    }

    /// What is read from now on is cached for this epoch. It ends with the next change of the user,
    /// so a slow reader cannot restore a stale entry.
    pub(super) fn epoch(&self, username: &str) -> Epoch {
        Epoch(self.everybody.load(SeqCst), self.changes_of(username).load(SeqCst))
    }

    /// Starts a check of the watcher; returns its number.
    pub(in crate::storage) fn begin_check(&self) -> u64 {
        let mut number = 0;
        self.checks.send_modify(|checks| {
            checks.begun += 1;
            number = checks.begun;
        });
        number
    }

    /// Every change up to `asked` is known.
    pub(in crate::storage) fn confirm(&self, asked: Instant) {
        self.confirmed.store(nanoseconds(asked.duration_since(self.start)).max(1), SeqCst);
        self.outage.end();
        self.checks.send_modify(|checks| {
            checks.away = false;
            checks.ended = checks.begun;
        });
    }

    /// The watcher's check failed. Changes from now on are missed, so it must invalidate before it
    /// confirms again.
    pub(in crate::storage) fn lose(&self, check: u64, cause: &dyn Display) {
        self.outage.begin(cause);
        self.checks.send_modify(|checks| {
            checks.away = true;
            checks.ended = checks.ended.max(check);
        });
    }

    /// Another operation got a response, so operations are tried again.
    #[cfg(feature = "postgres")]
    pub(in crate::storage) fn doubt(&self) {
        self.outage.doubt();
    }

    /// Completes when an operation wants to know whether the database is back.
    #[cfg(feature = "postgres")]
    pub(in crate::storage) async fn wish(&self) {
        self.wish.notified().await;
    }

    /// Whether the database responds now: by the last check, if it succeeded a moment ago, else by
    /// one that starts now and ends in time.
    pub(super) async fn answers(&self, patience: Duration) -> bool {
        if !self.is_away() && self.was_confirmed_within(TRUST, self.now()) {
            return true;
        }
        let mut checks = self.checks.subscribe();
        let begun = checks.borrow().begun;
        self.wish.notify_one();
        let ended = checks.wait_for(|checks| {
            let answers = !checks.away && self.was_confirmed_within(TRUST, self.now());
            answers || checks.ended > begun
        });
        matches!(timeout(patience, ended).await, Ok(Ok(checks)) if !checks.away)
    }

    /// Runs a database operation, unless the database is known to be unreachable: then it fails
    /// without a wait. The first operation after its return is served, because it starts a new
    /// check.
    pub(in crate::storage) async fn ask<T>(
        &self,
        operation: impl Future<Output = Result<T, RepositoryError>> + Send,
    ) -> Result<T, RepositoryError> {
        if self.outage.is_known() && !self.answers(AT_ONCE).await && self.outage.is_known() {
            self.outage.count();
            return Err(away(None));
        }
        let (began, was_away) = (self.now(), self.is_away());
        match operation.await {
            Err(RepositoryError::Unavailable(cause)) => Err(self.failed(cause, began, was_away)),
            other => {
                self.outage.doubt();
                other
            }
        }
    }

    /// The error of an operation that began then: part of an outage, or one of its own if the
    /// watcher has had a response meanwhile.
    fn failed(&self, cause: Cause, began: u64, was_away: bool) -> RepositoryError {
        let (is_away, unanswered) = (self.is_away(), is_unanswered(&*cause));
        if is_away || (unanswered && !was_away && self.confirmed.load(SeqCst) <= began) {
            self.outage.begin(&cause);
            self.outage.count();
            if unanswered {
                self.outage.know();
            }
        } else if !was_away {
            return RepositoryError::Unavailable(cause);
        }
        away(Some(cause))
    }

    pub(super) fn is_away(&self) -> bool {
        self.checks.borrow().away
    }

    /// Whether every change that is a second old is known.
    pub(in crate::storage) fn is_fresh(&self) -> bool {
        self.was_confirmed_within(TRUST, self.now())
    }

    /// Nanoseconds after `start`.
    pub(super) fn now(&self) -> u64 {
        nanoseconds(self.start.elapsed())
    }

    /// Whether the last successful check was at most this long before `now`.
    fn was_confirmed_within(&self, period: Duration, now: u64) -> bool {
        let confirmed = self.confirmed.load(SeqCst);
        confirmed != 0 && now < confirmed.saturating_add(nanoseconds(period))
    }

    /// How far a user's entry may be trusted, with its epoch. The trust is read first: a watcher
    /// invalidates before it confirms, so new trust never meets an old epoch.
    pub(super) fn validity(
        &self,
        username: &str,
        stale_max: Duration,
        now: u64,
    ) -> (Validity, Epoch) {
        let validity = if self.was_confirmed_within(TRUST, now) {
            Validity::Fresh
        } else if self.was_confirmed_within(stale_max, now) && self.is_away() {
            Validity::Stale
        } else {
            Validity::Unknown
        };
        (validity, self.epoch(username))
    }

    /// Whether the last check succeeded; `None` before the first.
    pub(super) fn was_answered(&self) -> Option<bool> {
        let away = self.is_away();
        (away || self.confirmed.load(SeqCst) != 0).then_some(!away)
    }

    /// Whether an entry read in `epoch` is the best available now that the database did not
    /// respond.
    pub(super) fn may_stand_in(&self, username: &str, epoch: Epoch, stale_max: Duration) -> bool {
        self.was_confirmed_within(stale_max, self.now()) && self.epoch(username) == epoch
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How far an entry of the current epoch may be trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Validity {
    /// The database would say the same.
    Fresh,
    /// The database is unreachable, but responded a short time ago.
    Stale,
    /// Ask the database.
    Unknown,
}

impl Validity {
    /// Whether an entry that was read then may be served without asking the database.
    pub(super) fn allows(self, read: u64, max_age: Duration, now: u64) -> bool {
        match self {
            Self::Fresh => now.saturating_sub(read) < nanoseconds(max_age),
            Self::Stale => true,
            Self::Unknown => false,
        }
    }
}
