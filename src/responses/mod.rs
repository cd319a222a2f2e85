//! What handlers return besides [`Json`](crate::Json): each type knows its status and headers, and the
//! document shows them.

mod created;
mod events;
mod file;
mod folder;
mod static_files;
mod stream;

pub use created::{Accepted, Created};
pub use events::{EventSourceResponse, ServerSentEvent};
pub use file::FileResponse;
pub use static_files::{StaticFiles, static_files};
pub use stream::StreamingResponse;

use actix_web::http::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// `attachment` with this name (RFC 6266), which no client can turn into a second header or a folder.
fn attachment(name: &str) -> HeaderValue {
    /// RFC 8187 §3.2.1, `attr-char`.
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'!')
        .remove(b'#')
        .remove(b'$')
        .remove(b'&')
        .remove(b'+')
        .remove(b'-')
        .remove(b'.')
        .remove(b'^')
        .remove(b'_')
        .remove(b'`')
        .remove(b'|')
        .remove(b'~');
    let plain: String = name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '/' => '_',
            c if c.is_ascii_graphic() || c == ' ' => c,
            _ => '_',
        })
        .collect();
    let mut text = format!("attachment; filename=\"{plain}\"");
    if plain != name {
        text.extend(["; filename*=UTF-8''", &utf8_percent_encode(name, ENCODED).to_string()]);
    }
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_download_stays_in_its_header() {
        for (name, expected) in [
            ("a b.csv", "attachment; filename=\"a b.csv\""),
            (
                "a\"\r\nX: y",
                "attachment; filename=\"a___X: y\"; filename*=UTF-8''a%22%0D%0AX%3A%20y",
            ),
            ("../é", "attachment; filename=\".._\u{5f}\"; filename*=UTF-8''..%2F%C3%A9"),
        ] {
            assert_eq!(attachment(name), expected, "{name:?}");
        }
    }
}
