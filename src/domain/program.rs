//! Which program this is: the server itself, or an application built on it.

use std::fmt;
use std::sync::OnceLock;

/// What a program says about itself. Its name is also that of its commands, and begins its variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// What it is, in a sentence.
    pub about: &'static str,
    /// Its license, an SPDX expression.
    pub license: Option<&'static str>,
    /// The tags of its operations, with descriptions.
    pub tags: Vec<(&'static str, &'static str)>,
    /// The beginning of its variables: `SHOP__`.
    prefix: String,
}

static PROGRAM: OnceLock<Program> = OnceLock::new();

/// This program; the server itself, until an application has introduced itself.
pub fn program() -> &'static Program {
    PROGRAM.get_or_init(|| {
        let version = env!("CARGO_PKG_VERSION");
        Program { version, license: Some("MIT"), ..Program::named("bailiwick") }
    })
}

impl Program {
    /// What a name may be.
    pub const EXPECTED: &str = "1 to 64 lower-case letters, digits, hyphens and underscores, of which the first is a letter";

    /// A program of this name.
    #[must_use]
    pub fn named(name: &'static str) -> Self {
        let prefix = format!("{}__", name.to_uppercase().replace('-', "_"));
        Self { name, version: "0.1.0", about: "", license: None, tags: Vec::new(), prefix }
    }

    /// Whether the name may be one.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let mut letters = self.name.bytes();
        self.name.len() <= 64
            && letters.next().is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
            // Two underscores separate the parts of a variable.
            && !self.prefix.trim_end_matches('_').contains("__")
            && !self.name.ends_with(['-', '_'])
    }

    /// The beginning of its variables: `SHOP__`.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// A text of the server's documentation, about this program: its commands and its variables.
    #[must_use]
    pub fn in_own_words(&self, text: &str) -> String {
        const OWN: &str = "bailiwick";
        let text = text.replace("BAILIWICK__", &self.prefix);
        let (mut own, mut rest) = (String::new(), text.as_str());
        while let Some(at) = rest.find(OWN) {
            let (before, after) = (&rest[..at], &rest[at + OWN.len()..]);
            own.push_str(before);
            // Not the name of a file, nor a value.
            let is_part = |c: char| c.is_alphanumeric() || "_-/\"".contains(c);
            let begins = before.chars().next_back().is_none_or(|c| !is_part(c) && c != '.');
            let mut next = after.chars();
            let ends = match next.next() {
                Some('.') => next.next().is_none_or(char::is_whitespace),
                Some(c) => !is_part(c),
                None => true,
            };
            own.push_str(if begins && ends { self.name } else { OWN });
            rest = after;
        }
        own + rest
    }

    /// Makes this the program that runs; the first one stays.
    pub fn introduce(self) {
        // Another one stays.
        let _ = PROGRAM.set(self);
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_program_and_not_its_files() {
        let shop = Program::named("shop");
        for (text, own) in [
            ("`bailiwick users add`, or bailiwick.", "`shop users add`, or shop."),
            ("BAILIWICK__A=1 bailiwick\nbailiwick's", "SHOP__A=1 shop\nshop's"),
            ("bailiwick", "shop"),
            ("bailiwick.db in /run/bailiwick-control", "bailiwick.db in /run/bailiwick-control"),
            ("unix:/run/bailiwick.sock, bailiwick_id", "unix:/run/bailiwick.sock, bailiwick_id"),
            ("name = \"bailiwick\"", "name = \"bailiwick\""),
        ] {
            assert_eq!(shop.in_own_words(text), own);
        }
    }

    #[test]
    fn names_make_prefixes() {
        for (name, prefix) in
            [("shop", "SHOP__"), ("my-shop", "MY_SHOP__"), ("shop_2", "SHOP_2__"), ("a", "A__")]
        {
            let program = Program::named(name);
            assert!(program.is_valid(), "{name}");
            assert_eq!(program.prefix(), prefix);
        }
        for name in [
            "", "Shop", "2shop", "my shop", "shop!", "-shop", "shop-", "my--shop", "my_-shop",
            "läden",
        ] {
            assert!(!Program::named(name).is_valid(), "{name}");
        }
    }
}
