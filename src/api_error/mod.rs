//! Errors to HTTP: every status, every body, every challenge. One file for each floor whose errors
//! it translates.

mod accounts;
mod challenge;
mod domain;
mod extractors;
mod oauth;
mod overload;
mod passwords;
mod validation;

pub use challenge::{AuthScheme, CLIENTS_TOKEN, ChallengeStyle, Reason, Refusal};
pub use extractors::{OwnLimit, configure_extractors};
pub use overload::Overload;
pub use passwords::password_problem;
pub use validation::FieldProblem;

use crate::domain::ClientFault;
use crate::oauth::{GrantError, TOO_MANY_ATTEMPTS};
use actix_web::http::{Method, StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde_json::{Value, json};
use std::fmt;
use thiserror::Error;

/// Every error of a request.
#[derive(Debug, Error)]
#[error("{}", self.text())]
pub enum ApiError {
    /// The caller is refused.
    Refused(Box<Refusal>),
    /// The user is disabled.
    InactiveUser,
    /// Fields are invalid.
    Validation(Vec<FieldProblem>),
    /// The same, because the body is not a form; the second says what it is.
    NotAForm(Vec<FieldProblem>, String),
    /// An OAuth 2.0 grant failed (RFC 6749 §5.2).
    Grant(GrantError),
    /// What would be registered of a client is not valid (RFC 7591 §3.2.2).
    ClientMetadata(ClientFault),
    /// The request is not valid HTTP, or cannot be read.
    BadRequest(&'static str),
    /// Nothing exists there.
    NotFound(&'static str),
    /// The resource exists, for these methods.
    MethodNotAllowed(Vec<Method>),
    /// It exists already.
    Conflict(&'static str),
    /// A change that the rules forbid.
    Forbidden(String),
    /// The client took too long to send its body.
    RequestTimeout,
    /// The body is larger than `server.limit_request_body`.
    PayloadTooLarge,
    /// Path and query are longer than `server.limit_request_line`.
    UriTooLong,
    /// More or longer header fields than `server.limit_request_fields` and `…_field_size` allow.
    HeaderFieldsTooLarge,
    /// The body's media type is not supported here.
    UnsupportedMediaType(&'static str),
    /// Too many wrong passwords: retry after so many seconds.
    TooManyAttempts(u64),
    /// Overloaded: retry after so many seconds.
    Busy(Overload, u64),
    /// The database does not respond.
    Unavailable,
    /// Our fault; the cause is in the log.
    Internal,
    /// An application's own error, FastAPI's `HTTPException`.
    Http {
        /// The status.
        status: StatusCode,
        /// The body's `detail`.
        detail: String,
        /// Additional headers, for example `WWW-Authenticate`.
        headers: Vec<(header::HeaderName, header::HeaderValue)>,
    },
}

impl ApiError {
    /// An application's own error, FastAPI's `HTTPException(status_code=…, detail=…)`.
    pub fn http(status: StatusCode, detail: impl Into<String>) -> Self {
        Self::Http { status, detail: detail.into(), headers: Vec::new() }
    }

    /// Adds a header to an error made by [`ApiError::http`]; a value that no header can hold turns
    /// it into a 500.
    #[must_use]
    pub fn with_header(
        mut self,
        name: header::HeaderName,
        value: impl TryInto<header::HeaderValue>,
    ) -> Self {
        if let Self::Http { headers, .. } = &mut self {
            let Ok(value) = value.try_into() else {
                return Self::internal(&format_args!("no header `{name}` can hold the value"));
            };
            headers.push((name, value));
        }
        self
    }

    /// Logs a cause that the client must not see, and responds with 500.
    #[must_use]
    pub fn internal(cause: &dyn fmt::Display) -> Self {
        log::error!(target: "bailiwick.error", "{cause}");
        Self::Internal
    }

    /// Whether there were no credentials at all, as opposed to bad ones.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Refused(refusal) if refusal.reason == Reason::Absent)
    }

    fn detail(&self) -> Value {
        match self {
            Self::Refused(refusal) => json!(refusal.detail()),
            Self::InactiveUser => json!("Inactive user"),
            Self::Validation(problems) | Self::NotAForm(problems, _) => json!(problems),
            Self::Grant(error) => json!(error.description()),
            Self::ClientMetadata(fault) => json!(fault.to_string()),
            Self::BadRequest(detail) | Self::NotFound(detail) | Self::Conflict(detail) => {
                json!(detail)
            }
            Self::MethodNotAllowed(_) => json!("Method Not Allowed"),
            Self::RequestTimeout => json!("Request Timeout"),
            Self::PayloadTooLarge => json!("Request body too large"),
            Self::UriTooLong => json!("URI too long"),
            Self::HeaderFieldsTooLarge => json!("Request header fields too large"),
            Self::UnsupportedMediaType(expected) => json!(format!("Expected {expected}")),
            Self::TooManyAttempts(_) => json!(TOO_MANY_ATTEMPTS),
            Self::Busy(excess, _) => json!(excess.detail()),
            Self::Unavailable => json!("The database does not answer, try again later"),
            Self::Internal => json!("Internal Server Error"),
            Self::Forbidden(detail) | Self::Http { detail, .. } => json!(detail),
        }
    }

    fn text(&self) -> String {
        match (self, self.detail()) {
            (Self::Validation(problems) | Self::NotAForm(problems, _), _) => {
                let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
                problems.join("; ")
            }
            (_, Value::String(detail)) => detail,
            (_, other) => other.to_string(),
        }
    }

    fn body(&self) -> Value {
        let mut body = json!({ "detail": self.detail() });
        if let Self::Grant(error) = self {
            body["error"] = json!(error.code());
            body["error_description"] = json!(error.description());
        }
        if let Self::ClientMetadata(fault) = self {
            let is_uri = fault.field == "redirect_uris";
            let error = if is_uri { "invalid_redirect_uri" } else { "invalid_client_metadata" };
            body["error"] = json!(error);
            body["error_description"] = json!(fault.to_string());
        }
        // FastAPI's list only says that every field is missing, even if JSON was sent.
        if let Self::NotAForm(_, found) = self {
            body["error"] = json!("invalid_request");
            body["error_description"] = json!(format!(
                "Expected Content-Type application/x-www-form-urlencoded, got {found}"
            ));
        }
        body
    }

    fn headers(&self, response: &mut HttpResponseBuilder) {
        match self {
            Self::Refused(refusal) => {
                response.insert_header((header::WWW_AUTHENTICATE, refusal.challenge()));
            }
            Self::MethodNotAllowed(methods) => {
                let allowed: Vec<_> = methods.iter().map(Method::as_str).collect();
                response.insert_header((header::ALLOW, allowed.join(", ")));
            }
            Self::Grant(error) => {
                response.insert_header((header::CACHE_CONTROL, "no-store"));
                response.insert_header((header::PRAGMA, "no-cache"));
                match error {
                    GrantError::Throttled { retry_after_seconds } => {
                        let seconds = retry_after_seconds.to_string();
                        response.insert_header((header::RETRY_AFTER, seconds));
                    }
                    // RFC 6749 §5.2: only a client that tried this way.
                    GrantError::InvalidClient { by_basic: true } => {
                        let basic = r#"Basic realm="clients", charset="UTF-8""#;
                        response.insert_header((header::WWW_AUTHENTICATE, basic));
                    }
                    _ => {}
                }
            }
            Self::TooManyAttempts(seconds) => {
                response.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            Self::Busy(excess, seconds) => {
                excess.log();
                response.insert_header((header::RETRY_AFTER, seconds.to_string()));
            }
            Self::Unavailable => {
                response.insert_header((header::RETRY_AFTER, "1"));
            }
            // The rest of the body would be read as the next request.
            Self::RequestTimeout
            | Self::PayloadTooLarge
            | Self::UriTooLong
            | Self::HeaderFieldsTooLarge => {
                response.force_close();
            }
            Self::Http { headers, .. } => {
                for (name, value) in headers {
                    response.append_header((name.clone(), value.clone()));
                }
            }
            Self::InactiveUser
            | Self::Validation(_)
            | Self::NotAForm(..)
            | Self::ClientMetadata(_)
            | Self::BadRequest(_)
            | Self::NotFound(_)
            | Self::Conflict(_)
            | Self::Forbidden(_)
            | Self::UnsupportedMediaType(_)
            | Self::Internal => {}
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(refusal) => refusal.status(),
            Self::Grant(GrantError::InvalidClient { .. }) => StatusCode::UNAUTHORIZED,
            Self::TooManyAttempts(_) | Self::Grant(GrantError::Throttled { .. }) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            Self::InactiveUser | Self::Grant(_) | Self::ClientMetadata(_) | Self::BadRequest(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::Validation(_) | Self::NotAForm(..) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed(_) => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Self::PayloadTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UriTooLong => StatusCode::URI_TOO_LONG,
            Self::HeaderFieldsTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::UnsupportedMediaType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Busy(..) | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Http { status, .. } => *status,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        self.headers(&mut response);
        response.json(self.body())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;

    #[actix_web::test]
    async fn a_405_lists_the_methods() {
        let response = ApiError::MethodNotAllowed(vec![Method::GET, Method::PUT]).error_response();
        assert_eq!(response.headers().get("allow").unwrap(), "GET, PUT");
        let body = to_bytes(response.into_body()).await.unwrap();
        assert_eq!(body, r#"{"detail":"Method Not Allowed"}"#);
    }

    #[test]
    fn a_busy_server_says_when_to_come_back() {
        let response = ApiError::Busy(Overload::Logins, 2).error_response();
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers().get("retry-after").unwrap(), "2");
    }

    #[actix_web::test]
    async fn an_internal_error_shows_no_cause() {
        let response = ApiError::internal(&"password=hunter2").error_response();
        let body = to_bytes(response.into_body()).await.unwrap();
        assert_eq!(body, r#"{"detail":"Internal Server Error"}"#);
    }
}
