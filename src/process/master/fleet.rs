//! Starts, monitors and replaces worker processes.

use super::workers::{self, Reason, STANDS_STILL, Stage, WorkerProcess};
use super::{ERROR, Master, Phase, Report};
use crate::domain::AuditReason;
use crate::http::ServeError;
use crate::http::monitoring::stats::StatsSnapshot;
use crate::process::limited;
use crate::settings::ServerSettings;
use rustix::process::Signal;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

impl Master {
    /// Does what the rule decides: starts, drains. Only the failure of the first start is an error.
    pub(super) fn arrange(&mut self) -> Result<(), ServeError> {
        self.make_room();
        if self.phase == Phase::Leaving {
            return Ok(());
        }
        self.put_in_force();
        let wanted = self.wanted();
        let decision = workers::next(&self.workers, self.plan.generation, wanted);
        for worker in &mut self.workers {
            if decision.drain.contains(&worker.id) {
                log::debug!(target: ERROR, "Worker process {} is no longer needed", worker.pid);
                worker.drain();
            }
        }
        for _ in 0..decision.start {
            if self.backoff.allows(Instant::now()) {
                self.start()?;
            }
        }
        let living: Vec<_> = self.workers.iter().map(|worker| worker.generation).collect();
        let proven = self.proven;
        let last = self.earlier.last().map(|plan| plan.generation);
        self.earlier.retain(|plan| {
            living.contains(&plan.generation) || !proven && Some(plan.generation) == last
        });
        if self.phase == Phase::Serving
            && self.pending.is_none()
            && workers::is_settled(&self.workers, self.plan.generation, wanted)
        {
            self.settled();
        }
        Ok(())
    }

    /// Frequent reloads or replacements must not pile up.
    fn make_room(&mut self) {
        let server = &self.plan.settings.server;
        let most = server.max_draining.get();
        for pid in workers::make_room(&mut self.workers, server.processes.get(), most) {
            log::info!(target: ERROR, "Worker process {pid} has drained long enough: {most} younger ones drain as well (server.max_draining)");
        }
    }

    fn wanted(&self) -> usize {
        if self.resting { 0 } else { self.plan.settings.server.processes.get() }
    }

    fn start(&mut self) -> Result<(), ServeError> {
        self.next_id += 1;
        let (id, now) = (self.next_id, Instant::now());
        let is_first = self.plan.generation == 1 && !self.proven;
        let launched = match self.launcher.worker(id, &self.plan, is_first) {
            Ok(launched) => launched,
            Err(error) => {
                return self.failed(format!("a worker process cannot be started: {error}"));
            }
        };
        let settings = &self.plan.settings.server;
        let deadline = (settings.timeout > 0).then(|| now + Duration::from_secs(settings.timeout));
        self.workers.push(WorkerProcess {
            id,
            pid: launched.pid,
            generation: self.plan.generation,
            threads: self.plan.threads,
            stage: Stage::Starting,
            started: now,
            ready: None,
            messages: launched.messages,
            stats: StatsSnapshot::default(),
            heard: now,
            most_requests: most_requests(settings),
            is_asked: false,
            stale: None,
            blame: None,
            failure: None,
            patience: self.plan.patience(),
            beside: settings.processes.get(),
            deadline,
        });
        Ok(())
    }

    /// A process of the current plan ended before it served.
    fn failed(&mut self, cause: String) -> Result<(), ServeError> {
        let cause = cause + &limited::hint();
        if self.phase == Phase::Starting {
            return Err(ServeError::Worker(cause));
        }
        self.figures.count(Reason::Start);
        let serving = self.workers.iter().any(|worker| worker.stage == Stage::Serving);
        if let Some(before) = self.earlier.pop_if(|_| !self.proven && serving) {
            log::error!(target: ERROR, "The new worker processes do not start, so the old ones \
                                        stay: {cause}");
            self.plan = before;
            self.proven = true;
            self.renew();
            // The change may have been to the number of threads.
            if std::mem::take(&mut self.reloading) {
                self.figures.reloaded = false;
                self.audit_reload(AuditReason::Internal, Some(&cause));
                self.reload_ends(&Err(format!("the new worker processes do not start: {cause}")));
            }
            return Ok(());
        }
        let wait = self.backoff.note(Duration::ZERO, Instant::now());
        log::error!(target: ERROR, "A worker process does not start: {cause}; next try in {:.1} s", wait.as_secs_f32());
        self.answer_waiting(&Err(format!("a worker process does not start: {cause}")));
        Ok(())
    }

