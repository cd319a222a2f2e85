//! `cors.origin_regex`.

use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

/// A regular expression for a whole origin.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct OriginRegex(Regex);

impl OriginRegex {
    /// What is expected.
    pub(super) const EXPECTED: &str =
        r"a regular expression for a whole origin, such as 'https://.*\.example\.com'";

    /// Limits on the pattern's length and memory: it runs for every cross-origin request.
    const LONGEST: usize = 1024;
    const MEMORY: usize = 256 * 1024;

    /// Whether the whole origin matches.
    #[must_use]
    pub fn matches(&self, origin: &[u8]) -> bool {
        self.0.is_match(origin)
    }
}

impl TryFrom<String> for OriginRegex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() || text.len() > Self::LONGEST {
            return Err(format!("a pattern has 1 to {} bytes", Self::LONGEST));
        }
        // Origins are ASCII. First without the anchors, so that no bracket in it can close ours.
        let compile = |pattern: &str| {
            let mut builder = RegexBuilder::new(pattern);
            builder.unicode(false).size_limit(Self::MEMORY).dfa_size_limit(Self::MEMORY).build()
        };
        let whole = compile(&text).and_then(|_| compile(&format!(r"\A(?:{text})\z")));
        whole.map(Self).map_err(|error| {
            let told = error.to_string();
            let last = told.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            last.trim().trim_start_matches("error: ").to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_matches_as_a_whole() {
        let regex = |text: &str| OriginRegex::try_from(text.to_owned()).unwrap();
        let examples = regex(r"https://[a-z]+\.example\.com|http://localhost:\d+");
        for origin in ["https://app.example.com", "http://localhost:3000"] {
            assert!(examples.matches(origin.as_bytes()), "{origin}");
        }
        for origin in [
            "https://app.example.com.evil.net",
            "https://evil.net?https://app.example.com",
            "xhttp://localhost:3000",
            "http://localhost:3000\n",
            "http://localhost:3000x",
            "https://APP.example.com",
            "null",
            "",
        ] {
            assert!(!examples.matches(origin.as_bytes()), "{origin}");
        }
    }

    #[test]
    fn an_invalid_pattern_is_refused_with_the_reason() {
        for (text, why) in [
            ("https://(", "unclosed group"),
            ("a)(b", "unopened group"),
            ("[", "unclosed character class"),
            ("*", "repetition operator missing expression"),
            ("(?x)a # b", "unclosed group"),
            ("(a{1000}){1000}", "size limit"),
            ("", "1 to 1024 bytes"),
            (&"a".repeat(1025), "1 to 1024 bytes"),
        ] {
            let error = OriginRegex::try_from(text.to_owned()).unwrap_err();
            assert!(error.contains(why) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
