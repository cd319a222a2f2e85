//! Notes the day of each user's last login, once a day and user; no login waits for it.

use crate::domain::{Day, LastLogins, RepositoryError, UserId};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// Users that are remembered as noted, at most; beyond that some are noted twice a day.
const MOST: usize = 100_000;

/// Users that wait to be noted, at most; others are noted at their next login.
const MOST_WAITING: usize = 10_000;

/// Users noted by one statement.
const BATCH: usize = 500;

/// How long logins gather, and the pause after a failed write.
const GATHER: Duration = Duration::from_secs(1);

/// How long the end of a process waits for the last ones to be noted.
const LAST: Duration = Duration::from_secs(1);

/// Users who have logged in, to be noted.
pub(super) struct LastLoginNotes {
    store: Arc<dyn LastLogins>,
    noted: Mutex<Noted>,
    arrived: Notify,
}

#[derive(Default)]
struct Noted {
    day: Option<Day>,
    /// Those of this day.
    users: HashSet<UserId>,
    waiting: HashMap<UserId, Day>,
}

impl Noted {
    /// Adds a login; whether there is something new to write.
    fn add(&mut self, user: UserId, day: Day) -> bool {
        if self.day != Some(day) || self.users.len() >= MOST {
            self.day = Some(day);
            self.users.clear();
        }
        if self.waiting.len() >= MOST_WAITING || !self.users.insert(user) {
            return false;
        }
        self.waiting.insert(user, day);
        true
    }
}

impl LastLoginNotes {
    pub(super) fn new(store: Arc<dyn LastLogins>) -> Self {
        Self { store, noted: Mutex::default(), arrived: Notify::new() }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a login to be noted; it neither waits nor fails.
    pub(super) fn take(&self, user: UserId, day: Day) {
        if self.noted().add(user, day) {
            self.arrived.notify_one();
        }
    }

    async fn write(&self) -> Result<(), RepositoryError> {
        loop {
            let waiting = self.noted().waiting.clone();
            let batch: Vec<_> = waiting.into_iter().take(BATCH).collect();
            if batch.is_empty() {
                return Ok(());
            }
            self.store.note(&batch).await?;
            let mut noted = self.noted();
            for (user, day) in batch {
                // A later day may have arrived meanwhile.
                if noted.waiting.get(&user) == Some(&day) {
                    noted.waiting.remove(&user);
                }
            }
        }
    }

    /// Writes what arrives, as long as it is polled.
    pub(super) async fn run(&self) {
        loop {
            self.arrived.notified().await;
            sleep(GATHER).await;
            let mut is_failing = false;
            while let Err(cause) = self.write().await {
                if !is_failing {
                    log::warn!(
                        target: "bailiwick.error",
                        "the days of last logins cannot be written yet: {cause}"
                    );
                }
                is_failing = true;
                sleep(GATHER).await;
            }
        }
    }

    /// Writes the last ones, if the database takes them in time.
    pub(super) async fn end(&self) {
        if !matches!(timeout(LAST, self.write()).await, Ok(Ok(()))) {
            log::debug!("the days of some last logins are not noted");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_noted_once_a_day() {
        let mut noted = Noted::default();
        let [one, other] = [UserId(1), UserId(2)];
        assert!(noted.add(one, Day(7)) && noted.add(other, Day(7)));
        assert!(!noted.add(one, Day(7)) && !noted.add(other, Day(7)));
        assert!(noted.add(one, Day(8)) && !noted.add(one, Day(8)));
        assert_eq!(noted.waiting, [(one, Day(8)), (other, Day(7))].into());
        noted.users.extend((0..100_000).map(UserId));
        assert!(noted.add(one, Day(8)) && noted.users.len() == 1, "memory is bounded");
        let more = (10..20_000).filter(|user| noted.add(UserId(*user), Day(8))).count();
        assert_eq!((more, noted.waiting.len()), (9_998, 10_000));
        noted.waiting.clear();
        assert!(noted.add(UserId(19_999), Day(8)), "noted at the next login");
    }
}
