//! What a client sent, made fit for a log: it cannot forge a line or put a secret there.

use std::fmt;
use std::io;

/// Parts of parameter names that carry secrets, in lower case.
const SECRET_PARTS: [&str; 20] = [
    "access-key",
    "access_key",
    "accesskey",
    "api-key",
    "api_key",
    "apikey",
    "assertion",
    "authorization",
    "cookie",
    "credential",
    "jwt",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "session",
    "signature",
    "token",
];

/// Words of parameter names that carry secrets, in lower case: `user_pass`, `userPass`, `login[pin]`.
const SECRET_WORDS: [&str; 6] = ["bearer", "hotp", "otp", "pass", "pin", "totp"];

/// Whole parameter names that carry secrets, in lower case.
const SECRET_NAMES: [&str; 17] = [
    "auth",
    "code",
    "code_verifier",
    "device_code",
    "key",
    "mfa_code",
    "nonce",
    "private_key",
    "recovery_code",
    "request",
    "samlrequest",
    "samlresponse",
    "sig",
    "state",
    "ticket",
    "user_code",
    "verification_code",
];

/// What ends a parameter: some servers take `;` for a separator, addresses in headers have a second
/// query behind `#`, and a header can hold several addresses.
const SEPARATORS: [char; 7] = ['&', ';', '?', '#', ',', ' ', '"'];

/// Addresses within addresses that are looked into: `next=%2Fcb%3Fcode%3D…`.
const NESTED: usize = 3;

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

/// Writes an address or a part of it escaped, with `***` for the value of each parameter that can
/// carry a secret.
pub fn redact_query(out: &mut impl fmt::Write, query: &str) -> fmt::Result {
    if !query.contains('=') {
        return escape(out, query.as_bytes());
    }
    // The separator behind a secret whose end is not certain.
    let mut hidden = None;
    for parameter in query.split_inclusive(SEPARATORS) {
        let end = parameter.chars().next_back().filter(|c| is_separator(*c));
        match parameter.split_once('=') {
            Some((name, value)) if is_secret_name(name) || holds_secret(value, NESTED) => {
                write_separator(out, hidden)?;
                escape(out, name.as_bytes())?;
                out.write_str("=***")?;
                hidden = end;
            }
            // Only `&` is sure to end a value: `password=a;b`.
            None if hidden.is_some_and(|separator| separator != '&') => {
                hidden = end.filter(|separator| *separator == '&').or(hidden);
            }
            _ => {
                write_separator(out, hidden.take())?;
                escape(out, parameter.as_bytes())?;
            }
        }
    }
    write_separator(out, hidden)
}

fn write_separator(out: &mut impl fmt::Write, separator: Option<char>) -> fmt::Result {
    separator.map_or(Ok(()), |separator| escape(out, separator.encode_utf8(&mut [0; 4]).as_bytes()))
}

fn is_separator(c: char) -> bool {
    SEPARATORS.contains(&c)
}

/// Writes a header's value escaped; an address in it loses its secrets.
pub(super) fn redact_header(out: &mut impl fmt::Write, value: &[u8]) -> fmt::Result {
    if !value.contains(&b'=') {
        return escape(out, value);
    }
    if let Ok(value) = str::from_utf8(value) {
        return redact_query(out, value);
    }
    // Nobody can say where the names are.
    let plain = value.iter().position(|byte| matches!(byte, b'?' | b'#'));
    escape(out, &value[..plain.unwrap_or(0)])?;
    out.write_str("?***")
}

/// Whether a value is itself an address, encoded, with a secret in it.
fn holds_secret(value: &str, depth: usize) -> bool {
    // As the separators are, an `=` within a value is encoded, nearly always.
    if !value.contains('%') {
        return false;
    }
    let decoded = percent_decoded(value);
    if decoded == value.as_bytes() {
        return false;
    }
    let value = String::from_utf8_lossy(&decoded);
    // What is packed deeper than anybody unpacks it is not shown.
    depth == 0
        || value
            .split(SEPARATORS)
            .filter_map(|parameter| parameter.split_once('='))
            .any(|(name, value)| is_secret_name(name) || holds_secret(value, depth - 1))
        || (!value.contains('=') && holds_secret(&value, depth - 1))
}

