//! A caller that a chain has admitted: its actor, and the response when a change of its fails.

use crate::accounts::AccountError;
use crate::api_error::{ApiError, Reason};
use crate::domain::{self, Actor, Denied, RepositoryError, User};
use crate::security::call::Call;
use crate::security::principal::Principal;
use crate::security::refusal::{inactive, refuse, style};
use crate::services::Services;
use crate::tokens::NO_SCOPE;
use std::sync::Arc;

/// An admitted user, and the scopes the chain requires.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) scopes: &'static [&'static str],
}

impl Caller {
    pub(super) fn user(&self) -> &Arc<User> {
        let Some(user) = self.principal.user() else { unreachable!("only users are admitted") };
        user
    }

    pub(super) fn into_user(self) -> Arc<User> {
        match self.principal.into_caller() {
            domain::Caller::User(user) => user,
            domain::Caller::Client(_) => unreachable!("only users are admitted"),
        }
    }

    pub(super) fn actor(&self) -> Actor {
        let User { username, id, .. } = &**self.user();
        let key = self.principal.key_id().copied();
        Actor { username: username.clone(), id: *id, scopes: self.scopes, key }
    }

    pub(super) fn failed(&self, error: AccountError, services: &Services) -> ApiError {
        let AccountError::Repository(RepositoryError::Denied(cause)) = error else {
            return error.into();
        };
        let style = style(Some(services));
        match cause {
            Denied::Gone | Denied::Revoked => {
                refuse(style, self.principal.scheme(), Reason::Invalid, self.scopes)
            }
            Denied::Disabled => inactive(style, self.principal.scheme(), self.scopes),
            Denied::MissingScope => {
                refuse(style, self.principal.scheme(), Reason::InsufficientScope, self.scopes)
            }
        }
    }
}

impl Principal {
    /// Admits a user who holds every scope the chain requires. A client's token is none of a user.
    pub(super) fn admit(self, call: &Call<'_>) -> Result<Caller, ApiError> {
        if self.user().is_none() {
            return Err(call.refuse(self.scheme(), Reason::Invalid));
        }
        self.check(call)?;
        Ok(Caller { principal: self, scopes: call.scopes() })
    }

    /// Whether the principal holds every scope the chain requires.
    pub(super) fn check(&self, call: &Call<'_>) -> Result<(), ApiError> {
        if call.scopes().iter().all(|scope| self.may(scope)) {
            return Ok(());
        }
        if self.has_token() {
            call.services()?.tokens.refused().count(NO_SCOPE);
        }
        Err(call.refuse(self.scheme(), Reason::InsufficientScope))
    }
}
