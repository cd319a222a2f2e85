//! An entry of the audit log: who did what to whom, and how it ended.

use crate::domain::audit_action::{AuditAction, AuditReason};
use crate::domain::mask::without_keys;
use crate::domain::sender::Sender;
use std::borrow::Cow;

/// Most characters of a text that a client sent, such as the name that it tried.
const LONGEST: usize = 256;

/// An entry to be: who did what to whom, from where, and how it ended. It holds no secret.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    action: AuditAction,
    reason: Option<AuditReason>,
    via: &'static str,
    who: Option<String>,
    whom: Option<String>,
    sender: Option<Sender>,
    details: Vec<(&'static str, String)>,
}

impl AuditEntry {
    /// One of something that was done.
    #[must_use]
    pub fn of(action: AuditAction) -> Self {
        let (reason, details) = (None, Vec::new());
        Self { action, reason, via: "server", who: None, whom: None, sender: None, details }
    }

    /// Who did it or, for a login, the name that was tried.
    #[must_use]
    pub fn who(mut self, who: &str) -> Self {
        self.who = Some(bounded(who));
        self
    }

    /// To whom.
    #[must_use]
    pub fn whom(mut self, whom: &str) -> Self {
        self.whom = Some(bounded(whom));
        self
    }

    /// By a request of this sender.
    #[must_use]
    pub fn by_request(mut self, sender: &Sender) -> Self {
        self.via = "http";
        self.sender = Some(sender.clone());
        self
    }

    /// By a command of this system user.
    #[must_use]
    pub fn by_command(mut self, operator: &str) -> Self {
        self.via = "command";
        self.who(operator)
    }

    /// More about it.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        let value = match without_keys(&value) {
            Cow::Owned(masked) => masked,
            Cow::Borrowed(_) => value,
        };
        self.details.push((name, value));
        self
    }

    /// It was not done.
    #[must_use]
    pub fn because(mut self, reason: Option<AuditReason>) -> Self {
        self.reason = reason;
        self
    }

    /// Whether it was done.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.reason.is_none()
    }

    /// Each field with its value. What the server wrote stands before what clients can choose, so
    /// that nobody can forge it for whoever reads from the left.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let outcome = match self.reason {
            None => "accepted",
            Some(AuditReason::DatabaseUnavailable | AuditReason::Internal) => "failed",
            Some(_) => "refused",
        };
        let sender = self.sender.as_ref();
        let fixed = [
            ("what", Some(self.action.word())),
            ("outcome", Some(outcome)),
            ("reason", self.reason.map(AuditReason::word)),
            ("via", Some(self.via)),
            ("address", sender.and_then(|sender| sender.address.as_deref())),
            ("who", self.who.as_deref()),
            ("whom", self.whom.as_deref()),
        ];
        let details = self.details.iter().map(|(name, value)| (*name, value.as_str()));
        let agent = sender.and_then(|sender| sender.user_agent.as_deref());
        let fixed = fixed.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let agent = agent.map(|agent| ("user_agent", agent));
        fixed.chain(details).chain(agent)
    }
}

/// No more than is worth reading, and no secret: a client chooses the text.
fn bounded(text: &str) -> String {
    let text = without_keys(text);
    match text.char_indices().nth(LONGEST) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_guide_has_every_action_and_no_word_has_two_meanings() {
        let guide = include_str!("../guide/operations.md");
        let actions = AuditAction::ALL.iter().map(|action| action.word());
        assert!(actions.clone().all(|word| guide.contains(&format!("`{word}`"))));
        let reasons = AuditReason::ALL.iter().map(|reason| reason.word());
        let words: Vec<_> = actions.chain(reasons).collect();
        assert!(words.iter().all(|word| word.bytes().all(|b| b == b'_' || b.is_ascii_lowercase())));
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
    }

    #[test]
    fn how_it_ended_follows_from_the_reason() {
        for reason in AuditReason::ALL {
            let entry = AuditEntry::of(AuditAction::Login).because(Some(*reason));
            let outcome = entry.fields().find(|(name, _)| *name == "outcome").unwrap().1;
            let is_ours = ["database_unavailable", "internal"].contains(&reason.word());
            assert_eq!(outcome, if is_ours { "failed" } else { "refused" }, "{reason:?}");
            assert!(!entry.is_accepted());
        }
    }
}
