//! Refuses callers as the profile in force says.

use crate::api_error::{ApiError, AuthScheme, ChallengeStyle, Reason, Refusal};
use crate::services::Services;
use crate::settings::SecurityProfile;

/// How the profile in force refuses callers.
pub(super) fn style(services: Option<&Services>) -> ChallengeStyle {
    let Some(services) = services else {
        return ChallengeStyle { strict: false, realm: String::new() };
    };
    let security = &services.settings.security;
    ChallengeStyle {
        strict: security.profile == SecurityProfile::Strict,
        realm: security.realm.clone(),
    }
}

/// Refuses a caller.
pub(super) fn refuse(
    style: ChallengeStyle,
    scheme: AuthScheme,
    reason: Reason,
    scopes: &[&str],
) -> ApiError {
    ApiError::Refused(Box::new(Refusal { reason, scheme, scope: scopes.join(" "), style }))
}

/// Refuses a disabled user: 400 `Inactive user`, or in the strict profile like any bad credentials
/// (RFC 6750 §3.1).
pub(super) fn inactive(style: ChallengeStyle, scheme: AuthScheme, scopes: &[&str]) -> ApiError {
    if style.strict {
        refuse(style, scheme, Reason::Invalid, scopes)
    } else {
        ApiError::InactiveUser
    }
}
