//! Errors of actix's extractors, in the shape of all other errors.

use crate::api_error::{ApiError, FieldProblem};
use actix_web::error::{JsonPayloadError, UrlencodedError};
use actix_web::web::{
    FormConfig, JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig,
};

/// The most bytes of a request's body, in its extensions, if its operation has a limit of its own.
#[derive(Clone, Copy, Debug)]
pub struct OwnLimit(pub usize);

/// Configures `Json`, `Form`, `Query`, `Path` and bodies, with `limit` bytes at most.
pub fn configure_extractors(config: &mut ServiceConfig, limit: usize) {
    config
        .app_data(PayloadConfig::new(limit))
        .app_data(JsonConfig::default().limit(limit).error_handler(|error, _| json(&error).into()))
        .app_data(FormConfig::default().limit(limit).error_handler(|error, _| form(&error).into()))
        .app_data(QueryConfig::default().error_handler(|error, _| invalid("query", &error).into()))
        .app_data(PathConfig::default().error_handler(|error, _| invalid("path", &error).into()));
}

fn invalid(part: &'static str, error: &dyn std::fmt::Display) -> ApiError {
    ApiError::Validation(vec![FieldProblem::new("value_error", (part, ""), error.to_string())])
}

fn json(error: &JsonPayloadError) -> ApiError {
    match error {
        JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
            ApiError::PayloadTooLarge
        }
        JsonPayloadError::ContentType => ApiError::UnsupportedMediaType("application/json"),
        JsonPayloadError::Deserialize(cause) if cause.is_data() => invalid("body", cause),
        JsonPayloadError::Deserialize(_) => {
            let problem = FieldProblem::new("json_invalid", ("body", ""), "JSON decode error");
            ApiError::Validation(vec![problem])
        }
        _ => ApiError::BadRequest("Incomplete body"),
    }
}

fn form(error: &UrlencodedError) -> ApiError {
    match error {
        UrlencodedError::Overflow { .. } => ApiError::PayloadTooLarge,
        UrlencodedError::ContentType => {
            ApiError::UnsupportedMediaType("application/x-www-form-urlencoded")
        }
        UrlencodedError::Parse(cause) => invalid("body", cause),
        _ => ApiError::BadRequest("Incomplete body"),
    }
}
