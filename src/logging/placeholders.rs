//! The fields of a line: the attributes of Python's records, the atoms of gunicorn's access log,
//! and uvicorn's fields.

use super::access::{Access, with_current};
use super::config::LoggerNames;
use super::escape::{is_secret_name, redact_header};
use super::timestamp::{TimeFormat, milliseconds, write_created};
use super::{ACCESS, CRITICAL, ERROR, Headers, RequestId, escape, redact_query};
use jiff::Timestamp;
use log::{Level, Metadata, Record};
use std::fmt;
use std::sync::LazyLock;

/// Shown where gunicorn has no value.
const NOTHING: &str = "-";

static START: LazyLock<Timestamp> = LazyLock::new(Timestamp::now);

/// The meaning of one `%(…)`.
#[derive(Debug)]
pub(super) enum Placeholder {
    // For every record, under Python's names.
    Asctime(TimeFormat),
    Created,
    Filename,
    FunctionName,
    LevelName,
    LevelNumber,
    /// uvicorn's: the name and a colon, nine wide.
    LevelPrefix,
    LineNumber,
    Message,
    Milliseconds,
    Module,
    Name(LoggerNames),
    Pathname,
    Process,
    ProcessName,
    RelativeCreated,
    RequestId,
    Thread,
    ThreadName,
    // For requests; `-` in other lines.
    Access(Atom),
}

/// What the access logs of gunicorn and uvicorn can show of a request.
#[derive(Debug)]
pub(super) enum Atom {
    Host,
    Identity,
    Caller,
    Time(TimeFormat),
    Request,
    Method,
    Path,
    Query,
    Protocol,
    Status,
    Length,
    Seconds,
    DecimalSeconds,
    Milliseconds,
    Microseconds,
    ProcessId,
    // uvicorn's.
    ClientAddress,
    StatusPhrase,
    /// By its position in [`Headers::request`].
    RequestHeader(usize),
    /// By its position in [`Headers::response`].
    ResponseHeader(usize),
}

/// The names that [`Placeholder::find`] knows, for messages.
pub(super) const KNOWN: &str = "asctime, created, filename, funcName, levelname, levelno, lineno, message, module, msecs, name, pathname, process, processName, relativeCreated, request_id, thread, threadName, or of gunicorn's h, l, u, t, r, m, U, q, H, s, B, b, f, a, T, D, L, M, p, {header}i, {header}o, or of uvicorn's levelprefix, client_addr, request_line, status_code";

/// Says why a format that would log credentials is refused.
pub(super) const SECRET: &str =
    "a header that holds no secret; Authorization, Cookie and the like are never logged";

/// Why a field does not exist.
pub(super) enum PlaceholderError {
    Unknown,
    Secret,
}

