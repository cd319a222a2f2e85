//! Carries out commands: signals and `bailiwick ctl`.

use super::control::{Request, Response};
use super::questions::WorkerReports;
use super::signals::{Command, Threads};
use super::status::{ProcessStatus, Restart, Status};
use super::workers::Stage;
use super::{ERROR, Master, Order, Phase, Pidfile, Plan, systemd};
use crate::domain::{AuditReason, program};
use crate::logging;
use crate::settings::Settings;
use std::time::Instant;

/// The limit of `server.workers`.
const MOST_THREADS: usize = 1024;

/// The number of worker threads after a change.
fn changed(threads: usize, change: Threads) -> Result<usize, String> {
    let wanted = match change {
        Threads::By(change) => threads.saturating_add_signed(change),
        Threads::Be(wanted) => wanted,
    };
    match wanted {
        0 => Err("a process has at least one worker thread".to_owned()),
        more if more > MOST_THREADS => {
            Err(format!("a process has at most {MOST_THREADS} worker threads"))
        }
        threads => Ok(threads),
    }
}

impl Master {
    /// Carries out a command; its result is logged, too.
    pub(super) fn obey(&mut self, command: Command) -> Result<String, String> {
        let reloads = command == Command::Reload && self.phase != Phase::Leaving;
        let done = match command {
            Command::Stop if self.phase == Phase::Leaving => Ok(self.leave(Order::Quit)),
            Command::Stop => Ok(self.leave(self.farewell())),
            Command::Quit => Ok(self.leave(Order::Quit)),
            _ if self.phase == Phase::Leaving => Err("the server is about to stop".to_owned()),
            Command::Reload => {
                let reloaded = self.reload();
                self.figures.reloaded = reloaded.is_ok();
                reloaded
            }
            Command::Workers(change) => self.change_threads(change),
            Command::ReopenLogs => Ok(self.reopen_logs()),
            Command::Upgrade => self.upgrade(),
            Command::Rest => Ok(self.rest()),
            Command::Wake => self.wake(),
        };
        match &done {
            Ok(line) => log::info!(target: ERROR, "{line}"),
            Err(line) => log::error!(target: ERROR, "Refused: {line}"),
        }
        if reloads {
            self.audit_reload(AuditReason::Invalid, done.as_ref().err());
        }
        done
    }

    pub(super) fn handle(&mut self, request: Request) -> Response {
        match request.command().map(|command| self.obey(command)) {
            None => self.health(),
            Some(Ok(line)) => Response::Accepted(line),
            Some(Err(line)) => Response::Refused(line),
        }
    }

    fn leave(&mut self, order: Order) -> String {
        self.phase = Phase::Leaving;
        systemd::stopping();
        self.answer_waiting(&Err("the server is about to stop".to_owned()));
        self.stop_successor(order);
        self.dismiss(order);
        // New connections are refused as soon as the workers have got the order. Health is served
        // to the end.
        self.plan.listeners.keep_admin();
        self.pending = None;
        self.reloader = None;
        self.earlier.clear();
        if order == Order::Quit {
            "Stopping at once".to_owned()
        } else {
            "Stopping; requests in flight may finish".to_owned()
        }
    }

    fn reload(&mut self) -> Result<String, String> {
        self.reload_begins();
        let plan = self.pending.as_ref().unwrap_or(&self.plan).renewed();
        let plan = plan.inspect_err(|cause| self.reload_refused(cause))?;
        self.resting = false;
        self.follow(plan);
        self.reloading = true;
        self.trouble = None;
        Ok("Reloading: replacing all workers".to_owned())
    }

    fn change_threads(&mut self, change: Threads) -> Result<String, String> {
        let mut plan = self.pending.as_ref().unwrap_or(&self.plan).clone();
        let before = plan.threads;
        plan.threads = changed(before, change)?;
        let line = format!("Workers: {}", plan.threads);
        if plan.threads == before && !self.resting {
            return Ok(line);
        }
        self.resting = false;
        self.follow(plan);
        Ok(line)
    }

    fn reopen_logs(&mut self) -> String {
        // Where worker processes may not create files, the master does so before they open them.
        let open = self.plan.identity.log_opener();
        for path in &self.plan.log_files {
            if let Err(error) = open(path) {
                log::error!(target: ERROR, "{}: {error}", path.display());
            }
        }
        for worker in &mut self.workers {
            worker.order(Order::ReopenLogs);
        }
        logging::reopen();
        "Reopening log files".to_owned()
    }

