//! The threads that hash: few, of low priority, behind a bounded and fair queue.
//!
//! One digest takes a quarter of a second of CPU. On a worker's thread it would stop every other
//! request there; without bounds, a burst of logins would stop the machine.
//!
//! A thread has up to [`LANES`] digests in hand. It takes another one between two slices of its
//! work, if no other thread has fewer; so who comes later does not wait for who came earlier.

use crate::domain::Secret;
use crate::passwords::error::PasswordError;
use crate::passwords::queue::{FairQueue, Full, Key};
use eksblowfish::{DIGEST_LENGTH, Digest, LANES, SALT_LENGTH, advance};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How much nicer than the workers the hashing threads are.
const NICER: i32 = 10;

/// How long it takes to refuse somebody while there is work for others. Who asks again at once would
/// otherwise take from them the core that their digests need: refusing goes before hashing.
const PAUSE: Duration = Duration::from_millis(250);

/// Computes digests on its own threads, which end when it is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    threads: usize,
    begun: AtomicU64,
    rounds: AtomicU64,
}

struct State {
    queue: FairQueue<Waiting>,
    /// Lanes in use, over all threads.
    busy: usize,
    /// How long the last digest took, for the estimate in [`PasswordError::Busy`].
    last: Duration,
    closed: bool,
}

/// Who waits, and for what, once that is known.
struct Waiting {
    order: Option<Order>,
    answer: oneshot::Sender<DigestResult>,
}

type DigestResult = Result<[u8; DIGEST_LENGTH], PasswordError>;

/// A digest to be computed.
pub(super) struct Order {
    pub(super) password: Secret,
    pub(super) salt: [u8; SALT_LENGTH],
    /// 2 to its power rounds, 31 at the most.
    pub(super) cost: u32,
    /// Rounds to be done in any case: what is missing is done behind the digest.
    pub(super) at_least: u32,
}

/// There is no place in the queue.
#[derive(Debug)]
struct Refused {
    beside_others: bool,
    retry_after_seconds: u64,
}

/// A place in the queue; given up when it is dropped.
pub(super) struct Place<'a> {
    shared: &'a Shared,
    key: Key,
    number: u64,
    answer: oneshot::Receiver<DigestResult>,
}

impl Place<'_> {
    /// Computes the digest when it is its turn; [`PasswordError::Busy`] if the place was lost to
    /// somebody with fewer.
    pub(super) async fn digest(mut self, order: Order) -> DigestResult {
        if let Some(waiting) = self.shared.lock().queue.get_mut(self.key, self.number) {
            waiting.order = Some(order);
        }
        self.shared.wake.notify_one();
        (&mut self.answer).await.unwrap_or(Err(PasswordError::Failed))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // Whatever waits still; what has begun sees that nobody takes the answer.
        let waiting = self.shared.lock().queue.remove(self.key, self.number);
        drop(waiting);
    }
}

impl Pool {
    /// Starts `threads` threads; `capacity` digests may wait while all of them are busy.
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

    /// A place in the queue; [`PasswordError::Busy`] if there is none, at once or, while there is
    /// work for others, after a pause.
    pub(super) async fn place(&self, key: Key) -> Result<Place<'_>, PasswordError> {
        let refused = match self.shared.place(key) {
            Ok(place) => return Ok(place),
            Err(refused) => refused,
        };
        if refused.beside_others {
            sleep(PAUSE).await;
        }
        Err(PasswordError::Busy { retry_after_seconds: refused.retry_after_seconds })
    }

    /// Digests that wait for a thread.
    pub(super) fn queued(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Digests begun so far.
    pub(super) fn begun(&self) -> u64 {
        self.shared.begun.load(Ordering::Relaxed)
    }

    /// Rounds done so far.
    pub(super) fn rounds(&self) -> u64 {
        self.shared.rounds.load(Ordering::Relaxed)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
    }
}

impl Shared {
    fn new(threads: usize, capacity: usize) -> Self {
        let state = State {
            queue: FairQueue::new(capacity),
            busy: 0,
            last: Duration::from_secs(1),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            threads,
            begun: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
        }
    }

