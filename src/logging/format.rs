//! The line's format, in the words of Python's logging, parsed once at start.

use super::escape::OneLine;
use super::{CRITICAL, ERROR, LoggingError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use log::{Level, Record};
use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::io;

const KEY: &str = "logging.format";

/// What can stand in a line, by Python's name; `d` says that it is a number.
const WORDS: [(&str, Word, char); 13] = [
    ("asctime", Word::Asctime, 's'),
    ("filename", Word::Filename, 's'),
    ("levelname", Word::LevelName, 's'),
    ("levelno", Word::LevelNumber, 'd'),
    ("lineno", Word::LineNumber, 'd'),
    ("message", Word::Message, 's'),
    ("module", Word::Module, 's'),
    ("name", Word::Name, 's'),
    ("pathname", Word::Pathname, 's'),
    ("process", Word::Process, 'd'),
    ("processName", Word::ProcessName, 's'),
    ("thread", Word::Thread, 'd'),
    ("threadName", Word::ThreadName, 's'),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Asctime,
    Filename,
    LevelName,
    LevelNumber,
    LineNumber,
    Message,
    Module,
    Name,
    Pathname,
    Process,
    ProcessName,
    Thread,
    ThreadName,
}

#[derive(Debug)]
enum Part {
    Literal(String),
    Word { word: Word, width: usize, left: bool },
}

/// A parsed format such as `%(asctime)s - %(levelname)-8s - %(message)s`.
#[derive(Debug)]
pub(super) struct LineFormat {
    parts: Vec<Part>,
    process: u32,
}

impl LineFormat {
    /// Reads a format; an error names the setting, what stands there and what may.
    pub(super) fn parse(format: &str) -> Result<Self, LoggingError> {
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
            let (part, after) = parse_word(after)?;
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(part);
            rest = after;
        }
        literal.push_str(rest);
        if literal.chars().any(char::is_control) {
            return Err(LoggingError::setting(KEY, format, "one line without control characters"));
        }
        if !literal.is_empty() {
            parts.push(Part::Literal(literal));
        }
        if !parts.iter().any(|part| matches!(part, Part::Word { word: Word::Message, .. })) {
            return Err(LoggingError::setting(KEY, format, "a format with %(message)s in it"));
        }
        Ok(Self { parts, process: std::process::id() })
    }

    /// Writes one line without its end.
    pub(super) fn write(
        &self,
        out: &mut impl io::Write,
        record: &Record<'_>,
        now: Timestamp,
    ) -> io::Result<()> {
        for part in &self.parts {
            match part {
                Part::Literal(text) => out.write_all(text.as_bytes())?,
                Part::Word { word, width: 0, .. } => {
                    let mut line = OneLine::new(&mut *out);
                    let written = self.word(&mut line, *word, (record, now));
                    line.finish(written)?;
                }
                Part::Word { word, width, left } => {
                    let mut text = String::new();
                    let written = self.word(&mut text, *word, (record, now));
                    let mut line = OneLine::new(&mut *out);
                    let written = written.and_then(|()| match left {
                        true => write!(line, "{text:<width$}"),
                        false => write!(line, "{text:>width$}"),
                    });
                    line.finish(written)?;
                }
            }
        }
        Ok(())
    }

    fn word(
        &self,
        out: &mut impl fmt::Write,
        word: Word,
        (record, now): (&Record<'_>, Timestamp),
    ) -> fmt::Result {
        let file = record.file().unwrap_or("");
        let file_name = file.rsplit('/').next().unwrap_or(file);
        match word {
            Word::Asctime => asctime(out, now),
            Word::Filename => out.write_str(file_name),
            Word::LevelName => out.write_str(level_name(record)),
            Word::LevelNumber => write!(out, "{}", level_number(record)),
            Word::LineNumber => write!(out, "{}", record.line().unwrap_or(0)),
            Word::Message => out.write_fmt(*record.args()),
            Word::Module => out.write_str(file_name.strip_suffix(".rs").unwrap_or(file_name)),
            Word::Name => name(out, record.target()),
            Word::Pathname => out.write_str(file),
            Word::Process => write!(out, "{}", self.process),
            Word::ProcessName => out.write_str("MainProcess"),
            Word::Thread => write!(out, "{}", rustix::thread::gettid().as_raw_nonzero()),
            Word::ThreadName => out.write_str(std::thread::current().name().unwrap_or("-")),
        }
    }
}

/// Reads `(name)[-][width]s` after a `%`; returns what follows.
fn parse_word(text: &str) -> Result<(Part, &str), LoggingError> {
    let shown = || format!("%{}", text.split(' ').next().unwrap_or(""));
    let broken = || {
        let allowed = "%(name)s or %(name)d, with a width at most (%(levelname)-8s), or %% for a percent sign";
        LoggingError::setting(KEY, &shown(), allowed)
    };
    let (name, after) =
        text.strip_prefix('(').and_then(|text| text.split_once(')')).ok_or_else(broken)?;
    let Some(&(_, word, kind)) = WORDS.iter().find(|(known, ..)| *known == name) else {
        let known: Vec<_> = WORDS.iter().map(|(name, ..)| *name).collect();
        let allowed = format!("one of {}", known.join(", "));
        return Err(LoggingError::setting(KEY, &format!("%({name})"), allowed));
    };
    let (left, after) = after.strip_prefix('-').map_or((false, after), |after| (true, after));
    let digits = after.bytes().take_while(u8::is_ascii_digit).count();
    let (width, after) = after.split_at(digits);
    let width = match width {
        "" => 0,
        width => width.parse().ok().filter(|width| *width <= 200).ok_or_else(broken)?,
    };
    let mut after = after.chars();
    match after.next() {
        Some('s') => {}
        Some('d') if kind == 'd' => {}
        _ => return Err(broken()),
    }
    Ok((Part::Word { word, width, left }, after.as_str()))
}

/// Local time as Python writes it, `2023-06-21 10:26:44,125`; formatted once a second per thread.
fn asctime(out: &mut impl fmt::Write, now: Timestamp) -> fmt::Result {
    thread_local! {
        static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
    }
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_second() {
            let local = now.to_zoned(TimeZone::system());
            text.clear();
            write!(text, "{}", local.strftime("%Y-%m-%d %H:%M:%S"))?;
            *second = now.as_second();
        }
        write!(out, "{text},{:03}", now.subsec_millisecond())
    })
}

