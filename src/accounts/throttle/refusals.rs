//! Refusals in memory: while one is known, guessing costs neither a hash nor the database.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Most refusals that are remembered; beyond that the database is asked.
const MOST: usize = 20_000;

/// So often one attempt may find out whether the refusal still holds: an administrator may have
/// lifted it.
const FRESH: Duration = Duration::from_secs(1);

/// What was refused, and until when.
#[derive(Default)]
pub(super) struct Refusals {
    until: HashMap<String, Refusal>,
    swept: Option<Instant>,
}

struct Refusal {
    until: Instant,
    checked: Instant,
}

impl Refusals {
    /// Remembers a refusal for as long as it holds.
    pub(super) fn remember(&mut self, key: String, left: Duration, now: Instant) {
        if self.until.len() >= MOST && !self.until.contains_key(&key) {
            self.sweep(now);
            if self.until.len() >= MOST {
                return;
            }
        }
        self.until.insert(key, Refusal { until: now + left, checked: now });
    }

    /// How long a refusal holds. Now and then it says nothing, once: look whether it still does.
    pub(super) fn check(&mut self, key: &str, now: Instant) -> Option<Duration> {
        let refusal = self.until.get_mut(key)?;
        if refusal.until <= now {
            self.until.remove(key);
            return None;
        }
        if refusal.checked + FRESH <= now {
            refusal.checked = now;
            return None;
        }
        Some(refusal.until - now)
    }

    /// The same for somebody who cannot look.
    pub(super) fn left(&self, key: &str, now: Instant) -> Option<Duration> {
        self.until
            .get(key)
            .map(|it| it.until.saturating_duration_since(now))
            .filter(|it| !it.is_zero())
    }

    /// How long it holds if it was seen a moment ago.
    pub(super) fn fresh(&self, key: &str, now: Instant) -> Option<Duration> {
        let is_fresh = self.until.get(key).is_some_and(|it| it.checked + FRESH > now);
        self.left(key, now).filter(|_| is_fresh)
    }

    /// It does not hold any more.
    pub(super) fn forget(&mut self, key: &str) {
        self.until.remove(key);
    }

    /// Looking through all of them must not become what guessing costs.
    fn sweep(&mut self, now: Instant) {
        if self.swept.is_none_or(|before| before + FRESH <= now) {
            self.until.retain(|_, refusal| refusal.until > now);
            self.swept = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    fn key(number: usize) -> String {
        number.to_string()
    }

    #[test]
    fn a_refusal_holds_until_its_time_and_is_looked_at_once_a_second() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        let after = |milliseconds| start + Duration::from_millis(milliseconds);
        assert_eq!(refusals.check("a", start), None);
        refusals.remember("a".to_owned(), MINUTE, start);
        assert_eq!(refusals.check("b", start), None);
        assert_eq!(refusals.check("a", after(999)), Some(Duration::from_millis(59_001)));
        assert_eq!(refusals.check("a", after(1000)), None, "one looks");
        assert_eq!(refusals.check("a", after(1000)), Some(Duration::from_secs(59)));
        assert_eq!(refusals.fresh("a", after(1999)), Some(Duration::from_millis(58_001)));
        assert_eq!(refusals.fresh("a", after(2000)), None);
        assert_eq!(refusals.left("a", after(2000)), Some(Duration::from_secs(58)));
        assert_eq!(refusals.left("a", after(60_000)), None);
        assert_eq!(refusals.check("a", after(60_000)), None);
        assert!(refusals.until.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let (mut refusals, start) = (Refusals::default(), Instant::now());
        for number in 0..MOST {
            refusals.remember(key(number), MINUTE, start);
        }
        refusals.remember("one more".to_owned(), MINUTE, start);
        assert_eq!((refusals.until.len(), refusals.left("one more", start)), (MOST, None));
        refusals.remember(key(7), 2 * MINUTE, start);
        assert_eq!(refusals.left("7", start), Some(2 * MINUTE), "known ones are renewed");
        let later = start + MINUTE;
        refusals.remember("one more".to_owned(), MINUTE, later);
        assert_eq!(refusals.until.len(), 2, "what has expired makes room");
    }
}
