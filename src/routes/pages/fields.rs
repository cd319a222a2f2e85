//! The fields of a page's form, and of its query: each at most once.

use crate::domain::Secret;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpMessage as _, HttpRequest};
use std::collections::BTreeMap;
use thiserror::Error;

/// The most bytes of a form.
const LARGEST: usize = 16 * 1024;

/// Why a form cannot be read; the texts are for developers.
#[derive(Debug, PartialEq, Eq, Error)]
pub(in crate::routes) enum FieldsError {
    /// Another type of body.
    #[error("expected Content-Type application/x-www-form-urlencoded")]
    NotAForm,
    /// Too many bytes.
    #[error("the form has more than {LARGEST} bytes")]
    TooLarge,
    /// A field is there twice.
    #[error("`{}` is there more than once", .0.escape_debug())]
    Twice(String),
}

/// Names and values; of a value nothing is shown.
#[derive(Debug, Default)]
pub(in crate::routes) struct Fields(BTreeMap<String, Secret>);

impl Fields {
    /// Those of a body.
    pub(in crate::routes) fn of_form(
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Self, FieldsError> {
        let is_form =
            request.content_type().eq_ignore_ascii_case("application/x-www-form-urlencoded");
        let types = request.headers().get_all(CONTENT_TYPE).count();
        if !is_form || types != 1 {
            return Err(FieldsError::NotAForm);
        }
        if body.len() > LARGEST {
            return Err(FieldsError::TooLarge);
        }
        Self::read(body)
    }

    /// Those of the query.
    pub(in crate::routes) fn of_query(request: &HttpRequest) -> Result<Self, FieldsError> {
        Self::read(request.query_string().as_bytes())
    }

    fn read(text: &[u8]) -> Result<Self, FieldsError> {
        let mut fields = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if fields.contains_key(&*name) {
                return Err(FieldsError::Twice(name.chars().take(50).collect()));
            }
            fields.insert(name.into_owned(), Secret::new(value));
        }
        Ok(Self(fields))
    }

    /// A field's value; empty if it is absent.
    pub(in crate::routes) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", Secret::expose)
    }

    /// A field's value that must not be shown.
    pub(in crate::routes) fn secret(&self, name: &str) -> Secret {
        self.0.get(name).cloned().unwrap_or_default()
    }

    /// Whether there is a box with this name, and it is ticked.
    pub(in crate::routes) fn is_ticked(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn each_field_is_there_once() {
        let fields = Fields::read(b"a=1&b=x%20y+z&c=&%ED%95%9C=%ff").unwrap();
        assert_eq!((fields.get("a"), fields.get("b"), fields.get("c")), ("1", "x y z", ""));
        assert!(fields.is_ticked("a") && !fields.is_ticked("c") && !fields.is_ticked("d"));
        assert_eq!(fields.get("한"), "\u{fffd}");
        assert!(matches!(Fields::read(b"a=1&%61=2"), Err(FieldsError::Twice(name)) if name == "a"));
        assert!(!format!("{fields:?}").contains("x y"));
    }

    #[test]
    fn only_forms_of_a_fair_size_are_read() {
        let read = |media: &str, body: &[u8]| {
            let request = TestRequest::default().insert_header((CONTENT_TYPE, media));
            Fields::of_form(&request.to_http_request(), body).map(drop)
        };
        let form = "application/x-www-form-urlencoded; charset=UTF-8";
        assert_eq!(read(form, b"a=1"), Ok(()));
        assert_eq!(read("text/plain", b"a=1"), Err(FieldsError::NotAForm));
        assert_eq!(read(form, &vec![b'a'; LARGEST + 1]), Err(FieldsError::TooLarge));
    }
}
