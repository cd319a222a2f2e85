//! The error responses in the document.

use crate::api_error::ApiError;
use crate::domain::with_causes;
use crate::openapi::stand_in;
use actix_web::http::StatusCode;
use paperclip::v2::models::{DefaultOperationRaw, Either};
use paperclip::v2::schema::Apiv2Errors;
use serde_json::{Value, json};
use std::error::Error;

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
    let response = || Either::Right(stand_in::response_object(&error_response(status, detail)));
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

/// The status of an application's own error.
#[must_use]
pub fn own_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// An application's own error. From 500 on it is logged, and the client does not see it.
pub fn own_error(status: u16, error: &dyn Error) -> ApiError {
    let status = own_status(status);
    if !status.is_server_error() {
        return ApiError::http(status, error.to_string());
    }
    log::error!(target: "bailiwick.error", "{}", with_causes(error));
    ApiError::http(status, status.canonical_reason().unwrap_or("Internal Server Error"))
}

/// Adds the response of an application's own error to an operation, instead of one that an argument declared;
/// the first of a status has the example.
pub fn document_own_error(operation: &mut DefaultOperationRaw, status: u16, example: &str) {
    let shown = if example.is_empty() || status >= 500 {
        own_status(status).canonical_reason().unwrap_or_default()
    } else {
        example
    };
    document_error(operation, status, shown);
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

/// Says which status each error of an enum has: FastAPI's `@app.exception_handler`.
///
/// The body is FastAPI's `{"detail": …}` with what the error's `Display` says. From 500 on, that is logged
/// instead, with its causes, and the client only learns the status. A variant that holds an [`ApiError`] is
/// that one. The document shows the statuses, with a text as the example if there is one. A variant without a
/// line does not compile.
///
/// ```
/// use bailiwick::prelude::*;
///
/// #[derive(Debug, thiserror::Error)]
/// enum OrderError {
///     #[error("there is no order {0}")]
///     Missing(u32),
///     #[error("it was sent on {sent}")]
///     Sent { sent: String },
///     #[error("the warehouse does not answer")]
///     Warehouse(#[from] std::io::Error),
///     #[error(transparent)]
///     Other(#[from] ApiError),
/// }
///
/// http_errors! {
///     OrderError {
///         Missing => 404 "there is no order 7",
///         Sent => 409,
///         Warehouse => 502,
///         Other => ApiError,
///     }
/// }
///
/// /// One order
/// #[api_v2_operation]
/// async fn order(number: Path<u32>) -> Result<Json<u32>, OrderError> {
///     Err(OrderError::Missing(*number))
/// }
/// ```
#[macro_export]
macro_rules! http_errors {
    ($($name:ident { $($variant:ident => $status:tt $($example:literal)?),+ $(,)? })+) => {$(
        impl ::core::convert::From<$name> for $crate::ApiError {
            fn from(error: $name) -> Self {
                match error {
                    $($crate::http_errors!(@pattern $name $variant $status inner) => {
                        $crate::http_errors!(@error $status error inner)
                    })+
                }
            }
        }

        impl $crate::macros::actix_web::ResponseError for $name {
            fn status_code(&self) -> $crate::macros::actix_web::http::StatusCode {
                match self {
                    $($crate::http_errors!(@pattern $name $variant $status inner) => {
                        $crate::http_errors!(@status $status inner)
                    })+
                }
            }

            fn error_response(&self) -> $crate::macros::actix_web::HttpResponse {
                match self {
                    $($crate::http_errors!(@pattern $name $variant $status inner) => {
                        $crate::http_errors!(@response $status self inner)
                    })+
                }
            }
        }

        impl $crate::macros::paperclip::v2::schema::Apiv2Errors for $name {
            fn update_error_definitions(
                operation: &mut $crate::macros::paperclip::v2::models::DefaultOperationRaw,
            ) {
                $($crate::http_errors!(@document $status operation $($example)?);)+
                $crate::macros::document_errors(operation, &[]);
            }
        }
    )+};
    (@pattern $name:ident $variant:ident ApiError $inner:ident) => { $name::$variant($inner) };
    (@pattern $name:ident $variant:ident $status:literal $inner:ident) => { $name::$variant { .. } };
    (@error ApiError $error:ident $inner:ident) => { $inner };
    (@error $status:literal $error:ident $inner:ident) => {
        $crate::macros::own_error($status, &$error)
    };
    (@status ApiError $inner:ident) => {
        $crate::macros::actix_web::ResponseError::status_code($inner)
    };
    (@status $status:literal $inner:ident) => { $crate::macros::own_status($status) };
    (@response ApiError $error:ident $inner:ident) => {
        $crate::macros::actix_web::ResponseError::error_response($inner)
    };
    (@response $status:literal $error:ident $inner:ident) => {
        $crate::macros::actix_web::ResponseError::error_response(
            &$crate::macros::own_error($status, $error),
        )
    };
    (@document ApiError $operation:ident) => {};
    (@document $status:literal $operation:ident) => {
        $crate::macros::document_own_error($operation, $status, "")
    };
    (@document $status:literal $operation:ident $example:literal) => {
        $crate::macros::document_own_error($operation, $status, $example)
    };
}
