//! How a caller is refused, in the profile in force.

use crate::api_error::{ApiError, AuthScheme, Manner, Reason, Refusal};
use crate::services::Services;
use crate::settings::Profile;

/// Whose responses to give.
pub(super) fn manner(services: Option<&Services>) -> Manner {
    let Some(services) = services else { return Manner { strict: false, realm: String::new() } };
    let security = &services.settings.security;
    Manner { strict: security.profile == Profile::Strict, realm: security.realm.clone() }
}

/// Refuses a caller.
pub(super) fn refuse(
    manner: Manner,
    scheme: AuthScheme,
    reason: Reason,
    scopes: &[&str],
) -> ApiError {
    ApiError::Refused(Box::new(Refusal { reason, scheme, scope: scopes.join(" "), manner }))
}

/// Refuses a disabled user: 400 `Inactive user`, or as any other bad credentials in the strict
/// profile (RFC 6750 §3.1).
pub(super) fn inactive(manner: Manner, scheme: AuthScheme, scopes: &[&str]) -> ApiError {
    if manner.strict {
        refuse(manner, scheme, Reason::Invalid, scopes)
    } else {
        ApiError::InactiveUser
    }
}
