//! Numbers and booleans, including those written as text.

use super::Walk;
use crate::extract::node::{Bounds, Node};
use regex::Regex;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::fmt::{self, Display};

/// Larger doubles fit no integer field.
const LARGEST: f64 = 1e30;

/// A kind and its message.
type Fault = (&'static str, &'static str);

const NO_WHOLE: Fault = ("int_type", "Input should be a valid integer");
const NO_WHOLE_TEXT: Fault =
    ("int_parsing", "Input should be a valid integer, unable to parse string as an integer");
const FRACTION: Fault =
    ("int_from_float", "Input should be a valid integer, got a number with a fractional part");
const TOO_LARGE: Fault =
    ("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size");
const NO_REAL: Fault = ("float_type", "Input should be a valid number");
const NO_DECIMAL: Fault =
    ("decimal_type", "Decimal input should be an integer, float, string or Decimal object");
const NO_DECIMAL_TEXT: Fault = ("decimal_parsing", "Input should be a valid decimal");
const NO_REAL_TEXT: Fault =
    ("float_parsing", "Input should be a valid number, unable to parse string as a number");

impl<'a> Walk<'a> {
    pub(super) fn flag(&mut self, node: &Node, value: &mut Value) {
        let meant = match &*value {
            Value::Bool(_) => return,
            _ if self.strict => None,
            Value::String(text) => match text.to_ascii_lowercase().as_str() {
                "1" | "on" | "t" | "true" | "y" | "yes" => Some(true),
                "0" | "off" | "f" | "false" | "n" | "no" => Some(false),
                _ => return self.no_flag(node, value),
            },
            Value::Number(number) => match number.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                Some(other) if other.fract() == 0.0 => return self.no_flag(node, value),
                _ => None,
            },
            _ => None,
        };
        match meant {
            Some(meant) => *value = Value::Bool(meant),
            None => self.note(node, value, "bool_type", "Input should be a valid boolean"),
        }
    }

    fn no_flag(&mut self, node: &Node, value: &Value) {
        let msg = "Input should be a valid boolean, unable to interpret input";
        self.note(node, value, "bool_parsing", msg);
    }

    pub(super) fn whole(&mut self, node: &Node, bounds: &'a Bounds<i128>, value: &mut Value) {
        let read = match &*value {
            Value::Number(number) if !number.is_f64() => {
                number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)).ok_or(NO_WHOLE)
            }
            Value::Number(number) if !self.strict => whole_double(number.as_f64()),
            Value::Bool(flag) if !self.strict => Ok((*flag).into()),
            Value::String(text) if !self.strict => whole(text).ok_or(NO_WHOLE_TEXT),
            _ => Err(NO_WHOLE),
        };
        let number = match read {
            Ok(number) => number,
            Err((kind, msg)) => return self.note(node, value, kind, msg),
        };
        let is_multiple = bounds.multiple_of.is_none_or(|of| of != 0 && number % of == 0);
        if !self.is_out_of(bounds, node, value, (number, is_multiple))
            && let Ok(number) = serde_json::to_value(number)
        {
            *value = number;
        }
    }

    pub(super) fn real(&mut self, node: &Node, bounds: &'a Bounds<f64>, value: &mut Value) {
        let read = match &*value {
            Value::Number(number) => number.as_f64().ok_or(NO_REAL),
            Value::Bool(flag) if !self.strict => Ok(f64::from(*flag)),
            Value::String(text) if !self.strict => real(text).ok_or(NO_REAL_TEXT),
            _ => Err(NO_REAL),
        };
        let Some(number) = self.finite(node, value, read) else { return };
        let is_multiple = bounds.multiple_of.is_none_or(|of| is_multiple(number, of));
        if !self.is_out_of(bounds, node, value, (number, is_multiple)) && !value.is_number() {
            *value = json!(number);
        }
    }

    /// A decimal number: its bounds are compared as doubles, its digits are the field's type's to read. The pattern is
    /// for texts, as in JSON schema.
    pub(super) fn decimal(
        &mut self,
        node: &Node,
        bounds: &'a Bounds<f64>,
        pattern: Option<&Regex>,
        value: &mut Value,
    ) {
        let read = match &*value {
            Value::Number(number) => number.as_f64().ok_or(NO_DECIMAL),
            Value::String(text) => real(text).ok_or(NO_DECIMAL_TEXT),
            _ => Err(NO_DECIMAL),
        };
        let Some(number) = self.finite(node, value, read) else { return };
        let is_multiple = bounds.multiple_of.is_none_or(|of| is_multiple(number, of));
        let bounds = bounds.map(Exact);
        if self.is_out_of(&bounds, node, value, (Exact(number), is_multiple)) {
            return;
        }
        let Value::String(text) = &*value else { return };
        match pattern.filter(|pattern| !pattern.is_match(text.trim())) {
            Some(pattern) => self.mismatch(node, value, pattern),
            None => *value = json!(text.trim()),
        }
    }

    fn finite(&mut self, node: &Node, value: &Value, read: Result<f64, Fault>) -> Option<f64> {
        let (kind, msg) = match read {
            Ok(number) if number.is_finite() => return Some(number),
            Ok(_) => ("finite_number", "Input should be a finite number"),
            Err(fault) => fault,
        };
        self.note(node, value, kind, msg);
        None
    }

    /// Reports the first bound that a number violates, in pydantic's order.
    fn is_out_of<N: Copy + PartialOrd + Display + Serialize>(
        &mut self,
        bounds: &Bounds<N>,
        node: &Node,
        value: &Value,
        (number, is_multiple): (N, bool),
    ) -> bool {
        let Bounds { multiple_of, le, lt, ge, gt } = *bounds;
        let broken = [
            ("multiple_of", "multiple_of", "a multiple of", multiple_of.filter(|_| !is_multiple)),
            ("less_than_equal", "le", "less than or equal to", le.filter(|most| number > *most)),
            ("less_than", "lt", "less than", lt.filter(|most| number >= *most)),
            ("greater_than_equal", "ge", "greater than or equal to", ge.filter(|l| number < *l)),
            ("greater_than", "gt", "greater than", gt.filter(|least| number <= *least)),
        ];
        for (kind, key, words, bound) in broken {
            if let Some(bound) = bound {
                let msg = format!("Input should be {words} {bound}");
                self.note_with(node, value, kind, msg, json!({key: bound}));
                return true;
            }
        }
        false
    }
}

