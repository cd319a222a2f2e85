//! `POST /oauth/introspect`: what a token is worth now (RFC 7662).

use crate::api_error::ApiError;
use crate::domain::{Client, ClientAuthMethod, RefreshToken, Scopes, Secret, is_openid_scope};
use crate::oauth::GrantError;
use crate::routes::shown_token::ShownToken;
use crate::routes::{not_stored, route_with_slash};
use crate::security::{by_client, principal_of, sender};
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
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

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
struct Found(HttpResponse);

impl Responder for Found {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        self.0
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
    Ok(Found(found?.unwrap_or_else(|| not_stored().json(json!({"active": false})))))
}

/// What a token is worth, if the client may know.
async fn look(
    token: &Secret,
    client: &Client,
    services: &Services,
) -> Result<Option<HttpResponse>, ApiError> {
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
) -> Result<Option<HttpResponse>, ApiError> {
    let found = services.accounts.look_at_refresh_token(token).await?;
    let Some((found, user)) = found else { return Ok(None) };
    let granted_to = found.client.as_ref();
    if !client.metadata.introspect && granted_to.is_none_or(|its| its.id != client.id) {
        return Ok(None);
    }
    let owner = match granted_to {
        None => None,
        Some(its) => {
            let now = services.clients.find(its.id.as_str()).await?;
            let Some(now) = now.filter(|now| now.epoch == its.epoch) else { return Ok(None) };
            Some(now)
        }
    };
    let mut scopes = Scopes::default();
    // As a refresh would find them.
    let counts = |scope: &&str| {
        let may = |owner: &Arc<Client>| owner.metadata.scope.contains(scope);
        is_openid_scope(scope) || (user.scopes.contains(scope) && owner.as_ref().is_none_or(may))
    };
    let held = found.family.scopes.iter().filter(counts);
    held.for_each(|scope| scopes.insert_known(scope));
    let scope = scopes.to_string();
    Ok(Some(not_stored().json(ShownRefreshToken {
        active: true,
        scope: Some(scope).filter(|scope| !scope.is_empty()),
        username: user.username.as_str(),
        client_id: granted_to.map(|its| its.id.as_str()),
        exp: found.ends_at.seconds(),
        auth_time: found.family.login.auth_time.seconds(),
    })))
}

/// What a refresh token is worth.
#[derive(Serialize)]
struct ShownRefreshToken<'a> {
    active: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    exp: i64,
    auth_time: i64,
}

/// What a guard would say.
async fn look_at_access_token(
    token: &Secret,
    client: &Client,
    services: &Services,
) -> Result<Option<HttpResponse>, ApiError> {
    let Ok(claims) = services.keeper.verify(token.expose()).await else { return Ok(None) };
    let Some(payload) = payload(token) else { return Ok(None) };
    let Ok(token) = serde_json::from_slice::<TokenClaims<'_>>(&payload) else { return Ok(None) };
    if !token.may_be_known_to(client) {
        return Ok(None);
    }
    // These a user allows, and need not hold.
    let mut openid = Scopes::default();
    let scopes = claims.scopes.iter().filter(|scope| is_openid_scope(scope));
    scopes.for_each(|scope| openid.insert_known(scope));
    let Some(principal) = principal_of(claims, services).await? else { return Ok(None) };
    let user = principal.user();
    if user.is_some_and(|user| user.disabled) {
        return Ok(None);
    }
    let mut scopes = principal.scopes();
    openid.iter().for_each(|scope| scopes.insert_known(scope));
    let scope = scopes.to_string();
    Ok(Some(not_stored().json(ShownAccessToken {
        active: true,
        token_type: "Bearer",
        scope: Some(scope).filter(|scope| !scope.is_empty()),
        username: user.map(|user| user.username.as_str()),
        token,
    })))
}

/// The claims of a verified token, as JSON.
fn payload(token: &Secret) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(token.expose().split('.').nth(1)?).ok()
}

/// What an access token is worth.
#[derive(Serialize)]
struct ShownAccessToken<'a> {
    active: bool,
    token_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(flatten)]
    token: TokenClaims<'a>,
}

/// What is shown of the token as it is.
#[derive(Deserialize, Serialize)]
struct TokenClaims<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    iss: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    sub: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    aud: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    exp: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    iat: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    jti: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    auth_time: Option<&'a RawValue>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    amr: Option<&'a RawValue>,
}

impl TokenClaims<'_> {
    /// Whether the token was issued to the client or is meant for it, or the client may know all.
    fn may_be_known_to(&self, client: &Client) -> bool {
        let is_it = |name: &Value| name == client.id.as_str();
        let names = |claim: &RawValue| match serde_json::from_str(claim.get()) {
            Ok(Value::Array(names)) => names.iter().any(is_it),
            Ok(name) => is_it(&name),
            Err(_) => false,
        };
        client.metadata.introspect
            || self.client_id.is_some_and(names)
            || self.aud.is_some_and(names)
    }
}
