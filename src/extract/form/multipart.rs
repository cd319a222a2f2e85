//! `multipart/form-data` (RFC 7578) of a complete body: accepts what python-multipart and Starlette
//! accept, and refuses the rest with their messages.
//!
//! `multer` differs: it ends a field at a line that only begins like the delimiter, reads `name=` inside
//! another quoted parameter, skips a preamble, and does not tell a body cut short from a malformed one.

use super::{MOST_FIELDS, TOO_MANY_FIELDS};
use crate::api_error::ApiError;
use crate::extract::wiped::Wiped;
use serde_json::{Value, json};

const MISSING_BOUNDARY: ApiError = ApiError::BadRequest("Missing boundary in multipart.");
const INVALID: ApiError = ApiError::BadRequest("Invalid multipart data.");
const MISSING_NAME: ApiError =
    ApiError::BadRequest("The Content-Disposition header field \"name\" must be provided.");
const TOO_MANY_FILES: ApiError =
    ApiError::BadRequest("Too many files. Maximum number of files is 1000.");

/// Longest boundary in bytes; RFC 2046 §5.1.1 allows 70.
const LONGEST_BOUNDARY: usize = 256;
/// Most header fields of a part, and longest field in bytes.
const MOST_HEADERS: usize = 8;
const LONGEST_HEADER: usize = 4096 + 128;

/// The fields in the body's order, a file as an empty object. An incomplete last part does not count.
pub(super) fn parse(content_type: &[u8], body: &[u8]) -> Result<Vec<(String, Wiped)>, ApiError> {
    let boundary = parameter(content_type, b"boundary").ok_or(MISSING_BOUNDARY)?;
    if boundary.len() > LONGEST_BOUNDARY {
        return Err(INVALID);
    }
    let delimiter = [b"\r\n--", boundary.as_slice()].concat();
    let mut rest = match body {
        [b'\r' | b'\n', ..] => {
            body.iter().position(|b| *b == b'-').map_or(&b""[..], |i| &body[i..])
        }
        _ => body,
    };
    let (mut fields, mut files) = (Vec::new(), 0);
    match Next::after(&mut rest, &delimiter[2..])? {
        Next::Part => {}
        Next::End => return Ok(fields),
    }
    loop {
        let Some(disposition) = headers(&mut rest)? else { return Ok(fields) };
        let name = parameter(&disposition, b"name").ok_or(MISSING_NAME)?;
        let is_file = parameter(&disposition, b"filename").is_some();
        files += usize::from(is_file);
        if files > MOST_FIELDS {
            return Err(TOO_MANY_FILES);
        }
        if fields.len() + 1 - files > MOST_FIELDS {
            return Err(TOO_MANY_FIELDS);
        }
        let Some((data, next)) = data(&mut rest, &delimiter)? else { return Ok(fields) };
        let value = if is_file { json!({}) } else { Value::String(text(data)) };
        fields.push((text(&name), Wiped(value)));
        if matches!(next, Next::End) {
            return Ok(fields);
        }
    }
}

/// What follows a delimiter.
enum Next {
    Part,
    End,
}

impl Next {
    /// Reads the first delimiter. A body that ends within it has no parts.
    fn after(rest: &mut &[u8], delimiter: &[u8]) -> Result<Self, ApiError> {
        let part = [delimiter, b"\r\n"].concat();
        let end = [delimiter, b"--"].concat();
        if let Some(after) = rest.strip_prefix(part.as_slice()) {
            *rest = after;
            Ok(Self::Part)
        } else if rest.starts_with(&end) || part.starts_with(rest) || end.starts_with(rest) {
            Ok(Self::End)
        } else {
            Err(INVALID)
        }
    }
}

