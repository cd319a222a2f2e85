//! The error responses in the document.

use crate::api_error::ApiError;
use crate::openapi::stand_in;
use actix_web::http::StatusCode;
use paperclip::v2::models::{DefaultOperationRaw, Either};
use paperclip::v2::schema::Apiv2Errors;
use serde_json::{Value, json};

/// The Response Object of an error response (`OpenAPI` 3.0.3 §4.7.17).
pub(super) fn error_response(status: u16, detail: &str) -> Value {
    let schema = if status == 422 { "HTTPValidationError" } else { "Error" };
    let mut object = json!({
        "description": StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()),
        "content": {"application/json": {
            "schema": {"$ref": format!("#/components/schemas/{schema}")},
        }},
    });
    if status != 422 {
        object["content"]["application/json"]["example"] = json!({ "detail": detail });
    }
    let header = match status {
        401 => Some(("WWW-Authenticate", "How to authenticate (RFC 9110 §11.6.1).")),
        429 | 503 => Some(("Retry-After", "Seconds to wait (RFC 9110 §10.2.3).")),
        _ => None,
    };
    if let Some((name, description)) = header {
        object["headers"] =
            json!({name: {"description": description, "schema": {"type": "string"}}});
    }
    object
}

/// Adds an error response to an operation, unless it has one with this status.
pub fn document_error(operation: &mut DefaultOperationRaw, status: u16, detail: &str) {
    let response = || Either::Right(stand_in::response(&error_response(status, detail)));
    operation.responses.entry(status.to_string()).or_insert_with(response);
}

/// Adds to an operation a handler's error responses, which replace those that its arguments
/// declared for the same statuses, and the responses common to all operations.
pub fn document_errors(operation: &mut DefaultOperationRaw, errors: &[(u16, &str)]) {
    for (status, detail) in errors {
        operation.responses.remove(&status.to_string());
        document_error(operation, *status, detail);
    }
    ApiError::update_error_definitions(operation);
}

/// Common to all operations.
impl Apiv2Errors for ApiError {
    fn update_error_definitions(operation: &mut DefaultOperationRaw) {
        document_error(operation, 500, "Internal Server Error");
        document_error(operation, 503, "The database does not answer, try again later");
    }
}

/// Declares a handler's errors: an [`ApiError`] whose statuses and texts appear in the document.
///
/// The declaration only affects the document; the response is the [`ApiError`]'s. Whatever converts
/// to [`ApiError`] also converts to the declared type, so `?` works.
///
/// ```
/// use actix_web::web::Json;
/// use bailiwick::ApiError;
/// use paperclip::actix::api_v2_operation;
///
/// bailiwick::failures! {
///     /// The order may not exist.
///     OrderFailure {
///         404: "Order not found",
///     }
/// }
///
/// /// The latest order
/// #[api_v2_operation]
/// async fn latest() -> Result<Json<String>, OrderFailure> {
///     Err(ApiError::NotFound("Order not found"))?
/// }
/// ```
#[macro_export]
macro_rules! failures {
    ($($(#[doc = $about:literal])* $visible:vis $name:ident {
        $($status:literal: $detail:literal),+ $(,)?
    })+) => {$(
        $(#[doc = $about])*
        #[derive(Debug)]
        $visible struct $name($crate::ApiError);

        impl<E: ::core::convert::Into<$crate::ApiError>> ::core::convert::From<E> for $name {
            fn from(error: E) -> Self {
                Self(error.into())
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl $crate::macros::actix_web::ResponseError for $name {
            fn status_code(&self) -> $crate::macros::actix_web::http::StatusCode {
                $crate::macros::actix_web::ResponseError::status_code(&self.0)
            }

            fn error_response(&self) -> $crate::macros::actix_web::HttpResponse {
                $crate::macros::actix_web::ResponseError::error_response(&self.0)
            }
        }

        impl $crate::macros::paperclip::v2::schema::Apiv2Errors for $name {
            fn update_error_definitions(
                operation: &mut $crate::macros::paperclip::v2::models::DefaultOperationRaw,
            ) {
                $crate::macros::document_errors(operation, &[$(($status, $detail)),+]);
            }
        }
    )+};
}
