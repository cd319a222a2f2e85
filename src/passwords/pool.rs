//! The threads that hash: few, of low priority, behind a bounded queue.
//!
//! One hash takes a quarter of a second of CPU. On a worker's thread it would stop every other
//! request there; without bounds, a burst of logins would stop the machine.
//!
//! A thread has up to [`LANES`] digests in hand. It takes another one between two slices of its
//! work, if no other thread has fewer; so who comes later does not wait for who came earlier.

use crate::domain::{PasswordHash, Secret};
use crate::passwords::error::PasswordError;
use eksblowfish::{DIGEST_LENGTH, Digest, LANES, advance};
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How much nicer than the workers the hashing threads are.
const NICER: i32 = 10;

/// Runs jobs on its own threads, which end when it is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    threads: usize,
    capacity: usize,
    begun: AtomicU64,
}

struct State {
    waiting: VecDeque<Job>,
    /// Lanes in use, over all threads.
    busy: usize,
    /// How long the last job took, for the estimate in [`PasswordError::Busy`].
    last: Duration,
    closed: bool,
}

enum Job {
    Digest(Order),
    /// Work that has a thread for itself.
    Work(Box<dyn Work>),
}

/// A digest that somebody waits for.
struct Order {
    password: Secret,
    hash: PasswordHash,
    answer: oneshot::Sender<[u8; DIGEST_LENGTH]>,
}

trait Work: Send {
    /// Whether nobody waits for the answer any more.
    fn abandoned(&self) -> bool;
    fn run(self: Box<Self>);
}

struct Task<W, T> {
    work: W,
    answer: oneshot::Sender<T>,
}

impl<W: FnOnce() -> T + Send, T: Send> Work for Task<W, T> {
    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) {
        // Nobody there to take the answer: the caller went away meanwhile.
        let _ = self.answer.send((self.work)());
    }
}

impl Job {
    fn abandoned(&self) -> bool {
        match self {
            Self::Digest(order) => order.answer.is_closed(),
            Self::Work(work) => work.abandoned(),
        }
    }

    fn lanes(&self) -> usize {
        match self {
            Self::Digest(_) => 1,
            Self::Work(_) => LANES,
        }
    }
}

impl Pool {
    /// Starts `threads` threads; `capacity` jobs may wait while all of them are busy.
    pub(super) fn start(
        threads: NonZeroUsize,
        capacity: NonZeroUsize,
    ) -> Result<Self, PasswordError> {
        let pool = Self { shared: Arc::new(Shared::new(threads.get(), capacity.get())) };
        for number in 0..threads.get() {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || {
                    lower_priority();
                    shared.serve();
                })
                .map_err(PasswordError::NoThreads)?;
        }
        Ok(pool)
    }

    /// Runs `work` on one of the threads; [`PasswordError::Busy`] at once if the queue is full.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let (answer, result) = oneshot::channel();
        self.shared.submit(Job::Work(Box::new(Task { work, answer })))?;
        result.await.map_err(|_| PasswordError::Failed)
    }

    /// What a password's digest is with the salt and the cost of `hash`; [`PasswordError::Busy`] at
    /// once if the queue is full.
    pub(super) async fn digest(
        &self,
        password: Secret,
        hash: PasswordHash,
    ) -> Result<[u8; DIGEST_LENGTH], PasswordError> {
        let (answer, result) = oneshot::channel();
        self.shared.submit(Job::Digest(Order { password, hash, answer }))?;
        result.await.map_err(|_| PasswordError::Failed)
    }

    /// Jobs that wait for a thread.
    pub(super) fn queued(&self) -> usize {
        self.shared.lock().waiting.len()
    }

    /// Jobs begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.shared.begun.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        state.waiting.clear();
        drop(state);
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn new(threads: usize, capacity: usize) -> Self {
        let state = State {
            waiting: VecDeque::new(),
            busy: 0,
            last: Duration::from_secs(1),
            closed: false,
        };
        let begun = AtomicU64::new(0);
        Self { state: Mutex::new(state), wake: Condvar::new(), threads, capacity, begun }
    }

    /// No code that could panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, job: Job) -> Result<(), PasswordError> {
        let mut state = self.lock();
        let free = (self.threads * LANES).saturating_sub(state.busy);
        if state.waiting.len() >= self.capacity + free {
            state.waiting.retain(|job| !job.abandoned());
        }
        if state.waiting.len() >= self.capacity + free {
            return Err(PasswordError::Busy { retry_after_seconds: self.estimate(&state) });
        }
        state.waiting.push_back(job);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Seconds until what waits now is done, rounded up.
    fn estimate(&self, state: &State) -> u64 {
        let rounds = state.waiting.len().div_ceil(self.threads * LANES);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        state.last.saturating_mul(rounds).as_secs().saturating_add(1)
    }

    /// What a thread does until the pool is dropped.
    fn serve(&self) {
        let mut hand = Hand::default();
        loop {
            match self.next(hand.digests.len()) {
                Next::Begin(Job::Digest(order)) => hand.begin(order),
                Next::Begin(Job::Work(work)) => {
                    let started = Instant::now();
                    // The panic hook has said what happened; the caller sees its answer's channel
                    // close.
                    let _ = catch_unwind(AssertUnwindSafe(|| work.run()));
                    self.end(LANES, Some(started.elapsed()));
                }
                Next::GoOn => {
                    hand.advance(|took| self.end(1, took));
                    // A worker that waits for the core gets it now, and not when the scheduler's
                    // slice is over: milliseconds, which were most of the slowest answers' time.
                    thread::yield_now();
                }
                Next::Stop => return,
            }
        }
    }

    /// What a thread is to do next that has so many digests in hand.
    fn next(&self, in_hand: usize) -> Next {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Next::Stop;
            }
            let is_first = in_hand < LANES && in_hand * self.threads <= state.busy;
            while let Some(job) = is_first.then(|| state.waiting.pop_front()).flatten() {
                if !job.abandoned() {
                    state.busy += job.lanes();
                    self.begun.fetch_add(1, Ordering::Relaxed);
                    return Next::Begin(job);
                }
            }
            if in_hand > 0 {
                return Next::GoOn;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts a job as ended, and how long it took unless it was given up.
    fn end(&self, lanes: usize, took: Option<Duration>) {
        let mut state = self.lock();
        state.busy -= lanes;
        state.last = took.unwrap_or(state.last);
    }
}

