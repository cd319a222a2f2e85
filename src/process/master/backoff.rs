//! How long to wait before restarting worker processes that keep dying.

use std::time::{Duration, Instant};

/// The wait after the second failure; it doubles with each further one.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// A process that served this long did not fail at its start.
const STEADY: Duration = Duration::from_secs(5);

/// The first death restarts at once; each further one in a row waits longer.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    until: Option<Instant>,
}

impl Backoff {
    /// Records a process that ended after serving for `served`; returns the wait.
    pub(super) fn note(&mut self, served: Duration, now: Instant) -> Duration {
        if served >= STEADY {
            *self = Self::default();
            return Duration::ZERO;
        }
        self.failures += 1;
        let wait = match self.failures {
            1 => Duration::ZERO,
            failures => FIRST.saturating_mul(1 << (failures - 2).min(16)).min(LONGEST),
        };
        self.until = Some(now + wait);
        wait
    }

    /// Ends the series: something has changed.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    pub(super) fn allows(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_death_restarts_at_once_and_further_ones_wait_longer() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        let waits: Vec<_> = (0..5).map(|_| backoff.note(Duration::ZERO, now).as_millis()).collect();
        assert_eq!(waits, [0, 200, 400, 800, 1600]);
        assert!(!backoff.allows(now));
        assert!(backoff.allows(now + Duration::from_millis(1600)));
        for _ in 0..40 {
            backoff.note(Duration::ZERO, now);
        }
        assert_eq!(backoff.note(Duration::ZERO, now), LONGEST);
        assert_eq!(backoff.note(STEADY, now), Duration::ZERO);
        assert!(backoff.allows(now));
    }
}
