//! The cookies of a request.

use crate::api_error::ApiError;
use crate::extract::header::latin_1;
use crate::extract::parameters::{Part, parameters};
use crate::security::cookies;
use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Cookies as a struct: FastAPI's `Cookie()`. Each field is the cookie of its name.
///
/// Converts and checks like [`Query`](crate::Query). If a cookie is repeated, a list gets all values and any
/// other field the last. A value in quotes is unquoted as Starlette does it, and nothing else is decoded.
/// All other cookies are ignored. `actix_web::cookie::Cookie` is one that a response sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cookie<T>(pub T);

const COOKIE: Part = Part { name: "cookie", parameter: str::to_owned };

parameters! {
    Cookie,
    read,
    |operation: &mut _, declared: &_| COOKIE.document(operation, declared)
}

fn read<T: DeserializeOwned + JsonSchema + 'static>(request: &HttpRequest) -> Result<T, ApiError> {
    COOKIE.read(request, |declared| {
        let pairs = cookies(request).filter_map(|(name, value)| {
            let mut fields = declared.fields().iter();
            let field = fields.find(|field| field.name.as_bytes() == name)?;
            Some((field.name.clone(), unquoted(value)))
        });
        pairs.collect()
    })
}

/// Without the quotes of Python's `http.cookies`: `"a\054b"` is `a,b`.
fn unquoted(value: &[u8]) -> String {
    let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    let Some(mut quoted) = quoted else { return latin_1(value) };
    let mut plain = Vec::with_capacity(quoted.len());
    while let Some((&first, rest)) = quoted.split_first() {
        let (byte, rest) = match (first, rest) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', rest @ ..]) => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), rest)
            }
            (b'\\', [escaped, rest @ ..]) => (*escaped, rest),
            _ => (first, rest),
        };
        plain.push(byte);
        quoted = rest;
    }
    latin_1(&plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_those_of_python() {
        for (value, text) in [
            ("a%20b", "a%20b"),
            (r#""a b\054c""#, "a b,c"),
            (r#""say \"so\" \\""#, r#"say "so" \"#),
            (r#""\351""#, "é"),
            (r#""\9""#, "9"),
            (r#"""#, r#"""#),
            (r#""""#, ""),
            ("", ""),
        ] {
            assert_eq!(unquoted(value.as_bytes()), text, "{value}");
        }
    }
}
