//! Times as Python, gunicorn and JSON write them; each is formatted once per second and thread.

use jiff::Timestamp;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

thread_local! {
    /// By slot: the second, and its text.
    static SECONDS: RefCell<Vec<(i64, String)>> = const { RefCell::new(Vec::new()) };
}

static SLOTS: AtomicUsize = AtomicUsize::new(0);

/// A format of local time.
#[derive(Debug)]
pub(super) struct TimeFormat {
    format: String,
    milliseconds: bool,
    slot: usize,
}

impl TimeFormat {
    /// Python's default: `2023-06-21 10:26:44,125`.
    pub(super) fn python() -> Self {
        Self { milliseconds: true, ..Self::checked("%Y-%m-%d %H:%M:%S") }
    }

    /// gunicorn's `%(t)s`: `[21/Jun/2023:10:26:44 +0000]`.
    pub(super) fn gunicorn() -> Self {
        Self::checked("[%d/%b/%Y:%H:%M:%S %z]")
    }

    /// A strftime format from `datefmt`; `None` if it is invalid.
    pub(super) fn strftime(format: &str) -> Option<Self> {
        let sample = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
        BrokenDownTime::from(&sample).to_string(format).ok()?;
        Some(Self::checked(format))
    }

    fn checked(format: &str) -> Self {
        let slot = SLOTS.fetch_add(1, Ordering::Relaxed);
        Self { format: format.to_owned(), milliseconds: false, slot }
    }

    pub(super) fn write(&self, out: &mut impl fmt::Write, now: Timestamp) -> fmt::Result {
        SECONDS.with_borrow_mut(|seconds| {
            if seconds.len() <= self.slot {
                seconds.resize_with(self.slot + 1, || (i64::MIN, String::new()));
            }
            let (second, text) = &mut seconds[self.slot];
            if *second != now.as_second() {
                let local = BrokenDownTime::from(&now.to_zoned(TimeZone::system()));
                // The format was checked with another time when it was read.
                *text = local.to_string(&self.format).unwrap_or_default();
                *second = now.as_second();
            }
            out.write_str(text)
        })?;
        if self.milliseconds { write!(out, ",{:03}", milliseconds(now)) } else { Ok(()) }
    }
}

/// The milliseconds within the second.
pub(super) fn milliseconds(time: Timestamp) -> i32 {
    time.subsec_millisecond()
}

/// Seconds since 1970 with microseconds, as Python's `created`.
pub(super) fn write_created(out: &mut impl fmt::Write, now: Timestamp) -> fmt::Result {
    write!(out, "{}.{:06}", now.as_second(), now.subsec_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &TimeFormat, time: &str) -> String {
        let mut out = String::new();
        format.write(&mut out, time.parse().unwrap()).unwrap();
        out
    }

    #[test]
    fn times_are_local_and_change_with_the_second() {
        let (python, gunicorn) = (TimeFormat::python(), TimeFormat::gunicorn());
        for time in ["2023-06-21T10:26:44.125Z", "2023-06-21T10:26:45.007Z"] {
            let local = time.parse::<Timestamp>().unwrap().to_zoned(TimeZone::system());
            let plain = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
            assert_eq!(written(&python, time), format!("{plain},{}", &time[20..23]));
            let clf = local.strftime("[%d/%b/%Y:%H:%M:%S %z]").to_string();
            assert_eq!(written(&gunicorn, time), clf);
        }
    }

    #[test]
    fn created_is_a_number_of_seconds() {
        let mut out = String::new();
        write_created(&mut out, "1970-01-02T00:00:01.020304Z".parse().unwrap()).unwrap();
        assert_eq!(out, "86401.020304");
    }

    #[test]
    fn a_format_of_time_is_checked() {
        let hours = TimeFormat::strftime("%H:%M").unwrap();
        assert_eq!(written(&hours, "2023-06-21T10:26:44.125Z").len(), 5);
        for bad in ["%", "%Ö", "%H:%é"] {
            assert!(TimeFormat::strftime(bad).is_none(), "{bad}");
        }
    }
}
