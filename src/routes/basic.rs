//! `GET /basic/users/me`: the caller's profile by HTTP Basic.

use crate::api_error::ApiError;
use crate::routes::profile::Profile;
use crate::routes::route_with_slash;
use crate::security::BasicUser;
use actix_web::web::Json;
use paperclip::actix::api_v2_operation;
use paperclip::actix::web::{ServiceConfig, get};

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/basic/users/me", || get().to(me));
}

/// Your own profile, by HTTP Basic
///
/// A browser asks for user name and password; the password is never shown again.
#[api_v2_operation(operation_id = "read_current_user_basic", tags("me"))]
async fn me(caller: BasicUser) -> Result<Json<Profile>, ApiError> {
    Ok(Json(Profile::of(caller)))
}
