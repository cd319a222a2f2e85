//! Where a text stops being JSON, and why, as Python's `json` says it: FastAPI's `json_invalid`.
//!
//! `serde_json` reads bodies; only what it refuses is read again here, for a position that counts characters.

/// What is wrong, and how many characters stand before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct JsonFault {
    pub(super) why: &'static str,
    pub(super) at: usize,
}

/// As deep as `serde_json` reads.
const DEEPEST: u32 = 128;

impl JsonFault {
    /// The fault of a text that `serde_json` refused with `error`.
    pub(super) fn of(body: &[u8], error: &serde_json::Error) -> Self {
        let found = str::from_utf8(body).ok().and_then(|text| {
            let mut scanner = Scanner { bytes: text.as_bytes(), at: 0 };
            scanner
                .document()
                .err()
                .flatten()
                .map(|(why, at)| (why, text.get(..at).unwrap_or(text)))
        });
        if let Some((why, before)) = found {
            return Self { why, at: before.chars().count() };
        }
        // Python reads it: NaN, a lone surrogate, what is too deep or too large for us; or it is not UTF-8.
        let lines = body.split_inclusive(|byte| *byte == b'\n');
        let before: usize = lines.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
        let at = (before + error.column().saturating_sub(1)).min(body.len());
        Self { why: "Invalid JSON", at: String::from_utf8_lossy(&body[..at]).chars().count() }
    }
}

/// `None` where only the depth is wrong.
type Scanned<T = ()> = Result<T, Option<(&'static str, usize)>>;

fn fault<T>(why: &'static str, at: usize) -> Scanned<T> {
    Err(Some((why, at)))
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Scanner<'_> {
    fn document(&mut self) -> Scanned {
        self.blanks();
        self.value(0)?;
        self.blanks();
        if self.at < self.bytes.len() { fault("Extra data", self.at) } else { Ok(()) }
    }

    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let found = self.next() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn blanks(&mut self) {
        while matches!(self.next(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: u32) -> Scanned {
        if depth > DEEPEST {
            return Err(None);
        }
        let start = self.at;
        for word in ["null", "true", "false", "NaN", "Infinity", "-Infinity"] {
            if self.bytes[start..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(());
            }
        }
        match self.next() {
            Some(b'"') => self.text(),
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            _ => self.number().or_else(|()| fault("Expecting value", start)),
        }
    }

    fn digits(&mut self) -> bool {
        let start = self.at;
        while self.next().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        self.at > start
    }

    /// The longest beginning that is a number.
    fn number(&mut self) -> Result<(), ()> {
        self.takes(b'-');
        if !self.takes(b'0') && !self.digits() {
            return Err(());
        }
        let whole = self.at;
        if !self.takes(b'.') || !self.digits() {
            self.at = whole;
        }
        let mantissa = self.at;
        if self.takes(b'e') || self.takes(b'E') {
            let _ = self.takes(b'+') || self.takes(b'-');
            if !self.digits() {
                self.at = mantissa;
            }
        }
        Ok(())
    }

    fn text(&mut self) -> Scanned {
        let start = self.at;
        self.at += 1;
        loop {
            match self.next() {
                None => return fault("Unterminated string starting at", start),
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape(start)?,
                Some(0..=0x1f) => return fault("Invalid control character at", self.at),
                Some(_) => self.at += 1,
            }
        }
    }

    fn escape(&mut self, start: usize) -> Scanned {
        let backslash = self.at;
        match self.bytes.get(backslash + 1) {
            None => fault("Unterminated string starting at", start),
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => {
                let digits = self.bytes.get(backslash + 2..backslash + 6).unwrap_or_default();
                // As in Python, something follows them: at least a quotation mark.
                let is_whole = digits.len() == 4 && self.bytes.len() > backslash + 6;
                if !is_whole || !digits.iter().all(u8::is_ascii_hexdigit) {
                    return fault("Invalid \\uXXXX escape", backslash + 1);
                }
                self.at += 6;
                Ok(())
            }
            Some(_) => fault("Invalid \\escape", backslash),
        }
    }

    fn object(&mut self, depth: u32) -> Scanned {
        self.at += 1;
        self.blanks();
        if self.takes(b'}') {
            return Ok(());
        }
        loop {
            if self.next() != Some(b'"') {
                return fault("Expecting property name enclosed in double quotes", self.at);
            }
            self.text()?;
            self.blanks();
            if !self.takes(b':') {
                return fault("Expecting ':' delimiter", self.at);
            }
            self.blanks();
            self.value(depth + 1)?;
            if self.ends(b'}', "Illegal trailing comma before end of object")? {
                return Ok(());
            }
        }
    }

    fn array(&mut self, depth: u32) -> Scanned {
        self.at += 1;
        self.blanks();
        if self.takes(b']') {
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if self.ends(b']', "Illegal trailing comma before end of array")? {
                return Ok(());
            }
        }
    }

    /// After a member: its end, or the comma before the next one.
    fn ends(&mut self, close: u8, trailing: &'static str) -> Scanned<bool> {
        self.blanks();
        if self.takes(close) {
            return Ok(true);
        }
        let comma = self.at;
        if !self.takes(b',') {
            return fault("Expecting ',' delimiter", comma);
        }
        self.blanks();
        if self.next() == Some(close) { fault(trailing, comma) } else { Ok(false) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(body: &str) -> (&'static str, usize) {
        let error = serde_json::from_str::<serde_json::Value>(body).unwrap_err();
        let JsonFault { why, at } = JsonFault::of(body.as_bytes(), &error);
        (why, at)
    }

    /// `tests/clients/json_faults.py` compares the rest with Python's own words.
    #[test]
    fn what_pythons_versions_tell_differently_is_told_as_the_newest_does() {
        for (body, expected) in [
            ("[1, ]", ("Illegal trailing comma before end of array", 2)),
            ("{\"ä\": 1,\n}", ("Illegal trailing comma before end of object", 7)),
        ] {
            assert_eq!(found(body), expected, "{body:?}");
        }
    }

    #[test]
    fn what_python_reads_has_a_position_as_well() {
        assert_eq!(found("[\n\"ä\", NaN]"), ("Invalid JSON", 7));
        assert_eq!(found(&"[".repeat(100_000)).0, "Invalid JSON");
        let error = serde_json::from_slice::<serde_json::Value>(b"[\"\xff\"]").unwrap_err();
        assert_eq!(JsonFault::of(b"[\"\xff\"]", &error).why, "Invalid JSON");
    }
}
