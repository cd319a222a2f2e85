//! What a form and its header show of the client that sends it.

use crate::domain::Secret;
use crate::extract::FormFields;
use crate::oauth::{BasicPair, ClientCredentials, GrantError};
use crate::security::{BasicCredentials, HttpBasic, Scheme as _};
use actix_web::HttpRequest;

/// The names of what a client shows.
const NAMES: [&str; 4] =
    ["client_id", "client_secret", "client_assertion", "client_assertion_type"];

/// What is shown by header and form. A parameter that is empty counts as absent, and one that is there
/// twice is refused (RFC 6749 §3.2).
pub(super) fn shown(
    request: &HttpRequest,
    fields: &FormFields,
) -> Result<ClientCredentials, GrantError> {
    if NAMES.iter().any(|name| fields.repeats(name)) {
        return Err(GrantError::InvalidRequest);
    }
    Ok(last_shown(request, fields))
}

/// The same as FastAPI's form reads it: the last of several counts.
pub(super) fn last_shown(request: &HttpRequest, fields: &FormFields) -> ClientCredentials {
    let text = |name| fields.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let basic = match HttpBasic::new().find(request) {
        Ok(None) => None,
        Ok(Some(BasicCredentials { username, password })) => {
            Some(BasicPair::Read(username, password))
        }
        Err(_) => Some(BasicPair::Malformed),
    };
    ClientCredentials {
        id: text("client_id"),
        secret: text("client_secret").map(Secret::new),
        assertion: text("client_assertion").map(Secret::new),
        assertion_type: text("client_assertion_type"),
        basic,
    }
}
