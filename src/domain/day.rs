//! Days, where no more precise time is needed.

use crate::domain::clock::Timestamp;
use std::fmt;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// A day in UTC, counted from 1970-01-01; prints as `2026-01-31`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub i64);

impl Day {
    /// So many days before.
    #[must_use]
    pub const fn before(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }
}

impl From<Timestamp> for Day {
    fn from(time: Timestamp) -> Self {
        Self(time.seconds().div_euclid(DAY))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = Timestamp(self.0.saturating_mul(DAY)).to_string();
        f.write_str(start.split('T').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_midnight_by_utc() {
        let [last, first] = [1_769_903_999, 1_769_904_000].map(|time| Day::from(Timestamp(time)));
        assert_eq!([last, first].map(|day| day.to_string()), ["2026-01-31", "2026-02-01"]);
        assert_eq!(first.before(1), last);
        assert_eq!(Day::from(Timestamp(-1)).to_string(), "1969-12-31");
    }
}
