//! What a client sent, made fit for a log: it cannot forge a line or put a secret there.

use std::fmt;
use std::io;

/// Parts of parameter names that carry secrets, in lower case.
const SECRET_PARTS: [&str; 15] = [
    "api-key",
    "api_key",
    "apikey",
    "assertion",
    "authorization",
    "cookie",
    "credential",
    "jwt",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// Whole parameter names that carry secrets, in lower case.
const SECRET_NAMES: [&str; 8] =
    ["auth", "code", "code_verifier", "key", "nonce", "request", "sig", "state"];

/// Escapes as nginx does: control characters, `"`, `\` and what is not ASCII become `\xHH`.
pub fn escape(out: &mut impl fmt::Write, text: &[u8]) -> fmt::Result {
    // Nearly always.
    if let Some(plain) = std::str::from_utf8(text).ok().filter(|text| text.bytes().all(is_plain)) {
        return out.write_str(plain);
    }
    for chunk in text.chunk_by(|a, b| is_plain(*a) == is_plain(*b)) {
        match std::str::from_utf8(chunk) {
            Ok(plain) if is_plain(chunk[0]) => out.write_str(plain)?,
            _ => chunk.iter().try_for_each(|byte| write!(out, "\\x{byte:02X}"))?,
        }
    }
    Ok(())
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')
}

/// Writes a query string escaped, with `***` for the value of each parameter that can carry a secret.
pub fn redact_query(out: &mut impl fmt::Write, query: &str) -> fmt::Result {
    // Some servers take `;` for a separator, and addresses in headers have a second query behind
    // `#`, so a secret may hide behind one.
    for parameter in query.split_inclusive(['&', ';', '?', '#']) {
        match parameter.split_once('=') {
            Some((name, value)) if is_secret_name(name) => {
                escape(out, name.as_bytes())?;
                out.write_str("=***")?;
                if let Some(separator @ ('&' | ';' | '?' | '#')) = value.chars().next_back() {
                    out.write_char(separator)?;
                }
            }
            _ => escape(out, parameter.as_bytes())?,
        }
    }
    Ok(())
}

/// Writes a header's value escaped; an address in it loses the secrets of its query.
pub(super) fn redact_header(out: &mut impl fmt::Write, value: &[u8]) -> fmt::Result {
    let query = value.iter().position(|byte| matches!(byte, b'?' | b'#'));
    let (plain, query) = value.split_at(query.unwrap_or(value.len()));
    escape(out, plain)?;
    if query.is_empty() {
        return Ok(());
    }
    match str::from_utf8(query) {
        Ok(query) => redact_query(out, query),
        // Nobody can say where the names are.
        Err(_) => out.write_str("?***"),
    }
}

/// Whether a parameter or header of this name can carry a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = percent_decoded(name).to_ascii_lowercase();
    let name = String::from_utf8_lossy(&name);
    let name = name.trim();
    SECRET_NAMES.contains(&name) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some((&byte, rest)) = bytes.split_first() {
        let hex = |index: usize| rest.get(index).and_then(|b| char::from(*b).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, hex(0), hex(1)) {
            decoded.extend(u8::try_from(high * 16 + low));
            bytes = &rest[2..];
        } else {
            decoded.push(byte);
            bytes = rest;
        }
    }
    decoded
}

/// Writes text so that it stays on its line: control characters and line separators become `\xHH`.
pub(super) struct OneLine<W> {
    out: W,
    failed: Option<io::Error>,
}

impl<W: io::Write> OneLine<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, failed: None }
    }

    /// What became of the writing; an error of a value's `Display` costs the rest of that value only.
    pub(super) fn finish(self, _written: fmt::Result) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl<W: io::Write> fmt::Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut write = || {
            // Nearly always, and found out much faster than character by character.
            if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
                return self.out.write_all(text.as_bytes());
            }
            let mut done = 0;
            for (at, found) in
                text.match_indices(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'))
            {
                self.out.write_all(&text.as_bytes()[done..at])?;
                found.bytes().try_for_each(|byte| write!(self.out, "\\x{byte:02X}"))?;
                done = at + found.len();
            }
            self.out.write_all(&text.as_bytes()[done..])
        };
        write().map_err(|error| {
            self.failed = Some(error);
            fmt::Error
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn whatever_is_sent_stays_on_its_line_and_in_its_quotes(text: Vec<u8>, query: String) {
            let plain = |text: &str| text.bytes().all(|byte| is_plain(byte) || byte == b'\\');
            proptest::prop_assert!(plain(&escaped(&text)));
            proptest::prop_assert!(plain(&redacted(&query)));
        }
    }

    fn escaped(text: &[u8]) -> String {
        let mut out = String::new();
        escape(&mut out, text).unwrap();
        out
    }

    fn redacted(query: &str) -> String {
        let mut out = String::new();
        redact_query(&mut out, query).unwrap();
        out
    }

    #[test]
    fn client_text_is_escaped_as_nginx_does() {
        assert_eq!(escaped(b"/plain path?x=%20~"), "/plain path?x=%20~");
        assert_eq!(escaped(b"a\"b\\c\r\n\x1b[31m\x7f"), "a\\x22b\\x5Cc\\x0D\\x0A\\x1B[31m\\x7F");
        assert_eq!(escaped("é".as_bytes()), "\\xC3\\xA9");
        assert_eq!(escaped(b"\xff"), "\\xFF");
        assert_eq!(escaped(b""), "");
    }

    #[test]
    fn secrets_in_a_query_are_redacted() {
        for name in [
            "access_token",
            "Access_Token",
            "refresh_token",
            "id_token",
            "token",
            "code",
            "state",
            "password",
            "client_secret",
            "client_assertion",
            "api_key",
            "X-API-Key",
            "%61ccess_token",
            "access%5Ftoken",
            "tokens[]",
            "%20code",
            "CODE_VERIFIER",
        ] {
            assert_eq!(redacted(&format!("a=1&{name}=hidden&b=2")), format!("a=1&{name}=***&b=2"));
        }
        assert_eq!(redacted("a=1;token=hidden;b=2"), "a=1;token=***;b=2");
        assert_eq!(redacted("token=hidden=hidden"), "token=***");
        assert_eq!(redacted("token="), "token=***");
    }

    #[test]
    fn an_address_in_a_header_loses_its_secrets() {
        let redacted = |value: &[u8]| {
            let mut out = String::new();
            redact_header(&mut out, value).unwrap();
            out
        };
        assert_eq!(redacted(b"https://a/b?a=1&code=hidden"), "https://a/b?a=1&code=***");
        assert_eq!(redacted(b"/cb#access_token=hidden&b=2"), "/cb#access_token=***&b=2");
        assert_eq!(redacted(b"/cb?a=1#id_token=hidden"), "/cb?a=1#id_token=***");
        assert_eq!(redacted(b"/cb?code=\xff"), "/cb?***");
        assert_eq!(redacted(b"curl/8\n"), "curl/8\\x0A");
    }

    #[test]
    fn the_rest_of_a_query_is_kept() {
        for query in ["", "a=1&b", "page=2&after=x%20y", "&&", "a==", "encode=1", "%zz=1", "%"] {
            assert_eq!(redacted(query), query);
        }
        assert_eq!(redacted("a=\"\n"), "a=\\x22\\x0A");
    }
}
