//! Threads, turns, and callers that leave.

use super::*;
use crate::domain::{Origin, Secret};
use std::net::Ipv4Addr;
use tokio::task::JoinHandle;

fn pool(threads: usize, capacity: usize) -> Arc<Pool> {
    let size = |n| NonZeroUsize::new(n).unwrap();
    Arc::new(Pool::start(size(threads), size(capacity)).unwrap())
}

fn key(client: u8) -> Key {
    Key { client: Origin::V4(Ipv4Addr::new(127, 0, 0, client)), account: client.into() }
}

fn order(cost: u32) -> Order {
    Order::Bcrypt(bcrypt(cost))
}

fn bcrypt(cost: u32) -> Bcrypt {
    Bcrypt { password: Secret::new("swordfish"), salt: [0; _], cost, at_least: 0 }
}

/// The result of [`order`].
fn expected(cost: u32) -> Vec<u8> {
    bcrypt::bcrypt(cost, [0; 16], b"swordfish\0")[..23].to_vec()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

/// Requests a digest concurrently.
fn ask(pool: &Arc<Pool>, client: u8, cost: u32) -> JoinHandle<DigestResult> {
    let pool = Arc::clone(pool);
    tokio::spawn(async move { pool.place(key(client)).await?.digest(order(cost)).await })
}

/// A day's work.
fn endless(pool: &Arc<Pool>, client: u8) -> JoinHandle<DigestResult> {
    ask(pool, client, 31)
}

/// Occupies all lanes of one thread until the digests are abandoned.
async fn occupy(pool: &Arc<Pool>) -> Vec<JoinHandle<DigestResult>> {
    let held = (0..LANES).map(|_| endless(pool, 1)).collect();
    until(|| pool.begun() == 4).await;
    held
}

fn give_up(held: Vec<JoinHandle<DigestResult>>) {
    for digest in held {
        digest.abort();
    }
}

fn is_busy(answer: &DigestResult) -> bool {
    matches!(answer, Err(PasswordError::Busy { retry_after_seconds }) if *retry_after_seconds >= 1)
}

#[tokio::test]
async fn a_digest_is_bcrypts() {
    let pool = pool(1, 1);
    let place = pool.place(key(1)).await.unwrap();
    assert_eq!(place.digest(order(4)).await.unwrap(), expected(4));
}

/// Names the threads of each pool in these tests.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn its_threads_are_nicer_than_the_workers() {
    use rustix::process::{Pid, getpriority_process};
    let nice = |thread| getpriority_process(thread).unwrap_or_default();
    let expected = (nice(None) + NICER).min(19);
    let _pool = pool(1, 1);
    let named_hash = |thread: &std::fs::DirEntry| {
        std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|it| it.starts_with("hash-"))
    };
    until(|| {
        let threads: Vec<_> =
            std::fs::read_dir("/proc/self/task").unwrap().flatten().filter(named_hash).collect();
        let id = |thread: &std::fs::DirEntry| {
            Pid::from_raw(thread.file_name().to_str().unwrap().parse().unwrap())
        };
        !threads.is_empty() && threads.iter().all(|thread| nice(id(thread)) == expected)
    })
    .await;
    assert_eq!((nice(None) + NICER).min(19), expected, "the caller keeps its own");
}

#[tokio::test]
async fn a_full_queue_refuses_at_once() {
    let pool = pool(1, 2);
    let held = occupy(&pool).await;
    let waiting: Vec<_> = (0..2).map(|_| ask(&pool, 1, 4)).collect();
    until(|| pool.queued() == 2).await;
    assert!(is_busy(&ask(&pool, 1, 4).await.unwrap()));
    give_up(held);
    for job in waiting {
        assert_eq!(job.await.unwrap().unwrap(), expected(4));
    }
}

