//! Dates and times as in RFC 3339; like pydantic, a time may be missing or without seconds and offset.

use serde_json::{Value, json};

/// A kind, its message and its context.
pub(super) type Fault = (&'static str, String, Value);

const TOO_SHORT: &str = "input is too short";
const EXTRA: &str = "unexpected extra characters at the end of the input";
const SEPARATOR: &str = "invalid date separator, expected `-`";
const MONTH: &str = "month value is outside expected range of 1-12";
const DAY: &str = "day value is outside expected range";

/// A text that is a date or a time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Moment {
    DateTime,
    Date,
}

/// Checks the general form; the field's type may require more, such as an offset.
pub(super) fn check(moment: Moment, text: &str) -> Result<(), Fault> {
    let rest = date(text.as_bytes()).map_err(|why| fault(moment, why))?;
    match (moment, rest) {
        (_, []) => Ok(()),
        (Moment::DateTime, [b'T' | b't' | b' ' | b'_', time @ ..]) if is_time(time) => Ok(()),
        _ => Err(fault(moment, EXTRA)),
    }
}

fn fault(moment: Moment, why: &str) -> Fault {
    let (kind, what) = match moment {
        Moment::DateTime => ("datetime_from_date_parsing", "datetime or date"),
        Moment::Date => ("date_from_datetime_parsing", "date or datetime"),
    };
    (kind, format!("Input should be a valid {what}, {why}"), json!({"error": why}))
}

/// Checks `YYYY-MM-DD` and returns the rest.
fn date(text: &[u8]) -> Result<&[u8], &'static str> {
    let Some((date, rest)) = text.split_at_checked(10) else { return Err(TOO_SHORT) };
    let year = digits(&date[..4]).ok_or("invalid character in year")?;
    separator(date[4])?;
    let month = digits(&date[5..7]).ok_or("invalid character in month")?;
    separator(date[7])?;
    let day = digits(&date[8..]).ok_or("invalid character in day")?;
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Err(MONTH),
    };
    if (1..=days).contains(&day) { Ok(rest) } else { Err(DAY) }
}

fn separator(byte: u8) -> Result<(), &'static str> {
    if byte == b'-' { Ok(()) } else { Err(SEPARATOR) }
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u32::from(byte - b'0'))
    })
}

/// `HH:MM`, optionally with seconds, a fraction and an offset.
fn is_time(text: &[u8]) -> bool {
    let Some((clock, mut rest)) = text.split_at_checked(5) else { return false };
    if !is_clock(clock) {
        return false;
    }
    if let [b':', tens, ones, more @ ..] = rest {
        if digits(&[*tens, *ones]).is_none_or(|seconds| seconds > 59) {
            return false;
        }
        rest = more;
        if let [b'.' | b',', fraction @ ..] = rest {
            let end = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            if end == 0 {
                return false;
            }
            rest = &fraction[end..];
        }
    }
    match rest {
        [] | [b'Z' | b'z'] => true,
        [b'+' | b'-', offset @ ..] => match offset {
            [h, t, m, o] => is_clock(&[*h, *t, b':', *m, *o]),
            offset => is_clock(offset),
        },
        _ => false,
    }
}

/// `HH:MM`
fn is_clock(text: &[u8]) -> bool {
    let [h, t, b':', m, o] = text else { return false };
    digits(&[*h, *t]).is_some_and(|hours| hours < 24)
        && digits(&[*m, *o]).is_some_and(|minutes| minutes < 60)
}
