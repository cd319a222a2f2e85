//! `[pages]`

use crate::settings::declaration::{settings, words};
use crate::settings::key::Kind;

settings! {
    /// `[pages]`: how the login page and the others for people look. Only with `server.public_url`.
    pub struct PageSettings in pages {
        /// The name of the service, as people know it.
        name: String = "bailiwick";

        /// The colour of buttons and links. Text on it is black or white, whichever is easier to read;
        /// in the dark it is made lighter.
        colour: String = "#2f5bd7" => Kind::Text(
            |text| {
                text.strip_prefix('#').is_some_and(|hex| {
                    hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit())
                })
            },
            "a colour such as \"#2f5bd7\"",
            "^#[0-9A-Fa-f]{6}$",
        );

        /// The language: `auto`, what the browser asks for; or one for everybody.
        language: PageLanguage = "auto";
    }
}

words! {
    /// The language of pages.
    pub enum PageLanguage {
        /// What the browser asks for, or else English.
        Auto = "auto",
        /// English.
        En = "en",
        /// Korean.
        Ko = "ko",
    }
}