fn level_name(record: &Record<'_>) -> &'static str {
    match record.level() {
        Level::Error if record.target() == CRITICAL => "CRITICAL",
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    }
}

fn level_number(record: &Record<'_>) -> u8 {
    match record.level() {
        Level::Error if record.target() == CRITICAL => 50,
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

/// A module's path as Python writes it, with dots.
fn name(out: &mut impl fmt::Write, target: &str) -> fmt::Result {
    if target == CRITICAL {
        return out.write_str(ERROR);
    }
    for (index, part) in target.split("::").enumerate() {
        if index > 0 {
            out.write_char('.')?;
        }
        out.write_str(part)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(format: &str) -> String {
        let mut out = Vec::new();
        let record = Record::builder()
            .level(Level::Warn)
            .target("bailiwick::storage")
            .file(Some("src/storage/cache.rs"))
            .line(Some(7))
            .args(format_args!("hello"))
            .build();
        let now = "2023-06-21T10:26:44.125Z".parse().unwrap();
        LineFormat::parse(format).unwrap().write(&mut out, &record, now).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn pythons_words_are_written_as_python_does() {
        assert_eq!(
            line("%(levelname)s %(levelno)d %(name)s %(message)s"),
            "WARNING 30 bailiwick.storage hello"
        );
        assert_eq!(
            line("%(pathname)s %(filename)s %(module)s %(lineno)d %(message)s"),
            "src/storage/cache.rs cache.rs cache 7 hello"
        );
        assert_eq!(
            line("[%(levelname)-8s|%(name)20s|%(lineno)3d] 100%% %(message)s"),
            "[WARNING |   bailiwick.storage|  7] 100% hello"
        );
        let process = std::process::id().to_string();
        assert_eq!(line("%(process)d%(message)s"), format!("{process}hello"));
        assert!(line("%(thread)d %(message)s").split(' ').next().unwrap().parse::<u32>().is_ok());
        let thread = std::thread::current().name().unwrap().to_owned();
        assert_eq!(line("%(threadName)s %(message)s"), format!("{thread} hello"));
    }

    #[test]
    fn asctime_is_local_time_with_milliseconds() {
        let at: Timestamp = "2023-06-21T10:26:44.125Z".parse().unwrap();
        let local = at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
        assert_eq!(line("%(asctime)s - %(message)s"), format!("{local},125 - hello"));
    }

    #[test]
    fn a_bad_format_is_named() {
        for (format, value, allowed) in [
            ("%(messag)s", "`%(messag)`", "asctime, filename, levelname"),
            ("%(message)s %(asctime)d", "`%(asctime)d`", "%(name)s"),
            ("%(message)s %(name", "`%(name`", "%(name)s"),
            ("%(message)s 5% off", "`%`", "%% for a percent sign"),
            ("%(message)s %(name)999s", "`%(name)999s`", "%(name)s"),
            ("%(name)s", "`%(name)s`", "%(message)s"),
            ("", "``", "%(message)s"),
            ("a\n%(message)s\nb", "`a\\n%(message)s\\nb`", "one line"),
        ] {
            let error = LineFormat::parse(format).unwrap_err().to_string();
            assert!(error.starts_with(&format!("logging.format: {value}: ")), "{error}");
            assert!(error.contains(allowed), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
