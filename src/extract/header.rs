//! The header fields of a request.

use crate::api_error::ApiError;
use crate::extract::parameters::{Part, parameters};
use actix_web::HttpRequest;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Header fields as a struct: FastAPI's `Header()`. The field `x_request_source` is the header
/// `x-request-source`.
///
/// Converts and checks like [`Query`](crate::Query). If a header is repeated, a list gets all values and
/// any other field the first. Bytes that are not ASCII are read as Latin-1, as Starlette does it. All other
/// headers are ignored.
///
/// A name has hyphens where the field, or `#[serde(rename = "…")]`, has underscores: proxies drop headers
/// with underscores.
///
/// ```
/// use bailiwick::prelude::*;
///
/// #[derive(serde::Deserialize, JsonSchema)]
/// struct Origin {
///     /// Which shop sends it.
///     #[schemars(length(max = 20))]
///     x_request_source: String,
///     /// How often it was tried before.
///     #[serde(default)]
///     x_retries: u8,
/// }
///
/// /// Where the request comes from
/// #[api_v2_operation]
/// async fn origin(headers: Header<Origin>) -> Json<String> {
///     Json(headers.into_inner().x_request_source)
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header<T>(pub T);

const HEADER: Part = Part { name: "header", parameter: |field| field.replace('_', "-") };

parameters! {
    Header,
    read,
    |operation: &mut _, declared: &_| HEADER.document(operation, declared)
}

fn read<T: DeserializeOwned + JsonSchema + 'static>(request: &HttpRequest) -> Result<T, ApiError> {
    HEADER.read(request, |declared| {
        let mut pairs = Vec::new();
        for field in declared.fields() {
            let most = if declared.is_list(&field.node) { usize::MAX } else { 1 };
            let values = request.headers().get_all((HEADER.parameter)(&field.name)).take(most);
            pairs.extend(values.map(|value| (field.name.clone(), latin_1(value.as_bytes()))));
        }
        pairs
    })
}

/// A text in Latin-1 (RFC 9110 §5.5).
pub(super) fn latin_1(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}
