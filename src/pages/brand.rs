//! How the service looks: its name, its logo and its colour.

use crate::settings::PageSettings;
use std::fs::File;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Read as _};
use std::path::Path;

/// Largest logo in bytes.
const LARGEST: u64 = 256 * 1024;

/// The types of logos, by the ends of their files' names.
const TYPES: [(&str, &str); 5] = [
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("webp", "image/webp"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
];

/// The one stylesheet, before the brand's colours.
const STYLE: &str = include_str!("style.css");

/// The brand of the settings, made once at start.
#[derive(Clone, Debug)]
pub struct Brand {
    /// The name of the service.
    pub name: String,
    /// The stylesheet, with the brand's colours.
    pub style: String,
    /// The icon: the first letter of the name.
    pub icon: String,
    /// The logo: its type and content.
    pub logo: Option<(&'static str, Vec<u8>)>,
    /// Names and addresses of links at the end of each page.
    pub links: Vec<(String, String)>,
    /// Changes with the others, so that browsers may keep them.
    pub version: String,
}

impl Brand {
    /// Takes the settings, and reads the logo.
    pub fn new(settings: &PageSettings) -> io::Result<Self> {
        let logo = settings.logo.as_deref().map(read).transpose()?;
        let links = settings.links.iter().filter_map(|link| {
            let (name, address) = link.split_once('=')?;
            Some((name.trim().to_owned(), address.trim().to_owned()))
        });
        Ok(Self::with(settings, logo, links.collect()))
    }

    fn with(
        settings: &PageSettings,
        logo: Option<(&'static str, Vec<u8>)>,
        links: Vec<(String, String)>,
    ) -> Self {
        let light = Colour::of(&settings.colour);
        let dark = light.lightened();
        let style = format!(
            ":root{{--brand:{light};--on-brand:{on_light};--brand-dark:{dark};--on-brand-dark:{on_dark}}}\n{STYLE}",
            light = light.hex(),
            on_light = light.text(),
            dark = dark.hex(),
            on_dark = dark.text(),
        );
        let name = settings.name.clone();
        let icon = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 32 32\"><rect width=\"32\" \
             height=\"32\" rx=\"8\" fill=\"{}\"/><text x=\"16\" y=\"23\" font-family=\"sans-serif\" \
             font-size=\"20\" font-weight=\"700\" text-anchor=\"middle\" fill=\"{}\">{}</text></svg>",
            light.hex(),
            light.text(),
            initial(&name).replace('&', "&amp;").replace('<', "&lt;"),
        );
        let mut hasher = DefaultHasher::new();
        (&style, &icon, &logo).hash(&mut hasher);
        let version = format!("{:016x}", hasher.finish());
        Self { name, style, icon, logo, links, version }
    }

    /// The first letter of the name, for the sign where a logo would be.
    #[must_use]
    pub fn initial(&self) -> String {
        initial(&self.name)
    }
}

/// The type and the content of a logo.
fn read(path: &Path) -> io::Result<(&'static str, Vec<u8>)> {
    let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
    let Some((_, media)) = TYPES.iter().find(|(known, _)| *known == end) else {
        return Err(io::Error::other("is no .svg, .png, .webp or .jpg"));
    };
    let mut content = Vec::new();
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut content)?;
    if content.len() as u64 > LARGEST {
        return Err(io::Error::other("has more than 256 KiB"));
    }
    Ok((media, content))
}

fn initial(name: &str) -> String {
    name.chars().next().map(|c| c.to_uppercase().collect()).unwrap_or_default()
}

/// Red, green and blue.
#[derive(Clone, Copy, Debug)]
struct Colour([u8; 3]);

impl Colour {
    /// Of `#rrggbb`, which the settings check.
    fn of(text: &str) -> Self {
        let part = |at: usize| {
            u8::from_str_radix(text.get(at..at + 2).unwrap_or_default(), 16).unwrap_or_default()
        };
        Self([part(1), part(3), part(5)])
    }

    /// Its luminance (WCAG 2.2).
    fn luminance(self) -> f64 {
        let linear = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    /// The one of white and black that is easier to read on it.
    fn text(self) -> &'static str {
        let luminance = self.luminance();
        let (white, black) = (1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05);
        if white >= 4.5 || white >= black { "#ffffff" } else { "#000000" }
    }

    /// Mixed with white until it is easy to read on a dark page.
    fn lightened(self) -> Self {
        let towards_white = |part: u8| part + u8::MAX.abs_diff(part).div_ceil(16);
        let mut colour = self;
        while colour.luminance() < 0.3 {
            colour = Self(colour.0.map(towards_white));
        }
        colour
    }

    fn hex(self) -> String {
        let [red, green, blue] = self.0;
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_on_every_colour_can_be_read() {
        for hex in ["#000000", "#ffffff", "#2f5bd7", "#ffcc00", "#808080", "#d70000", "#00ff00"] {
            for colour in [Colour::of(hex), Colour::of(hex).lightened()] {
                let (ground, text) = (colour.luminance(), Colour::of(colour.text()).luminance());
                let (light, dark) = (ground.max(text), ground.min(text));
                assert!((light + 0.05) / (dark + 0.05) >= 4.5, "{hex} {colour:?}");
            }
            assert!(Colour::of(hex).lightened().luminance() >= 0.3);
        }
        assert_eq!(Colour::of("#2f5bd7").hex(), "#2f5bd7");
    }
}
