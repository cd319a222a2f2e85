//! `/users/me/api-keys`: the caller's own API keys; `/users/{username}/api-keys`: those of others, for
//! administrators.

use crate::accounts::NewKey;
use crate::api_error::ApiError;
use crate::domain::{ApiKey, ApiKeysWrite, Username, UsersWrite};
use crate::extract::{self, Broken};
use crate::routes::fields::{DeclaredScope, PRINTABLE, set_of};
use crate::routes::parameters::{PathKeyId, PathUsername};
use crate::routes::{guarded, route_with_slash};
use crate::security::{AccountOwner, Authorized, EnabledUser, Scoped};
use crate::services::Services;
use crate::settings::Until;
use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::web::{Data, Json};
use paperclip::actix::web::{ServiceConfig, delete, get, post};
use paperclip::actix::{Apiv2Schema, CreatedJson, NoContent, api_v2_operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

type Holder = AccountOwner<ApiKeysWrite>;
type Writer = Scoped<EnabledUser, UsersWrite>;

crate::failures! {
    MakeFailure {
        403: "An API key cannot make API keys",
        409: "The user has too many API keys: revoke some first",
    }
    MakeForFailure {
        403: "An API key cannot make API keys",
        404: "User not found",
        409: "The user has too many API keys: revoke some first",
    }
    ListForFailure {
        404: "User not found",
    }
    RevokeFailure {
        404: "API key not found",
    }
}

crate::rules! {
    "expiry" = |text, _| match Until::try_from(text.to_owned()) {
        Ok(_) => Ok(()),
        Err(error) => Err(Broken::from(error.to_string())),
    };
}

/// Mounts the routes below `/users`.
pub(super) fn mount(routes: &mut ServiceConfig) {
    let (own, others) = ("/me/api-keys", "/{username}/api-keys");
    route_with_slash(routes, own, || get().to(list));
    route_with_slash(routes, own, || post().to(make));
    route_with_slash(routes, &format!("{own}/{{id}}"), || delete().to(revoke));
    guarded::<Writer>(routes, others, &Method::GET, || get().to(list_of));
    guarded::<Writer>(routes, others, &Method::POST, || post().to(make_for));
    let one = format!("{others}/{{id}}");
    guarded::<Writer>(routes, &one, &Method::DELETE, || delete().to(revoke_of));
}

/// A body with a key's fields.
type KeyJson = extract::Json<ApiKeyBody, { 16 * 1024 }>;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "APIKeyCreate",
    extend(
        "x-strict" = true,
        "example" = json!({
            "name": "nightly build",
            "scopes": ["me"],
            "expires_at": "2099-01-31T08:00:00Z",
        })
    )
)]
struct ApiKeyBody {
    /// What you call it
    #[schemars(length(min = 1, max = ApiKey::LONGEST_NAME), regex(pattern = PRINTABLE))]
    name: String,
    /// What it may do, as long as its owner may
    scopes: Vec<DeclaredScope>,
    /// When it ends: a time with its zone, or a date, which counts to its end in UTC
    #[serde(default)]
    #[schemars(
        with = "Option<String>",
        extend("format" = "date-time", "x-rule" = "expiry", "default" = null)
    )]
    expires_at: Option<Until>,
}

/// An API key, without the key itself.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "APIKeyRecord")]
struct KeyRecord {
    /// Names it; no secret.
    #[openapi(example = "7Qx0Vb3JmW9tYc2ZkR5nLa")]
    id: String,
    /// What its owner calls it.
    #[openapi(example = "nightly build")]
    name: String,
    /// What it may do, as long as its owner may.
    #[openapi(example = "[\"me\"]")]
    scopes: Vec<String>,
    /// When it was made (RFC 3339).
    #[openapi(example = "2026-01-31T08:00:00Z")]
    created_at: String,
    /// When it ends (RFC 3339).
    #[openapi(example = "2099-01-31T08:00:00Z")]
    expires_at: Option<String>,
    /// The day of its last use, in UTC.
    #[openapi(example = "2026-02-01")]
    last_used: Option<String>,
}

impl KeyRecord {
    fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.to_string(),
            name: key.name.to_string(),
            scopes: key.scopes.iter().map(str::to_owned).collect(),
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|end| end.to_string()),
            last_used: key.last_used.day().map(|day| day.to_string()),
        }
    }
}

