//! What every page has: its language, the brand, and where links lead.

use crate::pages::brand::Brand;
use crate::pages::language::Language;
use crate::pages::texts::Texts;

/// What the layout is filled with; a page's field `frame`.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// The language.
    pub language: Language,
    /// How the service looks.
    pub brand: &'a Brand,
    /// What comes before the path of each link: the path of `server.public_url`, or nothing.
    pub base: &'a str,
}

impl Frame<'_> {
    /// The texts in its language.
    #[must_use]
    pub fn texts(&self) -> &'static Texts {
        self.language.texts()
    }
}