/// Reads a part's header fields; returns its `Content-Disposition`, empty if missing, or `None` if
/// the body ends before them.
fn headers(rest: &mut &[u8]) -> Result<Option<Vec<u8>>, ApiError> {
    let mut disposition = Vec::new();
    for count in 0.. {
        match *rest {
            [b'\r', b'\n', after @ ..] => {
                *rest = after;
                return Ok(Some(disposition));
            }
            [] | [b'\r'] => return Ok(None),
            [b'\r', ..] => return Err(INVALID),
            _ if count >= MOST_HEADERS => return Err(INVALID),
            _ => {}
        }
        let colon = rest.iter().position(|b| *b == b':');
        let name = &rest[..colon.unwrap_or(rest.len())];
        if name.is_empty() || name.len() > LONGEST_HEADER || !name.iter().all(|b| is_token(*b)) {
            return Err(INVALID);
        }
        let Some(colon) = colon else { return Ok(None) };
        let value = &rest[colon + 1..];
        let Some(end) = value.iter().position(|b| *b == b'\r') else { return Ok(None) };
        if colon + 1 + end > LONGEST_HEADER {
            return Err(INVALID);
        }
        if name.eq_ignore_ascii_case(b"content-disposition") {
            disposition = value[..end].to_vec();
        }
        *rest = match &value[end + 1..] {
            [b'\n', after @ ..] => after,
            [] => return Ok(None),
            _ => return Err(INVALID),
        };
    }
    Ok(None)
}

/// Reads a part's data up to the next delimiter; `None` if the body ends before it.
fn data<'a>(rest: &mut &'a [u8], delimiter: &[u8]) -> Result<Option<(&'a [u8], Next)>, ApiError> {
    let (all, mut from) = (*rest, 0);
    while let Some(found) = all[from..].windows(delimiter.len()).position(|at| at == delimiter) {
        let data = &all[..from + found];
        let after = &all[from + found + delimiter.len()..];
        match after {
            [b'-', b'-', ..] => return Ok(Some((data, Next::End))),
            // White space may follow a delimiter (RFC 2046 §5.1.1); data may not.
            [b' ' | b'\t', ..] => match without_blanks(after) {
                [b'\r', b'\n', after @ ..] => {
                    *rest = after;
                    return Ok(Some((data, Next::Part)));
                }
                [] | [b'\r'] => return Ok(None),
                _ => return Err(INVALID),
            },
            [b'\r', b'\n', after @ ..] => {
                *rest = after;
                return Ok(Some((data, Next::Part)));
            }
            _ => from += found + delimiter.len(),
        }
    }
    Ok(None)
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
fn text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().copied().map(char::from).collect(),
    }
}