/// The place is taken, but its order is still unknown: the thread continues with later ones.
#[tokio::test]
async fn a_place_counts_before_its_order_is_known() {
    let pool = pool(1, 1);
    let held = occupy(&pool).await;
    let place = pool.place(key(2)).await.unwrap();
    assert_eq!(pool.queued(), 1);
    assert!(is_busy(&ask(&pool, 3, 4).await.unwrap()), "there is one place only");
    give_up(held);
    until(|| pool.shared.lock().busy == 0).await;
    assert_eq!(ask(&pool, 3, 4).await.unwrap().unwrap(), expected(4));
    assert_eq!(place.digest(order(5)).await.unwrap(), expected(5));
}

#[tokio::test]
async fn the_client_with_most_makes_room_and_is_told() {
    let pool = pool(1, 2);
    let held = occupy(&pool).await;
    let greedy: Vec<_> = (0..2).map(|_| endless(&pool, 1)).collect();
    until(|| pool.queued() == 2).await;
    let newcomer = ask(&pool, 2, 4);
    let [first, second] = greedy.try_into().unwrap();
    assert!(is_busy(&second.await.unwrap()));
    assert!(!first.is_finished());
    give_up(held);
    assert_eq!(newcomer.await.unwrap().unwrap(), expected(4));
}

#[tokio::test]
async fn a_caller_that_lost_its_place_before_ordering_is_told() {
    let pool = pool(1, 1);
    let _held = occupy(&pool).await;
    let lost = pool.place(key(1)).await.unwrap();
    let newcomer = pool.place(key(2)).await.unwrap();
    assert!(is_busy(&lost.digest(order(4)).await));
    drop(newcomer);
    assert_eq!(pool.queued(), 0);
}

#[tokio::test]
async fn a_caller_that_left_makes_room_and_is_skipped() {
    let pool = pool(1, 1);
    let held = occupy(&pool).await;
    let caller = endless(&pool, 2);
    until(|| pool.queued() == 1).await;
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    assert_eq!(pool.queued(), 0);
    let next = ask(&pool, 2, 4);
    until(|| pool.queued() == 1).await;
    give_up(held);
    assert_eq!(next.await.unwrap().unwrap(), expected(4));
    assert_eq!(pool.begun(), 5, "those who held it, and the last");
}

#[tokio::test]
async fn later_callers_do_not_wait_for_earlier_ones() {
    let pool = pool(1, 1);
    let earlier: Vec<_> = (1..LANES).map(|_| endless(&pool, 1)).collect();
    until(|| pool.begun() == 3).await;
    for _ in 0..3 {
        assert_eq!(ask(&pool, 1, 4).await.unwrap().unwrap(), expected(4));
    }
    assert!(earlier.iter().all(|digest| !digest.is_finished()));
}

#[tokio::test]
async fn a_digest_is_abandoned_with_its_caller() {
    let pool = pool(2, 1);
    let held: Vec<_> = (0..2 * LANES).map(|_| endless(&pool, 1)).collect();
    until(|| pool.begun() == 8).await;
    let waits = endless(&pool, 1);
    until(|| pool.queued() == 1).await;
    assert!(is_busy(&ask(&pool, 1, 4).await.unwrap()));
    give_up(held);
    until(|| pool.queued() == 0).await;
    assert_eq!(ask(&pool, 1, 4).await.unwrap().unwrap(), expected(4));
    assert!(!waits.is_finished());
}

/// The work is the same, and the digest is that of its own cost.
#[tokio::test]
async fn a_cheaper_digest_is_followed_by_unused_rounds() {
    let pool = pool(1, 1);
    for (cost, at_least, rounds) in
        [(4, 0, 16), (4, 64, 64), (5, 64, 64), (6, 64, 64), (7, 64, 128)]
    {
        let before = pool.rounds();
        let place = pool.place(key(1)).await.unwrap();
        let digest =
            place.digest(Order::Bcrypt(Bcrypt { at_least, ..bcrypt(cost) })).await.unwrap();
        assert_eq!(digest, expected(cost));
        // The thread counts just after the response.
        until(|| pool.rounds() - before >= rounds).await;
        assert_eq!(pool.rounds() - before, rounds, "{cost}");
    }
}

