//! API keys in a header, the query or a cookie.

use super::{Malformed, Scheme, secret};
use crate::api_error::AuthScheme;
use crate::domain::Secret;
use crate::security::cookies::cookies;
use actix_web::HttpRequest;
use actix_web::web::Query;
use serde_json::{Value, json};

macro_rules! api_keys {
    ($($(#[$meta:meta])* $name:ident in $place:literal, $find:expr;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name {
            name: &'static str,
        }

        impl $name {
            /// With the name the key is sent under.
            #[must_use]
            pub const fn new(name: &'static str) -> Self {
                Self { name }
            }
        }

        impl Scheme for $name {
            type Credentials = Secret;

            fn find(&self, request: &HttpRequest) -> Result<Option<Secret>, Malformed> {
                let find: fn(&HttpRequest, &str) -> Option<Secret> = $find;
                Ok(find(request, self.name).filter(|key| !key.expose().is_empty()))
            }

            fn challenge(&self) -> AuthScheme {
                AuthScheme::ApiKey
            }

            fn document(&self) -> Value {
                json!({"type": "apiKey", "in": $place, "name": self.name})
            }
        }
    )+};
}

api_keys! {
    /// FastAPI's `APIKeyHeader(name=…)`; an empty value counts as absent.
    ApiKeyHeader in "header", |request, name| {
        request.headers().get(name).map(|value| secret(value.as_bytes()))
    };
    /// FastAPI's `APIKeyQuery(name=…)`; an empty value counts as absent. Queries end up in the logs
    /// of proxies: prefer a header.
    ApiKeyQuery in "query", |request, name| {
        let query = Query::<Vec<(String, String)>>::from_query(request.query_string()).ok()?;
        let (_, value) = query.into_inner().into_iter().rfind(|(key, _)| key == name)?;
        Some(Secret::new(value))
    };
    /// FastAPI's `APIKeyCookie(name=…)`; an empty value counts as absent, and the last of several
    /// wins. The value is taken literally, without surrounding quotes.
    ApiKeyCookie in "cookie", |request, name| {
        let (_, value) = cookies(request).filter(|(own, _)| *own == name.as_bytes()).last()?;
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        Some(secret(quoted.unwrap_or(value)))
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn found(scheme: &impl Scheme<Credentials = Secret>, request: TestRequest) -> Option<String> {
        let key = scheme.find(&request.to_http_request()).unwrap();
        key.map(|key| key.expose().to_owned())
    }

    #[test]
    fn each_looks_in_its_place() {
        let get = TestRequest::get;
        let header = ApiKeyHeader::new("X-API-Key");
        assert_eq!(found(&header, get().insert_header(("x-api-key", "k"))), Some("k".to_owned()));
        assert_eq!(found(&header, get().insert_header(("x-api-key", ""))), None);
        assert_eq!(found(&header, get().uri("/?X-API-Key=k")), None);
        let query = ApiKeyQuery::new("key");
        assert_eq!(found(&query, get().uri("/?a=b&key=k%20k")), Some("k k".to_owned()));
        assert_eq!(found(&query, get().uri("/?key=")), None);
        let cookie = ApiKeyCookie::new("sid");
        assert_eq!(
            found(&cookie, get().insert_header(("cookie", "a=b; sid=k"))),
            Some("k".to_owned())
        );
        assert_eq!(found(&cookie, get()), None);
        for (header, key) in [
            ("sid=a; sid=b", "b"),
            ("sid=\"k\"", "k"),
            ("sid= k ;x", "k"),
            ("sid=a%20b", "a%20b"),
            ("sid=a=b", "a=b"),
            ("x; y={\"z\":1}; sid=k", "k"),
        ] {
            let request = get().insert_header(("cookie", header));
            assert_eq!(found(&cookie, request).as_deref(), Some(key), "{header}");
        }
        let both = get().append_header(("cookie", "sid=a")).append_header(("cookie", "sid=b"));
        assert_eq!(found(&cookie, both), Some("b".to_owned()));
        for header in ["sid=", "sid", "Sid=k", "sid=\"\""] {
            assert_eq!(found(&cookie, get().insert_header(("cookie", header))), None, "{header}");
        }
    }
}
