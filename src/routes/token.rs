//! `POST /token`: a form in, a bearer token out.

use crate::oauth::{GrantContext, TokenResponse};
use crate::routes::form::TokenForm;
use crate::routes::route_with_slash;
use crate::security::sender;
use crate::services::Services;
use crate::settings::SecurityProfile;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, Responder};
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{OperationModifier, api_v2_operation};
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use std::collections::BTreeMap;

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, "/token", || post().to(login));
}

crate::failures! {
    LoginFailure {
        400: "Incorrect username or password",
        401: "Client authentication failed",
        429: "Too many attempts, try again later",
    }
}

/// A response with a token: no cache may store it.
struct NotStored(TokenResponse);

impl Responder for NotStored {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((PRAGMA, "no-cache"))
            .json(self.0)
    }
}

impl paperclip::v2::schema::Apiv2Schema for NotStored {}

impl OperationModifier for NotStored {
    fn update_response(operation: &mut DefaultOperationRaw) {
        Json::<TokenResponse>::update_response(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<TokenResponse>::update_definitions(map);
    }
}

/// Log in
///
/// User name and password in, a bearer token out (RFC 6749 §4.3). The token carries the scopes asked
/// for, which must be among the user's own.
#[api_v2_operation(operation_id = "login_for_access_token", tags("token"))]
async fn login(
    TokenForm(asked): TokenForm,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NotStored, LoginFailure> {
    let context = GrantContext {
        accounts: &services.accounts,
        sender: sender(&request),
        tokens: &services.tokens,
        strict: services.settings.security.profile == SecurityProfile::Strict,
    };
    Ok(NotStored(asked.redeem(context, &services.clients).await?))
}
