//! `[pages]`

use crate::settings::declaration::{settings, words};
use crate::settings::key::Kind;
use std::path::PathBuf;

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

        /// A picture in place of the name's first letter and the name: SVG, PNG, WebP or JPEG, at most
        /// 256 KiB. It is read at the start.
        #[example = "logo.svg"]
        logo: Option<PathBuf>;

        /// Links at the end of each page, such as `"Privacy = https://example.com/privacy"`.
        links: Vec<String> = [] => Kind::List(
            |text| {
                text.split_once('=').is_some_and(|(name, address)| {
                    let starts = ["https://", "http://", "mailto:", "/"];
                    !name.trim().is_empty()
                        && starts.iter().any(|start| address.trim().starts_with(start))
                })
            },
            "a list of texts such as \"Privacy = https://example.com/privacy\"",
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
