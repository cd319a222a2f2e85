//! Overload, reported to the client and, at intervals, in the log.

use std::fmt;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The log gets at most one line per kind in this time: a flood of requests must not flood the log.
const PAUSE: Duration = Duration::from_secs(1);

/// What there is too much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overload {
    /// Requests in flight.
    Requests,
    /// Passwords waiting to be verified or hashed.
    Logins,
    /// Bytes of request bodies.
    Bodies,
}

impl Overload {
    /// The body's `detail`.
    pub(super) fn detail(self) -> &'static str {
        match self {
            Self::Requests => "Too many requests at once, try again later",
            Self::Logins => "Too many logins at once, try again later",
            Self::Bodies => "Too many large requests at once, try again later",
        }
    }

    /// The setting with the limit.
    fn setting(self) -> &'static str {
        match self {
            Self::Requests => "server.limit_concurrency",
            Self::Logins => "passwords.hash_queue",
            Self::Bodies => "server.limit_buffered",
        }
    }

    /// Logs a line, unless one was logged a moment ago.
    pub(super) fn log(self) {
        static SEEN: [Mutex<Throttle>; 3] = [const { Mutex::new(Throttle::NEVER) }; 3];
        // The thread that holds the lock writes the line.
        let Ok(mut seen) = SEEN[self as usize].try_lock() else { return };
        if let Some(missed) = seen.at(Instant::now()) {
            drop(seen);
            log::warn!(target: "bailiwick.error", "503: {self}{}", Suppressed(missed));
        }
    }
}

impl fmt::Display for Overload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Requests => "too many requests at once",
            Self::Logins => "too many logins at once",
            Self::Bodies => "too many large requests at once",
        };
        write!(f, "{what} ({})", self.setting())
    }
}

/// When the last line was logged, and how many were skipped since.
struct Throttle {
    last: Option<Instant>,
    missed: u64,
}

impl Throttle {
    const NEVER: Self = Self { last: None, missed: 0 };

    /// How many lines were skipped before the one to log now; `None` if none is due.
    fn at(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now.saturating_duration_since(last) < PAUSE) {
            self.missed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.missed))
    }
}

struct Suppressed(u64);

impl fmt::Display for Suppressed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 { Ok(()) } else { write!(f, ", and {} more since the last line", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_logged_once_in_a_while() {
        let (mut seen, start) = (Throttle::NEVER, Instant::now());
        let at = |seen: &mut Throttle, milliseconds| {
            seen.at(start + Duration::from_millis(milliseconds))
        };
        assert_eq!(at(&mut seen, 0), Some(0));
        assert_eq!(at(&mut seen, 1), None);
        assert_eq!(at(&mut seen, 999), None);
        assert_eq!(at(&mut seen, 1000), Some(2));
        assert_eq!(at(&mut seen, 5000), Some(0));
    }

    #[test]
    fn the_line_names_the_setting() {
        let line = format!("{}{}", Overload::Requests, Suppressed(7));
        let expected =
            "too many requests at once (server.limit_concurrency), and 7 more since the last line";
        assert_eq!(line, expected);
    }
}