    /// No code that could panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self, key: Key) -> Result<Place<'_>, Refused> {
        let (sender, answer) = oneshot::channel();
        let mut state = self.lock();
        let free = (self.threads * LANES).saturating_sub(state.busy);
        let waiting = Waiting { order: None, answer: sender };
        let pushed = state.queue.push(key, waiting, free);
        let retry_after_seconds = self.estimate(&state);
        let (number, left) = pushed
            .map_err(|Full { beside_others }| Refused { beside_others, retry_after_seconds })?;
        drop(state);
        for waiting in left {
            // Gone by itself at the same moment: nothing to be told.
            let _ = waiting.answer.send(Err(PasswordError::Busy { retry_after_seconds }));
        }
        Ok(Place { shared: self, key, number, answer })
    }

    /// Seconds until what waits now is done, rounded up.
    fn estimate(&self, state: &State) -> u64 {
        let rounds = state.queue.len().div_ceil(self.threads * LANES);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        state.last.saturating_mul(rounds).as_secs().saturating_add(1)
    }

    /// What a thread does until the pool is dropped.
    fn serve(&self) {
        let mut hand = Batch::default();
        loop {
            match self.next(hand.digests.len()) {
                Next::Begin(begun) => hand.begin(begun),
                Next::GoOn => {
                    let rounds = hand.advance(|key, took| self.end(key, took));
                    self.rounds.fetch_add(rounds, Ordering::Relaxed);
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
            let ready = |waiting: &Waiting| waiting.order.is_some();
            if let Some((key, waiting)) = is_first.then(|| state.queue.pop(ready)).flatten()
                && let Some(order) = waiting.order
            {
                state.busy += 1;
                self.begun.fetch_add(1, Ordering::Relaxed);
                return Next::Begin(Job { key, order, answer: waiting.answer });
            }
            if in_hand > 0 {
                return Next::GoOn;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts a digest as ended, and how long it took unless it was given up.
    fn end(&self, key: Key, took: Option<Duration>) {
        let mut state = self.lock();
        state.busy -= 1;
        state.queue.end(key);
        state.last = took.unwrap_or(state.last);
    }
}

enum Next {
    Begin(Job),
    GoOn,
    Stop,
}

/// What a thread takes out of the queue.
struct Job {
    key: Key,
    order: Order,
    answer: oneshot::Sender<DigestResult>,
}

/// The digests that a thread has in hand, and what it knows about each.
#[derive(Default)]
struct Batch {
    digests: Vec<Digest>,
    callers: Vec<Caller>,
}

struct Caller {
    key: Key,
    answer: oneshot::Sender<DigestResult>,
    since: Instant,
    /// Rounds to be done behind the digest.
    missing: u32,
    found: Option<[u8; DIGEST_LENGTH]>,
}

impl Batch {
    fn begin(&mut self, Job { key, order, answer }: Job) {
        let Order { password, salt, cost, at_least } = order;
        self.digests.push(Digest::new(password.expose(), &salt, cost));
        let missing = at_least.saturating_sub(1 << cost);
        self.callers.push(Caller { key, answer, since: Instant::now(), missing, found: None });
    }

    /// Brings all forward and answers those that are ready; drops those that nobody waits for. How
    /// many rounds that were.
    fn advance(&mut self, ended: impl Fn(Key, Option<Duration>)) -> u64 {
        let rounds = u64::from(advance(&mut self.digests)) * self.digests.len() as u64;
        for lane in (0..self.digests.len()).rev() {
            let (digest, caller) = (&mut self.digests[lane], &mut self.callers[lane]);
            if digest.is_ready() && caller.missing > 0 {
                caller.found = Some(digest.finish());
                digest.go_on(std::mem::take(&mut caller.missing));
            }
            if digest.is_ready() || caller.answer.is_closed() {
                let digest = self.digests.swap_remove(lane);
                let caller = self.callers.swap_remove(lane);
                ended(caller.key, digest.is_ready().then(|| caller.since.elapsed()));
                if digest.is_ready() {
                    // Nobody there to take the answer: the caller went away meanwhile.
                    let _ = caller.answer.send(Ok(caller.found.unwrap_or_else(|| digest.finish())));
                }
            }
        }
        rounds
    }
}

/// Lowers this thread's priority: on Linux, niceness is a thread's own (`setpriority(2)`, BUGS).
/// Where that is not possible, hashing works as well, only less politely.
fn lower_priority() {
    let now = rustix::process::getpriority_process(None).unwrap_or(0);
    if let Err(cause) = rustix::process::setpriority_process(None, (now + NICER).min(19)) {
        log::debug!("the hashing threads cannot lower their priority: {cause}");
    }
}

#[cfg(test)]
mod tests;