/// RFC 9110 §5.6.2
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Names and texts, `None` for a file; or the refusal's detail.
    type Fields = Result<Vec<(String, Option<String>)>, &'static str>;

    const KIND: &[u8] = b"multipart/form-data; boundary=X";

    fn parsed(kind: &[u8], body: &[u8]) -> Fields {
        let shown = |(name, field): (String, Wiped)| (name, field.0.as_str().map(str::to_owned));
        match parse(kind, body) {
            Ok(fields) => Ok(fields.into_iter().map(shown).collect()),
            Err(ApiError::BadRequest(detail)) => Err(detail),
            Err(other) => panic!("{other:?}"),
        }
    }

    fn one(head: &str, data: &str) -> Fields {
        parsed(KIND, format!("--X\r\n{head}\r\n\r\n{data}\r\n--X--\r\n").as_bytes())
    }

    fn is_text(found: &Fields, value: &str) -> bool {
        found == &Ok(vec![("a".to_owned(), Some(value.to_owned()))])
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for head in [
            "Content-Disposition: form-data; name=\"a\"",
            "content-disposition:form-data;name=a",
            "CONTENT-DISPOSITION:   FORM-DATA;  NAME = \"a\" ",
            "Content-Disposition: attachment; name=\"a\"",
            "X: y\r\nContent-Disposition: form-data; x=\"; name=b\"; name=a\r\nContent-Type: text/plain",
            "Content-Disposition: form-data; name=b\r\nContent-Disposition: form-data; name=a",
            "Content-Disposition: form-data; name=b; name=a; name*=utf-8''c",
            "Content-Disposition: form-data; name=a; filename*=utf-8''f",
        ] {
            assert!(is_text(&one(head, "1"), "1"), "{head}");
        }
        let escaped = one(r#"Content-Disposition: form-data; name="a\"\\b""#, "1");
        assert_eq!(escaped.unwrap()[0].0, r#"a"\b"#);
        for head in [
            "X: y",
            "Content-Disposition: form-data",
            "Content-Disposition: form-data;\nname=a",
            "Content-Disposition: form-data; name*=a",
        ] {
            let detail = "The Content-Disposition header field \"name\" must be provided.";
            assert_eq!(one(head, "1"), Err(detail), "{head}");
        }
        for name in ["filename=\"\"", "filename=f", "FileName=f"] {
            let head = format!("Content-Disposition: form-data; name=a; {name}");
            assert_eq!(one(&head, "1"), Ok(vec![("a".to_owned(), None)]), "{head}");
        }
    }

    #[test]
    fn data_is_taken_as_it_is() {
        let head = "Content-Disposition: form-data; name=a";
        for data in [
            "",
            "1",
            "\r\n",
            "a\r\nb",
            "--X",
            "\r\n--Y",
            "\r\n--Xa",
            "\r\n--X-a",
            "한",
            "\r\n--X\ra",
        ] {
            assert!(is_text(&one(head, data), data), "{data:?}");
        }
        let latin = b"--X\r\nContent-Disposition: form-data; name=a\r\n\r\n\xff\r\n--X--";
        assert!(is_text(&parsed(KIND, latin), "ÿ"));
    }

    #[test]
    fn a_body_that_ends_early_has_only_whole_parts() {
        let whole = "\r\n--X\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--X \r\n\
                     Content-Disposition: form-data; name=b\r\n\r\n2\r\n--X--";
        let count = |end: usize| parsed(KIND, &whole.as_bytes()[..end]).unwrap().len();
        assert_eq!(count(whole.len()), 2);
        let second = whole.find("--X \r\n").unwrap() + "--X \r\n".len();
        for end in 0..whole.len() {
            assert_eq!(count(end), usize::from(end >= second), "{:?}", &whole[..end]);
        }
    }

    #[test]
    fn anything_but_multipart_is_refused() {
        let invalid = Err("Invalid multipart data.");
        let head = "--X\r\nContent-Disposition: form-data; name=a";
        for body in [
            "junk".to_owned(),
            format!("preamble\r\n{head}\r\n\r\n1\r\n--X--"),
            head.replace("\r\n", "\n"),
            format!("{head}\n\n1\n\r--X--"),
            "--Xy\r\n".to_owned(),
            "--X\r\nno colon\r\n\r\n1\r\n--X--".to_owned(),
            "--X\r\n: a\r\n\r\n1\r\n--X--".to_owned(),
            format!("{head}\r\n\r\n1\r\n--X a"),
            format!("{head}{}\r\n\r\n1\r\n--X--", "\r\nX: y".repeat(MOST_HEADERS)),
            format!("--X\r\nX: {}\r\n\r\n", "y".repeat(LONGEST_HEADER)),
        ] {
            assert_eq!(parsed(KIND, body.as_bytes()), invalid, "{body:.200}");
        }
        assert_eq!(parsed(b"multipart/form-data", b""), Err("Missing boundary in multipart."));
        let long = format!("multipart/form-data; boundary={}", "b".repeat(257));
        assert_eq!(parsed(long.as_bytes(), b""), invalid);
        for kind in ["Multipart/Form-Data; Boundary=X", "multipart/form-data;a=b; boundary=\"X\""] {
            assert_eq!(parsed(kind.as_bytes(), b"--X--"), Ok(vec![]), "{kind}");
        }
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(kind: Vec<u8>, body in "(--X|\r\n|[-:;=\"a\\\\ ]|Content-Disposition: form-data; name=a){0,30}") {
            let _ = parse(KIND, body.as_bytes());
            let _ = parse(&[b"multipart/form-data;", kind.as_slice()].concat(), body.as_bytes());
            let _ = parse(KIND, &[b"--X\r\n", kind.as_slice()].concat());
        }

        #[test]
        fn written_fields_are_read_back(fields in proptest::collection::vec(("[a-z]{1,8}", "[^\r]{0,20}"), 0..6)) {
            let parts = fields.iter().map(|(name, value)| {
                format!("--X\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
            });
            let body: Vec<_> = parts.collect();
            let expected = fields.into_iter().map(|(name, value)| (name, Some(value))).collect();
            prop_assert_eq!(parsed(KIND, (body.concat() + "--X--").as_bytes()), Ok(expected));
        }
    }
}