/// Whether a parameter or header of this name can carry a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = percent_decoded(name);
    let name = String::from_utf8_lossy(&name);
    // What stands before it is the path, or the words before an address in a header.
    let name = name.trim().rsplit(|c| is_separator(c) || c == '/').next().unwrap_or_default();
    let words = || name.split(|c: char| !c.is_alphanumeric()).flat_map(humps);
    if words().any(|word| SECRET_WORDS.iter().any(|secret| word.eq_ignore_ascii_case(secret))) {
        return true;
    }
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.contains(&name.as_str()) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// The words of `userPass`.
fn humps(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let pairs = rest.char_indices().zip(rest.chars().skip(1).chain([' ']));
        let mut ends = pairs.filter(|((_, c), next)| !c.is_uppercase() && next.is_uppercase());
        let end = ends.next().map_or(rest.len(), |((at, c), _)| at + c.len_utf8());
        let (word, after) = rest.split_at(end);
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    while let Some((&byte, rest)) = bytes.split_first() {
        let hex = |index: usize| rest.get(index).and_then(|b| char::from(*b).to_digit(16));
        let byte = if byte == b'+' { b' ' } else { byte };
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
            "+code",
            "CODE_VERIFIER",
            "pass",
            "PASS",
            "user_pass",
            "userPass",
            "db-pass",
            "passphrase",
            "p%61ssphrase",
            "otp",
            "otpCode",
            "login%5Botp%5D",
            "pin",
            "new.pin",
            "ticket",
            "assertion",
            "user[password]",
        ] {
            assert_eq!(redacted(&format!("a=1&{name}=hidden&b=2")), format!("a=1&{name}=***&b=2"));
        }
        assert_eq!(redacted("a=1;token=hidden;b=2"), "a=1;token=***;b=2");
        assert_eq!(redacted("token=hidden=hidden"), "token=***");
        assert_eq!(redacted("token="), "token=***");
    }

    #[test]
    fn a_secret_ends_where_it_is_sure_to() {
        for (query, shown) in [
            ("pass=a,b;c?d&x=1", "pass=***&x=1"),
            ("pass=a;b", "pass=***;"),
            ("pass=a;b;pin=1;c;d=e", "pass=***;pin=***;d=e"),
            ("pass=&a&b=c", "pass=***&a&b=c"),
        ] {
            assert_eq!(redacted(query), shown);
        }
    }

    #[test]
    fn an_address_in_a_parameter_loses_its_secrets() {
        for (query, shown) in [
            ("next=/cb?code=hidden&a=1", "next=/cb?code=***&a=1"),
            ("next=%2Fcb%3Fa%3D1%26code%3Dhidden&a=1", "next=***&a=1"),
            ("next=%2Fcb%3Fnext%3D%252Fcb%253Fpin%253Dhidden&a=1", "next=***&a=1"),
            ("next=%2Fcb%3Fpage%3D1&a=1", "next=%2Fcb%3Fpage%3D1&a=1"),
            ("%252Fcb%253Fcode%253Dhidden=1", "%252Fcb%253Fcode%253Dhidden=1"),
            ("/a;pin=hidden/b", "/a;pin=***"),
            ("/cb%3Fcode=hidden", "/cb%3Fcode=***"),
        ] {
            assert_eq!(redacted(query), shown);
        }
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
        assert_eq!(
            redacted(b"</b?ticket=hidden>; rel=next, </c?a=1>"),
            "</b?ticket=***;rel=next, </c?a=1>"
        );
        assert_eq!(redacted(b"5; url=http://a/?otp=hidden"), "5; url=http://a/?otp=***");
        assert_eq!(redacted(b"agent/1 pass=hidden"), "agent/1 pass=***");
        assert_eq!(redacted("é/?a=1".as_bytes()), "\\xC3\\xA9/?a=1");
        assert_eq!(redacted(b"curl/8\n"), "curl/8\\x0A");
    }

    #[test]
    fn the_rest_of_a_query_is_kept() {
        for query in [
            "",
            "a=1&b",
            "page=2&after=x%20y",
            "&&",
            "a==",
            "encode=1",
            "%zz=1",
            "%",
            "passport=1",
            "spin=1",
            "pinned=1",
            "compass=n",
            "Ticketing=1",
            "zip_code=1",
            "q=100%25",
        ] {
            assert_eq!(redacted(query), query);
        }
        assert_eq!(redacted("a=\"\n"), "a=\\x22\\x0A");
    }
}
