//! The Python literals in `args` and `kwargs` of a handler.

use serde_json::{Map, Value, json};

/// What is allowed, for messages.
pub(super) const ALLOWED: &str = "Python's texts, numbers (10 * 1024), True, False, None, sys.stdout and sys.stderr, as in ('app.log', 'a') or (sys.stdout,)";

/// The deepest nesting that is read.
const DEEPEST: usize = 8;

/// Reads a tuple or list; `None` for anything else.
pub(super) fn arguments(text: &str) -> Option<Vec<Value>> {
    match read(text)? {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

/// Reads a dict; `None` for anything else.
pub(super) fn keywords(text: &str) -> Option<Map<String, Value>> {
    match read(text)? {
        Value::Object(values) => Some(values),
        _ => None,
    }
}

/// A stream becomes `dictConfig`'s form: `ext://sys.stdout`.
fn read(text: &str) -> Option<Value> {
    let mut reader = Reader { rest: text.trim_start() };
    // `sys.stdout,` is a tuple without parentheses.
    let (mut values, has_comma) = reader.items(None, DEEPEST)?;
    match (values.len(), has_comma) {
        (1, false) => values.pop(),
        _ => Some(Value::Array(values)),
    }
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        if let Some(rest) = rest {
            self.rest = rest.trim_start();
        }
        rest.is_some()
    }

    /// Values up to this end, and whether there was a comma.
    fn items(&mut self, end: Option<&str>, depth: usize) -> Option<(Vec<Value>, bool)> {
        let mut values = Vec::new();
        let mut has_comma = false;
        loop {
            if end.map_or(self.rest.is_empty(), |end| self.take(end)) {
                return Some((values, has_comma));
            }
            if !values.is_empty() && !has_comma {
                return None;
            }
            values.push(self.product(depth)?);
            let comma = self.take(",");
            has_comma |= comma;
            if !comma {
                let ends = end.map_or(self.rest.is_empty(), |end| self.take(end));
                return ends.then_some((values, has_comma));
            }
        }
    }

    fn product(&mut self, depth: usize) -> Option<Value> {
        let mut value = self.power(depth)?;
        while self.take("*") {
            let factor = self.power(depth)?.as_i64()?;
            value = json!(value.as_i64()?.checked_mul(factor)?);
        }
        Some(value)
    }

    fn power(&mut self, depth: usize) -> Option<Value> {
        let value = self.atom(depth)?;
        if !self.take("**") {
            return Some(value);
        }
        let power = u32::try_from(self.atom(depth)?.as_i64()?).ok()?;
        Some(json!(value.as_i64()?.checked_pow(power)?))
    }

    fn atom(&mut self, depth: usize) -> Option<Value> {
        let deeper = depth.checked_sub(1)?;
        if self.take("(") {
            let (mut values, has_comma) = self.items(Some(")"), deeper)?;
            return if values.len() == 1 && !has_comma {
                values.pop()
            } else {
                Some(json!(values))
            };
        }
        if self.take("[") {
            return self.items(Some("]"), deeper).map(|(values, _)| json!(values));
        }
        if self.take("{") {
            return self.pairs(deeper);
        }
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.');
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        let (name, after) = self.rest.split_at(end);
        if after.starts_with(['"', '\'']) {
            return self.texts();
        }
        self.rest = after.trim_start();
        Some(match name {
            "None" => Value::Null,
            "True" => json!(true),
            "False" => json!(false),
            "sys.stdout" | "sys.__stdout__" => json!("ext://sys.stdout"),
            "sys.stderr" | "sys.__stderr__" => json!("ext://sys.stderr"),
            _ if name.starts_with(|c: char| c.is_ascii_digit()) => {
                json!(name.replace('_', "").parse::<i64>().ok()?)
            }
            _ => return None,
        })
    }

    fn pairs(&mut self, depth: usize) -> Option<Value> {
        let mut map = Map::new();
        while !self.take("}") {
            let key = self.atom(depth)?.as_str()?.to_owned();
            if !self.take(":") {
                return None;
            }
            map.insert(key, self.product(depth)?);
            if !self.take(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
        Some(Value::Object(map))
    }

    /// Adjacent strings are concatenated.
    fn texts(&mut self) -> Option<Value> {
        let mut out = String::new();
        loop {
            let start = self.rest.find(['"', '\'']);
            let Some((prefix, rest)) = start.map(|at| self.rest.split_at(at)) else { break };
            let is_raw = match prefix.to_lowercase().as_str() {
                "" | "u" => false,
                "r" => true,
                _ => break,
            };
            let quote = rest.chars().next()?;
            let mut chars = rest.char_indices().skip(1);
            let end = loop {
                match chars.next()? {
                    (at, c) if c == quote => break at,
                    (_, '\\') if !is_raw => out.push(match chars.next()?.1 {
                        'n' => '\n',
                        't' => '\t',
                        c @ ('\\' | '\'' | '"') => c,
                        _ => return None,
                    }),
                    (_, c) => out.push(c),
                }
            };
            self.rest = rest[end + 1..].trim_start();
        }
        Some(json!(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_of_real_files_are_read() {
        for (text, expected) in [
            ("()", json!([])),
            ("(sys.stdout,)", json!(["ext://sys.stdout"])),
            ("( sys . stdout ,)".replace(" . ", ".").as_str(), json!(["ext://sys.stdout"])),
            ("sys.stderr,", json!(["ext://sys.stderr"])),
            ("[sys.__stderr__]", json!(["ext://sys.stderr"])),
            (
                "('a.log', 'a', 10*1024*1024, 5, \"utf-8\")",
                json!(["a.log", "a", 10_485_760, 5, "utf-8"]),
            ),
            (
                "('a.log',\n 'w', 2 ** 20,\n None, True,)",
                json!(["a.log", "w", 1_048_576, null, true]),
            ),
            (r"(r'C:\a', 'it\'s' ' one', 1_000)", json!([r"C:\a", "it's one", 1000])),
        ] {
            assert_eq!(arguments(text), expected.as_array().cloned(), "{text}");
        }
        let dict = "{'filename': 'a.log', 'maxBytes': 10 * 1000, 'x': {},}";
        let expected = json!({"filename": "a.log", "maxBytes": 10_000, "x": {}});
        assert_eq!(keywords(dict), expected.as_object().cloned());
    }

    #[test]
    fn expressions_are_not_evaluated() {
        for text in [
            "('a.log')",
            "(sys.stdout)",
            "os.path.join('a', 'b'),",
            "(open('x'),)",
            "('a' 'b'",
            "('a.log",
            "(,)",
            "(1 2)",
            "('a', 99999999999 * 99999999999)",
            "(f'{x}',)",
            "(b'x',)",
            "{}",
            "((((((((((((1,),),),),),),),),),),),)",
        ] {
            assert_eq!(arguments(text), None, "{text}");
        }
        assert_eq!(keywords("('a',)"), None);
        assert_eq!(keywords("{'a': 1 'b': 2}"), None);
    }
}
