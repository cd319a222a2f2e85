//! Threads that wait for others, so that no worker does: started when there is something to do, bounded in
//! number, gone when they were idle for a while.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// The most jobs that wait.
const MOST_WAITING: usize = 1024;

/// How long an idle thread stays.
const IDLE: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce() + Send>;

/// Runs jobs; at most half of the threads work for the same host, so that one that is slow does not keep
/// others waiting.
pub(super) struct Threads {
    most: usize,
    queue: Mutex<Queue>,
    wake: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<(Arc<str>, Job)>,
    threads: usize,
    idle: usize,
    busy: HashMap<Arc<str>, usize>,
}

impl Threads {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, queue: Mutex::default(), wake: Condvar::new() })
    }

    /// Has a job done that waits for this host; `false` if too many wait.
    pub(super) fn run(self: &Arc<Self>, host: &str, job: impl FnOnce() + Send + 'static) -> bool {
        let mut queue = self.locked();
        if queue.jobs.len() >= MOST_WAITING {
            return false;
        }
        queue.jobs.push_back((host.into(), Box::new(job)));
        if queue.idle > 0 {
            self.wake.notify_one();
        }
        if queue.idle < queue.jobs.len() && queue.threads < self.most {
            queue.threads += 1;
            let own = Arc::clone(self);
            let started = thread::Builder::new().name("outgoing".to_owned());
            if started.spawn(move || own.work()).is_err() {
                queue.threads -= 1;
                // Another thread will come to it, if there is one.
                return queue.threads > 0;
            }
        }
        true
    }

    fn work(&self) {
        let mut queue = self.locked();
        loop {
            if let Some((host, job)) = queue.next(self.most.div_ceil(2)) {
                drop(queue);
                // A fault in one request must not cost a thread.
                if catch_unwind(AssertUnwindSafe(job)).is_err() {
                    log::error!(target: "bailiwick.error", "a request to {host} panicked");
                }
                queue = self.locked();
                queue.done(&host);
                // A job that waited for its host's turn.
                self.wake.notify_one();
                continue;
            }
            queue.idle += 1;
            let (back, waited) =
                self.wake.wait_timeout(queue, IDLE).unwrap_or_else(PoisonError::into_inner);
            queue = back;
            queue.idle -= 1;
            if waited.timed_out() && queue.jobs.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }

    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    /// The oldest job whose host does not have its share yet.
    fn next(&mut self, share: usize) -> Option<(Arc<str>, Job)> {
        let has_room = |host: &str| self.busy.get(host).is_none_or(|busy| *busy < share);
        let at = self.jobs.iter().position(|(host, _)| has_room(host))?;
        let (host, job) = self.jobs.remove(at)?;
        *self.busy.entry(Arc::clone(&host)).or_default() += 1;
        Some((host, job))
    }

    fn done(&mut self, host: &str) {
        if let Some(busy) = self.busy.get_mut(host) {
            *busy -= 1;
            if *busy == 0 {
                self.busy.remove(host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;

    #[test]
    fn a_slow_host_leaves_threads_for_others_and_a_panic_costs_none() {
        let threads = Threads::new(4);
        let (release, wait) = channel::<()>();
        let wait = Arc::new(Mutex::new(wait));
        let (done, all) = channel();
        for _ in 0..5 {
            let (wait, done) = (Arc::clone(&wait), done.clone());
            threads.run("slow", move || {
                wait.lock().unwrap().recv().unwrap();
                done.send("slow").unwrap();
            });
        }
        threads.run("bad", || panic!("on purpose"));
        for _ in 0..3 {
            let done = done.clone();
            assert!(threads.run("fast", move || done.send("fast").unwrap()));
        }
        for _ in 0..3 {
            assert_eq!(all.recv(), Ok("fast"));
        }
        (0..5).for_each(|_| release.send(()).unwrap());
        for _ in 0..5 {
            assert_eq!(all.recv(), Ok("slow"));
        }
        let queue = threads.locked();
        assert!(queue.threads <= 4 && queue.jobs.is_empty());
    }

    #[test]
    fn jobs_beyond_the_bound_are_refused() {
        let threads = Threads::new(2);
        let (release, wait) = channel::<()>();
        let (tell, told) = channel();
        assert!(threads.run("slow", move || {
            tell.send(()).unwrap();
            let _ = wait.recv();
        }));
        told.recv().unwrap();
        let taken = (0..2 * MOST_WAITING).take_while(|_| threads.run("slow", || {})).count();
        assert_eq!(taken, MOST_WAITING);
        drop(release);
    }
}
