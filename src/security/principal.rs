//! Who is calling: the result of every scheme, and the one place that compares scopes.

use crate::api_error::AuthScheme;
use crate::domain::{Scopes, User};
use crate::logging::name_caller;
use actix_web::{HttpMessage as _, HttpRequest};
use std::sync::Arc;

/// A user with valid credentials, how they were presented, and what they allow.
///
/// There is no constructor: a principal comes from a request.
#[derive(Clone, Debug)]
pub struct Principal {
    user: Arc<User>,
    scheme: AuthScheme,
    /// The token's scopes; `None` for a password, which allows all that the user may.
    granted: Option<Scopes>,
}

impl Principal {
    pub(super) fn new(user: Arc<User>, scheme: AuthScheme, granted: Option<Scopes>) -> Self {
        name_caller(&user);
        Self { user, scheme, granted }
    }

    /// The user, possibly disabled.
    #[must_use]
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    pub(super) fn into_user(self) -> Arc<User> {
        self.user
    }

    /// How the credentials were presented.
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

    /// Whether a token was presented rather than a password.
    pub(super) fn has_token(&self) -> bool {
        self.granted.is_some()
    }
}

/// The principal that a guard found, kept with its request.
struct Kept(Option<Principal>);

/// Keeps this request's principal, once found, for the extractors behind the guard.
pub(super) fn keep(request: &HttpRequest) {
    let mut extensions = request.extensions_mut();
    if !extensions.contains::<Kept>() {
        extensions.insert(Kept(None));
    }
}

/// Forgets the principal, so that the next extractor resolves it again.
pub(super) fn forget(request: &HttpRequest) {
    if let Some(kept) = request.extensions_mut().get_mut::<Kept>() {
        kept.0 = None;
    }
}

/// The principal that a guard found by this scheme.
pub(super) fn found(request: &HttpRequest, scheme: AuthScheme) -> Option<Principal> {
    let extensions = request.extensions();
    let kept = extensions.get::<Kept>()?.0.as_ref()?;
    (kept.scheme == scheme).then(|| kept.clone())
}

/// Keeps the principal if a guard wants it.
pub(super) fn remember(request: &HttpRequest, principal: &Principal) {
    if let Some(kept) = request.extensions_mut().get_mut::<Kept>() {
        kept.0 = Some(principal.clone());
    }
}