#[test]
fn a_thread_leaves_a_digest_to_one_with_less_in_hand() {
    let shared = Shared::new(2, 64);
    let place = || {
        let place = shared.place(key(1)).unwrap();
        let mut state = shared.lock();
        state.queue.get_mut(place.key, place.number).unwrap().order = Some(order(4));
        drop(state);
        place
    };
    let _places: Vec<_> = (0..9).map(|_| place()).collect();
    let begins = |in_hand| matches!(shared.next(in_hand), Next::Begin(_));
    assert!(begins(0));
    assert!(!begins(1), "the other thread has none");
    assert!(begins(0));
    assert!(begins(1), "both have one");
    assert!(!begins(2) && begins(1));
    assert!(begins(2) && begins(2) && begins(3) && begins(3));
    assert!(!begins(4), "both are full");
    assert_eq!(shared.lock().queue.len(), 1);
}

#[tokio::test]
async fn threads_end_with_the_pool() {
    let pool = pool(3, 1);
    let shared = Arc::downgrade(&pool.shared);
    drop(pool);
    until(|| shared.strong_count() == 0).await;
}

fn other(work: impl FnOnce() -> DigestResult + Send + 'static) -> Order {
    Order::Other { work: Box::new(work), at_least: 0 }
}

fn ask_other(
    pool: &Arc<Pool>,
    client: u8,
    work: impl FnOnce() -> DigestResult + Send + 'static,
) -> JoinHandle<DigestResult> {
    let pool = Arc::clone(pool);
    tokio::spawn(async move { pool.place(key(client)).await?.digest(other(work)).await })
}

/// Their number bounds the memory; bcrypt does not wait for them.
#[tokio::test]
async fn unsliced_digests_are_bounded_in_number_and_delay_no_others() {
    let pool = pool(2, 64);
    let (now, most) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let ask_one = |client| {
        let (now, most, gate) = (Arc::clone(&now), Arc::clone(&most), Arc::clone(&gate));
        ask_other(&pool, client, move || {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let open = gate.0.lock().unwrap();
            drop(gate.1.wait_while(open, |open| !*open).unwrap());
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(vec![client])
        })
    };
    let asked: Vec<_> = (1..=8).map(ask_one).collect();
    until(|| now.load(Ordering::SeqCst) == 2 && pool.queued() == 6).await;
    assert_eq!(ask(&pool, 9, 4).await.unwrap().unwrap(), expected(4));
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    for (client, digest) in (1..=8).zip(asked) {
        assert_eq!(digest.await.unwrap().unwrap(), [client]);
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_fault_in_one_digest_does_not_cost_the_thread() {
    let pool = pool(1, 2);
    let failed = ask_other(&pool, 1, || panic!("a fault")).await.unwrap();
    assert!(matches!(failed, Err(PasswordError::Failed)));
    assert_eq!(ask_other(&pool, 1, || Ok(vec![1])).await.unwrap().unwrap(), [1]);
}

/// A caller that leaves while others are computed costs no work.
#[tokio::test]
async fn abandoned_digests_are_not_computed() {
    let pool = pool(1, 8);
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let held = Arc::clone(&gate);
    let first = ask_other(&pool, 1, move || {
        let open = held.0.lock().unwrap();
        drop(held.1.wait_while(open, |open| !*open).unwrap());
        Ok(vec![])
    });
    until(|| pool.begun() == 1).await;
    let second = ask_other(&pool, 2, || Ok(vec![]));
    until(|| pool.queued() == 1).await;
    second.abort();
    until(|| pool.queued() == 0).await;
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    first.await.unwrap().unwrap();
    assert_eq!(pool.begun(), 1);
}
