//! How many of the log lines matching a rule are kept.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// How many of the lines that match are kept: `false`, `true`, or a share such as `0.01`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Keep {
    /// They are dropped.
    #[default]
    Nothing,
    /// They are kept.
    Everything,
    /// Each is kept with this probability, above 0 and below 1.
    Share(f64),
}

impl Keep {
    /// What a rule's `keep` may be.
    pub const EXPECTED: &str = "true, false, or a share from 0 to 1 such as 0.01";

    /// The share as a number; `None` below 0 and above 1.
    #[must_use]
    pub fn of_share(share: f64) -> Option<Self> {
        match share {
            0.0 => Some(Self::Nothing),
            1.0 => Some(Self::Everything),
            _ if share > 0.0 && share < 1.0 => Some(Self::Share(share)),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Keep {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeepVisitor)
    }
}

struct KeepVisitor;

impl Visitor<'_> for KeepVisitor {
    type Value = Keep;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Keep::EXPECTED)
    }

    fn visit_bool<E>(self, keep: bool) -> Result<Keep, E> {
        Ok(if keep { Keep::Everything } else { Keep::Nothing })
    }

    fn visit_f64<E: Error>(self, share: f64) -> Result<Keep, E> {
        let unexpected = serde::de::Unexpected::Float(share);
        Keep::of_share(share).ok_or_else(|| E::invalid_value(unexpected, &self))
    }

    fn visit_i64<E: Error>(self, share: i64) -> Result<Keep, E> {
        match share {
            0 => Ok(Keep::Nothing),
            1 => Ok(Keep::Everything),
            _ => Err(E::invalid_value(serde::de::Unexpected::Signed(share), &self)),
        }
    }

    fn visit_u64<E: Error>(self, share: u64) -> Result<Keep, E> {
        self.visit_i64(i64::try_from(share).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, from_value, json};

    fn keep(value: Value) -> Option<Keep> {
        from_value(value).ok()
    }

    #[test]
    fn lines_are_kept_by_switch_or_share() {
        assert_eq!(keep(json!(false)), Some(Keep::Nothing));
        assert_eq!(keep(json!(true)), Some(Keep::Everything));
        assert_eq!(keep(json!(0.01)), Some(Keep::Share(0.01)));
        assert_eq!(keep(json!(1)), Some(Keep::Everything));
        assert_eq!(keep(json!(0.0)), Some(Keep::Nothing));
        for bad in [json!(-0.1), json!(1.1), json!(2), json!("half"), json!(-1), json!(null)] {
            assert_eq!(keep(bad.clone()), None, "{bad}");
        }
    }
}
