//! How logins end, counted for metrics.

use crate::domain::Tally;

/// How a login has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// It was the password, and what was asked for is given.
    Accepted,
    /// No such user, or another password.
    Rejected,
    /// The user is disabled.
    Disabled,
    /// A scope that the user does not hold.
    InvalidScope,
    /// Too many logins at once.
    Busy,
    /// The database does not answer.
    Unavailable,
    /// A fault of ours.
    Failed,
    /// Whoever wanted to log in went away before.
    Abandoned,
}

impl LoginOutcome {
    const NAMES: [&str; 8] = [
        "accepted",
        "rejected",
        "disabled",
        "invalid_scope",
        "busy",
        "unavailable",
        "failed",
        "abandoned",
    ];
}

/// The logins so far, by outcome.
#[derive(Debug)]
pub struct Logins(Tally<8>);

impl Default for Logins {
    fn default() -> Self {
        Self(Tally::new(LoginOutcome::NAMES))
    }
}

impl Logins {
    /// Begins to count one: abandoned, unless it ends otherwise.
    pub fn begin(&self) -> Login<'_> {
        Login { logins: self, outcome: LoginOutcome::Abandoned }
    }

    /// Each outcome with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.counts()
    }
}

/// A login that is under way; counted when it is dropped.
pub struct Login<'a> {
    logins: &'a Logins,
    outcome: LoginOutcome,
}

impl Login<'_> {
    /// It has ended.
    pub fn end(mut self, outcome: LoginOutcome) {
        self.outcome = outcome;
    }
}

impl Drop for Login<'_> {
    fn drop(&mut self) {
        self.logins.0.count(LoginOutcome::NAMES[self.outcome as usize]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_ends_was_abandoned() {
        let logins = Logins::default();
        drop(logins.begin());
        logins.begin().end(LoginOutcome::Accepted);
        logins.begin().end(LoginOutcome::Failed);
        let counted: Vec<_> = logins.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("accepted", 1), ("failed", 1), ("abandoned", 1)]);
    }
}
