//! Guessing is limited: failed logins are counted by account and place.
//!
//! An attempt takes room in buckets *before* its password is hashed, and gives it back unless the
//! password was wrong. So as many guesses at once as anybody likes are counted exactly. An attempt
//! for which there is no room waits for the outcome of those that are under way, and is refused
//! only if they fail: many right logins at once all succeed.

mod lines;
mod places;
mod refusals;
mod registration;
mod ticket;
mod volatile;

pub use places::Limits;
pub(super) use ticket::Ticket;

use crate::accounts::throttle::lines::{Lines, Waiting};
use crate::accounts::throttle::places::{Account, Place};
use crate::accounts::throttle::refusals::Refusals;
use crate::accounts::throttle::ticket::Taken;
use crate::accounts::throttle::volatile::VolatileBuckets;
use crate::domain::{Full, KnownPlace, RepositoryError, Reserved, Throttles, Try, UserId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// An attempt of another process may be under way for so long: it waits in the queue of those that
/// hash.
const UNDER_WAY_ELSEWHERE: Duration = Duration::from_secs(5);

/// Another process tells nobody how its attempts end, so whoever waits for them looks: soon, then
/// less and less often.
const FIRST_LOOK: Duration = Duration::from_millis(50);
const LAST_LOOK: Duration = Duration::from_secs(1);

/// Longest wait at the head of a line.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a login tries whether a database that took no writes does so again.
const NOT_WRITABLE: Duration = Duration::from_secs(10);

/// How often what has expired is removed.
const CLEAN_UP: Duration = Duration::from_mins(5);

/// Counts attempts and refuses those that are too many; share it in an [`Arc`].
pub struct Throttle {
    limits: Limits,
    /// Whether names that differ only in case are one account.
    folds: bool,
    store: Arc<dyn Throttles>,
    /// Counts while the database takes no writes.
    volatile: VolatileBuckets,
    refusals: Mutex<Refusals>,
    lines: Arc<Lines>,
    since: Mutex<Since>,
}

/// When something was last seen or done.
#[derive(Default)]
struct Since {
    not_writable: Option<Instant>,
    cleaned_up: Option<Instant>,
}

impl Throttle {
    /// Counts in `store`. `folds` says whether names that differ only in case are one account.
    #[must_use]
    pub fn new(limits: Limits, folds: bool, store: Arc<dyn Throttles>) -> Self {
        Self {
            limits,
            folds,
            store,
            volatile: VolatileBuckets::default(),
            refusals: Mutex::default(),
            lines: Arc::default(),
            since: Mutex::default(),
        }
    }

    /// An attempt that is not known to be refused.
    pub(super) fn attempt(&self, username: &str, place: &Place) -> Result<Attempt, ThrottleError> {
        let account = Account::named(username, self.folds);
        let name = format!("{} {}", account.key, place.to_remember());
        // First: this is what most guesses cost.
        if let Some(left) = self.known_refusal(&name, place) {
            return Err(refused(left));
        }
        let of = place.attempt(&self.limits, &account);
        Ok(Attempt { of, place: place.clone(), name })
    }

    /// Counts an attempt, or refuses it. Waits while those under way decide about it.
    pub(super) async fn admit(self: &Arc<Self>, attempt: Attempt) -> Result<Ticket, ThrottleError> {
        let attempt = Arc::new(attempt);
        let taken = match self.take(&attempt).await {
            Err(Refused::Full(full)) => self.wait(&attempt, full).await,
            taken => taken,
        };
        match taken {
            Ok(ticket) => {
                self.refusals().forget(&attempt.name);
                Ok(ticket)
            }
            Err(Refused::Full(full)) => {
                let left = full.retry_after;
                // A full network refuses every account: a name for each would fill the memory.
                if full.key != attempt.place.network() {
                    self.refusals().remember(attempt.name.clone(), left, Instant::now());
                }
                Err(refused(left))
            }
            Err(Refused::Unavailable(cause)) => {
                // It is not needed to say what was known a moment ago.
                let left = self.refusals().left(&attempt.name, Instant::now());
                Err(left.map_or(ThrottleError::Unavailable(cause), refused))
            }
        }
    }

    /// How long a refusal that is remembered holds. A known device does not ask its network.
    fn known_refusal(&self, name: &str, place: &Place) -> Option<Duration> {
        let (mut refusals, now) = (self.refusals(), Instant::now());
        let of_network = place.device.is_none().then(|| place.network());
        refusals.check(name, now).or_else(|| refusals.check(of_network?, now))
    }

    /// Forgets an account's failures.
    pub(super) async fn unlock(&self, username: &str) -> Result<(), RepositoryError> {
        self.store.empty(&Account::named(username, self.folds).key).await
    }

    /// A user's browser is known from now on. If that cannot be stored, its network still is.
    pub(super) async fn know(&self, user: UserId, device: &str) {
        let place = KnownPlace { user, place: device.to_owned() };
        if let Err(cause) = self.store.give_back(&[], Some(place)).await {
            log::debug!("a browser is not known for now: {cause}");
        }
    }

    /// Waits in line for room in a bucket that is full.
    async fn wait(
        self: &Arc<Self>,
        attempt: &Arc<Attempt>,
        mut full: Full,
    ) -> Result<Ticket, Refused> {
        loop {
            let Some(line) = self.lines.join(&full.key) else {
                return Err(Refused::Full(Full { retry_after: Duration::from_secs(1), ..full }));
            };
            let _turn = line.turn().await;
            if let Some(retry_after) = self.refusals().fresh(&full.key, Instant::now()) {
                return Err(Refused::Full(Full { retry_after, ..full }));
            }
            match self.at_the_head(attempt, &line).await {
                Err(Refused::Full(other)) if other.key != full.key => full = other,
                end => return end,
            }
        }
    }

    /// Looks for room until there is some, or until nobody is left who could give any back, or
    /// until another bucket is what is full.
    async fn at_the_head(
        self: &Arc<Self>,
        attempt: &Arc<Attempt>,
        line: &Waiting,
    ) -> Result<Ticket, Refused> {
        let (since, mut pause) = (Instant::now(), FIRST_LOOK);
        loop {
            let settled = line.settled();
            let was_under_way = line.is_under_way();
            let full = match self.take(attempt).await {
                Err(Refused::Full(full)) if full.key == line.key() => full,
                end => return end,
            };
            // Before, for whom has given back since; and now, for whom has taken it since.
            let is_here = was_under_way || line.is_under_way();
            let is_elsewhere = full.others_took.is_some_and(|ago| ago < UNDER_WAY_ELSEWHERE);
            if (!is_here && !is_elsewhere) || since.elapsed() > PATIENCE {
                let (key, left) = (full.key.clone(), full.retry_after);
                self.refusals().remember(key, left, Instant::now());
                return Err(Refused::Full(full));
            }
            tokio::select! {
                () = settled => pause = FIRST_LOOK,
                () = sleep(pause) => pause = LAST_LOOK.min(2 * pause),
            }
        }
    }

    /// Takes room, in a task of its own: if the client goes away meanwhile, it is given back.
    async fn take(self: &Arc<Self>, attempt: &Arc<Attempt>) -> Result<Ticket, Refused> {
        let (throttle, attempt) = (Arc::clone(self), Arc::clone(attempt));
        let taking = tokio::spawn(async move { throttle.reserve(&attempt).await });
        let taken = taking.await;
        taken.unwrap_or_else(|_| {
            Err(Refused::Unavailable(RepositoryError::Unavailable("this process ends".into())))
        })
    }

    async fn reserve(self: Arc<Self>, attempt: &Attempt) -> Result<Ticket, Refused> {
        let buckets = attempt.of.cases.iter().flat_map(|case| &case.buckets);
        let mut under_way = self.lines.set_out(buckets.map(|bucket| &bucket.key));
        let (reserved, is_volatile) = match self.count(&attempt.of).await {
            Ok(reserved) => reserved,
            Err(cause) => {
                under_way.withdraw();
                return Err(Refused::Unavailable(cause));
            }
        };
        match reserved {
            Reserved::Taken(reservation) => {
                under_way.only_in(|key| reservation.buckets.iter().any(|bucket| bucket.key == key));
                let place = attempt.place.to_remember().to_owned();
                let throttle = self;
                Ok(Ticket::new(Taken { throttle, reservation, place, is_volatile, under_way }))
            }
            Reserved::Full(full) => {
                under_way.withdraw();
                Err(Refused::Full(full))
            }
        }
    }

    /// Counts in the database, or in memory while that takes no writes.
    async fn count(self: &Arc<Self>, attempt: &Try) -> Result<(Reserved, bool), RepositoryError> {
        if self.is_writable() {
            let reserved = self.store.reserve(attempt).await?;
            self.since().not_writable = reserved.is_none().then(Instant::now);
            if let Some(reserved) = reserved {
                self.clean_up_now_and_then();
                return Ok((reserved, false));
            }
        }
        let unknown = attempt.cases.last().map_or(&[][..], |case| &case.buckets);
        Ok((self.volatile.reserve(unknown, Instant::now()), true))
    }

    /// Whether the database takes writes, as far as is known. Now and then one finds out, which may
    /// take some seconds; all others go on counting in memory.
    fn is_writable(&self) -> bool {
        let mut seen = self.since();
        match &mut seen.not_writable {
            Some(since) if since.elapsed() < NOT_WRITABLE => false,
            Some(since) => {
                *since = Instant::now();
                true
            }
            None => true,
        }
    }

    fn clean_up_now_and_then(self: &Arc<Self>) {
        let mut since = self.since();
        if since.cleaned_up.is_some_and(|before| before.elapsed() < CLEAN_UP) {
            return;
        }
        since.cleaned_up = Some(Instant::now());
        let throttle = Arc::clone(self);
        tokio::spawn(async move {
            if let Err(cause) = throttle.store.clean_up(throttle.limits.known_for).await {
                log::debug!("what has expired of the throttle stays: {cause}");
            }
        });
    }

    /// No code that could panic runs under the locks, so a poisoned one is still good.
    fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn since(&self) -> MutexGuard<'_, Since> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt at an account.
pub(super) struct Attempt {
    of: Try,
    place: Place,
    /// Account and place, as refusals are remembered.
    name: String,
}

/// Why no room was taken.
enum Refused {
    Full(Full),
    Unavailable(RepositoryError),
}

/// Why an attempt is not made.
#[derive(Debug)]
pub(super) enum ThrottleError {
    /// There is no room for it.
    Refused {
        /// When to try again, in seconds.
        retry_after_seconds: u64,
    },
    /// The database does not respond.
    Unavailable(RepositoryError),
}

fn refused(left: Duration) -> ThrottleError {
    let whole = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    ThrottleError::Refused { retry_after_seconds: whole.max(1) }
}

#[cfg(test)]
mod tests;
