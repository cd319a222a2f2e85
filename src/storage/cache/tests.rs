//! The cache above a repository that responds only on command.

use crate::domain::{
    Actor, Lookups, NewUser, Page, RepositoryError, ScopeName, Timestamp, User, UserChange, UserId,
    UserImport, UserRepository, Username,
};
use crate::storage::cache::{CachedUsers, Freshness};
use crate::storage::contract::{cache_settings, hash, name};
use crate::storage::error::unavailable;
use async_trait::async_trait;
use futures_util::FutureExt as _;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

/// One user for every name; `answers` lets this many reads end.
struct Slow {
    email: Mutex<&'static str>,
    is_empty: AtomicBool,
    reads: AtomicUsize,
    answers: Semaphore,
}

#[async_trait]
impl UserRepository for Arc<Slow> {
    async fn find(&self, username: &Username) -> Result<Option<Arc<User>>, RepositoryError> {
        self.reads.fetch_add(1, SeqCst);
        let email = *self.email.lock().unwrap();
        let Ok(answer) = self.answers.acquire().await else {
            return Err(unavailable(io::Error::from(io::ErrorKind::TimedOut).into()));
        };
        answer.forget();
        let is_there = username.as_str() != "nobody" && !self.is_empty.load(SeqCst);
        Ok(is_there.then(|| {
            Arc::new(User {
                username: username.clone(),
                id: UserId(1),
                has_predecessor: false,
                email: Some(email.into()),
                full_name: None,
                disabled: false,
                password_hash: hash("j"),
                scopes: Arc::new("me".parse().unwrap()),
                created_at: Timestamp(0),
                updated_at: Timestamp(0),
                epoch: 0,
                signed_out_at: None,
            })
        }))
    }

    async fn update(
        &self,
        _: &Username,
        _: UserChange,
        _: Option<&ScopeName>,
        _: Option<&Actor>,
        _: Timestamp,
    ) -> Result<User, RepositoryError> {
        *self.email.lock().unwrap() = "new";
        // Committed, but the response is lost.
        Err(unavailable(io::Error::from(io::ErrorKind::ConnectionReset).into()))
    }

    async fn list(&self, _: &Page) -> Result<Vec<User>, RepositoryError> {
        unimplemented!()
    }
    async fn is_empty(&self) -> Result<bool, RepositoryError> {
        unimplemented!()
    }
    async fn create(
        &self,
        _: NewUser,
        _: Option<&Actor>,
        _: Timestamp,
    ) -> Result<User, RepositoryError> {
        unimplemented!()
    }
    async fn delete(
        &self,
        _: &Username,
        _: Option<&ScopeName>,
        _: Option<&Actor>,
    ) -> Result<(), RepositoryError> {
        unimplemented!()
    }
    async fn import(&self, _: Timestamp) -> Result<Box<dyn UserImport>, RepositoryError> {
        unimplemented!()
    }
}

struct Setup {
    slow: Arc<Slow>,
    freshness: Arc<Freshness>,
    users: CachedUsers<Arc<Slow>>,
}

fn setup(answers: usize) -> Setup {
    let slow = Arc::new(Slow {
        email: Mutex::new("old"),
        is_empty: AtomicBool::default(),
        reads: AtomicUsize::new(0),
        answers: Semaphore::new(answers),
    });
    let freshness = Arc::new(Freshness::default());
    freshness.confirm(Instant::now() + Duration::from_hours(1));
    let users = CachedUsers::new(Arc::clone(&slow), &cache_settings(10), Arc::clone(&freshness));
    Setup { slow, freshness, users }
}

impl Setup {
    async fn email(&self) -> String {
        self.users.find(&name("alice")).await.unwrap().unwrap().email.clone().unwrap().into()
    }

    fn reads(&self) -> usize {
        self.slow.reads.load(SeqCst)
    }

