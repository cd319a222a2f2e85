//! The end of a period, written as a date or a time.

use crate::domain::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use thiserror::Error;

/// The first second after it: a date ends with its day in UTC, a time names its zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Until(Timestamp);

/// The text is neither a date nor a time with its zone.
#[derive(Clone, Copy, Debug, Error)]
#[error("expected {}", Until::EXPECTED)]
pub struct UntilError;

impl Until {
    /// What is expected.
    pub const EXPECTED: &str = "a date such as 2027-01-31, which counts to its end in UTC, or a time with its zone \
                                such as 2027-01-31T18:00:00Z";
}

impl TryFrom<String> for Until {
    type Error = UntilError;

    fn try_from(text: String) -> Result<Self, UntilError> {
        let end = if is_date(&text) {
            let date: Date = text.parse().map_err(|_| UntilError)?;
            let next = date.tomorrow().and_then(|next| next.to_zoned(TimeZone::UTC));
            next.map_err(|_| UntilError)?.timestamp()
        } else {
            text.parse().map_err(|_| UntilError)?
        };
        Ok(Self(Timestamp(end.as_second())))
    }
}

impl From<Until> for Timestamp {
    fn from(until: Until) -> Self {
        until.0
    }
}

/// `YYYY-MM-DD`: jiff would ignore a time after the date.
fn is_date(text: &str) -> bool {
    let shape =
        |(at, b): (usize, u8)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let until = Until::try_from(text.to_owned()).ok()?;
        Some(Timestamp::from(until).to_string())
    }

    #[test]
    fn a_date_counts_to_its_end_and_a_time_to_its_second() {
        for (text, end) in [
            ("2027-01-31", "2027-02-01T00:00:00Z"),
            ("2028-02-29", "2028-03-01T00:00:00Z"),
            ("2027-12-31", "2028-01-01T00:00:00Z"),
            ("2027-01-31T18:00:00Z", "2027-01-31T18:00:00Z"),
            ("2027-01-31t18:00:00z", "2027-01-31T18:00:00Z"),
            ("2027-01-31 18:00:00Z", "2027-01-31T18:00:00Z"),
            ("2027-01-31T18:00:00.5+09:00", "2027-01-31T09:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(end), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        for text in [
            "",
            "never",
            "2027",
            "2027-01",
            "2027-02-29",
            "2027-13-01",
            "27-01-31",
            "31.01.2027",
            "2027/01/31",
            "20270131",
            "2027-1-31",
            "9999-12-31",
            "2027-01-31T18:00:00",
            "18:00:00",
            "2027-01-31T25:00:00Z",
            "1800000000",
            " 2027-01-31",
            "2027-01-31 ",
            "２０２７-01-31",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
