//! One request as its line in the access log sees it; formats and filters read it while the line
//! is written.

use super::{ACCESS, RequestId, escape, redact_query};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::OnceLock;
use std::time::Duration;

thread_local! {
    /// The request whose line this thread writes: `log` hands a message over, and nothing else.
    static CURRENT: RefCell<Option<Access>> = const { RefCell::new(None) };
}

static WANTED: OnceLock<Headers> = OnceLock::new();

/// A request that was answered, refused or abandoned.
#[derive(Clone, Debug)]
pub struct Access {
    /// Who sent it.
    pub host: Host,
    /// The client's port; 0 where a proxy told the address.
    pub port: u16,
    /// The method as sent.
    pub method: Cow<'static, str>,
    /// Path and query as sent, with whatever secrets are in them.
    pub target: String,
    /// For example `HTTP/1.1`.
    pub protocol: &'static str,
    /// The answer's status.
    pub status: u16,
    /// What the status is called, such as `OK`; empty for one without a name.
    pub phrase: &'static str,
    /// Bytes of the answer's body; absent where they are not known beforehand.
    pub length: Option<u64>,
    /// From the request's head to the answer's.
    pub elapsed: Duration,
    /// Its id.
    pub request_id: RequestId,
    /// Values of [`Headers::request`], in its order.
    pub request_headers: Vec<Option<Box<[u8]>>>,
    /// Values of [`Headers::response`], in its order; empty without an answer.
    pub response_headers: Vec<Option<Box<[u8]>>>,
}

/// The machine that a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A word where there is none, such as `unix`.
    Named(&'static str),
}

/// The headers that formats or filters read, in lower case; no others need to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Of requests.
    pub request: Vec<String>,
    /// Of answers.
    pub response: Vec<String>,
}

impl Headers {
    /// What the log in force reads; nothing before it is set up.
    #[must_use]
    pub fn wanted() -> &'static Self {
        static NONE: Headers = Headers { request: Vec::new(), response: Vec::new() };
        WANTED.get().unwrap_or(&NONE)
    }

    /// Makes these the wanted ones, once.
    pub(super) fn want(self) {
        // A second log is refused elsewhere.
        let _ = WANTED.set(self);
    }

    /// Where the request header's value will stand.
    pub(super) fn of_request(&mut self, name: &str) -> usize {
        position(&mut self.request, name)
    }

    /// Where the answer's header's value will stand.
    pub(super) fn of_response(&mut self, name: &str) -> usize {
        position(&mut self.response, name)
    }
}

fn position(names: &mut Vec<String>, name: &str) -> usize {
    let name = name.to_ascii_lowercase();
    names.iter().position(|known| *known == name).unwrap_or_else(|| {
        names.push(name);
        names.len() - 1
    })
}

impl Access {
    /// Writes the line, whatever the filters in code say.
    pub(super) fn write_line(self) {
        let set = CURRENT.try_with(|current| current.replace(Some(self)));
        if set.is_ok() {
            log::info!(target: ACCESS, "{Line}");
            CURRENT.take();
        }
    }

    /// What the log says of it: `127.0.0.1:12345 - "GET / HTTP/1.1" 200`. Secrets are `***`.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = String::new();
        // A String takes everything.
        let _ = self.write_message(&mut message);
        message
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query without its `?`, with whatever secrets are in it.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }

    /// gunicorn's status line, escaped and redacted: `GET /?a=b HTTP/1.1`.
    pub(super) fn write_request(&self, out: &mut impl fmt::Write) -> fmt::Result {
        escape(out, self.method.as_bytes())?;
        out.write_char(' ')?;
        self.write_target(out)?;
        write!(out, " {}", self.protocol)
    }

    /// Path and query, escaped and redacted.
    pub(super) fn write_target(&self, out: &mut impl fmt::Write) -> fmt::Result {
        redact_query(out, &self.target)
    }

    fn write_message(&self, out: &mut impl fmt::Write) -> fmt::Result {
        self.write_client(out)?;
        out.write_str(" - \"")?;
        self.write_request(out)?;
        write!(out, "\" {}", self.status)
    }

    /// The client with its port: `127.0.0.1:12345`.
    pub(super) fn write_client(&self, out: &mut impl fmt::Write) -> fmt::Result {
        match self.host {
            Host::Ip(address) => write!(out, "{}", SocketAddr::new(address, self.port)),
            Host::Named(word) => write!(out, "{word}:{}", self.port),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => address.fmt(f),
            Self::Named(word) => f.write_str(word),
        }
    }
}

/// Reads the request whose line is being written.
pub(super) fn with_current<T>(read: impl FnOnce(Option<&Access>) -> T) -> T {
    CURRENT.with_borrow(|current| read(current.as_ref()))
}

/// The message: `127.0.0.1:12345 - "GET / HTTP/1.1" 200`.
struct Line;

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        with_current(|current| current.map_or(Ok(()), |access| access.write_message(f)))
    }
}

#[cfg(test)]
pub(super) mod testing {
    //! A request for the tests of formats and filters.

    use super::*;

    /// `GET /items/?page=2&token=hidden` by curl, answered after 1,234,567 µs.
    pub(in crate::logging) fn access() -> Access {
        Access {
            host: Host::Ip([127, 0, 0, 1].into()),
            port: 12345,
            method: "GET".into(),
            target: "/items/?page=2&token=hidden".to_owned(),
            protocol: "HTTP/1.1",
            status: 200,
            phrase: "OK",
            length: Some(17),
            elapsed: Duration::from_micros(1_234_567),
            request_id: RequestId::parse(b"request-1").unwrap(),
            request_headers: Vec::new(),
            response_headers: Vec::new(),
        }
    }

    /// Reads as the log does while this request's line is written.
    pub(in crate::logging) fn while_logging<T>(access: Access, read: impl FnOnce() -> T) -> T {
        CURRENT.replace(Some(access));
        let result = read();
        CURRENT.take();
        result
    }

    #[test]
    fn the_message_is_uvicorns() {
        while_logging(access(), || {
            let line = r#"127.0.0.1:12345 - "GET /items/?page=2&token=*** HTTP/1.1" 200"#;
            assert_eq!(Line.to_string(), line);
        });
        let forged = Access {
            method: "GET\"\n".into(),
            target: "/\" 200\n2023".to_owned(),
            host: Host::Named("unix"),
            port: 0,
            ..access()
        };
        while_logging(forged, || {
            let line = r#"unix:0 - "GET\x22\x0A /\x22 200\x0A2023 HTTP/1.1" 200"#;
            assert_eq!(Line.to_string(), line);
        });
    }

    #[test]
    fn a_header_is_wanted_once() {
        let mut wanted = Headers::default();
        assert_eq!(wanted.of_request("User-Agent"), 0);
        assert_eq!(wanted.of_request("Referer"), 1);
        assert_eq!(wanted.of_request("user-agent"), 0);
        assert_eq!(wanted.request, ["user-agent", "referer"]);
    }
}
