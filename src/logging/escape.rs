//! Makes client input safe to log: it cannot forge a line or leak a secret.

use crate::domain::without_keys;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::io;

/// Substrings of parameter names that carry secrets, in lower case.
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

/// Words in parameter names that carry secrets, in lower case: `user_pin`, `userPin`, `login[pin]`,
/// `pin1`.
const SECRET_WORDS: [&str; 10] =
    ["bearer", "cvc", "invitation", "invite", "magic", "magiclink", "nonce", "pin", "pswd", "sig"];

/// The same, also as the end of a word, because few other words end like this: `pass`, `mypass`,
/// `totp`.
const SECRET_ENDS: [&str; 4] = ["cvv", "otp", "pass", "ticket"];

/// Words with such an end that carry no secret.
const PLAIN_WORDS: [&str; 4] = ["bypass", "compass", "overpass", "underpass"];

/// Whole parameter names that carry secrets, in lower case.
const SECRET_NAMES: [&str; 16] = [
    "auth",
    "code",
    "code_verifier",
    "device_code",
    "flow",
    "key",
    "login_hint",
    "mfa_code",
    "private_key",
    "recovery_code",
    "request",
    "samlrequest",
    "samlresponse",
    "state",
    "user_code",
    "verification_code",
];

/// Ends of a parameter: some servers accept `;` as a separator, URLs in headers have a second query
/// after `#`, and a header can hold several URLs.
const SEPARATORS: [char; 7] = ['&', ';', '?', '#', ',', ' ', '"'];

/// How many levels of URLs within URLs are searched: `next=%2Fcb%3Fcode%3D…`.
const NESTED: usize = 3;

/// Escapes as nginx does: control characters, `"`, `\` and non-ASCII bytes become `\xHH`.
pub fn escape(out: &mut impl fmt::Write, text: &[u8]) -> fmt::Result {
    // The common case.
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

/// Writes a URL or part of one escaped, with `***` for the value of each parameter that can carry a
/// secret, and of API keys wherever they stand.
pub fn redact_query(out: &mut impl fmt::Write, query: &str) -> fmt::Result {
    let query = &*without_keys(query);
    if !query.contains('=') {
        return escape(out, query.as_bytes());
    }
    // The separator after a secret whose end is uncertain.
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
            // Only `&` certainly ends a value: `password=a;b`.
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

/// Writes a header's value escaped; URLs in it lose their secrets.
pub(super) fn redact_header(out: &mut impl fmt::Write, value: &[u8]) -> fmt::Result {
    if let Ok(value) = str::from_utf8(value) {
        return redact_query(out, value);
    }
    if !value.contains(&b'=') {
        return escape(out, value);
    }
    // It is unclear where the names are.
    let plain = value.iter().position(|byte| matches!(byte, b'?' | b'#'));
    escape(out, &value[..plain.unwrap_or(0)])?;
    out.write_str("?***")
}

/// What a client sent in a header, as [`redact_header`] writes it, and no more than is worth reading.
#[must_use]
pub fn shown_header(value: &[u8]) -> String {
    const LONGEST: usize = 256;
    let mut shown = String::new();
    // A String takes everything.
    let _ = redact_header(&mut shown, &value[..value.len().min(LONGEST)]);
    shown
}

/// Whether a value is itself an encoded URL with a secret in it.
fn holds_secret(value: &str, depth: usize) -> bool {
    // Like the separators, an `=` within a value is nearly always encoded.
    if !value.contains('%') {
        return false;
    }
    let decoded = percent_decoded(value);
    if decoded == value.as_bytes() {
        return false;
    }
    let value = String::from_utf8_lossy(&decoded);
    // What is nested deeper is not shown.
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
    // Before it is the path, or the words before a URL in a header.
    let name = name.trim().rsplit(|c| is_separator(c) || c == '/').next().unwrap_or_default();
    let words = || name.split(|c: char| !c.is_alphanumeric()).flat_map(humps);
    if words().any(is_secret_word) {
        return true;
    }
    let name = name.to_ascii_lowercase();
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
    SECRET_NAMES.contains(&name) || SECRET_PARTS.iter().any(|part| name.contains(part))
}

/// Whether a word indicates a secret, with or without a number after it.
fn is_secret_word(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is = |known: &&str| word.eq_ignore_ascii_case(known);
    let ends = |end: &&str| {
        let tail = word.len().checked_sub(end.len()).and_then(|at| word.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    SECRET_WORDS.iter().any(is) || (SECRET_ENDS.iter().any(ends) && !PLAIN_WORDS.iter().any(is))
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
    percent_decode_str(&text.replace('+', " ")).collect()
}

/// Writes text on one line: control characters and line separators become `\xHH`.
pub(super) struct OneLine<W> {
    out: W,
    failed: Option<io::Error>,
}

impl<W: io::Write> OneLine<W> {
    pub(super) fn new(out: W) -> Self {
        Self { out, failed: None }
    }

    /// The result of the writing; an error in a value's `Display` costs only the rest of that
    /// value.
    pub(super) fn finish(self, _written: fmt::Result) -> io::Result<()> {
        self.failed.map_or(Ok(()), Err)
    }
}

impl<W: io::Write> fmt::Write for OneLine<W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut write = || {
            // The common case, and much faster to check than single characters.
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
mod tests;
