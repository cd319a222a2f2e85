//! The format of a line, in the fields of Python's logging, parsed once at start.

use super::config::LoggerNames;
use super::escape::OneLine;
use super::placeholders::{KNOWN, Placeholder, PlaceholderError, SECRET};
use super::timestamp::TimeFormat;
use super::{Headers, LoggingError};
use jiff::Timestamp;
use log::Record;
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io;

const CONVERSION: &str =
    "%(name)s or %(name)d, with a width at most (%(levelname)-8s), or %% for a percent sign";

thread_local! {
    /// Reusable buffers for the line, and for a placeholder to be padded.
    static SPARE: RefCell<(String, String)> = const { RefCell::new((String::new(), String::new())) };
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Placeholder { placeholder: Placeholder, pad: Pad },
}

/// The part between a placeholder's name and its conversion.
#[derive(Debug, Default, PartialEq)]
struct Pad {
    left: bool,
    zero: bool,
    width: usize,
    /// Longest text; for numbers the digits after the point.
    precision: Option<usize>,
    is_float: bool,
}

/// A parsed format such as `%(asctime)s - %(levelname)-8s - %(message)s`.
#[derive(Debug)]
pub(super) struct LineFormat {
    parts: Vec<Part>,
}

/// A format and its origin.
#[derive(Clone, Copy)]
pub(super) struct FormatSetting<'a> {
    /// The key that holds it.
    pub(super) key: &'a str,
    pub(super) format: &'a str,
}

impl LineFormat {
    /// Reads a format; an error names the key, the bad part and what is allowed.
    pub(super) fn parse(
        setting: FormatSetting<'_>,
        headers: &mut Headers,
    ) -> Result<Self, LoggingError> {
        let FormatSetting { key, format } = setting;
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = format;
        while let Some((before, after)) = rest.split_once('%') {
            literal.push_str(before);
            if let Some(after) = after.strip_prefix('%') {
                literal.push('%');
                rest = after;
                continue;
            }
            let (part, after) = parse_word(key, after, headers)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = after;
        }
        literal.push_str(rest);
        if format.chars().any(char::is_control) {
            return Err(LoggingError::setting(key, format, "one line without control characters"));
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        let is_content = |part: &Part| matches!(part, Part::Placeholder { placeholder, .. } if placeholder.is_content());
        if !parts.iter().any(is_content) {
            let allowed = "a format with %(message)s in it, or what gunicorn shows of a request";
            return Err(LoggingError::setting(key, format, allowed));
        }
        Ok(Self { parts })
    }

    /// Shows our loggers under these names.
    pub(super) fn show(&mut self, shown: LoggerNames) {
        for part in &mut self.parts {
            if let Part::Placeholder { placeholder: Placeholder::Name(names), .. } = part {
                *names = shown;
            }
        }
    }

    /// Formats times with strftime.
    pub(super) fn set_time(&mut self, setting: FormatSetting<'_>) -> Result<(), LoggingError> {
        for part in &mut self.parts {
            if let Part::Placeholder { placeholder: Placeholder::Asctime(format), .. } = part {
                *format = TimeFormat::strftime(setting.format)
                    .filter(|_| !setting.format.chars().any(char::is_control))
                    .ok_or_else(|| {
                        let allowed = "a format of strftime such as %Y-%m-%d %H:%M:%S";
                        LoggingError::setting(setting.key, setting.format, allowed)
                    })?;
            }
        }
        Ok(())
    }

    /// Writes one line without its end.
    pub(super) fn write(
        &self,
        out: &mut impl io::Write,
        (record, now): (&Record<'_>, Timestamp),
    ) -> io::Result<()> {
        // Built here and checked as a whole: many small writes cost more than the fields.
        let (mut line, mut padded) = SPARE.take();
        line.clear();
        for part in &self.parts {
            // An error in a value's `Display` ends its placeholder, not the line.
            let _ = match part {
                Part::Literal(text) => line.write_str(text),
                Part::Placeholder { placeholder, pad } if *pad == Pad::default() => {
                    placeholder.write(&mut line, (record, now))
                }
                Part::Placeholder { placeholder, pad } => {
                    padded.clear();
                    let written = placeholder.write(&mut padded, (record, now));
                    written.and_then(|()| pad.write(&mut line, &padded))
                }
            };
        }
        let mut out = OneLine::new(out);
        let written = out.write_str(&line);
        let done = out.finish(written);
        SPARE.replace((line, padded));
        done
    }
}

impl Pad {
    fn write(&self, out: &mut impl fmt::Write, text: &str) -> fmt::Result {
        let width = self.width;
        let number = if self.is_float { text.parse::<f64>().ok() } else { None };
        match (number, self.precision) {
            (Some(number), precision) => {
                let precision = precision.unwrap_or(6);
                match (self.left, self.zero) {
                    (true, _) => write!(out, "{number:<width$.precision$}"),
                    (false, true) => write!(out, "{number:0width$.precision$}"),
                    (false, false) => write!(out, "{number:>width$.precision$}"),
                }
            }
            (None, Some(precision)) if self.left => write!(out, "{text:<width$.precision$}"),
            (None, Some(precision)) => write!(out, "{text:>width$.precision$}"),
            (None, None) if self.left => write!(out, "{text:<width$}"),
            (None, None) if self.zero => write!(out, "{text:0>width$}"),
            (None, None) => write!(out, "{text:>width$}"),
        }
    }
}

/// Reads `(name)[-0][width][.precision]s` after a `%`; returns what follows.
fn parse_word<'a>(
    key: &str,
    text: &'a str,
    headers: &mut Headers,
) -> Result<(Part, &'a str), LoggingError> {
    let broken = || {
        let shown = format!("%{}", text.split(' ').next().unwrap_or(""));
        LoggingError::setting(key, &shown, CONVERSION)
    };
    let (name, after) =
        text.strip_prefix('(').and_then(|text| text.split_once(')')).ok_or_else(broken)?;
    let (placeholder, is_number) = Placeholder::find(name, headers).map_err(|error| {
        let allowed = match error {
            PlaceholderError::Unknown => format!("one of {KNOWN}"),
            PlaceholderError::Secret => SECRET.to_owned(),
        };
        LoggingError::setting(key, &format!("%({name})"), allowed)
    })?;
    let flags = after.bytes().take_while(|b| matches!(b, b'-' | b'0')).count();
    let (flags, after) = after.split_at(flags);
    let (width, after) = number(after).ok_or_else(broken)?;
    let (precision, after) = match after.strip_prefix('.') {
        Some(after) => {
            let (precision, after) = number(after).ok_or_else(broken)?;
            (Some(precision), after)
        }
        None => (None, after),
    };
    let mut after = after.chars();
    let is_float = match after.next() {
        Some('s') => false,
        Some('d') if is_number && precision.is_none() => false,
        Some('f') if is_number => true,
        _ => return Err(broken()),
    };
    let (left, zero) = (flags.contains('-'), flags.contains('0'));
    let pad = Pad { left, zero, width, precision, is_float };
    Ok((Part::Placeholder { placeholder, pad }, after.as_str()))
}

/// A number, 0 without digits; `None` above 200.
fn number(text: &str) -> Option<(usize, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, after) = text.split_at(digits);
    let number = if digits.is_empty() { 0 } else { digits.parse().ok()? };
    (number <= 200).then_some((number, after))
}

