//! Lines as JSON: one object a line, requests with their parts as fields.

use super::access::{Access, with_current};
use super::config::LoggerNames;
use super::escape::{OneLine, redact_header};
use super::placeholders::{level_name, request_id, write_name};
use super::{Headers, escape, redact_query};
use jiff::Timestamp;
use log::Record;
use std::fmt::{self, Write as _};
use std::io;

/// Writes records as JSON.
#[derive(Debug)]
pub(super) struct JsonFormat {
    user_agent: usize,
    referer: usize,
    shown: LoggerNames,
}

impl JsonFormat {
    pub(super) fn new(headers: &mut Headers, shown: LoggerNames) -> Self {
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
        let mut line = OneLine::new(out);
        let written = self.object(&mut line, record, now);
        line.finish(written)
    }

    fn object(
        &self,
        out: &mut impl fmt::Write,
        record: &Record<'_>,
        now: Timestamp,
    ) -> fmt::Result {
        write!(out, r#"{{"time":"{now:.3}","level":"{}","logger":""#, level_name(record))?;
        write_name(&mut Text(&mut *out), record.target(), self.shown)?;
        out.write_str(r#"","message":""#)?;
        // A value that cannot be shown ends the message, and not the object.
        let _ = Text(&mut *out).write_fmt(*record.args());
        out.write_char('"')?;
        if let Some(id) = request_id() {
            write!(out, r#","request_id":"{id}""#)?;
        }
        with_current(|access| {
            if let Some(access) = access {
                return self.request(out, access);
            }
            out.write_str(r#","module":""#)?;
            Text(&mut *out).write_str(record.module_path().unwrap_or_default())?;
            write!(out, r#"","line":{}"#, record.line().unwrap_or(0))
        })?;
        out.write_char('}')
    }

    fn request(&self, out: &mut impl fmt::Write, access: &Access) -> fmt::Result {
        write!(out, r#","client":"{}","port":{},"method":""#, access.host, access.port)?;
        escape(&mut Text(&mut *out), access.method.as_bytes())?;
        out.write_str(r#"","path":""#)?;
        redact_query(&mut Text(&mut *out), access.path())?;
        out.write_str(r#"","query":""#)?;
        redact_query(&mut Text(&mut *out), access.query().unwrap_or_default())?;
        write!(out, r#"","protocol":"{}","status":{}"#, access.protocol, access.status)?;
        if let Some(length) = access.length {
            write!(out, r#","length":{length}"#)?;
        }
        let elapsed = access.elapsed.as_micros();
        write!(out, r#","duration_ms":{}.{:03}"#, elapsed / 1000, elapsed % 1000)?;
        for (name, place) in [("user_agent", self.user_agent), ("referer", self.referer)] {
            if let Some(Some(value)) = access.request_headers.get(place) {
                write!(out, r#","{name}":""#)?;
                redact_header(&mut Text(&mut *out), value)?;
                out.write_char('"')?;
            }
        }
        Ok(())
    }
}

/// Escapes what is written into a JSON string (RFC 8259 §7), also what some readers take for the
/// end of a line.
struct Text<W>(W);

impl<W: fmt::Write> fmt::Write for Text<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let special = |c: char| c.is_control() || matches!(c, '"' | '\\' | '\u{2028}' | '\u{2029}');
        let mut done = 0;
        for (at, found) in text.match_indices(special) {
            self.0.write_str(&text[done..at])?;
            match found {
                "\"" => self.0.write_str("\\\"")?,
                "\\" => self.0.write_str("\\\\")?,
                _ => found.chars().try_for_each(|c| write!(self.0, "\\u{:04x}", u32::from(c)))?,
            }
            done = at + found.len();
        }
        self.0.write_str(&text[done..])
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
