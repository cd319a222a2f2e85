//! The threads that hash: few, of low priority, behind a bounded queue.
//!
//! One hash takes a quarter of a second of CPU. On a worker's thread it would stop every other
//! request there; without bounds, a burst of logins would stop the machine.

use crate::passwords::error::PasswordError;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
}

struct State {
    waiting: VecDeque<Box<dyn Job>>,
    idle: usize,
    /// How long the last job took, for the estimate in [`PasswordError::Busy`].
    last: Duration,
    closed: bool,
}

trait Job: Send {
    /// Whether nobody waits for the answer any more.
    fn abandoned(&self) -> bool;
    fn run(self: Box<Self>);
}

struct Task<W, T> {
    work: W,
    answer: oneshot::Sender<T>,
}

impl<W: FnOnce() -> T + Send, T: Send> Job for Task<W, T> {
    fn abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    fn run(self: Box<Self>) {
        // Nobody there to take the answer: the caller went away meanwhile.
        let _ = self.answer.send((self.work)());
    }
}

impl Pool {
    /// Starts `threads` threads; `capacity` jobs may wait while all of them are busy.
    pub(super) fn start(
        threads: NonZeroUsize,
        capacity: NonZeroUsize,
    ) -> Result<Self, PasswordError> {
        let state = State {
            waiting: VecDeque::new(),
            idle: threads.get(),
            last: Duration::from_secs(1),
            closed: false,
        };
        let pool = Self {
            shared: Arc::new(Shared {
                state: Mutex::new(state),
                wake: Condvar::new(),
                threads: threads.get(),
                capacity: capacity.get(),
            }),
        };
        for number in 0..threads.get() {
            let shared = Arc::clone(&pool.shared);
            thread::Builder::new()
                .name(format!("hash-{number}"))
                .spawn(move || {
                    lower_priority();
                    shared.work();
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
        self.shared.submit(Box::new(Task { work, answer }))?;
        result.await.map_err(|_| PasswordError::Failed)
    }

    /// Jobs that wait for a thread.
    pub(super) fn queued(&self) -> usize {
        self.shared.lock().waiting.len()
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
    /// No code that could panic runs under the lock, so a poisoned one is still good.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn submit(&self, job: Box<dyn Job>) -> Result<(), PasswordError> {
        let mut state = self.lock();
        let most = self.capacity + state.idle;
        if state.waiting.len() >= most {
            state.waiting.retain(|job| !job.abandoned());
        }
        if state.waiting.len() >= most {
            return Err(PasswordError::Busy { retry_after_seconds: self.estimate(&state) });
        }
        state.waiting.push_back(job);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Seconds until what waits now is done, rounded up.
    fn estimate(&self, state: &State) -> u64 {
        let rounds = u32::try_from(state.waiting.len().div_ceil(self.threads)).unwrap_or(u32::MAX);
        state.last.saturating_mul(rounds).as_secs().saturating_add(1)
    }

    fn work(&self) {
        let mut state = self.lock();
        loop {
            if state.closed {
                return;
            }
            let Some(job) = state.waiting.pop_front() else {
                state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            if job.abandoned() {
                continue;
            }
            state.idle -= 1;
            drop(state);
            let started = Instant::now();
            // The panic hook has said what happened; the caller sees its answer's channel close.
            let _ = catch_unwind(AssertUnwindSafe(|| job.run()));
            let took = started.elapsed();
            state = self.lock();
            state.idle += 1;
            state.last = took;
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

    #[tokio::test]
    async fn threads_end_with_the_pool() {
        let pool = pool(3, 1);
        let shared = Arc::downgrade(&pool.shared);
        drop(pool);
        until(|| shared.strong_count() == 0).await;
    }
}
