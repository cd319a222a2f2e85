//! Who is calling: what every scheme makes of the credentials that it finds, and the one place where
//! scopes are compared.

use crate::api_error::AuthScheme;
use crate::domain::{Scopes, User};
use actix_web::{HttpMessage as _, HttpRequest};
use std::sync::Arc;

/// A user whose credentials are good, how they were shown, and what they allow.
///
/// There is no constructor: a principal comes from a request.
#[derive(Clone, Debug)]
pub struct Principal {
    user: Arc<User>,
    scheme: AuthScheme,
    /// What the token carries; absent where no token was shown, but a password: all that the user may.
    granted: Option<Scopes>,
}

impl Principal {
    pub(super) fn new(user: Arc<User>, scheme: AuthScheme, granted: Option<Scopes>) -> Self {
        Self { user, scheme, granted }
    }

    /// The user, who may be disabled.
    #[must_use]
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    pub(super) fn into_user(self) -> Arc<User> {
        self.user
    }

    /// How the credentials were shown.
    #[must_use]
    pub fn scheme(&self) -> AuthScheme {
        self.scheme
    }

    /// Whether the principal may do this: the user holds the scope now, and the token, if there is
    /// one, carries it.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        self.user.scopes.contains(scope)
            && self.granted.as_ref().is_none_or(|granted| granted.contains(scope))
    }

    /// Whether a token was shown, not a password.
    pub(super) fn has_token(&self) -> bool {
        self.granted.is_some()
    }
}

/// Kept with a request behind a guard: who the guard has found.
struct Kept(Option<Principal>);

/// Has the principal of this request kept, once it is found, for those who ask after the guard.
pub(super) fn keep(request: &HttpRequest) {
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<Kept>() {
        extensions.insert(Kept(None));
    }
}

/// Forgets who was found, so that the next who asks has to look again.
pub(super) fn forget(request: &HttpRequest) {
    if let Some(kept) = request.extensions_mut().get_mut::<Kept>() {
        kept.0 = None;
    }
}

/// Whom a guard has found by this scheme.
pub(super) fn found(request: &HttpRequest, scheme: AuthScheme) -> Option<Principal> {
    let extensions = request.extensions();
    let kept = extensions.get::<Kept>()?.0.as_ref()?;
    (kept.scheme == scheme).then(|| kept.clone())
}

/// Keeps the principal, if that is asked for.
pub(super) fn remember(request: &HttpRequest, principal: &Principal) {
    if let Some(kept) = request.extensions_mut().get_mut::<Kept>() {
        kept.0 = Some(principal.clone());
    }
}
