//! The hashing threads: few, of low priority, behind a bounded and fair queue.
//!
//! One digest takes a quarter of a second of CPU. On a worker's thread it would block all other
//! requests there; without a limit, a burst of logins would stall the machine.
//!
//! A thread works on up to [`LANES`] digests. Between two slices of its work it takes another one
//! if no other thread has fewer, so that later logins do not wait for earlier ones.
//!
//! What cannot be sliced (argon2, scrypt, …) is computed on as many threads beside them, one at a
//! time each: so their number bounds the memory. What such a hash costs less than bcrypt, its place
//! in a hand makes up for.

mod batch;

pub(super) use batch::Bcrypt;

use crate::passwords::error::PasswordError;
use crate::passwords::queue::{FairQueue, Full, Key};
use crate::passwords::speed::{cpu_time, rounds_in};
use batch::{Batch, DigestResult, Job, Task};
use eksblowfish::LANES;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::time::sleep;

/// How much nicer than the workers the hashing threads are.
const NICER: i32 = 10;

/// How long a refusal takes while there is other work. A client that retries at once would
/// otherwise take the core that the digests need: refusing has priority over hashing.
const PAUSE: Duration = Duration::from_millis(250);

/// Computes digests on its own threads, which end on drop.
pub(super) struct Pool {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    wake: Condvar,
    wake_other: Condvar,
    threads: usize,
    begun: AtomicU64,
    rounds: AtomicU64,
}

struct State {
    queue: FairQueue<Waiting>,
    /// Those whose hash is computed, but not yet in the time of bcrypt.
    cheaper: VecDeque<Job>,
    /// Lanes in use, over all threads.
    busy: usize,
    /// How long the last digest took, for the estimate in [`PasswordError::Busy`].
    last: Duration,
    closed: bool,
}

/// A waiting caller, and its order once known.
struct Waiting {
    order: Option<Order>,
    answer: oneshot::Sender<DigestResult>,
}

/// A digest to be computed.
pub(super) enum Order {
    /// By bcrypt, in slices.
    Bcrypt(Bcrypt),
    /// By another scheme, in one go.
    Other {
        work: Box<dyn FnOnce() -> DigestResult + Send>,
        /// How many rounds of bcrypt it is to take at least.
        at_least: u32,
    },
}

/// The queue is full.
#[derive(Debug)]
struct Refused {
    beside_others: bool,
    retry_after_seconds: u64,
}

/// A place in the queue; given up on drop.
pub(super) struct Place<'a> {
    shared: &'a Shared,
    key: Key,
    number: u64,
    answer: oneshot::Receiver<DigestResult>,
}

impl Place<'_> {
    /// Computes the digest when it is its turn; [`PasswordError::Busy`] if the place was lost to a
    /// client with fewer.
    pub(super) async fn digest(mut self, order: Order) -> DigestResult {
        let wake = match order {
            Order::Bcrypt(_) => &self.shared.wake,
            Order::Other { .. } => &self.shared.wake_other,
        };
        if let Some(waiting) = self.shared.lock().queue.get_mut(self.key, self.number) {
            waiting.order = Some(order);
        }
        wake.notify_one();
        (&mut self.answer).await.unwrap_or(Err(PasswordError::Failed))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        // A waiting job is removed; a running one notices that its receiver has gone.
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
            pool.spawn(format!("hash-{number}"), Shared::serve)?;
            pool.spawn(format!("hash-other-{number}"), Shared::serve_other)?;
        }
        Ok(pool)
    }

    fn spawn(&self, name: String, serve: fn(&Shared)) -> Result<(), PasswordError> {
        let shared = Arc::clone(&self.shared);
        let run = move || {
            lower_priority();
            serve(&shared);
        };
        thread::Builder::new().name(name).spawn(run).map(drop).map_err(PasswordError::NoThreads)
    }

    /// A place in the queue; [`PasswordError::Busy`] if it is full, at once or, while there is
    /// other work, after a pause.
    pub(super) async fn place(&self, key: Key) -> Result<Place<'_>, PasswordError> {
        or_busy(self.shared.place(key)).await
    }

    /// The same error if there would be no place now.
    pub(super) async fn check_room(&self, key: Key) -> Result<(), PasswordError> {
        or_busy(self.shared.check_room(key)).await
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

async fn or_busy<T>(found: Result<T, Refused>) -> Result<T, PasswordError> {
    let refused = match found {
        Ok(found) => return Ok(found),
        Err(refused) => refused,
    };
    if refused.beside_others {
        sleep(PAUSE).await;
    }
    Err(PasswordError::Busy { retry_after_seconds: refused.retry_after_seconds })
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        self.shared.wake_other.notify_all();
    }
}