impl Placeholder {
    /// The field with this name, and whether it is a number.
    pub(super) fn find(
        name: &str,
        headers: &mut Headers,
    ) -> Result<(Self, bool), PlaceholderError> {
        if let Some(header) = name.strip_prefix('{') {
            let (header, kind) = header.split_once('}').ok_or(PlaceholderError::Unknown)?;
            if is_secret_name(header) {
                return Err(PlaceholderError::Secret);
            }
            let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&b);
            let atom = match kind {
                _ if header.is_empty() || !header.bytes().all(is_token) => {
                    return Err(PlaceholderError::Unknown);
                }
                "i" => Atom::RequestHeader(headers.of_request(header)),
                "o" => Atom::ResponseHeader(headers.of_response(header)),
                _ => return Err(PlaceholderError::Unknown),
            };
            return Ok((Self::Access(atom), false));
        }
        let (word, is_number) = match name {
            "asctime" => (Self::Asctime(TimeFormat::python()), false),
            "created" => (Self::Created, true),
            "filename" => (Self::Filename, false),
            "funcName" => (Self::FunctionName, false),
            "levelname" => (Self::LevelName, false),
            "levelno" => (Self::LevelNumber, true),
            "levelprefix" => (Self::LevelPrefix, false),
            "lineno" => (Self::LineNumber, true),
            "message" => (Self::Message, false),
            "module" => (Self::Module, false),
            "msecs" => (Self::Milliseconds, true),
            "name" => (Self::Name(LoggerNames::default()), false),
            "pathname" => (Self::Pathname, false),
            "process" => (Self::Process, true),
            "processName" => (Self::ProcessName, false),
            "relativeCreated" => (Self::RelativeCreated, true),
            "request_id" => (Self::RequestId, false),
            "thread" => (Self::Thread, true),
            "threadName" => (Self::ThreadName, false),
            _ => {
                let (atom, is_number) =
                    Atom::find(name, headers).ok_or(PlaceholderError::Unknown)?;
                (Self::Access(atom), is_number)
            }
        };
        Ok((word, is_number))
    }

    /// Whether it says what happened: a line needs one such field.
    pub(super) fn is_content(&self) -> bool {
        matches!(self, Self::Message | Self::Access(_))
    }

    pub(super) fn write(
        &self,
        out: &mut impl fmt::Write,
        (record, now): (&Record<'_>, Timestamp),
    ) -> fmt::Result {
        let file = record.file().unwrap_or("");
        let file_name = file.rsplit('/').next().unwrap_or(file);
        match self {
            Self::Asctime(format) => format.write(out, now),
            Self::Created => write_created(out, now),
            Self::Filename => out.write_str(file_name),
            // `log` knows the file, but not the function.
            Self::FunctionName => out.write_str(NOTHING),
            Self::LevelName => out.write_str(level_name(record)),
            Self::LevelNumber => write!(out, "{}", severity(record.metadata())),
            Self::LevelPrefix => {
                let name = level_name(record);
                write!(out, "{name}:{:1$}", "", 8_usize.saturating_sub(name.len()))
            }
            Self::LineNumber => write!(out, "{}", record.line().unwrap_or(0)),
            Self::Message => out.write_fmt(*record.args()),
            Self::Milliseconds => write!(out, "{}", milliseconds(now)),
            Self::Module => out.write_str(file_name.strip_suffix(".rs").unwrap_or(file_name)),
            Self::Name(shown) => write_name(out, record.target(), *shown),
            Self::Pathname => out.write_str(file),
            Self::Process => write!(out, "{}", std::process::id()),
            Self::ProcessName => out.write_str("MainProcess"),
            Self::RelativeCreated => {
                write!(out, "{}", now.as_millisecond() - START.as_millisecond())
            }
            Self::RequestId => match request_id() {
                Some(id) => out.write_str(id.as_str()),
                None => out.write_str(NOTHING),
            },
            Self::Thread => write!(out, "{}", rustix::thread::gettid().as_raw_nonzero()),
            Self::ThreadName => out.write_str(std::thread::current().name().unwrap_or(NOTHING)),
            Self::Access(atom) => with_current(|access| match access {
                Some(access) => atom.write(out, (access, now)),
                None => out.write_str(NOTHING),
            }),
        }
    }
}

impl Atom {
    fn find(name: &str, headers: &mut Headers) -> Option<(Self, bool)> {
        Some(match name {
            "h" => (Self::Host, false),
            "l" => (Self::Identity, false),
            "u" => {
                headers.caller = true;
                (Self::Caller, false)
            }
            "t" => (Self::Time(TimeFormat::gunicorn()), false),
            "r" | "request_line" => (Self::Request, false),
            "m" => (Self::Method, false),
            "U" => (Self::Path, false),
            "q" => (Self::Query, false),
            "H" => (Self::Protocol, false),
            "s" => (Self::Status, true),
            "B" | "b" => (Self::Length, true),
            "f" => (Self::RequestHeader(headers.of_request("referer")), false),
            "a" => (Self::RequestHeader(headers.of_request("user-agent")), false),
            "T" => (Self::Seconds, true),
            "D" => (Self::Microseconds, true),
            "L" => (Self::DecimalSeconds, true),
            "M" => (Self::Milliseconds, true),
            "p" => (Self::ProcessId, false),
            "client_addr" => (Self::ClientAddress, false),
            "status_code" => (Self::StatusPhrase, false),
            _ => return None,
        })
    }

