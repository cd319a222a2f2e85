//! Outcomes of logins, counted for metrics.

use crate::domain::Tally;

/// The outcome of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginOutcome {
    /// The password was right, and the requested scopes are granted.
    Accepted,
    /// No such user, or a wrong password.
    Rejected,
    /// The user is disabled.
    Disabled,
    /// A scope that the user does not hold.
    InvalidScope,
    /// Too many wrong passwords before.
    Throttled,
    /// Too many logins at once.
    Busy,
    /// The database does not respond.
    Unavailable,
    /// Our fault.
    Failed,
    /// The client disconnected before the outcome.
    Abandoned,
}

impl LoginOutcome {
    const NAMES: [&str; 9] = [
        "accepted",
        "rejected",
        "disabled",
        "invalid_scope",
        "throttled",
        "busy",
        "unavailable",
        "failed",
        "abandoned",
    ];
}

/// The logins so far, by outcome.
#[derive(Debug)]
pub struct Logins(Tally<9>);

impl Default for Logins {
    fn default() -> Self {
        Self(Tally::new(LoginOutcome::NAMES))
    }
}

impl Logins {
    /// Starts counting a login: abandoned, unless it ends otherwise.
    pub fn begin(&self) -> Login<'_> {
        Login { logins: self, outcome: LoginOutcome::Abandoned }
    }

    /// Each outcome with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.counts()
    }
}

/// A login in progress; counted on drop.
pub struct Login<'a> {
    logins: &'a Logins,
    outcome: LoginOutcome,
}

impl Login<'_> {
    /// Ends it with this outcome.
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
    fn a_dropped_login_counts_as_abandoned() {
        let logins = Logins::default();
        drop(logins.begin());
        logins.begin().end(LoginOutcome::Accepted);
        logins.begin().end(LoginOutcome::Failed);
        let counted: Vec<_> = logins.counts().filter(|(_, count)| *count > 0).collect();
        assert_eq!(counted, [("accepted", 1), ("failed", 1), ("abandoned", 1)]);
    }
}