    pub(super) fn receive(&mut self, id: u64, report: Report) {
        let Some(worker) = self.workers.iter_mut().find(|worker| worker.id == id) else { return };
        worker.heard = Instant::now();
        match report {
            Report::Ready if worker.stage == Stage::Starting => {
                worker.stage = Stage::Serving;
                worker.ready = Some(worker.heard);
                worker.deadline = None;
                self.proven |= worker.generation == self.plan.generation;
                log::debug!(target: ERROR, "Worker process {} serves", worker.pid);
                if self.phase == Phase::Starting {
                    self.announce();
                }
                self.tell_audited();
            }
            Report::Ready => {}
            Report::Terminated => {
                if worker.stage == Stage::Serving && worker.stale.is_none() {
                    let reason = "it was told to end (SIGTERM)".to_owned();
                    self.figures.count(Reason::Signal);
                    replace(worker, reason, &mut self.last_restart);
                }
            }
            Report::Failed(line) => worker.failure = Some(line),
            Report::Alive(stats) => worker.stats = stats,
            Report::Paused => self.close(Some(id)),
            Report::Database { question, answers, secret, other_secrets } => {
                self.receive_database_report(id, question, (answers, secret, other_secrets));
            }
            Report::Figures { round, lines } => self.receive_figures(id, round, &lines),
            Report::AskFigures(question) => self.ask_figures(id, question),
        }
    }

    pub(super) fn ended(&mut self, id: u64, how: io::Result<ExitStatus>) -> Result<(), ServeError> {
        let exited = how.as_ref().is_ok_and(|status| status.code().is_some());
        let signal = how.as_ref().ok().and_then(ExitStatusExt::signal);
        let how = how.map_or_else(|error| error.to_string(), described);
        if self.successor_ended(id, &how) {
            return Ok(());
        }
        let Some(at) = self.workers.iter().position(|worker| worker.id == id) else {
            return Ok(());
        };
        let worker = self.workers.remove(at);
        self.figures.ended(id);
        self.close(Some(id));
        if worker.is_ending() || self.phase == Phase::Leaving {
            return Ok(());
        }
        let Some(ready) = worker.ready else {
            let cause = worker.failure.unwrap_or_else(|| format!("it ended with {how}"));
            if worker.generation != self.plan.generation {
                return Ok(());
            }
            if signal.is_some_and(is_for_the_master) {
                self.figures.count(Reason::Signal);
                let wait = self.backoff.note(Duration::ZERO, Instant::now());
                log::warn!(target: ERROR, "Worker process {} was starting and ended with {how}; next start in {:.1} s", worker.pid, wait.as_secs_f32());
                return Ok(());
            }
            return self.failed(cause);
        };
        let reason = if exited { Reason::Exit } else { Reason::Signal };
        self.figures.count(worker.blame.unwrap_or(reason));
        let reason = format!("process {} ended with {how}{}", worker.pid, limited::hint());
        let wait = self.backoff.note(ready.elapsed(), Instant::now());
        log::error!(target: ERROR, "Worker {reason}; next start in {:.1} s", wait.as_secs_f32());
        self.last_restart = Some((reason, Instant::now()));
        Ok(())
    }

    /// While the master was stalled, no worker could meet a deadline: moves them all by that time.
    pub(super) fn extend_deadlines(&mut self, lost: Duration, now: Instant) {
        if lost.is_zero() {
            return;
        }
        for worker in &mut self.workers {
            // Reports received since then are already newer.
            worker.heard = now.min(worker.heard + lost);
            worker.deadline = worker.deadline.map(|deadline| deadline + lost);
        }
        self.put_off_successor(lost);
        self.put_off_questions(lost);
        self.figures.extend_deadlines(lost);
    }

