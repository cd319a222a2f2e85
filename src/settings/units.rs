//! Amounts with a unit: `"30s"` and `"10MB"` where a key holds seconds or bytes.

/// The unit of a key; a number without a unit is in this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Milliseconds,
    Seconds,
    Minutes,
    Bytes,
    Mebibytes,
}

/// The seconds in a text such as `30m` or `90d`; a number alone is in seconds.
#[must_use]
pub fn read_duration(text: &str) -> Option<i64> {
    Unit::Seconds.read(text)
}

/// In seconds.
pub(super) const DAY: i64 = 24 * 60 * 60;

/// In milliseconds.
const TIMES: [(&str, i64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// In bytes. A letter alone means 1024, as in nginx and systemd and with `iB`; with `B` it means
/// 1000, as in SI.
const SIZES: [(&str, i64); 10] = [
    ("b", 1),
    ("k", 1 << 10),
    ("kib", 1 << 10),
    ("kb", 1000),
    ("m", 1 << 20),
    ("mib", 1 << 20),
    ("mb", 1_000_000),
    ("g", 1 << 30),
    ("gib", 1 << 30),
    ("gb", 1_000_000_000),
];

impl Unit {
    /// The amount in a text, in this unit; a duration must come out whole.
    pub(super) fn read(self, text: &str) -> Option<i64> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().ok()?;
        let unit = unit.strip_prefix(' ').unwrap_or(unit);
        if unit.is_empty() {
            return (digits == text.len()).then_some(number);
        }
        let (of, small) = match self {
            Self::Milliseconds => (time(unit)?, 1),
            Self::Seconds => (time(unit)?, 1000),
            Self::Minutes => (time(unit)?, 60_000),
            Self::Bytes => (size(unit)?, 1),
            Self::Mebibytes => (size(unit)?, 1 << 20),
        };
        let total = number.checked_mul(of)?;
        let amount = total / small;
        let exact = total % small == 0;
        // 512 MB are not a whole number of MiB: rounded down, but never to 0, which means no limit.
        let rounded = self == Self::Mebibytes && amount > 0;
        (exact || rounded).then_some(amount)
    }

    /// A pattern for such texts.
    pub(super) fn pattern(self) -> String {
        let units = match self {
            Self::Milliseconds | Self::Seconds | Self::Minutes => {
                TIMES.map(|(name, _)| name.to_owned()).join("|")
            }
            Self::Bytes | Self::Mebibytes => {
                let letter = |c: char| format!("[{}{c}]", c.to_ascii_uppercase());
                SIZES.map(|(name, _)| name.chars().map(letter).collect::<String>()).join("|")
            }
        };
        format!("^[0-9]+( ?({units}))?$")
    }

    /// The range of the number.
    pub(super) fn range(self, least: i64, most: i64) -> String {
        let plural = match self {
            Self::Milliseconds => "milliseconds",
            Self::Seconds => "seconds",
            Self::Minutes => "minutes",
            Self::Bytes => "bytes",
            Self::Mebibytes => "MiB",
        };
        format!("a whole number of {plural} from {least} to {most}")
    }

    /// For a message: the same, and how to write an amount with a unit.
    pub(super) fn expected(self, least: i64, most: i64) -> String {
        let examples = match self {
            Self::Milliseconds => r#""500ms" or "2s""#,
            Self::Seconds => r#""30s" or "5m""#,
            Self::Minutes => r#""30m" or "12h""#,
            Self::Bytes => r#""64KiB" or "10MB""#,
            Self::Mebibytes => r#""512MiB" or "2GB""#,
        };
        format!("{}, or one with a unit such as {examples}", self.range(least, most))
    }
}

fn time(unit: &str) -> Option<i64> {
    TIMES.iter().find(|(name, _)| *name == unit).map(|(_, of)| *of)
}

fn size(unit: &str) -> Option<i64> {
    SIZES.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).map(|(_, of)| *of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_the_keys_unit() {
        for (unit, text, amount) in [
            (Unit::Seconds, "30", 30),
            (Unit::Seconds, "30s", 30),
            (Unit::Seconds, "30 s", 30),
            (Unit::Seconds, "5m", 300),
            (Unit::Seconds, "5min", 300),
            (Unit::Seconds, "1h", 3600),
            (Unit::Seconds, "1d", 86_400),
            (Unit::Seconds, "2000ms", 2),
            (Unit::Seconds, "0ms", 0),
            (Unit::Milliseconds, "500ms", 500),
            (Unit::Milliseconds, "2s", 2000),
            (Unit::Minutes, "90", 90),
            (Unit::Minutes, "12h", 720),
            (Unit::Minutes, "1800s", 30),
            (Unit::Bytes, "64k", 65_536),
            (Unit::Bytes, "64K", 65_536),
            (Unit::Bytes, "64kb", 64_000),
            (Unit::Bytes, "10MB", 10_000_000),
            (Unit::Bytes, "1MiB", 1_048_576),
            (Unit::Bytes, "1 GiB", 1_073_741_824),
            (Unit::Bytes, "512B", 512),
            (Unit::Mebibytes, "512", 512),
            (Unit::Mebibytes, "2g", 2048),
            (Unit::Mebibytes, "512MB", 488),
            (Unit::Mebibytes, "0", 0),
        ] {
            assert_eq!(unit.read(text), Some(amount), "{text}");
        }
    }

    #[test]
    fn an_amount_that_is_not_whole_is_refused() {
        for (unit, text) in [
            (Unit::Seconds, ""),
            (Unit::Seconds, "s"),
            (Unit::Seconds, "500ms"),
            (Unit::Seconds, "1.5h"),
            (Unit::Seconds, "-1s"),
            (Unit::Seconds, "+1s"),
            (Unit::Seconds, "30S"),
            (Unit::Seconds, "30  s"),
            (Unit::Seconds, "30 "),
            (Unit::Seconds, "30s "),
            (Unit::Seconds, "30x"),
            (Unit::Seconds, "10MB"),
            (Unit::Seconds, "9223372036854775807d"),
            (Unit::Seconds, "99999999999999999999"),
            (Unit::Minutes, "90s"),
            (Unit::Bytes, "1.5MB"),
            (Unit::Bytes, "30s"),
            (Unit::Mebibytes, "64k"),
            (Unit::Bytes, "１k"),
        ] {
            assert_eq!(unit.read(text), None, "{text}");
        }
    }
}
