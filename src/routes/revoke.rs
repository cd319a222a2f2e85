//! `POST /oauth/revoke`: ends a token (RFC 7009).

use crate::api_error::ApiError;
use crate::domain::Secret;
use crate::extract::{FormFields, document_form, form_schema};
use crate::oauth::{GrantError, PasswordClient};
use crate::routes::{client_form, route_with_slash};
use crate::security::sender;
use crate::services::Services;
use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{OperationModifier, api_v2_operation};
use paperclip::v2::models::{DefaultOperationRaw, DefaultResponseRaw, DefaultSchemaRaw, Either};
use paperclip::v2::schema::Apiv2Schema;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::pin::Pin;

/// Its path.
pub(super) const REVOKE: &str = "/oauth/revoke";

pub(super) fn mount(routes: &mut ServiceConfig) {
    route_with_slash(routes, REVOKE, || post().to(revoke));
}

crate::failures! {
    RevokeFailure {
        400: "A parameter is missing or malformed",
        401: "Client authentication failed",
    }
}

/// A token has at most 16 KiB.
const MOST_BYTES: usize = 32 * 1024;

/// What the document says of the form.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "RevocationRequest", description = "The form of RFC 7009")]
#[expect(dead_code, reason = "read as RFC 6749 says: a parameter must not be repeated")]
struct RevocationForm {
    /// The token to end.
    #[schemars(with = "String", length(min = 1))]
    token: Secret,
    /// Not needed: a token shows what it is.
    #[schemars(extend("example" = "access_token"))]
    #[serde(default)]
    token_type_hint: String,
}

/// The token to end, and what is shown of a client.
struct Asked(Secret, PasswordClient);

impl FromRequest for Asked {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let fields = FormFields::read(&request, payload, MOST_BYTES).await?;
            match fields.once("token") {
                Some(token) if !fields.repeats("token_type_hint") => {
                    let shown = client_form::shown(&request, &fields)?;
                    let client = PasswordClient { shown, is_required: false };
                    Ok(Self(Secret::new(token), client))
                }
                _ => Err(GrantError::InvalidRequest.into()),
            }
        })
    }
}

impl Apiv2Schema for Asked {}

impl OperationModifier for Asked {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        document_form(operation, &form_schema::<RevocationForm>());
    }

    fn update_definitions(_: &mut BTreeMap<String, DefaultSchemaRaw>) {}
}

/// 200 without a body.
struct Ended;

impl Responder for Ended {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let no_store = [(CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
        let mut response = HttpResponse::Ok();
        for header in no_store {
            response.insert_header(header);
        }
        response.finish()
    }
}

impl Apiv2Schema for Ended {}

impl OperationModifier for Ended {
    fn update_response(operation: &mut DefaultOperationRaw) {
        let description = Some("The token has ended, or was none".to_owned());
        let ended = DefaultResponseRaw { description, ..DefaultResponseRaw::default() };
        operation.responses.insert("200".to_owned(), Either::Right(ended));
    }
}

/// End a token
///
/// Whoever holds a token may end it (RFC 7009), on every server within a second. A refresh token ends its
/// login, with all access tokens; that of a registered client needs the client's credentials. A token that is unknown, expired or malformed has ended already.
#[api_v2_operation(operation_id = "revoke_token", tags("token"))]
async fn revoke(
    Asked(token, client): Asked,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Ended, RevokeFailure> {
    let (accounts, sender) = (&services.accounts, sender(&request));
    let client = client.identify(&services.clients, &sender).await?;
    if accounts.end_login(&token, client.as_deref(), &sender).await? {
        return Ok(Ended);
    }
    if let Ok(claims) = services.keeper.verify(token.expose()).await {
        accounts.revoke(&claims, &sender).await?;
    }
    Ok(Ended)
}
