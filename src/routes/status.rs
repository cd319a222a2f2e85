//! `GET /status`: whether the system answers, for any user with a valid token.

use crate::api_error::ApiError;
use crate::routes::route_with_slash;
use crate::security::CurrentUser;
use actix_web::web::Json;
use paperclip::actix::web::{ServiceConfig, get};
use paperclip::actix::{Apiv2Schema, api_v2_operation};
use serde::Serialize;

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/status", || get().to(status));
}

/// How the system is.
#[derive(Serialize, Apiv2Schema)]
struct Status {
    /// `ok`.
    #[openapi(example = "ok")]
    status: &'static str,
}

/// How the system is
///
/// Any user with a valid token may ask, even a disabled one.
#[api_v2_operation(operation_id = "read_system_status", tags("status"))]
async fn status(_: CurrentUser) -> Result<Json<Status>, ApiError> {
    Ok(Json(Status { status: "ok" }))
}
