//! `POST /token`: a form in, a bearer token out.

use crate::api_error::Failure;
use crate::oauth::{GrantContext, TokenResponse};
use crate::routes::both;
use crate::routes::form::TokenForm;
use crate::security::origin;
use crate::services::Services;
use crate::settings::Profile;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, Responder};
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{Apiv2Schema, OperationModifier, api_v2_operation};
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn mount(routes: &mut ServiceConfig) {
    both(routes, "/token", || post().to(login));
}

/// An access token (RFC 6749 §5.1).
#[derive(Serialize, Apiv2Schema)]
#[expect(clippy::struct_field_names, reason = "the names of RFC 6749 §5.1")]
struct Token {
    /// The token: a signed JWT.
    #[openapi(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.signature")]
    access_token: String,
    /// `bearer`.
    #[openapi(example = "bearer")]
    token_type: String,
    /// Seconds until it expires.
    #[openapi(example = "1800")]
    expires_in: u64,
    /// The scopes that it carries; absent where it carries none.
    #[openapi(example = "me items")]
    scope: Option<String>,
}

/// A token's answer: never to be stored by anyone on the way.
struct TokenAnswer(TokenResponse);

impl Responder for TokenAnswer {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((PRAGMA, "no-cache"))
            .json(self.0)
    }
}

impl paperclip::v2::schema::Apiv2Schema for TokenAnswer {}

impl OperationModifier for TokenAnswer {
    fn update_response(operation: &mut DefaultOperationRaw) {
        Json::<Token>::update_response(operation);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<Token>::update_definitions(map);
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
) -> Result<TokenAnswer, Failure<400>> {
    let context = GrantContext {
        accounts: &services.accounts,
        client: origin(&request),
        tokens: &services.tokens,
        strict: services.settings.security.profile == Profile::Strict,
    };
    Ok(TokenAnswer(asked.redeem(context).await?))
}