impl Shared {
    fn new(threads: usize, capacity: usize) -> Self {
        let state = State {
            queue: FairQueue::new(capacity),
            cheaper: VecDeque::new(),
            busy: 0,
            last: Duration::from_secs(1),
            closed: false,
        };
        Self {
            state: Mutex::new(state),
            wake: Condvar::new(),
            wake_other: Condvar::new(),
            threads,
            begun: AtomicU64::new(0),
            rounds: AtomicU64::new(0),
        }
    }

    /// No code that could panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check_room(&self, key: Key) -> Result<(), Refused> {
        let state = self.lock();
        let room = state.queue.room(key, self.free(&state));
        room.map(drop).map_err(|Full { beside_others }| Refused {
            beside_others,
            retry_after_seconds: self.estimate(&state),
        })
    }

    /// How many digests could begin at once.
    fn free(&self, state: &State) -> usize {
        (self.threads * LANES).saturating_sub(state.busy)
    }

    fn place(&self, key: Key) -> Result<Place<'_>, Refused> {
        let (sender, answer) = oneshot::channel();
        let mut state = self.lock();
        let free = self.free(&state);
        let waiting = Waiting { order: None, answer: sender };
        let pushed = state.queue.push(key, waiting, free);
        let retry_after_seconds = self.estimate(&state);
        let (number, left) = pushed
            .map_err(|Full { beside_others }| Refused { beside_others, retry_after_seconds })?;
        drop(state);
        for waiting in left {
            // It has just left by itself.
            let _ = waiting.answer.send(Err(PasswordError::Busy { retry_after_seconds }));
        }
        Ok(Place { shared: self, key, number, answer })
    }

    /// Seconds until everything waiting now is done, rounded up.
    fn estimate(&self, state: &State) -> u64 {
        let rounds = state.queue.len().div_ceil(self.threads * LANES);
        let rounds = u32::try_from(rounds).unwrap_or(u32::MAX);
        state.last.saturating_mul(rounds).as_secs().saturating_add(1)
    }

    /// The loop of a thread until the pool is dropped.
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

    /// The next task of a thread that works on this many digests.
    fn next(&self, in_hand: usize) -> Next {
        let mut state = self.lock();
        loop {
            if state.closed {
                return Next::Stop;
            }
            let is_first = in_hand < LANES && in_hand * self.threads <= state.busy;
            if let Some(begun) = is_first.then(|| self.begin(&mut state)).flatten() {
                state.busy += 1;
                return Next::Begin(begun);
            }
            if in_hand > 0 {
                return Next::GoOn;
            }
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn begin(&self, state: &mut State) -> Option<Job> {
        if let Some(cheaper) = state.cheaper.pop_front() {
            return Some(cheaper);
        }
        let ready = |waiting: &Waiting| matches!(waiting.order, Some(Order::Bcrypt(_)));
        let (key, Waiting { order: Some(Order::Bcrypt(order)), answer }) =
            state.queue.pop(ready)?
        else {
            return None;
        };
        self.begun.fetch_add(1, Ordering::Relaxed);
        Some(Job { key, answer, since: Instant::now(), task: Task::Bcrypt(order) })
    }

    /// The loop of a thread that computes one hash after the other.
    fn serve_other(&self) {
        while let Some((key, work, at_least, answer)) = self.next_other() {
            let (since, before) = (Instant::now(), cpu_time());
            // A fault in a library must not end the thread.
            let found = catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(PasswordError::Failed));
            let missing = at_least.saturating_sub(rounds_in(cpu_time().saturating_sub(before)));
            match found {
                Ok(found) if missing > 0 => {
                    let task = Task::Cheaper { found, missing };
                    self.lock().cheaper.push_back(Job { key, answer, since, task });
                    self.wake.notify_one();
                }
                found => {
                    self.lock().queue.end(key);
                    // Fails if the caller has gone.
                    let _ = answer.send(found);
                }
            }
        }
    }

    fn next_other(&self) -> Option<Other> {
        let ready = |waiting: &Waiting| matches!(waiting.order, Some(Order::Other { .. }));
        let mut state = self.lock();
        while !state.closed {
            if let Some((key, waiting)) = state.queue.pop(ready)
                && let Some(Order::Other { work, at_least }) = waiting.order
            {
                self.begun.fetch_add(1, Ordering::Relaxed);
                return Some((key, work, at_least, waiting.answer));
            }
            state = self.wake_other.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        None
    }

    /// Records the end of a digest, and how long it took unless it was abandoned.
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

type Other = (Key, Box<dyn FnOnce() -> DigestResult + Send>, u32, oneshot::Sender<DigestResult>);

/// Lowers this thread's priority: on Linux, niceness belongs to a thread (`setpriority(2)`, BUGS).
/// Where this fails, hashing still works, only less politely.
fn lower_priority() {
    let now = rustix::process::getpriority_process(None).unwrap_or(0);
    if let Err(cause) = rustix::process::setpriority_process(None, (now + NICER).min(19)) {
        log::debug!("the hashing threads cannot lower their priority: {cause}");
    }
}

#[cfg(test)]
mod tests;
