//! `POST /token`: a form in, a bearer token out.

use crate::oauth::{GrantContext, GrantError, TokenRequest, TokenResponse};
use crate::routes::form::TokenForm;
use crate::routes::{not_stored, route_with_slash};
use crate::security::sender;
use crate::services::Services;
use crate::settings::SecurityProfile;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, Responder};
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{OperationModifier, api_v2_operation};
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use std::collections::BTreeMap;

/// Its path.
pub(super) const TOKEN: &str = "/token";

pub(super) fn mount(routes: &mut ServiceConfig, refreshes: bool) {
    if refreshes {
        route_with_slash(routes, TOKEN, || post().to(login_or_refresh));
    } else {
        route_with_slash(routes, TOKEN, || post().to(login));
    }
}

crate::failures! {
    LoginFailure {
        400: "Incorrect username or password",
        401: "Client authentication failed",
        429: "Too many attempts, try again later",
    }
}

/// A response with a token: no cache may store it.
struct NotStored<const REFRESHES: bool>(TokenResponse);

impl<const REFRESHES: bool> Responder for NotStored<REFRESHES> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        not_stored().json(self.0)
    }
}

impl<const REFRESHES: bool> Apiv2Schema for NotStored<REFRESHES> {}

impl<const REFRESHES: bool> OperationModifier for NotStored<REFRESHES> {
    fn update_response(operation: &mut DefaultOperationRaw) {
        Json::<TokenResponse>::update_response(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<TokenResponse>::update_definitions(map);
        let Some(token) = map.get_mut("Token") else { return };
        // The document has FastAPI's form, which has no ID tokens.
        token.properties.remove("id_token");
        if !REFRESHES {
            token.properties.remove("refresh_token");
        }
    }
}

/// Log in
///
/// User name and password in, a bearer token out (RFC 6749 §4.3). The token carries the scopes asked
/// for, which must be among the user's own.
#[api_v2_operation(operation_id = "login_for_access_token", tags("token"))]
async fn login(
    TokenForm(asked): TokenForm<false>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NotStored<false>, LoginFailure> {
    Ok(NotStored(redeem(asked, &services, &request).await?))
}

/// Log in, or renew a token
///
/// User name and password in, a bearer token and a refresh token out (RFC 6749 §4.3). With
/// `grant_type=refresh_token`, the refresh token takes the place of both (§6), and the response has the
/// next one.
#[api_v2_operation(operation_id = "login_for_access_token", tags("token"))]
async fn login_or_refresh(
    TokenForm(asked): TokenForm<true>,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<NotStored<true>, LoginFailure> {
    Ok(NotStored(redeem(asked, &services, &request).await?))
}

async fn redeem(
    asked: TokenRequest,
    services: &Services,
    request: &HttpRequest,
) -> Result<TokenResponse, GrantError> {
    let context = GrantContext {
        accounts: &services.accounts,
        sender: sender(request),
        tokens: &services.tokens,
        strict: services.settings.security.profile == SecurityProfile::Strict,
    };
    if matches!(asked, TokenRequest::AuthorizationCode(_)) {
        // It needs the keys for ID tokens.
        services.keeper.starts_signing_in().await;
    }
    let authorizations = services.sign_in.as_ref().map(|it| &it.authorizations);
    asked.redeem(context, &services.clients, authorizations).await
}