enum Next {
    Begin(Job),
    GoOn,
    Stop,
}

/// The digests that a thread has in hand, and who waits for each, since when.
#[derive(Default)]
struct Hand {
    digests: Vec<Digest>,
    answers: Vec<(oneshot::Sender<[u8; DIGEST_LENGTH]>, Instant)>,
}

impl Hand {
    fn begin(&mut self, Order { password, hash, answer }: Order) {
        self.digests.push(Digest::new(password.expose(), hash.salt(), hash.cost()));
        self.answers.push((answer, Instant::now()));
    }

    /// Brings all forward and answers those that are ready; drops those that nobody waits for.
    fn advance(&mut self, ended: impl Fn(Option<Duration>)) {
        advance(&mut self.digests);
        for lane in (0..self.digests.len()).rev() {
            if self.digests[lane].is_ready() || self.answers[lane].0.is_closed() {
                let digest = self.digests.swap_remove(lane);
                let (answer, since) = self.answers.swap_remove(lane);
                ended(digest.is_ready().then(|| since.elapsed()));
                if digest.is_ready() {
                    // As above: the caller may be gone.
                    let _ = answer.send(digest.finish());
                }
            }
        }
    }
}

/// Lowers this thread's priority: on Linux, niceness is a thread's own (`setpriority(2)`, BUGS).
/// Where that is not possible, hashing works as well, only less politely.
fn lower_priority() {
    let now = rustix::process::getpriority_process(None).unwrap_or(0);
    if let Err(cause) = rustix::process::setpriority_process(None, (now + NICER).min(19)) {
        log::debug!("hashing threads keep the workers' priority: {cause}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn pool(threads: usize, capacity: usize) -> Arc<Pool> {
        let size = |n| NonZeroUsize::new(n).unwrap();
        Arc::new(Pool::start(size(threads), size(capacity)).unwrap())
    }

    /// Occupies one thread until the sender is dropped.
    async fn occupy(pool: &Arc<Pool>) -> (mpsc::Sender<()>, tokio::task::JoinHandle<()>) {
        let (release, released) = mpsc::channel::<()>();
        let (start, started) = oneshot::channel();
        let pool = Arc::clone(pool);
        let handle = tokio::spawn(async move {
            pool.run(move || {
                start.send(()).unwrap();
                let _ = released.recv();
            })
            .await
            .unwrap();
        });
        started.await.unwrap();
        (release, handle)
    }

    async fn until(condition: impl Fn() -> bool) {
        while !condition() {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn work_runs_on_a_thread_of_the_pool() {
        let name = pool(1, 1).run(|| thread::current().name().map(str::to_owned)).await.unwrap();
        assert_eq!(name.as_deref(), Some("hash-0"));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_threads_are_nicer_than_the_workers() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let expected = (nice() + NICER).min(19);
        assert_eq!(pool(1, 1).run(nice).await.unwrap(), expected);
        assert_eq!((nice() + NICER).min(19), expected, "the caller keeps its own");
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = pool(1, 2);
        let (release, occupied) = occupy(&pool).await;
        let waiting: Vec<_> = (0..2)
            .map(|number| {
                let pool = Arc::clone(&pool);
                tokio::spawn(async move { pool.run(move || number).await })
            })
            .collect();
        until(|| pool.queued() == 2).await;
        match pool.run(|| ()).await {
            Err(PasswordError::Busy { retry_after_seconds }) => assert!(retry_after_seconds >= 1),
            other => panic!("{other:?}"),
        }
        drop(release);
        occupied.await.unwrap();
        for (number, job) in waiting.into_iter().enumerate() {
            assert_eq!(job.await.unwrap().unwrap(), number);
        }
    }

    #[tokio::test]
    async fn who_went_away_is_skipped_and_makes_room() {
        let pool = pool(1, 1);
        let (release, occupied) = occupy(&pool).await;
        let (ran, runs) = mpsc::channel();
        let caller = {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move { pool.run(move || ran.send(())).await })
        };
        until(|| pool.queued() == 1).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        let next = pool.run(|| 7);
        tokio::pin!(next);
        tokio::select! {
            biased;
            early = &mut next => panic!("{early:?}"),
            () = std::future::ready(()) => {}
        }
        drop(release);
        occupied.await.unwrap();
        assert_eq!(next.await.unwrap(), 7);
        assert!(runs.try_recv().is_err(), "the abandoned job ran");
    }

    #[tokio::test]
    async fn a_panic_is_one_callers_trouble_only() {
        let pool = pool(1, 1);
        let failed = pool.run(|| std::panic::resume_unwind(Box::new(()))).await;
        assert!(matches!(failed, Err::<(), _>(PasswordError::Failed)));
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
    }

    fn hash(cost: u32) -> PasswordHash {
        format!("$2b${cost:02}${}", ".".repeat(53)).parse().unwrap()
    }

    /// A thousand years of work.
    fn endless(pool: &Arc<Pool>) -> tokio::task::JoinHandle<Result<[u8; 23], PasswordError>> {
        let pool = Arc::clone(pool);
        tokio::spawn(async move { pool.digest(Secret::new("swordfish"), hash(31)).await })
    }

    #[tokio::test]
    async fn who_comes_later_does_not_wait_for_who_came_earlier() {
        let pool = pool(1, 1);
        let earlier: Vec<_> = (1..LANES).map(|_| endless(&pool)).collect();
        until(|| pool.begun() == 3).await;
        let expected = *bcrypt::bcrypt(4, [0; 16], b"swordfish\0").first_chunk().unwrap();
        for _ in 0..3 {
            assert_eq!(pool.digest(Secret::new("swordfish"), hash(4)).await.unwrap(), expected);
        }
        assert!(earlier.iter().all(|digest| !digest.is_finished()));
    }

    #[tokio::test]
    async fn a_digest_is_given_up_with_its_caller() {
        let pool = pool(2, 1);
        let held: Vec<_> = (0..2 * LANES).map(|_| endless(&pool)).collect();
        until(|| pool.begun() == 8).await;
        let waits = endless(&pool);
        until(|| pool.queued() == 1).await;
        assert!(matches!(pool.run(|| ()).await, Err(PasswordError::Busy { .. })));
        for digest in held {
            digest.abort();
        }
        until(|| pool.queued() == 0).await;
        assert_eq!(pool.run(|| 7).await.unwrap(), 7);
        assert!(!waits.is_finished());
    }

    #[test]
    fn a_thread_leaves_a_job_to_one_with_less_in_hand() {
        let shared = Shared::new(2, 64);
        let wait = || {
            let (answer, result) = oneshot::channel();
            let order = Order { password: Secret::new("swordfish"), hash: hash(4), answer };
            shared.submit(Job::Digest(order)).unwrap();
            result
        };
        let _results: Vec<_> = (0..9).map(|_| wait()).collect();
        let begins = |in_hand| matches!(shared.next(in_hand), Next::Begin(_));
        assert!(begins(0));
        assert!(!begins(1), "the other thread has none");
        assert!(begins(0));
        assert!(begins(1), "both have one");
        assert!(!begins(2) && begins(1));
        assert!(begins(2) && begins(2) && begins(3) && begins(3));
        assert!(!begins(4), "both are full");
        assert_eq!(shared.lock().waiting.len(), 1);
    }

    #[tokio::test]
    async fn threads_end_with_the_pool() {
        let pool = pool(3, 1);
        let shared = Arc::downgrade(&pool.shared);
        drop(pool);
        until(|| shared.strong_count() == 0).await;
    }
}
