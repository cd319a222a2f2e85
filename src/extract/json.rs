//! JSON bodies, in and out.

use crate::api_error::{ApiError, FieldProblem};
use crate::extract::body::read_body;
use crate::extract::check::{Apply, Source};
use crate::extract::json_fault::JsonFault;
use crate::extract::node::Kind;
use crate::extract::schema::{Declared, declared};
use crate::extract::{apply, document_body_errors, wrapper};
use crate::openapi;
use crate::security::remember_part;
use crate::services::Services;
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
///
/// `Json<Option<T>>` is a body that may be missing. `Option<Json<T>>` is not the same: actix-web makes it `None` for a
/// bad body, too, and only after the handler has run does the server replace a success by the 422.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Json<T, const MOST: usize = { usize::MAX }>(pub T);

wrapper! { Json<T, MOST>, const MOST: usize }

impl<T: DeserializeOwned + JsonSchema + 'static> Json<T> {
    /// Reads and checks a text outside a request, as a body is checked: pydantic's `model_validate_json`, for
    /// commands, background tasks and messages of a WebSocket.
    ///
    /// The error is [`ApiError::Validation`] with all problems, each at its place in the text
    /// (`["items", 0, "sku"]`); printed, it is `items.0.sku: Field required; …`, without the input, which only
    /// the error of a type or rule of yours may quote. Rules that use the server's services need them: give `services`, such as those of
    /// [`Call::services`](crate::security::Call::services); with `None`, such a rule is broken.
    ///
    /// ```
    /// use bailiwick::prelude::*;
    ///
    /// #[derive(Debug, serde::Deserialize, JsonSchema)]
    /// struct Item {
    ///     name: String,
    ///     #[schemars(range(min = 1))]
    ///     quantity: u32,
    /// }
    ///
    /// let item = Json::<Item>::parse(r#"{"name": "Tea", "quantity": 2}"#, None).unwrap();
    /// assert_eq!((item.name.as_str(), item.quantity), ("Tea", 2));
    /// let error = Json::<Item>::parse(r#"{"quantity": 0}"#, None).unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "name: Field required; quantity: Input should be greater than or equal to 1",
    /// );
    /// ```
    pub fn parse<'a>(
        text: impl AsRef<[u8]>,
        services: impl Into<Option<&'a Services>>,
    ) -> Result<Self, ApiError> {
        let services = services.into();
        let checked = checked(text.as_ref(), &|rule, text| rule.check(text, services));
        checked.map(Self).map_err(|error| {
            let ApiError::Validation(mut problems) = error else { return error };
            for problem in &mut problems {
                // It is no body.
                problem.loc.remove(0);
            }
            ApiError::Validation(problems)
        })
    }
}

/// Reads a value and checks it.
fn checked<T: DeserializeOwned + JsonSchema + 'static>(
    text: &[u8],
    apply: Apply<'_>,
) -> Result<T, ApiError> {
    let declared = declared::<T>();
    if text.is_empty() && is_optional(&declared) {
        return declared.read(Value::Null, Source::Json, &["body"], apply);
    }
    if let Some(read) = declared.read_certain(text, apply) {
        return Ok(read);
    }
    declared.read(parse(text)?, Source::Json, &["body"], apply)
}

impl<T: DeserializeOwned + JsonSchema + 'static, const MOST: usize> FromRequest for Json<T, MOST> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read_body(&request, payload, MOST).await?;
            if body.is_empty() {
                return checked(&body, &apply(&request)).map(Self);
            }
            if !is_json(&request) {
                return Err(ApiError::UnsupportedMediaType("application/json"));
            }
            remember_part(&request, "body", checked(&body, &apply(&request))).map(Self)
        })
    }
}

/// Whether the body may be missing; one that may be anything is anything that is there.
fn is_optional(declared: &Declared) -> bool {
    declared.root.nullable && !matches!(declared.root.kind, Kind::Any)
}

/// `application/json` or `application/*+json` (RFC 6839 §3.1).
fn is_json(request: &HttpRequest) -> bool {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default();
    let media_type = media_type.trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return true;
    }
    let media_type = media_type.to_ascii_lowercase();
    media_type.starts_with("application/") && media_type.ends_with("+json")
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
        let declared = declared::<T>();
        let content = json!({"application/json": {"schema": declared.schema}});
        let required = !is_optional(&declared);
        openapi::body(operation, &json!({"required": required, "content": content}));
        document_body_errors(operation, Some("Expected application/json"));
    }

    fn update_response(operation: &mut DefaultOperationRaw) {
        openapi::json_response(operation, 200, &declared::<T>().schema);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        declared::<T>().define(map);
    }
}
