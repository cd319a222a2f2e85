//! The form of `grant_type=client_credentials` (RFC 6749 §4.4.2).

use crate::extract::FormFields;
use crate::oauth::{ClientCredentialsGrant, GrantError, TokenRequest};
use crate::routes::client_form;
use actix_web::HttpRequest;

/// The grant, if the form asks for it. A parameter that is there twice is refused, and an empty one
/// counts as absent (RFC 6749 §3.2).
pub(super) fn read(
    request: &HttpRequest,
    fields: &FormFields,
) -> Result<Option<TokenRequest>, GrantError> {
    let text = |name| fields.get(name).and_then(|value| value.as_str());
    if text("grant_type") != Some("client_credentials") {
        return Ok(None);
    }
    if ["grant_type", "scope"].iter().any(|name| fields.repeats(name)) {
        return Err(GrantError::InvalidRequest);
    }
    let scope = text("scope").unwrap_or_default().to_owned();
    let grant = ClientCredentialsGrant { client: client_form::shown(request, fields)?, scope };
    Ok(Some(TokenRequest::ClientCredentials(grant)))
}
