//! Measures how late a periodic event is: a process that was stopped, paused with its container or
//! moved with its machine could do nothing meanwhile.

use std::time::{Duration, Instant};

/// Reads the clock once per period.
#[derive(Debug)]
pub(super) struct Lateness {
    period: Duration,
    last: Instant,
}

impl Lateness {
    pub(super) fn new(period: Duration, now: Instant) -> Self {
        Self { period, last: now }
    }

    /// The time lost since the last look; zero when it comes about on time.
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
