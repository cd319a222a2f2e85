//! Notes the day of each user's last login, once a day and user; no login waits for it.

use crate::accounts::days::Days;
use crate::domain::{Day, LastLogins, UserId};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Users that are remembered as noted, at most; beyond that some are noted twice a day.
const MOST: usize = 100_000;

/// What is stored, for the log.
const WHAT: &str = "the days of last logins";

/// Users who have logged in, to be noted.
pub(super) struct LastLoginNotes {
    store: Arc<dyn LastLogins>,
    days: Days<UserId>,
    noted: Mutex<Noted>,
}

/// The users noted on a day.
#[derive(Default)]
struct Noted {
    day: Option<Day>,
    users: HashSet<UserId>,
}

impl Noted {
    /// Whether this is the user's first login of the day, as far as is remembered.
    fn add(&mut self, user: UserId, day: Day) -> bool {
        if self.day != Some(day) || self.users.len() >= MOST {
            self.day = Some(day);
            self.users.clear();
        }
        self.users.insert(user)
    }
}

impl LastLoginNotes {
    pub(super) fn new(store: Arc<dyn LastLogins>) -> Self {
        Self { store, days: Days::default(), noted: Mutex::default() }
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a login to be noted; it neither waits nor fails.
    pub(super) fn take(&self, user: UserId, day: Day) {
        let mut noted = self.noted();
        if noted.add(user, day) && !self.days.take(user, day) {
            // Too many wait: the next login is noted.
            noted.users.remove(&user);
        }
    }

    /// Writes what arrives, as long as it is polled.
    pub(super) async fn run(&self) {
        self.days.run(WHAT, async |days| self.store.note(&days).await).await;
    }

    /// Writes the last ones, if the database takes them in time.
    pub(super) async fn end(&self) {
        self.days.end(WHAT, async |days| self.store.note(&days).await).await;
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
        noted.users.extend((0..100_000).map(UserId));
        assert!(noted.add(one, Day(8)) && noted.users.len() == 1, "memory is bounded");
    }
}
