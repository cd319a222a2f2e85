//! Whether the database answers, and so what a cache may believe.

use crate::domain::RepositoryError;
use crate::storage::cache::outage::{Cause, Outage, away};
use crate::storage::error::is_unanswered;
use quick_cache::DefaultHashBuilder;
use std::fmt::Display;
use std::hash::BuildHasher as _;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// For how long cached users are believed after the database was last asked for changes.
pub(super) const TRUST: Duration = Duration::from_secs(1);

/// For a look that tells whether the database is back, while somebody waits for an answer at once.
const AT_ONCE: Duration = Duration::from_millis(250);

/// Counts of changes. Two users who share one are forgotten together, which costs one of them a read.
const PLACES: u64 = 1 << 16;

/// The time between two changes of a user, or of everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Epoch(u32, u32);

/// What a cache may believe. Whoever watches the database for changes by others calls
/// [`Freshness::confirm`] at least once a second; when that stops, for whatever reason, the cache
/// is not trusted any more.
pub(in crate::storage) struct Freshness {
    /// Counts the times that everybody was forgotten.
    everybody: AtomicU32,
    /// Counts changes of users, in the places that the hashes of their names give them.
    users: Box<[AtomicU32]>,
    places: DefaultHashBuilder,
    /// Nanoseconds after `start`; 0: never.
    pub(super) confirmed: AtomicU64,
    looks: watch::Sender<Looks>,
    /// Asks the watcher to look at once.
    wish: Notify,
    /// What operations and the log know of it.
    pub(super) outage: Outage,
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
            everybody: 0.into(),
            users: (0..PLACES).map(|_| 0.into()).collect(),
            places: DefaultHashBuilder::default(),
            confirmed: 0.into(),
            looks: watch::Sender::default(),
            wish: Notify::new(),
            outage: Outage::default(),
            start: Instant::now(),
        }
    }
}

impl Freshness {
    /// Anybody may have changed: nothing that is cached counts any more.
    pub(in crate::storage) fn invalidate(&self) {
        self.everybody.fetch_add(1, SeqCst);
    }

    /// This user has changed: what is cached of it does not count any more.
    pub(in crate::storage) fn forget(&self, username: &str) {
        self.changes_of(username).fetch_add(1, SeqCst);
    }

    /// The count of changes of this user, and of the few that share its place.
    fn changes_of(&self, username: &str) -> &AtomicU32 {
        let hash = self.places.hash_one(username);
        &self.users[usize::try_from(hash % PLACES).unwrap_or_default()]
    }

    /// What is read from now on is cached for this epoch. It ends with the next change of the user,
    /// so a slow reader cannot put back what the change has made stale.
    pub(super) fn epoch(&self, username: &str) -> Epoch {
        Epoch(self.everybody.load(SeqCst), self.changes_of(username).load(SeqCst))
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
        self.outage.end();
        self.looks.send_modify(|looks| {
            looks.away = false;
            looks.ended = looks.begun;
        });
    }

    /// The watcher had no answer to this look. Whatever changes now is not heard of, so it must
    /// invalidate before it confirms again.
    pub(in crate::storage) fn lose(&self, look: u64, cause: &dyn Display) {
        self.outage.begin(cause);
        self.looks.send_modify(|looks| {
            looks.away = true;
            looks.ended = looks.ended.max(look);
        });
    }

    /// Somebody other than the watcher has an answer, so operations are tried.
    #[cfg(feature = "postgres")]
    pub(in crate::storage) fn doubt(&self) {
        self.outage.doubt();
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

    /// Does something with the database, unless that is known to be away: nobody waits for what will
    /// not come. Whoever asks first after its return is served, as a look that begins now tells.
    pub(super) async fn ask<T>(
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

    /// The error of an operation that began then: part of an outage, or a trouble of its own, as
    /// when the watcher has had an answer meanwhile.
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

    /// What may be believed of a user, with the epoch of it. The trust is read first: a watcher
    /// invalidates before it confirms, so new trust is never joined with an old epoch.
    pub(super) fn belief(&self, username: &str, stale_max: Duration, now: u64) -> (Belief, Epoch) {
        let belief = if self.was_confirmed_within(TRUST, now) {
            Belief::Fresh
        } else if self.was_confirmed_within(stale_max, now) && self.is_away() {
            Belief::Stale
        } else {
            Belief::None
        };
        (belief, self.epoch(username))
    }

    /// Whether the last look was answered; nothing before the first.
    pub(super) fn was_answered(&self) -> Option<bool> {
        let away = self.is_away();
        (away || self.confirmed.load(SeqCst) != 0).then_some(!away)
    }

    /// Whether what was read of a user in `epoch` is the best there is, now that the database gave no
    /// answer.
    pub(super) fn may_stand_in(&self, username: &str, epoch: Epoch, stale_max: Duration) -> bool {
        self.was_confirmed_within(stale_max, self.now()) && self.epoch(username) == epoch
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
