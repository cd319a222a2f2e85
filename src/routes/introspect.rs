//! `POST /oauth/introspect`: what a token is worth now (RFC 7662).

use crate::api_error::ApiError;
use crate::domain::{Client, ClientAuthMethod, RefreshToken, Scopes, Secret};
use crate::oauth::GrantError;
use crate::routes::shown_token::ShownToken;
use crate::routes::{not_stored, route_with_slash};
use crate::security::{Principal, by_client, principal_of, sender};
use crate::services::Services;
use actix_web::body::BoxBody;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, Responder};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{Apiv2Schema, OperationModifier, api_v2_operation};
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema as Schema;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Its path.
pub(super) const INTROSPECT: &str = "/oauth/introspect";

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, INTROSPECT, || post().to(introspect));
}

crate::failures! {
    IntrospectFailure {
        400: "A parameter is missing or malformed",
        401: "Client authentication failed",
    }
}

/// What the response takes from the token as it is.
const CLAIMS: [&str; 9] =
    ["iss", "sub", "aud", "exp", "iat", "jti", "client_id", "auth_time", "amr"];

/// A token as it is now (RFC 7662 §2.2); of one that is not active, nothing else is said.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "Introspection")]
struct Introspection {
    /// Whether it would be accepted now.
    #[openapi(example = "true")]
    active: bool,
    /// The scopes that it carries and that its holder has now.
    #[openapi(example = "me items")]
    scope: Option<String>,
    /// The client that it was issued to.
    client_id: Option<String>,
    /// The user's name now.
    #[openapi(example = "johndoe")]
    username: Option<String>,
    /// `Bearer`.
    #[openapi(example = "Bearer")]
    token_type: Option<String>,
    /// When it expires, in seconds since 1970.
    exp: Option<i64>,
    /// When it was issued.
    iat: Option<i64>,
    /// The claim `sub`.
    sub: Option<String>,
    /// The claim `iss`.
    iss: Option<String>,
    /// The claim `jti`.
    jti: Option<String>,
}

/// The response; no cache may store it.
struct Found(Value);

impl Responder for Found {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        not_stored().json(self.0)
    }
}

impl Schema for Found {}

impl OperationModifier for Found {
    fn update_response(operation: &mut DefaultOperationRaw) {
        Json::<Introspection>::update_response(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<Introspection>::update_definitions(map);
    }
}

/// Show what a token is worth
///
/// For clients (RFC 7662): whether a token would be accepted now, and what it carries. A client is told
/// of tokens that were issued to it or name it in `aud`, or of all, if it is registered with
/// `introspect`; any other token is not active.
#[api_v2_operation(operation_id = "introspect_token", tags("token"))]
async fn introspect(
    ShownToken { token, client }: ShownToken,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Found, IntrospectFailure> {
    let client = client.require(&services.clients, &sender(&request)).await?;
    // Anybody could say that it is this one (RFC 7662 §2.1).
    if client.metadata.token_endpoint_auth_method == ClientAuthMethod::None {
        return Err(GrantError::InvalidClient { by_basic: false }.into());
    }
    let found = look(&token, &client, &services).await;
    // It is the caller, not the token's holder.
    by_client(&client);
    Ok(Found(found?.map_or_else(|| json!({"active": false}), Value::Object)))
}

/// What a token is worth, if the client may know.
async fn look(
    token: &Secret,
    client: &Client,
    services: &Services,
) -> Result<Option<Map<String, Value>>, ApiError> {
    match services.accounts.read_refresh_token(token) {
        Some(token) => look_at_refresh_token(token, client, services).await,
        None => look_at_access_token(token, client, services).await,
    }
}

/// Whether a login could be renewed.
async fn look_at_refresh_token(
    token: RefreshToken,
    client: &Client,
    services: &Services,
) -> Result<Option<Map<String, Value>>, ApiError> {
    let found = services.accounts.look_at_refresh_token(token).await?;
    let Some((found, user)) = found else { return Ok(None) };
    let granted_to = found.client.as_ref();
    if !client.metadata.introspect && granted_to.is_none_or(|its| its.id != client.id) {
        return Ok(None);
    }
    if let Some(its) = granted_to {
        let now = services.clients.find(its.id.as_str()).await?;
        if now.is_none_or(|now| now.epoch != its.epoch) {
            return Ok(None);
        }
    }
    let mut scopes = Scopes::default();
    let held = found.family.scopes.iter().filter(|scope| user.scopes.contains(scope));
    held.for_each(|scope| scopes.insert_known(scope));
    let shown = [
        ("active", Some(json!(true))),
        ("scope", Some(scopes.to_string()).filter(|scope| !scope.is_empty()).map(Value::String)),
        ("username", Some(json!(user.username.as_str()))),
        ("client_id", granted_to.map(|its| json!(its.id.as_str()))),
        ("exp", Some(json!(found.ends_at.seconds()))),
        ("auth_time", Some(json!(found.family.auth_time.seconds()))),
    ];
    Ok(Some(
        shown.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
    ))
}

/// What a guard would say.
async fn look_at_access_token(
    token: &Secret,
    client: &Client,
    services: &Services,
) -> Result<Option<Map<String, Value>>, ApiError> {
    let Ok(claims) = services.keeper.verify(token.expose()).await else { return Ok(None) };
    let Some(payload) = payload(token) else { return Ok(None) };
    if !may_know(client, &payload) {
        return Ok(None);
    }
    let Some(principal) = principal_of(claims, services).await? else { return Ok(None) };
    if principal.user().is_some_and(|user| user.disabled) {
        return Ok(None);
    }
    Ok(Some(description(payload, &principal)))
}

fn description(payload: Map<String, Value>, principal: &Principal) -> Map<String, Value> {
    let scope = Some(principal.scopes().to_string()).filter(|scope| !scope.is_empty());
    let username = principal.user().map(|user| user.username.to_string());
    let now = [
        ("active", Some(json!(true))),
        ("token_type", Some(json!("Bearer"))),
        ("scope", scope.map(Value::String)),
        ("username", username.map(Value::String)),
    ];
    let now = now.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let claims = payload.into_iter().filter(|(name, _)| CLAIMS.contains(&name.as_str()));
    now.chain(claims).collect()
}

/// The claims of a verified token.
fn payload(token: &Secret) -> Option<Map<String, Value>> {
    let payload = token.expose().split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

/// Whether the token was issued to the client or is meant for it, or the client may know all.
fn may_know(client: &Client, claims: &Map<String, Value>) -> bool {
    let is_it = |value: &Value| value == client.id.as_str();
    let is_named = |aud: &Value| match aud {
        Value::Array(names) => names.iter().any(is_it),
        name => is_it(name),
    };
    client.metadata.introspect
        || claims.get("client_id").is_some_and(is_it)
        || claims.get("aud").is_some_and(is_named)
}
