//! Security schemes: where a request carries credentials, what a refusal says, what the document
//! shows. One file per scheme.

mod api_key;
mod http_basic;
mod http_bearer;
mod oauth2_authorization_code_bearer;
mod oauth2_password_bearer;
mod open_id_connect;

pub use api_key::{ApiKeyCookie, ApiKeyHeader, ApiKeyQuery};
pub use http_basic::{BasicCredentials, HttpBasic};
pub use http_bearer::HttpBearer;
pub use oauth2_authorization_code_bearer::OAuth2AuthorizationCodeBearer;
pub use oauth2_password_bearer::OAuth2PasswordBearer;
pub use open_id_connect::OpenIdConnect;

use crate::api_error::AuthScheme;
use crate::domain::Secret;
use actix_web::HttpRequest;
use actix_web::http::header;
use serde_json::Value;

/// A security scheme of `OpenAPI` 3.0.3: `apiKey`, `http`, `oauth2` or `openIdConnect`.
pub trait Scheme: 'static {
    /// The credentials found in a request.
    type Credentials: 'static;

    /// Finds the credentials; `Ok(None)` if the request has none of this scheme.
    fn find(&self, request: &HttpRequest) -> Result<Option<Self::Credentials>, Malformed>;

    /// What a refusal names in `WWW-Authenticate`.
    fn challenge(&self) -> AuthScheme;

    /// The Security Scheme Object (`OpenAPI` 3.0.3 §4.7.23), without its description.
    ///
    /// The caller puts `root_path` into URLs; `scopes` of a flow are filled in later.
    fn document(&self) -> Value;
}

/// The request has credentials of the scheme, but they are malformed.
#[derive(Clone, Copy, Debug)]
pub struct Malformed;

/// A scheme declared by [`schemes!`](crate::schemes); it carries the credentials found.
pub trait DeclaredScheme: Sized + 'static {
    /// The kind of scheme.
    type Scheme: Scheme;
    /// The scheme with its parameters.
    const SCHEME: Self::Scheme;
    /// The key under `components.securitySchemes`.
    const NAME: &'static str;
    /// Its description in the document.
    const DESCRIPTION: &'static str;

    /// Wraps the credentials.
    fn found(credentials: <Self::Scheme as Scheme>::Credentials) -> Self;
}

