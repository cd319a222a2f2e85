//! JSON bodies: read, checked field by field, documented.

use crate::api_error::{ApiError, FieldProblem};
use crate::openapi::{self, document_error};
use crate::routes::fields::Fields;
use crate::security::services;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{self, Bytes};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::mem;
use std::ops::Deref;
use std::pin::Pin;
use zeroize::Zeroize as _;

/// A body: an object of known fields.
pub(super) trait Body: Sized + 'static {
    /// The schema's name in the document.
    const NAME: &'static str;

    /// Largest size in bytes; everything that the checks accept fits.
    const MOST: usize = 64 * 1024;

    /// The schema (`OpenAPI` 3.0.3 §4.7.24).
    fn schema() -> Value;

    /// Takes the fields; `None` if it noted a problem.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// A checked body as a handler's argument.
pub(super) struct JsonBody<T>(T);

impl<T> JsonBody<T> {
    pub(super) fn into_inner(self) -> T {
        self.0
    }
}

impl<T: Body> FromRequest for JsonBody<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&request, payload, T::MOST).await?;
            let services = services(&request)?;
            if !body.is_empty() && !is_json(&request) {
                return Err(ApiError::UnsupportedMediaType("application/json"));
            }
            let mut fields = Fields::new(parse(&body)?, &services.scopes, &services.passwords);
            let read = T::read(&mut fields);
            fields.finish(read).map(Self).map_err(ApiError::Validation)
        })
    }
}

/// `application/json` or `application/*+json` (RFC 6839 §3.1).
fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim().to_ascii_lowercase();
    media_type == "application/json"
        || media_type.starts_with("application/") && media_type.ends_with("+json")
}

fn parse(body: &[u8]) -> Result<serde_json::Map<String, Value>, ApiError> {
    let refuse = |problem| Err(ApiError::Validation(vec![problem]));
    if body.is_empty() {
        return refuse(FieldProblem::missing("body", ""));
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => refuse(FieldProblem::new(
            "model_attributes_type",
            ("body", ""),
            "Input should be a valid dictionary or object to extract fields from",
        )),
        Err(error) => {
            let mut problem = FieldProblem::new("json_invalid", ("body", ""), "JSON decode error");
            problem.loc.push(json!(error.column()));
            // serde_json's message may quote the body, which may hold a password.
            let kind = if error.is_eof() { "Unexpected end" } else { "Invalid JSON" };
            refuse(problem.input(json!({})).ctx(json!({"error": kind})))
        }
    }
}

/// A body that may hold a password: overwritten on drop.
pub(super) struct Wiped(Bytes);

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // Nothing else has a reference: it was assembled from the payload.
        if let Ok(mut bytes) = mem::take(&mut self.0).try_into_mut() {
            bytes.zeroize();
        }
    }
}

/// Reads a body of at most `most` bytes, and of `server.limit_request_body`. One whose declared
/// length exceeds that is refused unread.
pub(super) async fn read_body(
    request: &HttpRequest,
    mut payload: Payload,
    most: usize,
) -> Result<Wiped, ApiError> {
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(ApiError::UnsupportedMediaType("a body without Content-Encoding"));
    }
    let most = most.min(services(request)?.settings.server.limit_request_body.get());
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > most as u64)
    {
        return Err(ApiError::PayloadTooLarge);
    }
    let payload = web::Payload::from_request(request, &mut payload)
        .await
        .map_err(|_| ApiError::BadRequest("Malformed body"))?;
    match payload.to_bytes_limited(most).await {
        Ok(Ok(body)) => Ok(Wiped(body)),
        Ok(Err(error)) => Err(match error.as_error::<PayloadError>() {
            Some(PayloadError::Overflow) => ApiError::PayloadTooLarge,
            Some(PayloadError::Io(io)) if io.kind() == ErrorKind::TimedOut => {
                ApiError::RequestTimeout
            }
            _ => ApiError::BadRequest("Incomplete body"),
        }),
        Err(_) => Err(ApiError::PayloadTooLarge),
    }
}

impl<T> Apiv2Schema for JsonBody<T> {}

impl<T: Body> OperationModifier for JsonBody<T> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let schema = format!("#/components/schemas/{}", T::NAME);
        let content = json!({"application/json": {"schema": {"$ref": schema}}});
        openapi::body(operation, &json!({"required": true, "content": content}));
        for (status, example) in [
            (408, "Request Timeout"),
            (413, "Request body too large"),
            (415, "Expected application/json"),
            (422, ""),
        ] {
            document_error(operation, status, example);
        }
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        let mut schema = T::schema();
        schema["title"] = json!(T::NAME);
        map.insert(T::NAME.to_owned(), openapi::schema(&schema));
    }
}