    fn write(&self, out: &mut impl fmt::Write, (access, now): (&Access, Timestamp)) -> fmt::Result {
        let elapsed = access.elapsed;
        match self {
            Self::Host => write!(out, "{}", access.host),
            // Nobody asks an identd.
            Self::Identity => out.write_str(NOTHING),
            Self::Caller => access.write_caller(out).unwrap_or_else(|| out.write_str(NOTHING)),
            Self::Time(format) => format.write(out, now),
            Self::Request => access.write_request(out),
            Self::Method => escape(out, access.method.as_bytes()),
            Self::Path => redact_query(out, access.path()),
            Self::Query => redact_query(out, access.query().unwrap_or_default()),
            Self::Protocol => out.write_str(access.protocol),
            Self::Status => write!(out, "{}", access.status),
            Self::Length => match access.length {
                Some(length) => write!(out, "{length}"),
                None => out.write_str(NOTHING),
            },
            Self::Seconds => write!(out, "{}", elapsed.as_secs()),
            Self::DecimalSeconds => {
                write!(out, "{}.{:06}", elapsed.as_secs(), elapsed.subsec_micros())
            }
            Self::Milliseconds => write!(out, "{}", elapsed.as_millis()),
            Self::Microseconds => write!(out, "{}", elapsed.as_micros()),
            Self::ProcessId => write!(out, "<{}>", std::process::id()),
            Self::ClientAddress => access.write_client(out),
            Self::StatusPhrase => write!(out, "{} {}", access.status, access.phrase),
            Self::RequestHeader(place) => header(out, &access.request_headers, *place),
            Self::ResponseHeader(place) => header(out, &access.response_headers, *place),
        }
    }
}

fn header(out: &mut impl fmt::Write, values: &[Option<Box<[u8]>>], place: usize) -> fmt::Result {
    match values.get(place) {
        Some(Some(value)) => redact_header(out, value),
        _ => out.write_str(NOTHING),
    }
}

/// The request a line is about: its own in the access log, else the one being served.
pub(super) fn request_id() -> Option<RequestId> {
    with_current(|access| access.map(|access| access.request_id)).or_else(RequestId::current)
}

/// Remembers the start of the program, for `relativeCreated`.
pub(super) fn start() {
    LazyLock::force(&START);
}

/// Python's name of the level.
pub(super) fn level_name(record: &Record<'_>) -> &'static str {
    match record.level() {
        Level::Error if record.target() == CRITICAL => "CRITICAL",
        Level::Error => "ERROR",
        Level::Warn => "WARNING",
        Level::Info => "INFO",
        Level::Debug => "DEBUG",
        Level::Trace => "TRACE",
    }
}

/// Python's number of the level.
pub(super) fn severity(metadata: &Metadata<'_>) -> u8 {
    match metadata.level() {
        Level::Error if metadata.target() == CRITICAL => 50,
        Level::Error => 40,
        Level::Warn => 30,
        Level::Info => 20,
        Level::Debug => 10,
        Level::Trace => 5,
    }
}

/// The logger's name: a module's path with dots, as in Python.
pub(super) fn write_name(
    out: &mut impl fmt::Write,
    target: &str,
    shown: LoggerNames,
) -> fmt::Result {
    match target {
        ACCESS => return out.write_str(shown.access),
        ERROR | CRITICAL => return out.write_str(shown.error),
        _ => {}
    }
    for (index, part) in target.split("::").enumerate() {
        if index > 0 {
            out.write_char('.')?;
        }
        out.write_str(part)?;
    }
    Ok(())
}
