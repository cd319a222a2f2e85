//! The audit log: every rule of this floor tells it what was done in whose name, and what was not.

use crate::accounts::Author;
use crate::domain::{AuditEntry, AuditReason};
use crate::logging::write_audit;
use std::sync::Arc;

/// Who tells the audit log.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    operator: Option<Arc<str>>,
}

impl Audit {
    /// For a command that this system user runs.
    #[must_use]
    pub fn of_operator(name: &str) -> Self {
        Self { operator: Some(name.into()) }
    }

    /// Tells of something that no caller asked for.
    pub fn tell(&self, entry: AuditEntry) {
        write_audit(&match &self.operator {
            Some(operator) => entry.by_command(operator),
            None => entry,
        });
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
                self.tell(entry.who(actor.username.as_str()).by_request(sender));
            }
            Author::Operator => self.tell(entry),
        }
    }
}
