//! The forms of the grants that only registered clients use: `client_credentials` (RFC 6749 §4.4.2) and
//! `authorization_code` (§4.1.3).

use crate::domain::Secret;
use crate::extract::FormFields;
use crate::oauth::{AuthorizationCodeGrant, ClientCredentialsGrant, GrantError, TokenRequest};
use crate::routes::client_form;
use actix_web::HttpRequest;

/// The parameters that must not be there twice.
const ONCE: [&str; 5] = ["grant_type", "scope", "code", "redirect_uri", "code_verifier"];

/// The grant, if the form asks for one of them. A parameter that is there twice is refused, and an empty
/// one counts as absent (RFC 6749 §3.2). Where no client gets a token of its own, a form that names no
/// client is one of `FastAPI`'s.
pub(super) fn read(
    request: &HttpRequest,
    fields: &FormFields,
    has_services: bool,
) -> Result<Option<TokenRequest>, GrantError> {
    let text = |name| fields.get(name).and_then(|value| value.as_str());
    let is_service = match text("grant_type") {
        Some("client_credentials") => true,
        Some("authorization_code") => false,
        _ => return Ok(None),
    };
    // A code is for one resource at most.
    if ONCE.iter().any(|name| fields.repeats(name)) || fields.repeats("resource") {
        return Err(GrantError::InvalidRequest);
    }
    let client = client_form::shown(request, fields)?;
    if is_service && !has_services && client.id.is_none() && client.basic.is_none() {
        return Ok(None);
    }
    if is_service {
        let scope = text("scope").unwrap_or_default().to_owned();
        let grant = ClientCredentialsGrant { client, scope };
        return Ok(Some(TokenRequest::ClientCredentials(grant)));
    }
    let code = text("code").ok_or(GrantError::InvalidRequest)?;
    Ok(Some(TokenRequest::AuthorizationCode(AuthorizationCodeGrant {
        client,
        code: Secret::new(code),
        redirect_uri: text("redirect_uri").map(str::to_owned),
        verifier: text("code_verifier").map(Secret::new),
        resource: text("resource").map(str::to_owned),
    })))
}