#[cfg(test)]
mod tests {
    use super::super::access::Access;
    use super::super::access::testing::{access, while_logging};
    use super::*;
    use jiff::tz::TimeZone;
    use log::Level;

    fn parse(format: &str) -> Result<LineFormat, LoggingError> {
        LineFormat::parse(FormatSetting { key: "logging.format", format }, &mut Headers::default())
    }

    fn written(format: &LineFormat) -> String {
        let mut out = Vec::new();
        let record = Record::builder()
            .level(Level::Warn)
            .target("bailiwick::storage")
            .file(Some("src/storage/cache.rs"))
            .line(Some(7))
            .args(format_args!("hello"))
            .build();
        let now = "2023-06-21T10:26:44.025Z".parse().unwrap();
        format.write(&mut out, (&record, now)).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn line(format: &str) -> String {
        written(&parse(format).unwrap())
    }

    #[test]
    fn pythons_words_are_written_as_python_does() {
        assert_eq!(
            line("%(levelname)s %(levelno)d %(name)s %(message)s"),
            "WARNING 30 bailiwick.storage hello"
        );
        assert_eq!(
            line("%(pathname)s %(filename)s %(module)s %(lineno)d %(funcName)s %(message)s"),
            "src/storage/cache.rs cache.rs cache 7 - hello"
        );
        assert_eq!(line("%(created)f %(created).3f %(msecs)03d %(message)s"), {
            "1687343204.025000 1687343204.025 025 hello"
        });
        let process = std::process::id().to_string();
        assert_eq!(line("%(process)d%(message)s"), format!("{process}hello"));
        assert!(line("%(thread)d %(message)s").split(' ').next().unwrap().parse::<u32>().is_ok());
        let thread = std::thread::current().name().unwrap().to_owned();
        assert_eq!(line("%(threadName)s %(message)s"), format!("{thread} hello"));
        assert_eq!(line("%(processName)s %(request_id)s %(message)s"), "MainProcess - hello");
    }

    #[test]
    fn words_are_padded_and_cut() {
        assert_eq!(
            line("[%(levelname)-8s|%(name)20s|%(lineno)3d|%(lineno)03d] 100%% %(message).2s"),
            "[WARNING |   bailiwick.storage|  7|007] 100% he"
        );
    }

    #[test]
    fn asctime_is_local_time_with_milliseconds_or_as_datefmt_says() {
        let at: Timestamp = "2023-06-21T10:26:44.025Z".parse().unwrap();
        let local = at.to_zoned(TimeZone::system());
        let plain = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
        assert_eq!(line("%(asctime)s - %(message)s"), format!("{plain},025 - hello"));
        let mut format = parse("%(asctime)s.%(msecs)03d %(message)s").unwrap();
        format.set_time(FormatSetting { key: "datefmt", format: "%H:%M:%S" }).unwrap();
        assert_eq!(written(&format), format!("{}.025 hello", local.strftime("%H:%M:%S")));
        let error = format.set_time(FormatSetting { key: "datefmt", format: "%Ö" }).unwrap_err();
        assert!(error.to_string().starts_with("datefmt: `%Ö`: expected a format of strftime"));
    }

    #[test]
    fn gunicorns_atoms_are_written_as_gunicorn_does() {
        let sent = || Access {
            request_headers: vec![Some((*b"curl/8 \"x\"\n").into()), None],
            response_headers: vec![Some((*b"/cb?code=hidden&a=1").into())],
            ..access()
        };
        let shown = |format: &str| while_logging(sent(), || line(format));
        assert_eq!(
            shown(r#"%(h)s %(l)s %(u)s "%(r)s" %(s)s %(b)s"#),
            r#"127.0.0.1 - - "GET /items/?page=2&token=*** HTTP/1.1" 200 17"#
        );
        assert_eq!(
            shown("%(m)s %(U)s %(q)s %(H)s %(B)d %(T)s %(D)s %(M)s %(L)s"),
            "GET /items/ page=2&token=*** HTTP/1.1 17 1 1234567 1234 1.234567"
        );
        assert_eq!(
            shown("%(a)s|%({referer}i)s|%({Location}o)s"),
            r"curl/8 \x22x\x22\x0A|-|/cb?code=***&a=1"
        );
        assert_eq!(shown("%(p)s %(m)s"), format!("<{}> GET", std::process::id()));
        let at: Timestamp = "2023-06-21T10:26:44.025Z".parse().unwrap();
        let clf = at.to_zoned(TimeZone::system()).strftime("[%d/%b/%Y:%H:%M:%S %z]").to_string();
        assert_eq!(shown("%(t)s"), clf);
        assert_eq!(shown("%(request_id)s %(message)s"), "request-1 hello");
        let unknown = Access { length: None, ..access() };
        assert_eq!(while_logging(unknown, || line("%(B)s %(b)d")), "- -");
    }

    #[test]
    fn other_lines_have_nothing_of_a_request() {
        assert_eq!(line("%(h)s %(s)s %({x}i)s %(message)s"), "- - - hello");
    }

    #[test]
    fn a_bad_format_is_named() {
        for (format, value, allowed) in [
            ("%(messag)s", "`%(messag)`", "asctime, created, filename"),
            ("%(message)s %(asctime)d", "`%(asctime)d`", "%(name)s"),
            ("%(message)s %(name", "`%(name`", "%(name)s"),
            ("%(message)s 5% off", "`%`", "%% for a percent sign"),
            ("%(message)s %(name)999s", "`%(name)999s`", "%(name)s"),
            ("%(name)s", "`%(name)s`", "%(message)s"),
            ("%({x}e)s", "`%({x}e)`", "{header}i"),
            ("%({a b}i)s", "`%({a b}i)`", "{header}i"),
            ("%({}i)s", "`%({}i)`", "{header}i"),
            ("", "``", "%(message)s"),
            ("a\n%(message)s\nb", "`a\\n%(message)s\\nb`", "one line"),
        ] {
            let error = parse(format).unwrap_err().to_string();
            assert!(error.starts_with(&format!("logging.format: {value}: ")), "{error}");
            assert!(error.contains(allowed), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_format_cannot_name_a_secret() {
        for header in [
            "Authorization",
            "proxy-authorization",
            "COOKIE",
            "set-cookie",
            "X-API-Key",
            "X-Auth-Token",
        ] {
            for kind in ["i", "o"] {
                let name = format!("%({{{header}}}{kind})");
                let error = parse(&format!("%(message)s {name}s")).unwrap_err().to_string();
                let expected = format!("logging.format: `{name}`: expected a header that holds no");
                assert!(error.starts_with(&expected), "{error}");
            }
        }
    }
}
