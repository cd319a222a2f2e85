//! Formats of texts.

use super::address;
use super::moment::{self, Fault, Moment};
use crate::extract::node::Format;
use serde_json::{Value, json};
use url::Url;
use uuid::Uuid;

/// Checks a value that must be a text of this format.
pub(super) fn check(format: Format, value: &Value) -> Result<(), Fault> {
    let Value::String(text) = value else { return Err(no_text(format)) };
    match format {
        Format::DateTime => moment::check(Moment::DateTime, text),
        Format::Date => moment::check(Moment::Date, text),
        Format::Email => address::check(text).map_err(|why| {
            let msg = format!("value is not a valid email address: {why}");
            ("value_error", msg, json!({"reason": why}))
        }),
        Format::Uri => match Url::parse(text) {
            Ok(_) => Ok(()),
            Err(_) if text.is_empty() => Err(unread("url_parsing", "URL", "input is empty")),
            Err(error) => Err(unread("url_parsing", "URL", &error.to_string())),
        },
        Format::Uuid => match Uuid::parse_str(text) {
            Ok(_) => Ok(()),
            Err(error) => Err(unread("uuid_parsing", "UUID", &error.to_string())),
        },
    }
}

fn unread(kind: &'static str, what: &str, why: &str) -> Fault {
    (kind, format!("Input should be a valid {what}, {why}"), json!({"error": why}))
}

fn no_text(format: Format) -> Fault {
    let (kind, msg) = match format {
        Format::DateTime => ("datetime_type", "Input should be a valid datetime"),
        Format::Date => ("date_type", "Input should be a valid date"),
        Format::Email => ("string_type", "Input should be a valid string"),
        Format::Uri => ("url_type", "URL input should be a string or URL"),
        Format::Uuid => ("uuid_type", "UUID input should be a string, bytes or UUID object"),
    };
    (kind, msg.to_owned(), Value::Null)
}
