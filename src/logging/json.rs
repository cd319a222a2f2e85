//! Lines as JSON: one object per line, with the parts of a request as fields.

use super::access::{Access, with_current};
use super::config::LoggerNames;
use super::escape::redact_header;
use super::placeholders::{level_name, request_id, write_name};
use super::{AUDIT, Headers, escape, redact_query};
use jiff::Timestamp;
use log::Record;
use log::kv::{Error, Key, Value, VisitSource};
use serde::ser::{Serialize, SerializeMap, Serializer as _};
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::fmt;
use std::io;
use std::time::Duration;

/// Writes records as JSON.
#[derive(Debug)]
pub(super) struct JsonFormat {
    user_agent: usize,
    referer: usize,
    shown: LoggerNames,
}

impl JsonFormat {
    pub(super) fn new(headers: &mut Headers, shown: LoggerNames) -> Self {
        headers.caller = true;
        Self {
            user_agent: headers.of_request("user-agent"),
            referer: headers.of_request("referer"),
            shown,
        }
    }

    /// Writes one line without its end.
    pub(super) fn write(
        &self,
        out: &mut impl io::Write,
        (record, now): (&Record<'_>, Timestamp),
    ) -> io::Result<()> {
        let mut json = Serializer::with_formatter(out, OneLine);
        let mut line = json.serialize_map(None)?;
        self.fill(&mut line, record, now)?;
        Ok(line.end()?)
    }

    fn fill<M: SerializeMap>(
        &self,
        line: &mut M,
        record: &Record<'_>,
        now: Timestamp,
    ) -> Result<(), M::Error> {
        line.serialize_entry("time", &format_args!("{now:.3}"))?;
        line.serialize_entry("level", level_name(record))?;
        let name = shown(|f| write_name(f, record.target(), self.shown));
        line.serialize_entry("logger", &name)?;
        line.serialize_entry("message", &shown(|f| f.write_fmt(*record.args())))?;
        if let Some(id) = request_id() {
            line.serialize_entry("request_id", &format_args!("{id}"))?;
        }
        with_current(|access| {
            if let Some(access) = access {
                return self.request(line, access);
            }
            if record.target() == AUDIT {
                return fields(line, record);
            }
            line.serialize_entry("module", record.module_path().unwrap_or_default())?;
            line.serialize_entry("line", &record.line().unwrap_or(0))
        })
    }

    fn request<M: SerializeMap>(&self, line: &mut M, access: &Access) -> Result<(), M::Error> {
        line.serialize_entry("client", &format_args!("{}", access.host))?;
        line.serialize_entry("port", &access.port)?;
        line.serialize_entry("method", &shown(|f| escape(f, access.method.as_bytes())))?;
        line.serialize_entry("path", &shown(|f| redact_query(f, access.path())))?;
        let query = access.query().unwrap_or_default();
        line.serialize_entry("query", &shown(|f| redact_query(f, query)))?;
        line.serialize_entry("protocol", access.protocol)?;
        if let Some(caller) = &access.caller {
            line.serialize_entry("user", caller.name())?;
        }
        line.serialize_entry("status", &access.status)?;
        if let Some(length) = access.length {
            line.serialize_entry("length", &length)?;
        }
        line.serialize_entry("duration_ms", &milliseconds(access.elapsed))?;
        for (name, place) in [("user_agent", self.user_agent), ("referer", self.referer)] {
            if let Some(Some(value)) = access.request_headers.get(place) {
                line.serialize_entry(name, &shown(|f| redact_header(f, value)))?;
            }
        }
        Ok(())
    }
}

/// The fields of an entry of the audit log.
fn fields<M: SerializeMap>(line: &mut M, record: &Record<'_>) -> Result<(), M::Error> {
    let mut pairs = Pairs { line, result: Ok(()) };
    // It says itself how it ends.
    let _ = record.key_values().visit(&mut pairs);
    pairs.result
}

struct Pairs<'a, M: SerializeMap> {
    line: &'a mut M,
    result: Result<(), M::Error>,
}

impl<'kvs, M: SerializeMap> VisitSource<'kvs> for Pairs<'_, M> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.result = self.line.serialize_entry(key.as_str(), &format_args!("{value}"));
        self.result.is_ok().then_some(()).ok_or_else(|| Error::msg("not written"))
    }
}

/// With microseconds.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).trunc() / 1e3
}

/// A value serialized without an intermediate string. If its `Display` fails, it ends there, not
/// the line.
fn shown<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result>(write: F) -> Shown<F> {
    Shown(write)
}

struct Shown<F>(F);

impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> Serialize for Shown<F> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&fmt::from_fn(|f| {
            let _ = (self.0)(f);
            Ok(())
        }))
    }
}

/// Escapes all control characters, and what some readers treat as the end of a line.
struct OneLine;

impl Formatter for OneLine {
    fn write_string_fragment<W>(&mut self, out: &mut W, text: &str) -> io::Result<()>
    where
        W: io::Write + ?Sized,
    {
        let mut done = 0;
        for (at, found) in
            text.match_indices(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            out.write_all(&text.as_bytes()[done..at])?;
            found.chars().try_for_each(|c| write!(out, "\\u{:04x}", u32::from(c)))?;
            done = at + found.len();
        }
        out.write_all(&text.as_bytes()[done..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::access::testing::{access, while_logging};
    use super::*;
    use log::Level;
    use serde_json::{Value, json};

    fn line(target: &str, message: &str) -> Value {
        let mut out = Vec::new();
        let args = format_args!("{message}");
        let record = Record::builder()
            .level(Level::Info)
            .target(target)
            .module_path(Some("a::b"))
            .line(Some(7))
            .args(args)
            .build();
        let now = "2023-06-21T10:26:44.125Z".parse().unwrap();
        JsonFormat::new(&mut Headers::default(), LoggerNames::default())
            .write(&mut out, (&record, now))
            .unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains(char::is_control) && !text.contains('\u{2028}'), "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    #[test]
    fn a_message_is_a_field() {
        let message = "a \"b\" \\ c\n{\"level\":1}\u{2028}é\u{9b}";
        assert_eq!(
            line("a::b", message),
            json!({
                "time": "2023-06-21T10:26:44.125Z", "level": "INFO", "logger": "a.b",
                "message": message, "module": "a::b", "line": 7,
            })
        );
    }

    #[test]
    fn a_request_has_its_parts_as_fields() {
        let sent = Access {
            request_headers: vec![
                Some((*b"curl \"8\"\n\xff").into()),
                Some((*b"http://a/?code=hidden").into()),
            ],
            ..access()
        };
        let line = while_logging(sent, || line("bailiwick.access", "GET"));
        assert_eq!(
            line,
            json!({
                "time": "2023-06-21T10:26:44.125Z", "level": "INFO", "logger": "bailiwick.access",
                "message": "GET", "request_id": "request-1", "client": "127.0.0.1", "port": 12345,
                "method": "GET", "path": "/items/", "query": "page=2&token=***",
                "protocol": "HTTP/1.1", "status": 200, "length": 17, "duration_ms": 1234.567,
                "user_agent": "curl \\x228\\x22\\x0A\\xFF", "referer": "http://a/?code=***",
            })
        );
    }
}