    async fn update(&self) {
        let change = UserChange::default();
        self.users.update(&name("alice"), change, None, None, Timestamp(1)).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_user_is_read_once() {
    let setup = setup(1);
    for _ in 0..3 {
        assert_eq!(setup.email().await, "old");
    }
    assert_eq!(setup.reads(), 1);
}

#[tokio::test]
async fn a_slow_reader_does_not_put_back_what_a_write_replaced() {
    let setup = setup(0);
    let reading = setup.email();
    let writing = async {
        while setup.reads() == 0 {
            tokio::task::yield_now().await;
        }
        setup.update().await;
        setup.slow.answers.add_permits(2);
    };
    let (read, ()) = tokio::join!(reading, writing);
    assert_eq!((read.as_str(), setup.email().await.as_str()), ("old", "new"));
}

#[tokio::test]
async fn a_write_whose_response_is_lost_counts() {
    let setup = setup(2);
    assert_eq!(setup.email().await, "old");
    setup.update().await;
    assert_eq!(setup.email().await, "new");
}

#[tokio::test]
async fn a_write_forgets_its_own_user_alone() {
    let setup = setup(9);
    setup.users.find(&name("bob")).await.unwrap();
    setup.email().await;
    setup.update().await;
    assert!(setup.users.find_in_memory("bob").is_some());
    assert!(setup.users.find_in_memory("alice").is_none());
    setup.freshness.forget("bob");
    assert!(setup.users.find_in_memory("bob").is_none());
    setup.email().await;
    setup.freshness.invalidate();
    assert!(setup.users.find_in_memory("alice").is_none());
}

#[tokio::test]
async fn absent_users_are_not_kept() {
    let setup = setup(2);
    for _ in 0..2 {
        assert!(setup.users.find(&name("nobody")).await.unwrap().is_none());
    }
    assert_eq!((setup.reads(), setup.users.cache.len()), (2, 0));
}

#[tokio::test]
async fn without_a_recent_confirmation_every_read_goes_to_the_database() {
    let setup = setup(4);
    setup.email().await;
    setup.freshness.confirmed.store(0, SeqCst);
    *setup.slow.email.lock().unwrap() = "new";
    assert_eq!(setup.email().await, "new");
    setup.email().await;
    assert_eq!(setup.reads(), 3);
}

/// In case change notices get lost without the watcher noticing.
#[tokio::test]
async fn a_user_in_memory_grows_no_older_than_max_age() {
    let mut setup = setup(4);
    setup.email().await;
    *setup.slow.email.lock().unwrap() = "new";
    assert_eq!(setup.email().await, "old");
    setup.users.max_age = Duration::ZERO;
    assert_eq!(setup.email().await, "new");
}

#[tokio::test]
async fn the_cache_is_bounded() {
    let setup = setup(1_000);
    for at in 0..1_000 {
        setup.users.find(&name(&format!("user{at}"))).await.unwrap();
    }
    assert!(setup.users.cache.len() <= 10, "{}", setup.users.cache.len());
}

#[tokio::test]
async fn lookups_are_counted() {
    let Setup { users, freshness, .. } = setup(4);
    for who in ["johndoe", "johndoe", "nobody", "nobody"] {
        users.find(&name(who)).await.unwrap();
    }
    assert_eq!(users.lookups(), Lookups { hits: 1, misses: 3 });
    freshness.invalidate();
    users.find(&name("johndoe")).await.unwrap();
    assert_eq!(users.lookups(), Lookups { hits: 1, misses: 4 });
}

/// The operation would hang: it is not tried, unless a check that starts now succeeds.
#[tokio::test]
async fn no_operation_waits_while_the_database_is_known_to_be_away() {
    let Setup { slow, freshness, users } = setup(0);
    let alice = name("alice");
    let update =
        || async { users.update(&alice, UserChange::default(), None, None, Timestamp(1)).await };
    freshness.confirm(Instant::now());
    freshness.lose(freshness.begin_check(), &"gone");
    assert!(users.find(&alice).now_or_never().is_none(), "the watcher alone is not believed");
    assert!(update().await.unwrap_err().is_logged());
    let reads = slow.reads.load(SeqCst);
    for _ in 0..10 {
        let mut refused = Box::pin(users.find(&alice));
        assert!(refused.as_mut().now_or_never().is_none(), "a check is waited for");
        freshness.lose(freshness.begin_check(), &"still gone");
        assert!(refused.await.unwrap_err().is_logged());
    }
    let hangs = users.find(&alice).await;
    assert!(hangs.unwrap_err().is_logged(), "a check that hangs is not waited for");
    assert_eq!(slow.reads.load(SeqCst), reads);

    let mut first = Box::pin(users.find(&alice));
    assert!(first.as_mut().now_or_never().is_none());
    freshness.begin_check();
    freshness.confirm(Instant::now());
    slow.answers.add_permits(1);
    assert!(first.await.unwrap().is_some(), "the first one after its return");
}

/// As when the watcher lacks a connection because all are in use.
#[tokio::test]
async fn an_operation_that_gets_a_response_lets_others_try() {
    let Setup { slow, freshness, users } = setup(0);
    let alice = name("alice");
    freshness.confirm(Instant::now());
    freshness.lose(freshness.begin_check(), &"gone");
    let mut slowly = Box::pin(users.find(&alice));
    assert!(slowly.as_mut().now_or_never().is_none());
    let change = UserChange::default();
    users.update(&alice, change, None, None, Timestamp(1)).await.unwrap_err();
    assert!(users.find(&alice).await.unwrap_err().is_logged());
    slow.answers.add_permits(2);
    assert!(slowly.await.unwrap().is_some());
    assert!(users.find(&alice).await.unwrap().is_some());
}

/// One failure is no outage if the watcher has had a response since it began; others are served.
#[tokio::test]
async fn a_failure_beside_responses_is_no_outage() {
    let setup = setup(1);
    let alice = name("alice");
    let change = UserChange::default();
    let failed = setup.users.update(&alice, change, None, None, Timestamp(1)).await.unwrap_err();
    assert!(matches!(&failed, RepositoryError::Unavailable(_)) && !failed.is_logged(), "{failed}");
    setup.freshness.lose(setup.freshness.begin_check(), &"gone");
    assert!(setup.users.find(&alice).await.unwrap().is_some(), "nothing is refused");
}

/// As when another program has locked the table.
#[tokio::test]
async fn only_one_read_hangs_and_no_caller_waits() {
    let mut setup = setup(1);
    setup.email().await;
    setup.users.max_age = Duration::from_nanos(1);
    *setup.slow.email.lock().unwrap() = "new";
    for _ in 0..10 {
        assert_eq!(setup.email().await, "old");
    }
    assert_eq!(setup.reads(), 2);
    setup.slow.answers.close();
    // Once it has failed, nothing retries for a while.
    while setup.users.find_in_memory("alice").is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!((setup.email().await.as_str(), setup.reads()), ("old", 2));

    setup.freshness.invalidate();
    assert!(setup.users.find(&name("alice")).await.is_err(), "he has changed");
}

/// Callers that must not get a stale user wait for the read.
#[tokio::test]
async fn without_stale_max_no_stale_user_is_served() {
    let mut setup = setup(1);
    setup.freshness.confirm(Instant::now());
    setup.email().await;
    (setup.users.max_age, setup.users.stale_max) = (Duration::ZERO, Duration::ZERO);
    *setup.slow.email.lock().unwrap() = "new";
    let mut reading = Box::pin(setup.email());
    assert!(reading.as_mut().now_or_never().is_none());
    setup.slow.answers.add_permits(1);
    assert_eq!(reading.await, "new");
}

#[tokio::test]
async fn a_deleted_user_is_not_served_from_the_cache() {
    let mut setup = setup(2);
    setup.users.find(&name("alice")).await.unwrap();
    setup.users.max_age = Duration::ZERO;
    setup.slow.is_empty.store(true, SeqCst);
    assert!(setup.users.find(&name("alice")).await.unwrap().is_none());
    assert_eq!(setup.users.cache.len(), 0);
}

/// A deleted user's tokens may arrive in numbers. Several tries: a second may pass.
#[tokio::test]
async fn a_missing_user_is_read_once_a_second_at_most() {
    let setup = setup(100);
    let nobody = async || setup.users.find_by_id(UserId(2), &name("alice")).await.unwrap();
    for attempt in 0.. {
        assert!(nobody().await.is_none());
        let before = setup.reads();
        assert!(nobody().await.is_none());
        if setup.reads() == before {
            break;
        }
        assert!(attempt < 9, "each look-up is a read");
    }
    assert!(setup.users.find_by_id(UserId(1), &name("alice")).await.unwrap().is_some());
}
