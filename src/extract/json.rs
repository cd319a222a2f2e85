//! JSON bodies, in and out.

use crate::api_error::{ApiError, FieldProblem};
use crate::extract::body::read_body;
use crate::extract::check::Source;
use crate::extract::json_fault::JsonFault;
use crate::extract::schema::declared;
use crate::extract::{apply, document_body_errors, wrapper};
use crate::openapi;
use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::Pin;

/// A JSON body, in a request and in a response.
///
/// A request's body may have at most `MOST` bytes, and `server.limit_request_body`. One that does not fit
/// the type's schema gets FastAPI's 422, which lists all errors at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T, const MOST: usize = { usize::MAX }>(pub T);

wrapper! { Json<T, MOST>, const MOST: usize }

impl<T: DeserializeOwned + JsonSchema + 'static, const MOST: usize> FromRequest for Json<T, MOST> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&request, payload, MOST).await?;
            if !body.is_empty() && !is_json(&request) {
                return Err(ApiError::UnsupportedMediaType("application/json"));
            }
            let (declared, apply) = (declared::<T>(), apply(&request));
            if let Some(read) = declared.read_certain(&body, &apply) {
                return Ok(Self(read));
            }
            declared.read(parse(&body)?, Source::Json, &["body"], &apply).map(Self)
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

fn parse(body: &[u8]) -> Result<Value, ApiError> {
    let refuse = |problem| ApiError::Validation(vec![problem]);
    if body.is_empty() {
        return Err(refuse(FieldProblem::missing("body", "")));
    }
    serde_json::from_slice(body).map_err(|error| {
        // serde_json's message may quote the body, which may hold a password.
        let JsonFault { why, at } = JsonFault::of(body, &error);
        let mut problem = FieldProblem::new("json_invalid", ("body", ""), "JSON decode error");
        problem.loc.push(json!(at));
        refuse(problem.input(json!({})).ctx(json!({"error": why})))
    })
}

impl<T: Serialize, const MOST: usize> Responder for Json<T, MOST> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().json(self.0)
    }
}

impl<T: JsonSchema + 'static, const MOST: usize> OperationModifier for Json<T, MOST> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let content = json!({"application/json": {"schema": declared::<T>().schema}});
        openapi::body(operation, &json!({"required": true, "content": content}));
        document_body_errors(operation, Some("Expected application/json"));
    }

    fn update_response(operation: &mut DefaultOperationRaw) {
        openapi::json_response(operation, 200, &declared::<T>().schema);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        declared::<T>().define(map);
    }
}
