//! 201 with the location of what was created, and 202.

use crate::extract::{Json, schema_of};
use crate::openapi;
use crate::security::services;
use actix_web::body::BoxBody;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, Responder, ResponseError as _};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt;

/// What no URL contains as it is (RFC 3986 §2); `%` stays, for what is encoded already.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// RFC 3986's unreserved characters are not encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// 201 with what was created as JSON, and where it is (RFC 9110 §15.3.2).
///
/// ```
/// # use bailiwick::prelude::*;
/// /// Place an order
/// #[api_v2_operation]
/// async fn place() -> Result<Created<u32>, ApiError> {
///     Ok(Created::at("/orders/7", 7))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Created<T> {
    location: String,
    body: T,
}

impl<T> Created<T> {
    /// It is at `location`, a URL or a path from the server's root; the path prefix of
    /// `server.root_path` is added. What stands in it is taken for encoded, so that names which others choose
    /// belong to [`under`](Self::under).
    pub fn at(location: impl Into<String>, body: T) -> Self {
        Self { location: location.into(), body }
    }

    /// It is at `name` below the path `collection`: one segment, whatever is in it.
    ///
    /// ```
    /// # use bailiwick::Created;
    /// let created = Created::under("/articles", "50 % off/today?", "…");
    /// // Location: /articles/50%20%25%20off%2Ftoday%3F
    /// ```
    pub fn under(collection: &str, name: impl fmt::Display, body: T) -> Self {
        let name = name.to_string();
        let name = utf8_percent_encode(&name, SEGMENT);
        Self { location: format!("{}/{name}", collection.trim_end_matches('/')), body }
    }
}

impl<T: Serialize> Responder for Created<T> {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let is_path = self.location.starts_with('/') && !self.location.starts_with("//");
        let prefix = match services(request) {
            Ok(services) if is_path => services.settings.server.root_path.as_str(),
            Ok(_) => "",
            Err(error) => return error.error_response(),
        };
        let location = format!("{prefix}{}", utf8_percent_encode(&self.location, ENCODED));
        HttpResponse::Created().insert_header((LOCATION, location)).json(self.body)
    }
}

impl<T> Apiv2Schema for Created<T> {}

impl<T: JsonSchema + 'static> OperationModifier for Created<T> {
    fn update_response(operation: &mut DefaultOperationRaw) {
        let location = json!({
            "description": "Where it is.",
            "required": true,
            "schema": {"type": "string", "format": "uri-reference"},
        });
        let content = json!({"application/json": {"schema": schema_of::<T>()}});
        let headers = json!({"Location": location});
        let object = json!({"description": "Created", "headers": headers, "content": content});
        openapi::response(operation, 201, &object);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<T>::update_definitions(map);
    }
}

/// 202 with JSON: it will be done, for example by [`BackgroundTasks`](crate::BackgroundTasks).
#[derive(Clone, Copy, Debug)]
pub struct Accepted<T>(pub T);

impl<T: Serialize> Responder for Accepted<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Accepted().json(self.0)
    }
}

impl<T> Apiv2Schema for Accepted<T> {}

impl<T: JsonSchema + 'static> OperationModifier for Accepted<T> {
    fn update_response(operation: &mut DefaultOperationRaw) {
        openapi::json_response(operation, 202, &schema_of::<T>());
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<T>::update_definitions(map);
    }
}
