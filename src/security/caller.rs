//! A user who calls: what it may change, and what it is told when it may not.

use crate::accounts::AccountError;
use crate::api_error::{ApiError, AuthScheme, Manner, Reason, Refusal};
use crate::domain::RepositoryError;
use crate::domain::User;
use crate::domain::{Actor, Denied};
use crate::security::principal::Principal;
use crate::services::Services;
use crate::settings::Profile;

/// A principal that was let in, and the scopes that it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) scopes: &'static [&'static str],
}

impl Caller {
    pub(super) fn actor(&self) -> Actor {
        let User { username, id, .. } = &**self.principal.user();
        Actor { username: username.clone(), id: *id, scopes: self.scopes }
    }

    pub(super) fn failed(&self, error: AccountError, services: &Services) -> ApiError {
        let AccountError::Repository(RepositoryError::Denied(cause)) = error else {
            return error.into();
        };
        let manner = manner(Some(services));
        match cause {
            Denied::Gone => refuse(manner, self.principal.scheme(), Reason::Invalid, self.scopes),
            Denied::Disabled => inactive(manner, self.principal.scheme(), self.scopes),
            Denied::MissingScope => {
                refuse(manner, self.principal.scheme(), Reason::InsufficientScope, self.scopes)
            }
        }
    }
}

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
