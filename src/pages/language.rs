//! The languages of pages.

use crate::pages::texts::{EN, KO, Texts};
use crate::settings::PageLanguage;

/// A language that pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// English
    En,
    /// Korean
    Ko,
}

impl Language {
    /// The language to use: the setting's, or the first that a reader prefers of those that there are,
    /// or English. Preferences are tags such as `ko-KR`, the best first.
    pub fn choose<'a>(
        setting: PageLanguage,
        mut preferences: impl Iterator<Item = &'a str>,
    ) -> Self {
        match setting {
            PageLanguage::En => Self::En,
            PageLanguage::Ko => Self::Ko,
            PageLanguage::Auto => preferences.find_map(Self::of_tag).unwrap_or(Self::En),
        }
    }

    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        [Self::En, Self::Ko].into_iter().find(|it| it.tag().eq_ignore_ascii_case(primary))
    }

    /// Its tag (BCP 47).
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// All texts in it.
    #[must_use]
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::En => &EN,
            Self::Ko => &KO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_known_preference_counts() {
        for (preferences, expected) in [
            (&["ko-KR", "en"][..], Language::Ko),
            (&["fr", "KO", "en"], Language::Ko),
            (&["en-GB", "ko"], Language::En),
            (&["kok", "fr"], Language::En),
            (&[], Language::En),
        ] {
            let chosen = Language::choose(PageLanguage::Auto, preferences.iter().copied());
            assert_eq!(chosen, expected, "{preferences:?}");
        }
        assert_eq!(Language::choose(PageLanguage::Ko, ["en"].into_iter()), Language::Ko);
    }
}
