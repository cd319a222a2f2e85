//! `/users/me`: the caller's own profile, items and password.

use crate::accounts::PasswordChange;
use crate::api_error::ApiError;
use crate::domain::ItemsRead;
use crate::routes::fields::Fields;
use crate::routes::json_body::{Body, JsonBody};
use crate::routes::profile::Profile;
use crate::routes::route_with_slash;
use crate::security::{ActiveUser, Authorized, Scoped};
use crate::services::Services;
use actix_web::HttpRequest;
use actix_web::web::{Data, Json};
use paperclip::actix::web::{ServiceConfig, get, put};
use paperclip::actix::{Apiv2Schema, NoContent, api_v2_operation};
use serde::Serialize;
use serde_json::{Value, json};

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/users/me", || get().to(me));
    route_with_slash(routes, "/users/me/password", || put().to(set_password));
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

/// The old password and a new one.
struct PasswordChangeBody(PasswordChange);

impl Body for PasswordChangeBody {
    const NAME: &'static str = "PasswordChange";
    const MOST: usize = 16 * 1024;

    fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["old_password", "password"],
            "additionalProperties": false,
            "properties": {
                "old_password": {"type": "string", "format": "password"},
                "password": super::fields::password_schema(),
            },
            "example": {"old_password": "1234", "password": "correct horse battery"},
        })
    }

    fn read(fields: &mut Fields<'_>) -> Option<Self> {
        let (old_password, password) =
            (fields.secret("old_password"), fields.new_password("password"));
        Some(Self(PasswordChange { old: old_password?, new: password? }))
    }
}

crate::failures! {
    PasswordFailure {
        400: "Incorrect password",
        409: "The password was changed meanwhile",
    }
}

/// Change your own password
///
/// Needs the old one. Tokens that are out stay valid until they expire.
#[api_v2_operation(operation_id = "set_own_password", tags("me"))]
async fn set_password(
    Authorized(caller, (body,)): Authorized<ActiveUser, (JsonBody<PasswordChangeBody>,)>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NoContent, PasswordFailure> {
    let changed = services
        .accounts
        .change_password(&caller, body.into_inner().0, &caller.author(&request))
        .await;
    changed.map_err(|error| caller.failed(error, &services))?;
    Ok(NoContent)
}
