//! A user who calls: what it may change, and what it is told when it may not.

use crate::accounts::AccountError;
use crate::api_error::{ApiError, AuthScheme, Manner, Reason, Refusal};
use crate::domain::RepositoryError;
use crate::domain::Scopes;
use crate::domain::User;
use crate::domain::{Actor, Denied};
use crate::services::Services;
use crate::settings::Profile;
use std::sync::Arc;

/// A user, by which scheme it has called, and the scopes that it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) user: Arc<User>,
    pub(super) scheme: AuthScheme,
    pub(super) scopes: &'static [&'static str],
    /// What a token allows; absent: all that the user may do.
    pub(super) granted: Option<Scopes>,
}

impl Caller {
    pub(super) fn may(&self, scope: &str) -> bool {
        self.user.scopes.contains(scope)
            && self.granted.as_ref().is_none_or(|granted| granted.contains(scope))
    }

    pub(super) fn actor(&self) -> Actor {
        let User { username, id, .. } = &*self.user;
        Actor { username: username.clone(), id: *id, scopes: self.scopes }
    }

    pub(super) fn failed(&self, error: AccountError, services: &Services) -> ApiError {
        let AccountError::Repository(RepositoryError::Denied(cause)) = error else {
            return error.into();
        };
        let manner = manner(Some(services));
        match cause {
            Denied::Gone => refuse(manner, self.scheme, Reason::Invalid, self.scopes),
            Denied::Disabled => inactive(manner, self.scheme, self.scopes),
            Denied::MissingScope => {
                refuse(manner, self.scheme, Reason::InsufficientScope, self.scopes)
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
