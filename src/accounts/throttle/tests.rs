//! The rules, against buckets in memory.

use super::*;
use crate::accounts::memory::{MemoryUsers, accounts, hashed, passwords};
use crate::accounts::{Accounts, AuthenticateError};
use crate::domain::{Bucket, KnownPlace, Limit, Origin, Reservation, Secret, UserId};
use async_trait::async_trait;
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

const HOUR: Duration = Duration::from_hours(1);

/// Stands for the database.
#[derive(Default)]
struct MemoryStore {
    buckets: VolatileBuckets,
    known: Mutex<HashSet<String>>,
    asked: AtomicUsize,
    is_away: AtomicBool,
    is_read_only: AtomicBool,
    /// Whether another process has tries under way.
    others_are_busy: AtomicBool,
}

#[async_trait]
impl Throttles for MemoryStore {
    async fn reserve(&self, attempt: &Try) -> Result<Option<Reserved>, RepositoryError> {
        self.asked.fetch_add(1, SeqCst);
        if self.is_away.load(SeqCst) {
            return Err(RepositoryError::Unavailable("no answer".into()));
        }
        if self.is_read_only.load(SeqCst) {
            return Ok(None);
        }
        let known = self.known.lock().unwrap().clone();
        let case =
            attempt.cases.iter().find(|it| it.place.as_ref().is_none_or(|at| known.contains(at)));
        let reserved = match self.buckets.reserve(&case.unwrap().buckets, Instant::now()) {
            Reserved::Full(full) => {
                let ago = self.others_are_busy.load(SeqCst).then_some(Duration::ZERO);
                Reserved::Full(Full { others_took: ago, ..full })
            }
            Reserved::Taken(Reservation { buckets, .. }) => {
                Reserved::Taken(Reservation { buckets, fresh_places: known.into_iter().collect() })
            }
        };
        Ok(Some(reserved))
    }

    async fn give_back(
        &self,
        buckets: &[Bucket],
        login: Option<KnownPlace>,
    ) -> Result<(), RepositoryError> {
        self.buckets.give_back(buckets);
        self.known.lock().unwrap().extend(login.map(|login| login.place));
        Ok(())
    }

    async fn empty(&self, account: &str) -> Result<(), RepositoryError> {
        self.buckets.empty(account);
        Ok(())
    }

    async fn clean_up(&self, _: Duration) -> Result<(), RepositoryError> {
        Ok(())
    }
}

fn limits() -> Limits {
    let limit = |burst, minutes: u64| Limit { burst, every: Duration::from_mins(minutes) };
    Limits {
        known_device: limit(20, 1),
        known_network: limit(20, 1),
        unknown_network: limit(5, 5),
        all_unknown: limit(10, 10),
        all_accounts: limit(50, 1),
        registrations: limit(10, 5),
        known_for: HOUR,
    }
}

fn throttle() -> (Arc<Throttle>, Arc<MemoryStore>) {
    let store = Arc::<MemoryStore>::default();
    (Arc::new(Throttle::new(limits(), false, store.clone())), store)
}

fn at(address: &str) -> Place {
    Origin::from(address.parse::<IpAddr>().unwrap()).into()
}

/// Counts an attempt, or refuses it.
async fn admit(
    throttle: &Arc<Throttle>,
    name: &str,
    address: &str,
) -> Result<Ticket, ThrottleError> {
    let attempt = throttle.attempt(name, &at(address))?;
    throttle.admit(attempt).await
}

/// A wrong password; whether it was verified.
async fn guess(throttle: &Arc<Throttle>, name: &str, address: &str) -> bool {
    match admit(throttle, name, address).await {
        Ok(ticket) => ticket.failed(true),
        Err(ThrottleError::Refused { .. }) => return false,
        Err(other) => panic!("{other:?}"),
    }
    true
}

async fn guesses(throttle: &Arc<Throttle>, count: usize, name: &str, address: &str) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        passed += usize::from(guess(throttle, name, address).await);
    }
    passed
}

/// A right password, which takes its time.
async fn log_in(throttle: &Arc<Throttle>, address: &str) -> bool {
    let Ok(ticket) = admit(throttle, "jane", address).await else { return false };
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    ticket.succeeded(UserId(1)).await;
    true
}

#[tokio::test]
async fn failures_are_counted_by_account_and_place() {
    let (throttle, _) = throttle();
    assert_eq!(guesses(&throttle, 9, "jane", "192.0.2.1").await, 5, "an unknown network");
    assert_eq!(guesses(&throttle, 9, "jane", "192.0.2.2").await, 0, "the same network");
    assert_eq!(guesses(&throttle, 9, "jane", "198.51.100.1").await, 5, "another one");
    assert_eq!(guesses(&throttle, 9, "jane", "203.0.113.1").await, 0, "ten from all the unknown");
    assert_eq!(guesses(&throttle, 9, "john", "203.0.113.1").await, 5, "another account");
}

#[tokio::test]
async fn a_known_network_has_buckets_of_its_own() {
    let (throttle, store) = throttle();
    assert!(log_in(&throttle, "192.0.2.1").await);
    assert_eq!(*store.known.lock().unwrap(), HashSet::from(["192.0.2.0/24".to_owned()]));
    for third in 0..9 {
        guesses(&throttle, 9, "jane", &format!("198.51.{third}.1")).await;
    }
    assert_eq!(guesses(&throttle, 1, "jane", "203.0.113.1").await, 0);
    assert!(log_in(&throttle, "192.0.2.7").await, "an attacked user gets in");
    assert_eq!(guesses(&throttle, 30, "jane", "192.0.2.7").await, 20);
}

