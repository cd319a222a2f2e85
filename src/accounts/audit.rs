//! The audit log: every rule of this floor tells it what was done in whose name, and what was not.

use crate::accounts::Author;
use crate::accounts::audit_trail::AuditTrail;
use crate::domain::{AuditEntry, AuditFields, AuditReason, RepositoryError};
use crate::logging::write_audit;
use std::sync::Arc;

/// Who tells the audit log.
#[derive(Clone, Default)]
pub struct Audit {
    operator: Option<Arc<str>>,
    trail: Option<Arc<AuditTrail>>,
}

impl Audit {
    /// For a command that this system user runs.
    #[must_use]
    pub fn of_operator(self, name: &str) -> Self {
        Self { operator: Some(name.into()), ..self }
    }

    /// The database keeps it, too.
    #[must_use]
    pub fn keeping(self, trail: AuditTrail) -> Self {
        Self { trail: Some(Arc::new(trail)), ..self }
    }

    /// Tells of something that no caller asked for.
    pub fn tell(&self, entry: AuditEntry) {
        let entry = match &self.operator {
            Some(operator) => entry.by_command(operator),
            None => entry,
        };
        write_audit(&entry);
        if let Some(trail) = &self.trail {
            trail.take(&entry);
        }
    }

    /// Keeps what was told elsewhere.
    pub(crate) fn keep(&self, fields: AuditFields) {
        if let Some(trail) = &self.trail {
            trail.take_fields(fields);
        }
    }

    /// How many events wait to be kept, and how many were lost.
    pub(crate) fn counts(&self) -> (usize, u64) {
        self.trail.as_ref().map_or((0, 0), |trail| trail.counts())
    }

    /// Writes what is to be kept, and deletes what is too old, as long as it is polled.
    pub(crate) async fn run(&self) {
        if let Some(trail) = &self.trail {
            trail.run().await;
        }
    }

    /// Writes what is still to be kept: for commands, once they are done.
    pub async fn flush(&self) -> Result<(), RepositoryError> {
        match &self.trail {
            Some(trail) => trail.write().await,
            None => Ok(()),
        }
    }

    /// The same for a server, whose end does not wait long.
    pub(crate) async fn end(&self) {
        if let Some(trail) = &self.trail {
            trail.end().await;
        }
    }

    /// Tells of a change in somebody's name, and how it ended.
    pub(super) fn tell_change(
        &self,
        entry: AuditEntry,
        author: &Author,
        reason: Option<AuditReason>,
    ) {
        let entry = entry.because(reason);
        match author {
            Author::Caller(actor, sender) => {
                let entry = entry.who(actor.username.as_str()).by_request(sender);
                self.tell(match &actor.key {
                    Some(key) => entry.detail("with_key_id", key.as_str()),
                    None => entry,
                });
            }
            Author::Stranger(sender) => self.tell(entry.by_request(sender)),
            Author::Operator => self.tell(entry),
        }
    }
}
