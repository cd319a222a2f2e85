//! HTTP Basic: username and password in every request (RFC 7617).

use super::{Malformed, Scheme, authorization};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use base64::engine::general_purpose::{GeneralPurpose, NO_PAD};
use base64::{Engine as _, alphabet};
use serde_json::{Value, json};

/// FastAPI's `HTTPBasic(realm=…)`. Reads UTF-8 (RFC 7617 §2.1); malformed credentials are refused
/// even where credentials are optional.
#[derive(Clone, Copy, Debug)]
pub struct HttpBasic {
    realm: &'static str,
}

/// FastAPI's `HTTPBasicCredentials`.
#[derive(Clone, Debug)]
pub struct BasicCredentials {
    /// The part before the first colon.
    pub username: String,
    /// The part after it.
    pub password: Secret,
}

impl HttpBasic {
    /// In the server's realm.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "`schemes!` needs a constant")]
    pub const fn new() -> Self {
        Self { realm: "" }
    }

    /// In a realm of its own.
    #[must_use]
    pub const fn realm(mut self, realm: &'static str) -> Self {
        self.realm = realm;
        self
    }
}

impl Scheme for HttpBasic {
    type Credentials = BasicCredentials;

    fn find(&self, request: &HttpRequest) -> Result<Option<BasicCredentials>, Malformed> {
        match authorization(request) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"basic") => decode(rest).map(Some),
            _ => Ok(None),
        }
    }

    fn challenge(&self) -> AuthScheme {
        AuthScheme::Basic(self.realm)
    }

    fn document(&self) -> Value {
        json!({"type": "http", "scheme": "basic"})
    }
}

fn decode(credentials: &[u8]) -> Result<BasicCredentials, Malformed> {
    let bytes = base64(credentials)?;
    let text = Secret::new(String::from_utf8(bytes).map_err(|_| Malformed)?);
    let (username, password) = text.expose().split_once(':').ok_or(Malformed)?;
    Ok(BasicCredentials { username: username.to_owned(), password: Secret::new(password) })
}

/// Base64 as Python's `b64decode` reads it: other characters are skipped, padding ends it, and
/// leftover bits do not matter.
fn base64(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    const UNPADDED: GeneralPurpose =
        GeneralPurpose::new(&alphabet::STANDARD, NO_PAD.with_decode_allow_trailing_bits(true));
    let (mut digits, mut padding) = (Vec::with_capacity(text.len()), 0);
    for byte in text {
        match byte {
            b'=' => {
                padding += 1;
                let filled = digits.len() % 4;
                if filled >= 2 && filled + padding >= 4 {
                    return UNPADDED.decode(digits).map_err(|_| Malformed);
                }
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' => {
                padding = 0;
                digits.push(*byte);
            }
            128.. => return Err(Malformed),
            _ => {}
        }
    }
    if digits.len() % 4 == 0 {
        UNPADDED.decode(digits).map_err(|_| Malformed)
    } else {
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    fn decoded(text: &str) -> Option<(String, String)> {
        let found = decode(STANDARD.encode(text).as_bytes()).ok()?;
        Some((found.username, found.password.expose().to_owned()))
    }

    #[test]
    fn the_first_colon_divides() {
        let is = |text, username: &str, password: &str| {
            assert_eq!(decoded(text), Some((username.to_owned(), password.to_owned())));
        };
        is("john:1234", "john", "1234");
        is("john:12:34", "john", "12:34");
        is(":", "", "");
        is("한:국", "한", "국");
        assert_eq!(decoded("john"), None);
    }

    #[test]
    fn credentials_without_base64_or_utf8_are_malformed() {
        for text in ["", "am9objoxMjM0NQ", "am9objo_Pj8-fn5-", "am9objoxMjM0 junk", "/zr/", "am9o"]
        {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
        for text in
            ["!!!", "=", "====", "am9objox=MjM", "am9objoxMjM0N", "am9objoxMjM0N=", "YTpi\u{e9}"]
        {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn base64_is_read_as_python_reads_it() {
        for text in [
            "am9objoxMjM0",
            "am9objoxMjM0=",
            "am9objoxMjM0====",
            "am9objox\tMjM0",
            "am9o bjox MjM0",
            "\"am9objoxMjM0\"",
            "am9objoxMjM0,",
            "=am9objoxMjM0",
            "am=9objoxMjM0",
        ] {
            let found = decode(text.as_bytes()).unwrap();
            assert_eq!(
                (found.username.as_str(), found.password.expose()),
                ("john", "1234"),
                "{text}"
            );
        }
        for (text, bytes) in [("YTp=", "a:"), ("YTpiYR==", "a:ba"), ("YTpiYQ==Yw==", "a:ba")] {
            let bytes = bytes.as_bytes();
            assert_eq!(base64(text.as_bytes()).ok().as_deref(), Some(bytes), "{text}");
        }
    }

    proptest! {
        #[test]
        fn encoded_credentials_round_trip(username in "[^:]*", password in ".*") {
            let found = decoded(&format!("{username}:{password}"));
            prop_assert_eq!(found, Some((username, password)));
        }

        #[test]
        fn any_bytes_are_read_or_malformed(raw: Vec<u8>, within: Vec<u8>) {
            let _ = decode(&raw);
            let colon = String::from_utf8(within.clone()).is_ok_and(|text| text.contains(':'));
            prop_assert_eq!(decode(STANDARD.encode(&within).as_bytes()).is_ok(), colon);
        }
    }
}