/// Declares security schemes, as `oauth2_scheme = OAuth2PasswordBearer(tokenUrl="token")` does in
/// Python: one type each, which a handler takes as [`Depends<Name>`](crate::security::Depends).
///
/// ```
/// use bailiwick::security::{ApiKeyHeader, OAuth2PasswordBearer};
///
/// bailiwick::schemes! {
///     /// Log in at `/token`.
///     pub Token = OAuth2PasswordBearer::new("token");
///     /// The key that we sent you, under another name in the document.
///     pub PartnerKey as "Partner" = ApiKeyHeader::new("X-API-Key");
/// }
/// ```
#[macro_export]
macro_rules! schemes {
    ($($(#[doc = $description:literal])* $visible:vis $name:ident $(as $label:literal)?
        = $kind:ident::$make:ident($($argument:expr),*)$(.$with:ident($($value:expr),*))*;)+) => {$(
        $(#[doc = $description])*
        $visible struct $name(<$kind as $crate::security::Scheme>::Credentials);

        impl ::core::ops::Deref for $name {
            type Target = <$kind as $crate::security::Scheme>::Credentials;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        impl $crate::security::DeclaredScheme for $name {
            type Scheme = $kind;
            const SCHEME: $kind = $kind::$make($($argument),*)$(.$with($($value),*))*;
            const NAME: &'static str = $crate::schemes!(@name $name $($label)?);
            const DESCRIPTION: &'static str = concat!("", $($description),*).trim_ascii();

            fn found(credentials: <$kind as $crate::security::Scheme>::Credentials) -> Self {
                Self(credentials)
            }
        }

        $crate::declared_scheme_resolves!($name);
    )+};
    (@name $name:ident) => { stringify!($name) };
    (@name $name:ident $label:literal) => { $label };
}

/// The `Authorization` header, split at the first space as FastAPI's
/// `get_authorization_scheme_param` does; the credentials are trimmed.
pub(super) fn authorization(request: &HttpRequest) -> Option<(&[u8], &[u8])> {
    let value = request.headers().get(header::AUTHORIZATION)?.as_bytes();
    let end = value.iter().position(|b| *b == b' ').unwrap_or(value.len());
    let (scheme, rest) = value.split_at(end);
    Some((scheme, rest.trim_ascii()))
}

/// The credentials of `Authorization: Bearer …`; schemes are case-insensitive (RFC 9110 §11.1).
pub(super) fn bearer(request: &HttpRequest) -> Option<&[u8]> {
    authorization(request)
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer"))
        .map(|(_, credentials)| credentials)
}

/// Credentials as text; invalid UTF-8 becomes a character that no token contains.
pub(super) fn secret(bytes: &[u8]) -> Secret {
    // The common case: one check, one copy.
    match str::from_utf8(bytes) {
        Ok(text) => Secret::new(text),
        Err(_) => Secret::new(String::from_utf8_lossy(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::header::HeaderValue;
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    fn split(value: &str) -> Option<(String, String)> {
        let request = TestRequest::default().insert_header(("Authorization", value));
        let request = request.to_http_request();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        authorization(&request).map(|(scheme, rest)| (text(scheme), text(rest)))
    }

    #[test]
    fn the_header_is_split_at_the_first_space() {
        let is = |value, scheme: &str, rest: &str| {
            assert_eq!(split(value), Some((scheme.to_owned(), rest.to_owned())), "{value}");
        };
        is("Bearer abc", "Bearer", "abc");
        is("Bearer   abc  ", "Bearer", "abc");
        is("Bearer abc junk", "Bearer", "abc junk");
        is("Bearer", "Bearer", "");
        is("", "", "");
    }

    #[test]
    fn bearer_is_case_insensitive() {
        for value in ["bearer x", "BEARER x", "Bearer x"] {
            let request = TestRequest::default().insert_header(("Authorization", value));
            assert_eq!(bearer(&request.to_http_request()), Some(&b"x"[..]));
        }
    }

    /// FastAPI's rule: `scheme, _, param = header.partition(" ")`, then `param.strip()`.
    fn partition(value: &str) -> (String, String) {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        (scheme.to_owned(), rest.trim_matches([' ', '\t']).to_owned())
    }

    proptest! {
        #[test]
        fn any_text_is_split_as_in_python(value in "((?i:bearer|basic)[ \t]{0,3})?[ -~\t]{0,40}") {
            prop_assert_eq!(split(&value), Some(partition(&value)));
        }

        #[test]
        fn no_header_value_makes_a_scheme_panic(bytes: Vec<u8>, scheme in "(Basic |bearer )?") {
            let value = HeaderValue::from_bytes(&[scheme.as_bytes(), &bytes].concat());
            let Ok(value) = value else { return Ok(()) };
            let names = ["authorization", "x-key", "cookie"];
            let request = names.iter().fold(TestRequest::default(), |request, name| {
                request.insert_header((*name, value.clone()))
            });
            let request = request.to_http_request();
            let is_scheme = |name: &str, alone: bool| {
                authorization(&request).is_some_and(|(found, rest)| {
                    found.eq_ignore_ascii_case(name.as_bytes()) && (alone || !rest.is_empty())
                })
            };
            let found = HttpBearer::new().find(&request).unwrap();
            prop_assert_eq!(found.is_some(), is_scheme("bearer", false));
            let basic = HttpBasic::new().find(&request);
            prop_assert_eq!(matches!(basic, Ok(None)), !is_scheme("basic", true));
            prop_assert!(OAuth2PasswordBearer::new("").find(&request).is_ok());
            prop_assert!(OpenIdConnect::new("").find(&request).is_ok());
            prop_assert!(ApiKeyHeader::new("x-key").find(&request).is_ok());
            prop_assert!(ApiKeyCookie::new("x").find(&request).is_ok());
        }

        #[test]
        fn no_query_makes_a_key_panic(query in "[!-~]{0,40}") {
            let Ok(uri) = format!("/?{query}").parse::<actix_web::http::Uri>() else { return Ok(()) };
            let request = TestRequest::default().uri(&uri.to_string()).to_http_request();
            prop_assert!(ApiKeyQuery::new("k").find(&request).is_ok());
        }
    }
}