/// A new API key. The key is shown here and never again.
#[derive(Serialize, Apiv2Schema)]
#[openapi(rename = "APIKeyCreated")]
struct MadeKey {
    /// Names it; no secret.
    #[openapi(example = "7Qx0Vb3JmW9tYc2ZkR5nLa")]
    id: String,
    /// The key itself.
    #[openapi(example = "bwk_…")]
    key: String,
    /// What its owner calls it.
    #[openapi(example = "nightly build")]
    name: String,
    /// What it may do, as long as its owner may.
    #[openapi(example = "[\"me\"]")]
    scopes: Vec<String>,
    /// When it was made (RFC 3339).
    #[openapi(example = "2026-01-31T08:00:00Z")]
    created_at: String,
    /// When it ends (RFC 3339).
    #[openapi(example = "2099-01-31T08:00:00Z")]
    expires_at: Option<String>,
}

/// Makes a key for this user by order of the caller.
async fn made(
    caller: &EnabledUser,
    owner: Username,
    body: ApiKeyBody,
    (services, request): (&Services, &HttpRequest),
) -> Result<CreatedJson<MadeKey>, ApiError> {
    let ApiKeyBody { name, scopes, expires_at } = body;
    let among = Some(caller.principal().scopes());
    let expires_at = expires_at.map(Into::into);
    let new = NewKey { owner, name, scopes: set_of(scopes), among, expires_at };
    let made = services.api_keys.make(new, &caller.author(request)).await;
    let (key, secret) = made.map_err(|error| caller.failed(error, services))?;
    let KeyRecord { id, name, scopes, created_at, expires_at, last_used: _ } = KeyRecord::of(&key);
    let key = secret.expose().to_owned();
    Ok(CreatedJson(MadeKey { id, key, name, scopes, created_at, expires_at }))
}

async fn listed(services: &Services, owner: &Username) -> Result<Json<Vec<KeyRecord>>, ApiError> {
    let keys = services.api_keys.list(Some(owner)).await?;
    Ok(Json(keys.iter().map(KeyRecord::of).collect()))
}

async fn revoked(
    caller: &EnabledUser,
    owner: &Username,
    id: PathKeyId,
    (services, request): (&Services, &HttpRequest),
) -> Result<NoContent, ApiError> {
    let revoked = services.api_keys.revoke(id.0, Some(owner), &caller.author(request)).await;
    revoked.map_err(|error| caller.failed(error, services))?;
    Ok(NoContent)
}

/// List your own API keys
///
/// The oldest first, also those that have expired. The keys themselves are stored nowhere.
#[api_v2_operation(operation_id = "list_own_api_keys", tags("api keys"))]
async fn list(caller: Holder, services: Data<Services>) -> Result<Json<Vec<KeyRecord>>, ApiError> {
    listed(&services, &caller.username).await
}

/// Make an API key
///
/// The response is the only place where `key` is ever shown. Its scopes must be among those of your
/// token; each counts as long as you hold it. The key outlives a change of your password. An API key
/// cannot make others.
#[api_v2_operation(operation_id = "create_own_api_key", tags("api keys"))]
async fn make(
    Authorized(caller, body): Authorized<Holder, KeyJson>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<CreatedJson<MadeKey>, MakeFailure> {
    let owner = caller.username.clone();
    Ok(made(&caller, owner, body.into_inner(), (&services, &request)).await?)
}

/// Revoke an API key of yours
///
/// It is refused everywhere within a second.
#[api_v2_operation(operation_id = "revoke_own_api_key", tags("api keys"))]
async fn revoke(
    Authorized(caller, (id,)): Authorized<Holder, (PathKeyId,)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, RevokeFailure> {
    Ok(revoked(&caller, &caller.username, id, (&services, &request)).await?)
}

/// List a user's API keys
///
/// The oldest first, also those that have expired.
#[api_v2_operation(operation_id = "list_user_api_keys", tags("api keys"))]
async fn list_of(
    Authorized(_, (username,)): Authorized<Writer, (PathUsername,)>,
    services: Data<Services>,
) -> Result<Json<Vec<KeyRecord>>, ListForFailure> {
    Ok(listed(&services, &username.0).await?)
}

/// Make an API key for a user
///
/// For a script or a service, also one whose user has no password. Its scopes must be among the
/// user's and among those of your token.
#[api_v2_operation(operation_id = "create_user_api_key", tags("api keys"))]
async fn make_for(
    Authorized(caller, (username, body)): Authorized<Writer, (PathUsername, KeyJson)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<CreatedJson<MadeKey>, MakeForFailure> {
    Ok(made(&caller, username.0, body.into_inner(), (&services, &request)).await?)
}

/// Revoke a user's API key
///
/// It is refused everywhere within a second.
#[api_v2_operation(operation_id = "revoke_user_api_key", tags("api keys"))]
async fn revoke_of(
    Authorized(caller, (username, id)): Authorized<Writer, (PathUsername, PathKeyId)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, RevokeFailure> {
    Ok(revoked(&caller, &username.0, id, (&services, &request)).await?)
}
