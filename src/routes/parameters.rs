//! Paths and query of user administration.

use crate::api_error::ApiError;
use crate::domain::{ClientId, KeyId, SessionId, Username};
use crate::extract::Path;
use crate::openapi::refusal;
use crate::routes::fields::PRINTABLE;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::future::{Ready, ready};

#[derive(Deserialize, JsonSchema)]
struct UserPath {
    /// The user's name
    #[schemars(
        length(min = 1, max = Username::LONGEST),
        regex(pattern = r"^[^\u0000-\u001f\u007f-\u009f]+$"),
        extend("example" = "johndoe", "x-rule" = "username")
    )]
    username: String,
}

/// `{username}` in the path.
pub(super) struct PathUsername(pub(super) Username);

impl FromRequest for PathUsername {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = Path::<UserPath>::from_request(request, payload).into_inner();
        // A reserved name belongs to nobody: nothing is at `/users/me/scopes`.
        let name = path.and_then(|path| {
            path.username.parse().map_err(|_| ApiError::NotFound("User not found"))
        });
        ready(match name {
            Ok(name) => Ok(Self(name)),
            Err(ApiError::NotFound(_)) => Err(refusal(request, "User not found")),
            Err(error) => Err(error),
        })
    }
}

impl Apiv2Schema for PathUsername {}

impl OperationModifier for PathUsername {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        Path::<UserPath>::update_parameter(operation);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

#[derive(Deserialize, JsonSchema)]
struct KeyPath {
    /// The key's id
    #[schemars(extend("example" = "7Qx0Vb3JmW9tYc2ZkR5nLa"))]
    id: String,
}

/// `{id}` of an API key in the path.
pub(super) struct PathKeyId(pub(super) KeyId);

impl FromRequest for PathKeyId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = Path::<KeyPath>::from_request(request, payload).into_inner();
        let missing = |_| ApiError::NotFound("API key not found");
        ready(path.and_then(|path| path.id.parse().map(Self).map_err(missing)))
    }
}

impl Apiv2Schema for PathKeyId {}

impl OperationModifier for PathKeyId {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        Path::<KeyPath>::update_parameter(operation);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

#[derive(Deserialize, JsonSchema)]
struct SessionPath {
    /// The session's id
    #[schemars(extend("example" = "3f2b8c1d9e4a5f60718293a4b5c6d7e8"))]
    sid: String,
}

/// `{sid}` of a session in the path.
pub(super) struct PathSessionId(pub(super) SessionId);

impl FromRequest for PathSessionId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = Path::<SessionPath>::from_request(request, payload).into_inner();
        let missing = |_| ApiError::NotFound("Session not found");
        ready(path.and_then(|path| path.sid.parse().map(Self).map_err(missing)))
    }
}

impl Apiv2Schema for PathSessionId {}

impl OperationModifier for PathSessionId {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        Path::<SessionPath>::update_parameter(operation);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

#[derive(Deserialize, JsonSchema)]
struct ClientPath {
    /// The client's id
    #[schemars(extend("example" = "reports"))]
    client_id: String,
}

/// `{client_id}` in the path.
pub(super) struct PathClientId(pub(super) ClientId);

impl FromRequest for PathClientId {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let path = Path::<ClientPath>::from_request(request, payload).into_inner();
        let missing = |_| ApiError::NotFound("Client not found");
        ready(path.and_then(|path| path.client_id.parse().map(Self).map_err(missing)))
    }
}

impl Apiv2Schema for PathClientId {}

impl OperationModifier for PathClientId {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        Path::<ClientPath>::update_parameter(operation);
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

/// Which page of users.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct PageQuery {
    /// The last name of the page before; empty for the first page
    #[serde(default, deserialize_with = "name_or_empty")]
    #[schemars(
        with = "String",
        length(max = Username::LONGEST),
        regex(pattern = PRINTABLE),
        extend("default" = null, "x-rule" = "username-or-empty")
    )]
    pub(super) after: Option<Username>,
    /// How many users
    #[serde(default = "usual_limit")]
    #[schemars(range(min = 1, max = 1000))]
    pub(super) limit: u32,
}

fn usual_limit() -> u32 {
    100
}

fn name_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Username>, D::Error> {
    let name = String::deserialize(deserializer)?;
    if name.is_empty() {
        return Ok(None);
    }
    name.parse().map(Some).map_err(serde::de::Error::custom)
}