    fn rest(&mut self) -> String {
        self.resting = true;
        self.answer_waiting(&Err("the workers are stopped meanwhile".to_owned()));
        format!("Stopping the workers; `{} ctl wake` or SIGHUP brings them back", program())
    }

    fn wake(&mut self) -> Result<String, String> {
        if !std::mem::take(&mut self.resting) {
            return Err("the workers are not resting".to_owned());
        }
        self.backoff.reset();
        Ok("Starting the workers again".to_owned())
    }

    /// Applies a plan once the current one has shown whether it can start: of several that arrive
    /// meanwhile, only the last counts.
    fn follow(&mut self, plan: Plan) {
        self.pending = Some(plan);
        self.backoff.reset();
    }

    /// Applies the pending plan, unless a process is just starting.
    pub(super) fn put_in_force(&mut self) {
        if self.workers.iter().any(|worker| worker.stage == Stage::Starting) {
            return;
        }
        let Some(mut plan) = self.pending.take() else { return };
        plan.generation = self.next_generation();
        let before = std::mem::replace(&mut self.plan, plan);
        if self.proven {
            self.earlier.push(before);
        }
        self.proven = false;
        self.renew();
    }

    fn next_generation(&self) -> u64 {
        let earlier = self.earlier.iter().map(|plan| plan.generation);
        let workers = self.workers.iter().map(|worker| worker.generation);
        earlier.chain(workers).fold(self.plan.generation, u64::max) + 1
    }

    /// Takes the pidfile of these settings and removes the previous one. A living predecessor's is
    /// taken over.
    pub(super) fn take_pidfile(&mut self, settings: &Settings, predecessor: Option<i32>) {
        let path = settings.server.pidfile.as_deref();
        if path == self.pidfile.as_ref().map(Pidfile::path) {
            return;
        }
        self.pidfile = None;
        if let Some(path) = path {
            match Pidfile::claim(path, predecessor) {
                Ok(file) => self.pidfile = Some(file),
                Err(error) => log::error!(target: ERROR, "{error}"),
            }
        }
    }

    pub(super) fn status(&self, reports: WorkerReports) -> Status {
        let now = Instant::now();
        let seconds = |since: Instant| now.saturating_duration_since(since).as_secs();
        let processes = self.workers.iter().map(|worker| ProcessStatus {
            pid: worker.pid,
            generation: worker.generation,
            state: worker.stage.name().to_owned(),
            threads: worker.threads,
            uptime: seconds(worker.started),
            connections: worker.stats.connections,
            in_flight: worker.stats.in_flight,
            requests: worker.stats.requests,
            memory_kib: worker.stats.memory,
        });
        Status {
            version: program().version.to_owned(),
            pid: std::process::id(),
            generation: self.plan.generation,
            uptime: seconds(self.started),
            database_answers: reports.database,
            // A secret that is being changed here belongs to no other server.
            other_secrets: reports.other_secrets.difference(&reports.secrets).cloned().collect(),
            secrets: reports.secrets.into_iter().collect(),
            silent: reports.silent,
            listening: self.plan.listeners.urls().map(ToString::to_string).collect(),
            processes: processes.collect(),
            last_restart: self.last_restart.as_ref().map(|(reason, when)| Restart {
                reason: reason.clone(),
                seconds_ago: seconds(*when),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_threads_has_bounds() {
        use Threads::{Be, By};
        let few = Err("a process has at least one worker thread".to_owned());
        let many = Err("a process has at most 1024 worker threads".to_owned());
        assert_eq!(
            (changed(1, By(-1)), changed(7, By(-9)), changed(3, Be(0))),
            (few.clone(), few.clone(), few)
        );
        assert_eq!((changed(1, By(1)), changed(MOST_THREADS, By(-1))), (Ok(2), Ok(1023)));
        assert_eq!(
            (changed(1023, By(1)), changed(1, Be(1024))),
            (Ok(MOST_THREADS), Ok(MOST_THREADS))
        );
        assert_eq!((changed(1024, By(1)), changed(1, Be(1025))), (many.clone(), many.clone()));
        assert_eq!(changed(1, By(isize::MAX)), many);
    }
}
