//! Converts Python's `{` and `$` format styles to `%`.

use std::fmt::Write as _;

/// Numeric fields: padded on the left by default.
const NUMBERS: [&str; 8] =
    ["created", "levelno", "lineno", "msecs", "process", "relativeCreated", "status", "thread"];

/// The format in `%` style; `None` for an unknown style or an unsupported field.
pub(super) fn percent(format: &str, style: &str) -> Option<String> {
    match style {
        "%" => Some(format.to_owned()),
        "{" => braces(format),
        "$" => dollars(format),
        _ => None,
    }
}

fn braces(format: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['{', '}', '%']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let (mark, twice) = (&after[..1], after[1..].starts_with(&after[..1]));
        rest = &after[1..];
        match mark {
            "%" => out.push_str("%%"),
            _ if twice => {
                out.push_str(mark);
                rest = &rest[1..];
            }
            "{" => {
                let (field, after) = rest.split_once('}')?;
                rest = after;
                let (name, pad) = field.split_once(':').unwrap_or((field, ""));
                let kind = pad.chars().next_back().filter(char::is_ascii_alphabetic);
                let pad = pad.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                let (is_left, pad) = match pad.split_at_checked(1) {
                    Some(("<", pad)) => (true, pad),
                    Some((">", pad)) => (false, pad),
                    _ => (!pad.is_empty() && !NUMBERS.contains(&name), pad),
                };
                let is_plain = pad.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
                if !is_name(name) || !is_plain {
                    return None;
                }
                let left = if is_left { "-" } else { "" };
                let _ = write!(out, "%({name}){left}{pad}{}", kind.unwrap_or('s'));
            }
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

fn dollars(format: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(at) = rest.find(['$', '%']) {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        rest = &after[1..];
        if after.starts_with('%') {
            out.push_str("%%");
        } else if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else {
            let name;
            (name, rest) = match rest.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            };
            if !is_name(name) {
                return None;
            }
            let _ = write!(out, "%({name})s");
        }
    }
    out.push_str(rest);
    Some(out)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_word)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_style_says_the_same() {
        for (style, format, expected) in [
            ("%", "%(message)s 5%%", "%(message)s 5%%"),
            (
                "{",
                "{asctime} {levelname:8} {lineno:4d}: {message} {{5%}}",
                "%(asctime)s %(levelname)-8s %(lineno)4d: %(message)s {5%%}",
            ),
            (
                "{",
                "{levelname:<8s}|{name:>10}|{levelname:.1}",
                "%(levelname)-8s|%(name)10s|%(levelname)-.1s",
            ),
            (
                "$",
                "$asctime ${levelname}: $message 5% $$",
                "%(asctime)s %(levelname)s: %(message)s 5%% $",
            ),
        ] {
            assert_eq!(percent(format, style).as_deref(), Some(expected));
        }
        for (style, format) in [
            ("{", "{message!r}"),
            ("{", "{message:^8}"),
            ("{", "{message"),
            ("{", "message}"),
            ("{", "{}"),
            ("$", "$"),
            ("$", "${message"),
            ("?", "message"),
        ] {
            assert_eq!(percent(format, style), None, "{format}");
        }
    }
}
