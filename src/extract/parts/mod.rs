//! `multipart/form-data` (RFC 7578), piece by piece: accepts what python-multipart and Starlette accept, and
//! refuses the rest with their messages. A part's own `Content-Length` means nothing: a boundary ends it.
//!
//! `multer` differs: it ends a field at a line that only begins like the delimiter, reads `name=` inside
//! another quoted parameter, skips a preamble, and does not tell a body cut short from a malformed one.
//! `actix-multipart` believes a part's `Content-Length`.

#[cfg(test)]
mod tests;

use crate::api_error::ApiError;

/// Most fields, and most files, as in Starlette.
const MOST_PARTS: usize = 1000;

const MISSING_BOUNDARY: ApiError = ApiError::BadRequest("Missing boundary in multipart.");
const INVALID: ApiError = ApiError::BadRequest("Invalid multipart data.");
const MISSING_NAME: ApiError =
    ApiError::BadRequest("The Content-Disposition header field \"name\" must be provided.");
const TOO_MANY_FILES: ApiError =
    ApiError::BadRequest("Too many files. Maximum number of files is 1000.");
pub(super) const TOO_MANY_FIELDS: ApiError =
    ApiError::BadRequest("Too many fields. Maximum number of fields is 1000.");

/// Longest boundary in bytes; RFC 2046 §5.1.1 allows 70.
const LONGEST_BOUNDARY: usize = 256;
/// Most header fields of a part, and longest field in bytes.
const MOST_HEADERS: usize = 8;
const LONGEST_HEADER: usize = 4096 + 128;

/// What comes next in a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    /// A part begins.
    Part(Part),
    /// Some of its data.
    Data(&'a [u8]),
    /// It ends. A part whose end is missing does not count.
    End,
}

/// The head of a part.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) name: String,
    /// `None` if it is not a file.
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

/// Splits a body at its boundary.
#[derive(Debug)]
pub(super) struct Splitter {
    /// With the line break before it.
    delimiter: Vec<u8>,
    state: State,
    fields: usize,
    files: usize,
}

#[derive(Debug)]
enum State {
    /// Before the first delimiter; `true` within line breaks that come before it.
    Start(bool),
    Head(Head),
    Data,
    /// After the last delimiter.
    Over,
}

/// The header fields of a part so far.
#[derive(Debug, Default)]
struct Head {
    count: usize,
    disposition: Vec<u8>,
    content_type: Option<Vec<u8>>,
}

impl Splitter {
    /// For a body of this `Content-Type`.
    pub(super) fn new(content_type: &[u8]) -> Result<Self, ApiError> {
        let boundary = parameter(content_type, b"boundary").ok_or(MISSING_BOUNDARY)?;
        if boundary.len() > LONGEST_BOUNDARY {
            return Err(INVALID);
        }
        let delimiter = [b"\r\n--", boundary.as_slice()].concat();
        Ok(Self { delimiter, state: State::Start(false), fields: 0, files: 0 })
    }

    /// What comes next in `rest`, which loses what was read of it; `None` if more of the body is needed for that.
    pub(super) fn next<'a>(&mut self, rest: &mut &'a [u8]) -> Result<Option<Event<'a>>, ApiError> {
        loop {
            match &mut self.state {
                State::Start(_) => {
                    let Some(state) = self.start(rest)? else { return Ok(None) };
                    self.state = state;
                }
                State::Head(head) => {
                    let Some(is_whole) = head.field(rest)? else { return Ok(None) };
                    if is_whole {
                        let part = head.part()?;
                        self.state = State::Data;
                        return self.counted(part).map(|part| Some(Event::Part(part)));
                    }
                }
                State::Data => return self.data(rest),
                State::Over => {
                    *rest = &[];
                    return Ok(None);
                }
            }
        }
    }

    /// Reads the first delimiter. A body that ends within it has no parts.
    fn start(&mut self, rest: &mut &[u8]) -> Result<Option<State>, ApiError> {
        let breaks = matches!(self.state, State::Start(true));
        if breaks || matches!(rest, [b'\r' | b'\n', ..]) {
            let dash = rest.iter().position(|byte| *byte == b'-');
            *rest = &rest[dash.unwrap_or(rest.len())..];
            self.state = State::Start(dash.is_none());
        }
        let delimiter = &self.delimiter[2..];
        let (part, end) = ([delimiter, b"\r\n"].concat(), [delimiter, b"--"].concat());
        if let Some(after) = rest.strip_prefix(part.as_slice()) {
            *rest = after;
            Ok(Some(State::Head(Head::default())))
        } else if rest.starts_with(&end) {
            Ok(Some(State::Over))
        } else if part.starts_with(rest) || end.starts_with(rest) {
            Ok(None)
        } else {
            Err(INVALID)
        }
    }

    fn counted(&mut self, part: Part) -> Result<Part, ApiError> {
        let is_file = part.filename.is_some();
        self.files += usize::from(is_file);
        self.fields += usize::from(!is_file);
        match (self.files > MOST_PARTS, self.fields > MOST_PARTS) {
            (true, _) => Err(TOO_MANY_FILES),
            (_, true) => Err(TOO_MANY_FIELDS),
            _ => Ok(part),
        }
    }

    /// Reads data up to the next delimiter, or what cannot be a part of one.
    fn data<'a>(&mut self, rest: &mut &'a [u8]) -> Result<Option<Event<'a>>, ApiError> {
        let (all, mut from) = (*rest, 0);
        let upto = |end: usize, rest: &mut &'a [u8]| {
            *rest = &all[end..];
            (end > 0).then_some(Event::Data(&all[..end]))
        };
        while let Some(found) = all[from..].iter().position(|byte| *byte == b'\r') {
            let at = from + found;
            let Some(after) = all[at..].strip_prefix(self.delimiter.as_slice()) else {
                if self.delimiter.starts_with(&all[at..]) {
                    return Ok(upto(at, rest));
                }
                from = at + 1;
                continue;
            };
            let (next, after) = match follows(after)? {
                Follows::Part(after) => (State::Head(Head::default()), after),
                Follows::End => (State::Over, &[][..]),
                Follows::Unknown => return Ok(upto(at, rest)),
                Follows::Data => {
                    from = at + 1;
                    continue;
                }
            };
            // First the data, then its end.
            if at > 0 {
                return Ok(upto(at, rest));
            }
            *rest = after;
            self.state = next;
            return Ok(Some(Event::End));
        }
        Ok(upto(all.len(), rest))
    }
}

