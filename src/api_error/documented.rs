//! The error answers as they stand in the `OpenAPI` document.

use crate::api_error::ApiError;
use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use paperclip::v2::models::{DefaultOperationRaw, DefaultResponseRaw, Either};
use paperclip::v2::schema::Apiv2Errors;
use serde_json::{Value, json};
use std::fmt;

/// Marks a `description` that carries an `OpenAPI` 3 object in JSON.
///
/// paperclip thinks in Swagger 2.0; what 2.0 cannot say travels in the description of a stand-in
/// and is put in its place when the document is finished.
pub const V3_MARK: &str = "x-v3:";

/// The description of a stand-in for `object`.
#[must_use]
pub fn v3_mark(object: &Value) -> String {
    format!("{V3_MARK}{object}")
}

/// The Response Object of an error answer (`OpenAPI` 3.0.3 §4.7.17).
#[must_use]
pub fn error_answer(status: u16, example: &str) -> Value {
    let schema = if status == 422 { "HTTPValidationError" } else { "Error" };
    let mut object = json!({
        "description": StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()),
        "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/{schema}")},
        }},
    });
    if status != 422 {
        object["content"]["application/json"]["example"] = json!({ "detail": example });
    }
    let header = match status {
        401 => Some(("WWW-Authenticate", "How to authenticate (RFC 9110 §11.6.1).")),
        503 => Some(("Retry-After", "Seconds to wait (RFC 9110 §10.2.3).")),
        _ => None,
    };
    if let Some((name, description)) = header {
        object["headers"] =
            json!({name: {"description": description, "schema": {"type": "string"}}});
    }
    object
}

/// Enters an error answer of `status` into an operation; one that is there stays.
pub fn document_error(operation: &mut DefaultOperationRaw, status: u16, example: &str) {
    let description = Some(v3_mark(&error_answer(status, example)));
    let response = DefaultResponseRaw { description, ..DefaultResponseRaw::default() };
    operation.responses.entry(status.to_string()).or_insert(Either::Right(response));
}

/// Every operation can meet these.
impl Apiv2Errors for ApiError {
    fn update_error_definitions(operation: &mut DefaultOperationRaw) {
        document_error(operation, 500, "Internal Server Error");
        document_error(operation, 503, "The database does not answer, try again later");
    }
}

/// An [`ApiError`] of a handler that also fails with the statuses `A`, `B` and `C` (0: none).
///
/// The statuses are for the document only; the answer is the [`ApiError`]'s.
#[derive(Debug)]
pub struct Failure<const A: u16, const B: u16 = 0, const C: u16 = 0>(ApiError);

impl<E: Into<ApiError>, const A: u16, const B: u16, const C: u16> From<E> for Failure<A, B, C> {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl<const A: u16, const B: u16, const C: u16> fmt::Display for Failure<A, B, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<const A: u16, const B: u16, const C: u16> ResponseError for Failure<A, B, C> {
    fn status_code(&self) -> StatusCode {
        self.0.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        self.0.error_response()
    }
}

impl<const A: u16, const B: u16, const C: u16> Apiv2Errors for Failure<A, B, C> {
    fn update_error_definitions(operation: &mut DefaultOperationRaw) {
        for status in [A, B, C] {
            let example = match status {
                0 => continue,
                400 => "Incorrect username or password",
                403 => "This would leave no enabled user with the scope `users:write`",
                404 => "User not found",
                409 => "User already exists",
                _ => "",
            };
            document_error(operation, status, example);
        }
        ApiError::update_error_definitions(operation);
    }
}