/// A bound of a decimal, which is told without `.0`.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Exact(f64);

impl Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "it is whole, and not too large")]
        if self.0.fract() == 0.0 && self.0.abs() < 1e15 {
            out.serialize_i64(self.0 as i64)
        } else {
            out.serialize_f64(self.0)
        }
    }
}

/// Whether a number is about a multiple of another, as far as doubles can tell.
fn is_multiple(number: f64, of: f64) -> bool {
    let (rest, tolerance) = ((number % of).abs(), number.abs() / 1e9);
    rest <= tolerance || (rest - of).abs() <= tolerance
}

fn whole_double(number: Option<f64>) -> Result<i128, Fault> {
    let number = number.ok_or(NO_WHOLE)?;
    if number.fract() != 0.0 {
        return Err(FRACTION);
    }
    if number.abs() > LARGEST {
        return Err(TOO_LARGE);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and not too large")]
    Ok(number as i128)
}

/// Parses an integer as Python does: a sign, single underscores, `.0` at the end. Saturates.
fn whole(text: &str) -> Option<i128> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let digits = match digits.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => digits,
        Some(_) => return None,
        None => digits,
    };
    let size = without_underscores(digits)?.bytes().try_fold(0_i128, |size, byte| {
        let digit = byte.is_ascii_digit().then(|| i128::from(byte - b'0'))?;
        Some(size.saturating_mul(10).saturating_add(digit))
    })?;
    Some(if negative { -size } else { size })
}

fn real(text: &str) -> Option<f64> {
    without_underscores(text.trim())?.parse().ok()
}

/// Removes single underscores between other characters.
fn without_underscores(text: &str) -> Option<String> {
    let misplaced = text.starts_with('_') || text.ends_with('_') || text.contains("__");
    (!text.is_empty() && !misplaced).then(|| text.replace('_', ""))
}
