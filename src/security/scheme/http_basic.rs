//! HTTP Basic: user name and password in every request (RFC 7617).

use super::{Malformed, Scheme, authorization};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// FastAPI's `HTTPBasic(realm=…)`. UTF-8 is read (RFC 7617 §2.1); what cannot be read is refused
/// even where credentials are optional.
#[derive(Clone, Copy, Debug)]
pub struct HttpBasic {
    realm: &'static str,
}

/// FastAPI's `HTTPBasicCredentials`.
#[derive(Clone, Debug)]
pub struct BasicCredentials {
    /// Before the first colon.
    pub username: String,
    /// Behind it.
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
    let bytes = STANDARD.decode(credentials).map_err(|_| Malformed)?;
    let text = String::from_utf8(bytes).map_err(|_| Malformed)?;
    let (username, password) = text.split_once(':').ok_or(Malformed)?;
    Ok(BasicCredentials { username: username.to_owned(), password: Secret::new(password) })
}

#[cfg(test)]
mod tests {
    use super::*;
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
    fn what_is_no_base64_or_no_utf8_is_malformed() {
        for text in ["", "am9objoxMjM0NQ", "am9objo_Pj8-fn5-", "am9objoxMjM0 junk", "/zr/", "am9o"]
        {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_encoded_comes_back(username in "[^:]*", password in ".*") {
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
