//! Replaces one master by its successor: both sides.

use super::{Master, Phase, supervisor, systemd, workers};
use crate::logging::ERROR;
use crate::process::channel::{self, Inheritance, Order, SUCCESSOR, TakenOver};
use crate::process::listener::Listeners;
use listenfd::ListenFd;
use std::io::{self, Write as _};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;
use workers::{Message, OVERTIME, Stage};

/// How long a successor may take until it serves.
const PATIENCE: Duration = Duration::from_mins(1);

/// The master that started this one.
pub(super) struct Predecessor {
    pid: i32,
    channel: UnixStream,
    inheritance: Inheritance,
}

impl Predecessor {
    /// The predecessor of this process; `None` for the first master.
    pub(super) fn of_this_process() -> io::Result<Option<Self>> {
        let Some(pid) = std::env::var(SUCCESSOR).ok().and_then(|pid| pid.parse().ok()) else {
            return Ok(None);
        };
        let (inheritance, channel) = channel::of_this_process()?;
        Ok(Some(Self { pid, channel, inheritance }))
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    pub(super) fn listeners(&self, passed: ListenFd) -> io::Result<Listeners> {
        Listeners::inherit(passed, &self.inheritance)
    }

    /// Tells it that this process serves; called again, that its drain must end. One that has gone
    /// is ignored.
    pub(super) fn relieve(&mut self) {
        let _ = channel::line(&TakenOver).and_then(|line| self.channel.write_all(&line));
    }
}

/// The master that this one started.
pub(super) struct Successor {
    id: u64,
    pid: u32,
    messages: UnboundedSender<Message>,
    deadline: Instant,
}

impl Successor {
    fn kill(&self) {
        let _ = self.messages.send(Message::Kill);
    }
}

impl Master {
    /// Starts the program again; it serves beside this one until it is ready.
    pub(super) fn upgrade(&mut self) -> Result<String, String> {
        if self.phase != Phase::Serving {
            return Err("this server is not serving".to_owned());
        }
        if let Some(successor) = &self.successor {
            return Err(format!("process {} is already about to take over", successor.pid));
        }
        if let Some(line) = supervisor::forbids_upgrade(self.plan.settings.server.upgrade) {
            return Err(line);
        }
        self.next_id += 1;
        let id = self.next_id;
        let launched = self.launcher.successor(id, &self.plan.listeners);
        let launched = launched.map_err(|error| format!("the program cannot start: {error}"))?;
        let (pid, messages) = (launched.pid, launched.messages);
        self.successor = Some(Successor { id, pid, messages, deadline: Instant::now() + PATIENCE });
        Ok(format!("process {pid} is to take over"))
    }

    pub(super) fn taken_over(&mut self, id: u64) {
        let Some(successor) = self.successor.take_if(|successor| successor.id == id) else {
            return;
        };
        log::info!(target: ERROR, "Process {} has taken over", successor.pid);
        systemd::main_process(successor.pid);
        if self.phase == Phase::Leaving {
            return;
        }
        self.phase = Phase::Leaving;
        self.answer_waiting(&Err("another process has taken over".to_owned()));
        // Repeated upgrades must not pile up: one old master drains at a time.
        if let Some(first) = &mut self.relieved {
            first.relieve();
        }
        self.plan.listeners.leave();
        self.reloader = None;
        if let Some(control) = &self.control {
            control.disown();
        }
        for worker in &mut self.workers {
            worker.drain();
        }
    }

    /// The successor has been succeeded.
    pub(super) fn make_haste(&mut self) {
        log::info!(target: ERROR, "Another upgrade has followed: what drains here makes room");
        for worker in self.workers.iter_mut().filter(|worker| worker.stage == Stage::Draining) {
            worker.hurry();
        }
    }

    /// Ends the upgrade if it was this child that ended.
    pub(super) fn successor_ended(&mut self, id: u64, how: &str) -> bool {
        let ended = self.successor.take_if(|successor| successor.id == id);
        if let Some(successor) = &ended
            && self.phase != Phase::Leaving
        {
            log::error!(target: ERROR, "Process {} ended before it took over ({how}): this one \
                                        stays", successor.pid);
        }
        ended.is_some()
    }

    pub(super) fn watch_successor(&mut self, now: Instant) {
        if let Some(successor) = &mut self.successor
            && now > successor.deadline
        {
            log::error!(target: ERROR, "Process {} was not ready in time to take over", successor.pid);
            successor.kill();
            successor.deadline = now + PATIENCE;
        }
    }

    pub(super) fn put_off_successor(&mut self, lost: Duration) {
        if let Some(successor) = &mut self.successor {
            successor.deadline += lost;
        }
    }

    /// It may already serve: ends it in the same way as this server.
    pub(super) fn stop_successor(&mut self, order: Order) {
        let (_, graceful) = self.plan.patience();
        if let Some(successor) = &mut self.successor {
            let Order::Leave { seconds, .. } = order else { return successor.kill() };
            let _ = successor.messages.send(Message::Terminate);
            successor.deadline =
                Instant::now() + Duration::from_secs(seconds + graceful) + OVERTIME;
        }
    }
}