#[tokio::test]
async fn a_network_has_so_many_failures_over_all_accounts() {
    let (throttle, _) = throttle();
    let mut passed = 0;
    for account in 0..100 {
        passed += guesses(&throttle, 1, &account.to_string(), "192.0.2.1").await;
    }
    assert_eq!(passed, 50);
    assert!(guess(&throttle, "100", "192.0.3.1").await);
}

#[tokio::test]
async fn many_right_logins_at_once_all_succeed() {
    let (throttle, _) = throttle();
    let logins = (0..64).map(|_| log_in(&throttle, "192.0.2.1"));
    let succeeded = futures_util::future::join_all(logins).await;
    assert_eq!(succeeded.into_iter().filter(|it| *it).count(), 64);
    assert_eq!(guesses(&throttle, 30, "jane", "192.0.2.1").await, 20, "all was given back");
    assert_eq!(Arc::strong_count(&throttle.lines), 1, "nobody waits any more");
}

#[tokio::test]
async fn of_many_guesses_at_once_the_burst_is_verified() {
    let (throttle, _) = throttle();
    let all = (0..160).map(|_| guess(&throttle, "jane", "192.0.2.1"));
    let passed = futures_util::future::join_all(all).await;
    assert_eq!(passed.into_iter().filter(|it| *it).count(), 5);
}

#[tokio::test]
async fn whoever_gives_up_gives_back() {
    let (throttle, _) = throttle();
    for _ in 0..30 {
        drop(admit(&throttle, "jane", "192.0.2.1").await.unwrap());
        tokio::task::yield_now().await;
    }
    assert_eq!(guesses(&throttle, 9, "jane", "192.0.2.1").await, 5);
}

/// The client goes away while the database works.
#[tokio::test]
async fn whoever_gives_up_before_gives_back_as_well() {
    use futures_util::FutureExt as _;
    let (throttle, store) = throttle();
    for _ in 0..30 {
        assert!(admit(&throttle, "jane", "192.0.2.1").now_or_never().is_none());
    }
    while store.asked.load(SeqCst) < 30 || Arc::strong_count(&throttle) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(guesses(&throttle, 9, "jane", "192.0.2.1").await, 5);
}

#[tokio::test]
async fn a_refusal_is_remembered() {
    let (throttle, store) = throttle();
    assert_eq!(guesses(&throttle, 6, "jane", "192.0.2.1").await, 5);
    let asked = store.asked.load(SeqCst);
    store.is_away.store(true, SeqCst);
    for _ in 0..100 {
        match admit(&throttle, "jane", "192.0.2.1").await.err() {
            Some(ThrottleError::Refused { retry_after_seconds }) => {
                assert!((1..=300).contains(&retry_after_seconds), "{retry_after_seconds}");
            }
            other => panic!("{other:?}"),
        }
    }
    // A look a second, however long the machine pauses.
    assert!(store.asked.load(SeqCst) < asked + 50);
    let elsewhere = admit(&throttle, "jane", "198.51.100.1").await;
    assert!(matches!(elsewhere, Err(ThrottleError::Unavailable(_))));
}

#[tokio::test]
async fn an_unlocked_account_may_be_tried_again_soon() {
    let (throttle, _) = throttle();
    assert_eq!(guesses(&throttle, 6, "jane", "192.0.2.1").await, 5);
    throttle.unlock("jane").await.unwrap();
    let start = Instant::now();
    while !guess(&throttle, "jane", "192.0.2.1").await {
        assert!(start.elapsed() < Duration::from_mins(1), "the refusal is still remembered");
        sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn tries_of_other_processes_are_waited_for() {
    let (throttle, store) = throttle();
    store.others_are_busy.store(true, SeqCst);
    assert_eq!(guesses(&throttle, 5, "jane", "192.0.2.1").await, 5);
    let (login, outcome) = tokio::join!(log_in(&throttle, "192.0.2.1"), async {
        while store.asked.load(SeqCst) < 8 {
            tokio::task::yield_now().await;
        }
        // An attempt of another process succeeds.
        let of = at("192.0.2.1").attempt(&limits(), &Account::named("jane", false));
        store.give_back(&of.cases.last().unwrap().buckets, None).await
    });
    assert!(login && outcome.is_ok());
}

#[tokio::test]
async fn while_the_database_takes_no_writes_memory_counts() {
    let (throttle, store) = throttle();
    store.is_read_only.store(true, SeqCst);
    for _ in 0..9 {
        assert!(log_in(&throttle, "192.0.2.1").await);
    }
    assert_eq!(guesses(&throttle, 30, "jane", "192.0.2.1").await, 5);
    assert_eq!(store.asked.load(SeqCst), 1, "it is left alone for a while");
}

/// A flood of logins from everywhere is no work for the database.
#[tokio::test]
async fn a_full_queue_takes_no_room() {
    let (throttle, store) = throttle();
    let users = MemoryUsers::with("jane", hashed(4, "swordfish").await);
    let by = Accounts { passwords: passwords(4, 1), ..accounts(&users, 4) };
    let by = by.with_throttle(throttle, true);
    let mut places = Vec::new();
    while let Ok(place) = by.passwords.place(Origin::Local, "jane").await {
        places.push(place);
    }
    let log_in = async || by.authenticate("jane", Secret::new("swordfish"), Origin::Local).await;
    assert!(matches!(log_in().await, Err(AuthenticateError::Busy { .. })));
    assert_eq!(store.asked.load(SeqCst), 0);
    drop(places);
    assert!(log_in().await.unwrap().is_some());
    assert_eq!(store.asked.load(SeqCst), 1);
}
