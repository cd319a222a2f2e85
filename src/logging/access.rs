//! The request that an access log line is about; formats and filters read it while the line is
//! written.

use super::request_id::keep_caller;
use super::{ACCESS, RequestId, escape, redact_query};
use crate::domain::{Caller, Client, User};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

thread_local! {
    /// The request whose line this thread is writing: `log` passes nothing but a message.
    static CURRENT: RefCell<Option<Access>> = const { RefCell::new(None) };
}

static WANTED: OnceLock<Headers> = OnceLock::new();

/// A request that got a response, was refused or was abandoned.
#[derive(Clone, Debug)]
pub struct Access {
    /// The client.
    pub host: Host,
    /// The client's port; 0 when a proxy reported the address.
    pub port: u16,
    /// The method as sent.
    pub method: Cow<'static, str>,
    /// Path and query as sent, possibly with secrets.
    pub target: String,
    /// For example `HTTP/1.1`.
    pub protocol: &'static str,
    /// The response's status.
    pub status: u16,
    /// The status's reason phrase, such as `OK`; empty if it has none.
    pub phrase: &'static str,
    /// Bytes of the response's body; `None` if unknown in advance.
    pub length: Option<u64>,
    /// From the request's head to the response's.
    pub elapsed: Duration,
    /// Its id.
    pub request_id: RequestId,
    /// The user or client whose credentials were good, where `Headers::caller` asks for it.
    pub caller: Option<Caller>,
    /// Values of `Headers::request`, in its order.
    pub request_headers: Vec<Option<Box<[u8]>>>,
    /// Values of `Headers::response`, in its order; empty without a response.
    pub response_headers: Vec<Option<Box<[u8]>>>,
}

/// The host that a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An address.
    Ip(IpAddr),
    /// A word where there is no address, such as `unix`.
    Named(&'static str),
}

/// The headers that formats or filters read, in lower case; only these are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers {
    /// Of requests.
    pub request: Vec<String>,
    /// Of responses.
    pub response: Vec<String>,
    /// Whether the caller's name is read, too.
    pub caller: bool,
}

impl Headers {
    /// The headers the current log reads; none before it is set up.
    #[must_use]
    pub fn wanted() -> &'static Self {
        static NONE: Headers = Headers { request: Vec::new(), response: Vec::new(), caller: false };
        WANTED.get().unwrap_or(&NONE)
    }

    /// Requests these headers, once.
    pub(super) fn want(self) {
        // A second log is refused elsewhere.
        let _ = WANTED.set(self);
    }

    /// The position of the request header's value.
    pub(super) fn of_request(&mut self, name: &str) -> usize {
        position(&mut self.request, name)
    }

    /// The position of the response header's value.
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
    /// Writes the line, regardless of the filters in code.
    pub(super) fn write_line(self) {
        let set = CURRENT.try_with(|current| current.replace(Some(self)));
        if set.is_ok() {
            log::info!(target: ACCESS, "{Line}");
            CURRENT.take();
        }
    }

    /// The message of its line: `127.0.0.1:12345 - "GET / HTTP/1.1" 200`. Secrets are `***`.
    #[must_use]
    pub fn message(&self) -> String {
        let mut message = String::new();
        // Writing to a String does not fail.
        let _ = self.write_message(&mut message);
        message
    }

    /// The path without the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// The query without its `?`, possibly with secrets.
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

    /// The caller's name, as one word.
    pub(super) fn write_caller(&self, out: &mut impl fmt::Write) -> Option<fmt::Result> {
        let name = self.caller.as_ref()?.name();
        let mut words = name.split(' ');
        let first = words.next().map_or(Ok(()), |word| escape(out, word.as_bytes()));
        Some(first.and_then(|()| {
            words.try_for_each(|word| {
                out.write_str("\\x20")?;
                escape(out, word.as_bytes())
            })
        }))
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

/// Names who has sent the request that is being served, where the log wants to know.
pub fn name_caller(user: &Arc<User>) {
    if Headers::wanted().caller {
        keep_caller(Caller::User(Arc::clone(user)));
    }
}

/// The same for a client that acts in its own name.
pub fn name_client(client: &Arc<Client>) {
    if Headers::wanted().caller {
        keep_caller(Caller::Client(Arc::clone(client)));
    }
}

/// Gives access to the request whose line is being written.
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
    //! A request for tests of formats and filters.

    use super::*;

    /// `GET /items/?page=2&token=hidden` by curl, served in 1,234,567 µs.
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
            caller: None,
            request_headers: Vec::new(),
            response_headers: Vec::new(),
        }
    }

    /// Runs `read` as the log does while this request's line is written.
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
    fn a_header_is_listed_once() {
        let mut wanted = Headers::default();
        assert_eq!(wanted.of_request("User-Agent"), 0);
        assert_eq!(wanted.of_request("Referer"), 1);
        assert_eq!(wanted.of_request("user-agent"), 0);
        assert_eq!(wanted.request, ["user-agent", "referer"]);
    }
}
