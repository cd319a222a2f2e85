//! How late something comes that is to come at a steady pace: a process that was stopped, paused with its
//! container or moved with its machine could do nothing meanwhile.

use std::time::{Duration, Instant};

/// Looks at the clock once in each period.
#[derive(Debug)]
pub(super) struct Lateness {
    period: Duration,
    last: Instant,
}

impl Lateness {
    pub(super) fn new(period: Duration, now: Instant) -> Self {
        Self { period, last: now }
    }

    /// The time that was lost since the last look; nothing where it comes about when it should.
    pub(super) fn look(&mut self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.last);
        self.last = now;
        if passed > 2 * self.period { passed.saturating_sub(self.period) } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_beyond_the_period_is_lost() {
        let period = Duration::from_millis(100);
        let start = Instant::now();
        let mut lateness = Lateness::new(period, start);
        assert_eq!(lateness.look(start + period), Duration::ZERO);
        assert_eq!(lateness.look(start + 3 * period), Duration::ZERO);
        assert_eq!(lateness.look(start + 73 * period), 69 * period);
        assert_eq!(lateness.look(start + 74 * period), Duration::ZERO);
    }
}
