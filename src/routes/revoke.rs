//! `POST /oauth/revoke`: ends a token (RFC 7009).

use crate::accounts::LoginEnd;
use crate::oauth::{GrantError, PasswordClient};
use crate::routes::shown_token::ShownToken;
use crate::routes::{not_stored, route_with_slash};
use crate::security::sender;
use crate::services::Services;
use actix_web::body::BoxBody;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, Responder};
use paperclip::actix::web::{ServiceConfig, post};
use paperclip::actix::{OperationModifier, api_v2_operation};
use paperclip::v2::models::{DefaultOperationRaw, DefaultResponseRaw, Either};
use paperclip::v2::schema::Apiv2Schema;

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

/// 200 without a body.
struct Ended;

impl Responder for Ended {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        not_stored().finish()
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
/// login, with all access tokens; that of a registered client needs the client's credentials. A token that
/// is unknown, expired or malformed has ended already.
#[api_v2_operation(operation_id = "revoke_token", tags("token"))]
async fn revoke(
    ShownToken { token, client: shown }: ShownToken,
    services: Data<Services>,
    request: HttpRequest,
) -> Result<Ended, RevokeFailure> {
    let (accounts, sender) = (&services.accounts, sender(&request));
    let client = PasswordClient { shown, is_required: false };
    let client = client.identify(&services.clients, &sender).await?;
    match accounts.end_login(&token, client.as_deref(), &sender).await? {
        LoginEnd::Ended => return Ok(Ended),
        LoginEnd::OfAnotherClient => return Err(GrantError::OthersToken.into()),
        LoginEnd::NoRefreshToken => {}
    }
    if let Ok(claims) = services.keeper.verify(token.expose()).await {
        accounts.revoke(&claims, &sender).await?;
    }
    Ok(Ended)
}
