//! Names that look alike: what a new name may contain, and when two names are the same.

use crate::domain::user::{FieldError, Username};
use unicode_normalization::is_nfc;
use unicode_script::{Script, ScriptExtension};
use unicode_security::general_security_profile::IdentifierType;
use unicode_security::mixed_script::AugmentedScriptSet;
use unicode_security::{GeneralSecurityProfile as _, MixedScript as _};

/// Checks a newly chosen name, so that it cannot be mistaken for another one.
///
/// Existing and imported names only have to satisfy [`Username`]: their users must not be locked
/// out.
pub fn check_new_name(name: &Username) -> Result<(), FieldError> {
    let text = name.as_str();
    if text.starts_with(char::is_whitespace)
        || text.ends_with(char::is_whitespace)
        || text.contains("  ")
        || text.contains(|c: char| c.is_whitespace() && c != ' ')
    {
        return Err(FieldError::WhiteSpace);
    }
    if text.is_ascii() {
        return Ok(());
    }
    text.chars().try_for_each(check_character)?;
    if !is_nfc(text) {
        Err(FieldError::Variant)
    } else if mixes_scripts(text) {
        Err(FieldError::MixedScripts)
    } else {
        Ok(())
    }
}

fn check_character(c: char) -> Result<(), FieldError> {
    match c.identifier_type() {
        _ if c.is_ascii() || is_hangul_letter(c) => Ok(()),
        _ if is_visible_format(c) => Err(FieldError::Invisible),
        Some(IdentifierType::Not_NFKC | IdentifierType::Technical | IdentifierType::Obsolete) => {
            Err(FieldError::Variant)
        }
        // Also code points without a character: reserved and private ones.
        None
        | Some(
            IdentifierType::Default_Ignorable
            | IdentifierType::Deprecated
            | IdentifierType::Not_Character,
        ) => Err(FieldError::Invisible),
        Some(_) => Ok(()),
    }
}

/// Single Hangul letters, as in ㅋㅋ: they have a second form that is never typed.
fn is_hangul_letter(c: char) -> bool {
    matches!(c, '\u{3131}'..='\u{3163}' | '\u{3165}'..='\u{318e}')
}

/// Characters of Unicode's category `Cf` that may be drawn, around other characters.
fn is_visible_format(c: char) -> bool {
    matches!(
        c,
        '\u{600}'..='\u{605}'
            | '\u{6dd}'
            | '\u{70f}'
            | '\u{890}'
            | '\u{891}'
            | '\u{8e2}'
            | '\u{fff9}'..='\u{fffb}'
    )
}

/// Whether it is less than highly restrictive in the terms of UTS 39 §5.2: Latin letters may be
/// mixed with Chinese, Japanese or Korean ones, but no other two scripts.
fn mixes_scripts(text: &str) -> bool {
    if text.is_single_script() {
        return false;
    }
    let mut others = AugmentedScriptSet::default();
    for c in text.chars() {
        if !ScriptExtension::from(c).contains_script(Script::Latin) {
            others.intersect_with(c.into());
        }
    }
    !(others.hanb || others.jpan || others.kore)
}

impl Username {
    /// The case-folded name: the same for names that differ only in case.
    #[must_use]
    pub fn folded(&self) -> String {
        // Up and down, so that ß becomes ss, and all sigmas are the same.
        let lower = self.as_str().chars().flat_map(char::to_lowercase);
        lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), FieldError> {
        check_new_name(&text.parse().unwrap())
    }

    #[test]
    fn names_of_people_are_accepted() {
        for name in [
            "johndoe",
            "John Doe",
            "김철수",
            "김철수 Kim",
            "ㅋㅋ123",
            "José",
            "Иван Иванов",
            "Ελένη",
            "山田 太郎",
            "やまだYamada",
            "王小明",
            "محمد",
            "שרה",
            "สมชาย",
            "आरव",
            "o'brien",
            "O’Brien",
            "a+b;c&d",
            "100%",
            "Ünïcode 한국어 🦉",
            "straße",
            "Ισίδωρος",
            "x\u{301}",
            "İpek",
            "Ꮲ",
        ] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn look_alikes_are_refused() {
        use FieldError::{Invisible, MixedScripts, Variant, WhiteSpace};
        for (name, why) in [
            ("johndoe ", WhiteSpace),
            (" johndoe", WhiteSpace),
            ("johndoe\u{a0}", WhiteSpace),
            ("john\u{a0}doe", WhiteSpace),
            ("john\u{3000}doe", WhiteSpace),
            ("john  doe", WhiteSpace),
            ("john\u{2028}doe", WhiteSpace),
            ("john\u{200b}doe", Invisible),
            ("johndoe\u{200d}", Invisible),
            ("johndoe\u{feff}", Invisible),
            ("\u{202e}eodnhoj", Invisible),
            ("john\u{2066}doe\u{2069}", Invisible),
            ("johndoe\u{ad}", Invisible),
            ("johndoe\u{fe0f}", Invisible),
            ("johndoe\u{3164}", Invisible),
            ("johndoe\u{115f}", Invisible),
            ("johndoe\u{34f}", Invisible),
            ("johndoe\u{e0020}", Invisible),
            ("johndoe\u{2800}", Invisible),
            ("johndoe\u{e000}", Invisible),
            ("johndoe\u{fff9}", Invisible),
            ("ｊohndoe", Variant),
            ("𝐣ohndoe", Variant),
            ("johndoe²", Variant),
            ("pɑypal", Variant),
            ("Jose\u{301}", Variant),
            ("\u{212b}ngström", Variant),
            ("johnd\u{43e}e", MixedScripts),
            ("j\u{3bf}hndoe", MixedScripts),
            ("김철수\u{43e}", MixedScripts),
            ("Иван Ivan", MixedScripts),
            ("johnمحمد", MixedScripts),
        ] {
            assert_eq!(check(name), Err(why), "{}", name.escape_unicode());
        }
    }

    #[test]
    fn folding_ignores_only_case() {
        let same = |one: &str, other: &str| {
            one.parse::<Username>().unwrap().folded() == other.parse::<Username>().unwrap().folded()
        };
        for (one, other) in [
            ("Alice", "alice"),
            ("ÉCOLE", "école"),
            ("ИВАН", "иван"),
            ("ΟΔΟΣ", "οδος"),
            ("STRASSE", "straße"),
            ("ǅ", "ǆ"),
        ] {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in [("alice", "alicé"), ("a", "b"), ("김", "이"), ("a b", "ab")] {
            assert!(!same(one, other), "{one} {other}");
        }
        for name in ["İstanbul", "ŉ", "ﬃ", "ẞ", "Σίσυφος", "Ā", "김"] {
            let folded = name.parse::<Username>().unwrap().folded();
            assert_eq!(folded.parse::<Username>().unwrap().folded(), folded, "{name}");
        }
    }
}
