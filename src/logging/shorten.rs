//! Shortens lines that are too long for their destination, so that the rest stays readable.

/// Marks a cut.
const MARK: &str = "…[cut]";

/// JSON strings up to this length are not worth cutting.
const SHORT: usize = 64;

/// The line, with its end, in at most `longest` bytes.
///
/// JSON stays JSON: its longest strings are cut. Other lines are cut in the middle, so that a
/// request's line keeps its time and its status.
pub(super) fn shorten(line: &[u8], longest: usize) -> Vec<u8> {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let room = longest.saturating_sub(1);
    let mut short =
        if text.starts_with(b"{") && text.ends_with(b"}") { strings_cut(text, room) } else { None }
            .unwrap_or_else(|| middle_cut(text, room));
    short.push(b'\n');
    short
}

/// `None` if strings are not what makes it long.
fn strings_cut(json: &[u8], room: usize) -> Option<Vec<u8>> {
    let mut json = json.to_vec();
    while let Some(excess) = json.len().checked_sub(room).filter(|excess| *excess > 0) {
        let (start, end) = longest_string(&json)?;
        let length = end - start;
        if length <= SHORT {
            return None;
        }
        // At most half of one at a time, so that several long ones share the cut.
        let keep = (length / 2).max(length.saturating_sub(excess + MARK.len())) - MARK.len();
        let mut place = start;
        while let Some(next) = Some(place + step(&json[place..end])).filter(|n| *n <= start + keep)
        {
            place = next;
        }
        json.splice(place..end, MARK.bytes());
    }
    Some(json)
}

/// Start and end of the longest string, without its quotes.
fn longest_string(json: &[u8]) -> Option<(usize, usize)> {
    let mut longest = None;
    let mut start = None;
    let mut place = 0;
    while place < json.len() {
        if json[place] == b'"' {
            start = match start {
                None => Some(place + 1),
                Some(start) => {
                    longest = longest.max(Some((place - start, start)));
                    None
                }
            };
        }
        place += step(&json[place..]);
    }
    longest.map(|(length, start)| (start, start + length))
}

/// The length of the first character, or of its escape.
fn step(text: &[u8]) -> usize {
    match text {
        [b'\\', b'u', ..] => 6,
        [b'\\', ..] => 2,
        [_, rest @ ..] => 1 + rest.iter().take_while(|byte| is_inside(**byte)).count(),
        [] => 1,
    }
}

fn middle_cut(text: &[u8], room: usize) -> Vec<u8> {
    let tail = room / 4;
    let mut head = room.saturating_sub(tail + MARK.len()).min(text.len());
    while head > 0 && text.get(head).is_some_and(|byte| is_inside(*byte)) {
        head -= 1;
    }
    let mut after = text.len().saturating_sub(tail).max(head);
    while text.get(after).is_some_and(|byte| is_inside(*byte)) {
        after += 1;
    }
    [&text[..head], MARK.as_bytes(), &text[after..]].concat()
}

/// Whether the byte continues a UTF-8 character.
fn is_inside(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn short(line: &str, longest: usize) -> String {
        let short = shorten(line.as_bytes(), longest);
        assert!(short.len() <= longest, "{}", short.len());
        String::from_utf8(short).expect("whole characters")
    }

    #[test]
    fn json_stays_json_and_keeps_its_short_fields() {
        for filler in ["x", "é", "\\", "\"", "\u{1}", "🦀", "a\\"] {
            for length in [300, 301, 302, 303, 304, 5_000] {
                let long = filler.repeat(length);
                let line = json!({"time": "now", "message": long, "path": long, "status": 404});
                let text = short(&format!("{line}\n"), 256);
                let read: Value = serde_json::from_str(&text).expect("JSON");
                assert_eq!((&read["time"], &read["status"]), (&json!("now"), &json!(404)));
                for field in ["message", "path"] {
                    let value = read[field].as_str().expect("a string");
                    let begin = value.strip_suffix(MARK).expect("a mark");
                    assert!(!begin.is_empty() && long.starts_with(begin), "{value}");
                }
            }
        }
    }

    #[test]
    fn a_line_keeps_its_beginning_and_its_end() {
        for filler in ["x", "é", "🦀"] {
            for longest in 100..108 {
                let line = format!("12:00 - \"GET /{} HTTP/1.1\" 200\n", filler.repeat(1_000));
                let text = short(&line, longest);
                assert!(text.starts_with("12:00 - \"GET /"), "{text}");
                assert!(text.contains(MARK) && text.ends_with(" HTTP/1.1\" 200\n"), "{text}");
            }
        }
    }

    #[test]
    fn broken_json_is_cut_too() {
        for line in [format!("{{{}}}\n", "1,".repeat(500)), format!("{{\"{}}}\n", "a".repeat(500))]
        {
            assert!(short(&line, 100).contains(MARK));
        }
    }
}