    /// Checks everything that depends on time.
    pub(super) fn watch(&mut self, now: Instant) {
        self.watchdog.feed(now);
        self.watch_successor(now);
        self.answer_questions(now);
        self.end_round(now);
        self.close(None);
        self.launcher.children().reap_orphans();
        let timeout = Duration::from_secs(self.plan.settings.server.timeout);
        let leaving = self.phase == Phase::Leaving;
        for worker in &mut self.workers {
            if worker.deadline.is_some_and(|deadline| now > deadline) {
                let StatsSnapshot { in_flight, connections, .. } = worker.stats;
                let what = if worker.stage == Stage::Starting { "start" } else { "stop" };
                log::warn!(target: ERROR, "Worker process {} takes too long to {what} and is \
                                           killed; requests in flight: {in_flight}, connections: \
                                           {connections}", worker.pid);
                worker.failure.get_or_insert_with(|| "it was not ready in time".to_owned());
                worker.kill();
            } else if worker.stage == Stage::Serving && !timeout.is_zero() && !leaving {
                let stalled = Duration::from_millis(worker.stats.stalled);
                if now.saturating_duration_since(worker.heard) > timeout {
                    log::error!(target: ERROR, "Worker process {} is unresponsive and is killed", worker.pid);
                    worker.blame = Some(Reason::Silent);
                    worker.kill();
                } else if stalled > timeout && worker.stale.is_none() {
                    self.figures.count(Reason::StandsStill);
                    replace(worker, STANDS_STILL.to_owned(), &mut self.last_restart);
                }
            }
        }
        if !leaving {
            self.recycle();
        }
    }

    /// Marks one process that has reached a limit for replacement, never two at a time.
    fn recycle(&mut self) {
        let generation = self.plan.generation;
        let wanted = self.wanted();
        if self.pending.is_some()
            || !workers::is_settled(&self.workers, generation, wanted)
            || !self.backoff.allows(Instant::now())
        {
            return;
        }
        let most_cpu = limited::cpu_time();
        let most_memory = self.plan.settings.server.max_memory;
        for worker in self.workers.iter_mut().filter(|worker| worker.stage == Stage::Serving) {
            let StatsSnapshot { requests, memory, cpu, .. } = worker.stats;
            let (why, reason) = if worker.most_requests.is_some_and(|most| requests >= most) {
                (Reason::Requests, format!("{requests} requests (max_requests)"))
            } else if most_memory > 0 && memory > most_memory.saturating_mul(1024) {
                (Reason::Memory, format!("{} MiB of memory (max_memory)", memory / 1024))
            } else if most_cpu.is_some_and(|most| cpu >= most) {
                (Reason::Cpu, format!("{cpu} s of CPU time (ulimit -t)"))
            } else {
                continue;
            };
            // A limit that a process exceeds at once must not become a loop.
            let served = worker.ready.map_or(Duration::ZERO, |ready| ready.elapsed());
            self.backoff.note(served, Instant::now());
            self.figures.count(why);
            return replace(worker, reason, &mut self.last_restart);
        }
    }
}

fn replace(worker: &mut WorkerProcess, reason: String, last: &mut Option<(String, Instant)>) {
    log::warn!(target: ERROR, "Worker process {} is replaced: {reason}", worker.pid);
    *last = Some((format!("process {} replaced: {reason}", worker.pid), Instant::now()));
    worker.stale = Some(reason);
}

/// Whether this signal ends a process only before its handlers are installed. A terminal sends some
/// to the whole group, and a signal sent by program name reaches worker processes too.
fn is_for_the_master(signal: i32) -> bool {
    let signals =
        [Signal::HUP, Signal::INT, Signal::QUIT, Signal::TERM, Signal::USR1, Signal::USR2];
    signals.iter().any(|known| known.as_raw() == signal)
}

/// `max_requests` plus its jitter.
fn most_requests(settings: &ServerSettings) -> Option<u64> {
    let jitter = rand::random_range(0..=settings.max_requests_jitter);
    (settings.max_requests > 0).then(|| settings.max_requests.saturating_add(jitter))
}

fn described(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit code {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => status.to_string(),
    }
}