/// What stands after a delimiter.
enum Follows<'a> {
    Part(&'a [u8]),
    End,
    /// It was none.
    Data,
    /// The body goes on.
    Unknown,
}

fn follows(after: &[u8]) -> Result<Follows<'_>, ApiError> {
    match after {
        [b'\r', b'\n', after @ ..] => Ok(Follows::Part(after)),
        [b'-', b'-', ..] => Ok(Follows::End),
        [] | [b'\r' | b'-'] => Ok(Follows::Unknown),
        // White space may follow a delimiter (RFC 2046 §5.1.1); data may not.
        [b' ' | b'\t', ..] => match without_blanks(after) {
            [b'\r', b'\n', after @ ..] => Ok(Follows::Part(after)),
            [] | [b'\r'] if after.len() <= LONGEST_HEADER => Ok(Follows::Unknown),
            _ => Err(INVALID),
        },
        _ => Ok(Follows::Data),
    }
}

impl Head {
    /// Reads a header field; `true` if it was the empty line after the last one, `None` if its end is missing.
    fn field(&mut self, rest: &mut &[u8]) -> Result<Option<bool>, ApiError> {
        match *rest {
            [b'\r', b'\n', after @ ..] => {
                *rest = after;
                return Ok(Some(true));
            }
            [] | [b'\r'] => return Ok(None),
            [b'\r', ..] => return Err(INVALID),
            _ if self.count >= MOST_HEADERS => return Err(INVALID),
            _ => {}
        }
        let colon = rest.iter().position(|byte| *byte == b':');
        let name = &rest[..colon.unwrap_or(rest.len())];
        if name.is_empty() || name.len() > LONGEST_HEADER || !name.iter().all(|b| is_token(*b)) {
            return Err(INVALID);
        }
        let Some(colon) = colon else { return Ok(None) };
        let value = &rest[colon + 1..];
        let end = value.iter().position(|byte| *byte == b'\r');
        if colon + 1 + end.unwrap_or(value.len()) > LONGEST_HEADER {
            return Err(INVALID);
        }
        let Some(end) = end else { return Ok(None) };
        let after = match &value[end + 1..] {
            [b'\n', after @ ..] => after,
            [] => return Ok(None),
            _ => return Err(INVALID),
        };
        if name.eq_ignore_ascii_case(b"content-disposition") {
            self.disposition = value[..end].to_vec();
        } else if name.eq_ignore_ascii_case(b"content-type") {
            self.content_type = Some(trimmed(&value[..end]).to_vec());
        }
        self.count += 1;
        *rest = after;
        Ok(Some(false))
    }

    fn part(&self) -> Result<Part, ApiError> {
        Ok(Part {
            name: text(&parameter(&self.disposition, b"name").ok_or(MISSING_NAME)?),
            filename: parameter(&self.disposition, b"filename").map(|name| text(&name)),
            content_type: self.content_type.as_deref().map(text),
        })
    }
}

fn without_blanks(mut bytes: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

/// Strips spaces and tabs (RFC 9110 §5.6.3), but no other white space.
fn trimmed(bytes: &[u8]) -> &[u8] {
    let mut inner = without_blanks(bytes);
    while let [rest @ .., b' ' | b'\t'] = inner {
        inner = rest;
    }
    inner
}

/// A parameter of a header field's value; the last of several. Names are case-insensitive, and
/// those with `*` are ignored (RFC 7578 §4.2).
fn parameter(value: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    for segment in segments(value).skip(1) {
        let end = segment.iter().position(|b| *b == b'=').unwrap_or(segment.len());
        let (key, value) = segment.split_at(end);
        if trimmed(key).eq_ignore_ascii_case(name) {
            found = Some(unquoted(trimmed(value.get(1..).unwrap_or_default())));
        }
    }
    found
}

/// The parts between unquoted semicolons.
fn segments(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    value.split(move |b| {
        quoted ^= *b == b'"' && !escaped;
        escaped = *b == b'\\' && !escaped;
        *b == b';' && !quoted
    })
}

fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inner) = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else {
        return value.to_vec();
    };
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escape = byte == b'\\' && matches!(bytes.peek(), Some(b'"' | b'\\'));
        text.push(if escape { bytes.next().unwrap_or(byte) } else { byte });
    }
    text
}

/// Decodes UTF-8, or else Latin-1.
pub(super) fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// RFC 9110 §5.6.2
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
