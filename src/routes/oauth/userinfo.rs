//! `/oauth/userinfo`: who the user of a token is (OpenID Connect Core §5.3), with the challenges of RFC 6750
//! whatever the profile: clients of OpenID Connect expect them.

use crate::api_error::{ApiError, AuthScheme, ChallengeStyle, Reason, Refusal};
use crate::domain::{OPENID, Scopes, Secret, User};
use crate::extract::FormFields;
use crate::oauth::GrantError;
use crate::routes::not_stored;
use crate::security::{HttpBearer, Scheme as _, principal_of};
use crate::services::Services;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

/// A token has at most 16 KiB.
const MOST_BYTES: usize = 32 * 1024;

/// The token in the header.
pub(super) async fn by_header(
    services: Data<Services>,
    request: HttpRequest,
) -> Result<HttpResponse, ApiError> {
    let token = in_header(&request);
    respond(token, &services).await
}

/// The token in the header, or in the form's `access_token` (RFC 6750 §2.2); never in both.
pub(super) async fn by_form(
    services: Data<Services>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, ApiError> {
    let in_form = if request.headers().contains_key("content-type") {
        let fields = FormFields::read(&request, payload.into_inner(), MOST_BYTES).await?;
        if fields.repeats("access_token") {
            return Err(GrantError::InvalidRequest.into());
        }
        fields.once("access_token").map(Secret::new)
    } else {
        None
    };
    let token = match (in_header(&request), in_form) {
        (Some(_), Some(_)) => return Err(GrantError::InvalidRequest.into()),
        (header, form) => header.or(form),
    };
    respond(token, &services).await
}

fn in_header(request: &HttpRequest) -> Option<Secret> {
    HttpBearer::new().find(request).ok().flatten()
}

async fn respond(token: Option<Secret>, services: &Services) -> Result<HttpResponse, ApiError> {
    let refused = |reason| {
        let style =
            ChallengeStyle { strict: true, realm: services.settings.security.realm.clone() };
        let (scheme, scope) = (AuthScheme::Bearer, OPENID.to_owned());
        ApiError::Refused(Box::new(Refusal { reason, scheme, scope, style }))
    };
    let token = token.ok_or_else(|| refused(Reason::Absent))?;
    let claims = services.keeper.verify(token.expose()).await;
    let claims = claims.map_err(|_| refused(Reason::Invalid))?;
    let scopes = claims.scopes.clone();
    let principal = principal_of(claims, services).await?;
    let principal = principal.ok_or_else(|| refused(Reason::Invalid))?;
    let user = principal.user().filter(|user| !user.disabled);
    let Some(user) = user else { return Err(refused(Reason::Invalid)) };
    if !scopes.contains(OPENID) {
        return Err(refused(Reason::InsufficientScope));
    }
    Ok(not_stored().json(about(user, &scopes)))
}

/// What the scopes allow to know (§5.4).
fn about(user: &User, scopes: &Scopes) -> Value {
    let mut told = json!({ "sub": user.id.0.to_string() });
    if scopes.contains("profile") {
        told["preferred_username"] = json!(user.username.as_str());
        told["updated_at"] = json!(user.updated_at.seconds());
        if let Some(name) = &user.full_name {
            told["name"] = json!(name);
        }
    }
    if scopes.contains("email")
        && let Some(email) = &user.email
    {
        told["email"] = json!(email);
        // Nobody has checked that the address is the user's.
        told["email_verified"] = json!(false);
    }
    told
}
