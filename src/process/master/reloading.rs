//! Reports the end of a reload to systemd and to those who wait for it.

use super::control::Response;
use super::workers::{Message, Stage};
use super::{Command, Master, Phase, systemd};
use crate::accounts::Audit;
use crate::domain::{AuditAction, AuditEntry, AuditFields, AuditReason};
use tokio::sync::oneshot;

/// Events that wait for a process with a database, at most.
const MOST_UNTOLD: usize = 16;

impl Master {
    /// Tells the audit log that the settings were accepted or, with their fault, that they were not.
    pub(super) fn audit_reload(&mut self, reason: AuditReason, fault: Option<&String>) {
        let entry = AuditEntry::of(AuditAction::SettingsReload);
        let entry = match fault {
            Some(fault) => entry.because(Some(reason)).detail("fault", fault),
            None => entry,
        };
        if self.untold.len() < MOST_UNTOLD {
            self.untold.push(AuditFields::of(&entry, None));
        }
        Audit::default().tell(entry);
        self.tell_audited();
    }

    /// Hands what the audit log was told to a process that has a database.
    pub(super) fn tell_audited(&mut self) {
        let serving = self.workers.iter().find(|worker| worker.stage == Stage::Serving);
        let Some(worker) = serving else { return };
        for event in self.untold.drain(..) {
            // A process that ends at this moment takes it along; the log has it.
            let _ = worker.messages.send(Message::Audited(event));
        }
    }

    /// Reloads for a requester that waits for the end.
    pub(super) fn reload_for(&mut self, requester: oneshot::Sender<Response>) {
        match self.obey(Command::Reload) {
            Ok(_) => self.waiting.push(requester),
            // The requester may have gone.
            Err(line) => drop(requester.send(Response::Refused(line))),
        }
    }

    /// Tells those who wait what was done, or why it was not.
    pub(super) fn answer_waiting(&mut self, done: &Result<String, String>) {
        for requester in self.waiting.drain(..) {
            let answer = match done {
                Ok(line) => Response::Accepted(line.clone()),
                Err(line) => Response::Refused(line.clone()),
            };
            let _ = requester.send(answer);
        }
    }

    /// Call this before anything can go wrong: systemd accepts an end only after a beginning.
    pub(super) fn reload_begins(&self) {
        if self.is_the_service() {
            systemd::reloading();
        }
    }

    /// The configuration is wrong; a reload before this one may still be under way.
    pub(super) fn reload_refused(&mut self, cause: &str) {
        self.trouble = Some(cause.to_owned());
        if !self.reloading {
            self.tell_ready();
        }
    }

    /// All worker processes are replaced, or none is.
    pub(super) fn reload_ends(&mut self, done: &Result<String, String>) {
        if let Err(cause) = done {
            self.trouble = Some(cause.clone());
        }
        self.answer_waiting(done);
        self.tell_ready();
    }

    fn tell_ready(&self) {
        if !self.is_the_service() {
            return;
        }
        match &self.trouble {
            None => systemd::ready("serving"),
            Some(cause) => systemd::ready(&format!("serving; the last reload failed: {cause}")),
        }
    }

    /// Whether systemd was told that this process serves.
    fn is_the_service(&self) -> bool {
        self.phase == Phase::Serving && self.predecessor.is_none()
    }
}
