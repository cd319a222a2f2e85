//! `/users/me`: the caller's own profile, items and password.

use crate::accounts::PasswordChange;
use crate::api_error::ApiError;
use crate::domain::{ItemsRead, MeRead, Secret};
use crate::extract;
use crate::routes::fields::NewPassword;
use crate::routes::profile::Profile;
use crate::routes::route_with_slash;
use crate::security::{AccountOwner, ActiveUser, Authorized, Scoped};
use crate::services::Services;
use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use paperclip::actix::web::{ServiceConfig, delete, get, put};
use paperclip::actix::{Apiv2Schema, NoContent, api_v2_operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/users/me", || get().to(me));
    route_with_slash(routes, "/users/me/password", || put().to(set_password));
    route_with_slash(routes, "/users/me/sessions", || delete().to(sign_out));
}

/// Mounts the demo users' items.
pub(super) fn mount_items(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/users/me/items", || get().to(items));
}

/// Your own profile
///
/// The user of the access token.
#[api_v2_operation(operation_id = "read_users_me", tags("me"))]
async fn me(caller: ActiveUser) -> Result<Json<Profile>, ApiError> {
    Ok(Json(Profile::of(caller)))
}

/// Something that belongs to somebody.
#[derive(Serialize, Apiv2Schema)]
struct Item {
    /// Which one.
    #[openapi(example = "Foo")]
    item_id: &'static str,
    /// Whose.
    #[openapi(example = "johndoe")]
    owner: String,
}

/// Your own items
///
/// What belongs to the user of the access token.
#[api_v2_operation(operation_id = "read_own_items", tags("me"))]
async fn items(caller: Scoped<ActiveUser, ItemsRead>) -> Result<Json<Vec<Item>>, ApiError> {
    Ok(Json(vec![Item { item_id: "Foo", owner: caller.username.to_string() }]))
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "PasswordChange",
    extend(
        "x-strict" = true,
        "example" = json!({"old_password": "1234", "password": "correct horse battery"})
    )
)]
struct PasswordChangeBody {
    #[schemars(with = "String", extend("format" = "password"))]
    old_password: Secret,
    password: NewPassword,
}

crate::failures! {
    PasswordFailure {
        400: "Incorrect password",
        409: "The password was changed meanwhile",
        429: "Too many attempts, try again later",
    }
}

/// Change your own password
///
/// Needs the old one. Ends all your tokens, this one included.
#[api_v2_operation(operation_id = "set_own_password", tags("me"))]
async fn set_password(
    Authorized(caller, body): Authorized<
        AccountOwner<MeRead>,
        extract::Json<PasswordChangeBody, { 16 * 1024 }>,
    >,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, PasswordFailure> {
    let PasswordChangeBody { old_password, password } = body.into_inner();
    let change = PasswordChange { old: old_password, new: password.0 };
    let changed =
        services.accounts.change_password(&caller, change, &caller.author(&request)).await;
    changed.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}

/// Sign out everywhere
///
/// Ends all your tokens, this one included. Your password and API keys stay.
#[api_v2_operation(operation_id = "sign_out_everywhere", tags("me"))]
async fn sign_out(
    caller: AccountOwner<MeRead>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, ApiError> {
    let ended = services.accounts.sign_out_own(&caller, &caller.author(&request)).await;
    ended.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}
