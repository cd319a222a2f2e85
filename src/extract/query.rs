//! The query of a URL.

use crate::extract::parameters::{Part, parameters};
use actix_web::HttpRequest;

/// The query of a URL as a struct: each field is a parameter.
///
/// Converts `"5"` to 5 and `yes` to true. If a parameter is repeated, a list gets all values and any
/// other field the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

const QUERY: Part = Part { name: "query", parameter: str::to_owned };

parameters! {
    Query,
    |request: &HttpRequest| QUERY.read(request, |_| {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        pairs.map(|(name, text)| (name.into_owned(), text.into_owned())).collect()
    }),
    |operation: &mut _, declared: &_| QUERY.document(operation, declared)
}
