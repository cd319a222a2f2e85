//! Who is calling: the result of every scheme, and the one place that compares scopes.

use crate::api_error::AuthScheme;
use crate::domain::{ApiKey, Caller, Client, KeyId, Scopes, User};
use crate::logging::{name_caller, name_client};
use actix_web::{HttpMessage as _, HttpRequest};
use std::sync::Arc;

/// A user, or a client of the authorization server, with valid credentials, how they were presented, and
/// what they allow.
///
/// There is no constructor: a principal comes from a request.
#[derive(Clone, Debug)]
pub struct Principal {
    caller: Caller,
    scheme: AuthScheme,
    means: Means,
}

/// What was presented, and so what it allows of all that the user may.
#[derive(Clone, Debug)]
pub(super) enum Means {
    /// A password: all.
    Password,
    /// A token with these scopes, and the client that got it, if one did.
    Token(Scopes, Option<Box<str>>),
    /// An API key.
    Key(Arc<ApiKey>),
}

impl Principal {
    pub(super) fn new(user: Arc<User>, scheme: AuthScheme, means: Means) -> Self {
        name_caller(&user);
        Self { caller: Caller::User(user), scheme, means }
    }

    /// A client, by a token of its own with these scopes.
    pub(super) fn of_client(client: Arc<Client>, scopes: Scopes) -> Self {
        name_client(&client);
        let caller = Caller::Client(client);
        Self { caller, scheme: AuthScheme::Bearer, means: Means::Token(scopes, None) }
    }

    /// The user, possibly disabled; `None` if it is a client.
    #[must_use]
    pub fn user(&self) -> Option<&Arc<User>> {
        match &self.caller {
            Caller::User(user) => Some(user),
            Caller::Client(_) => None,
        }
    }

    pub(super) fn into_caller(self) -> Caller {
        self.caller
    }

    /// The id of the client that acts in its own name; `None` if it is a user.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        match &self.caller {
            Caller::User(_) => None,
            Caller::Client(client) => Some(client.id.as_str()),
        }
    }

    /// The scopes that the user holds now, or the client has now.
    fn held(&self) -> &Scopes {
        match &self.caller {
            Caller::User(user) => &user.scopes,
            Caller::Client(client) => &client.metadata.scope,
        }
    }

    /// How the credentials were presented.
    #[must_use]
    pub fn scheme(&self) -> AuthScheme {
        self.scheme
    }

    /// Whether the principal may do this: the user or client holds the scope now, and the token or API
    /// key, if there is one, carries it.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        self.held().contains(scope)
            && match &self.means {
                Means::Password => true,
                Means::Token(granted, _) => granted.contains(scope),
                Means::Key(key) => key.scopes.contains(scope),
            }
    }

    /// All that the principal may do.
    pub(crate) fn scopes(&self) -> Scopes {
        let mut scopes = Scopes::default();
        let held = self.held().iter().filter(|scope| self.may(scope));
        held.for_each(|scope| scopes.insert_known(scope));
        scopes
    }

    /// The id of the API key, if one was presented.
    #[must_use]
    pub fn api_key(&self) -> Option<&str> {
        self.key_id().map(KeyId::as_str)
    }

    pub(super) fn key_id(&self) -> Option<&KeyId> {
        match &self.means {
            Means::Key(key) => Some(&key.id),
            Means::Password | Means::Token(..) => None,
        }
    }

    /// Whether a token was presented rather than a password or an API key.
    pub(super) fn has_token(&self) -> bool {
        matches!(self.means, Means::Token(..))
    }

    /// The client that got the user's token, if one did.
    pub(super) fn issued_to(&self) -> Option<&str> {
        match &self.means {
            Means::Token(_, client) => client.as_deref(),
            Means::Password | Means::Key(_) => None,
        }
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

/// The principal that a guard found by any scheme.
pub(super) fn kept(request: &HttpRequest) -> Option<Principal> {
    request.extensions().get::<Kept>()?.0.clone()
}

/// Keeps the principal if a guard wants it.
pub(super) fn remember(request: &HttpRequest, principal: &Principal) {
    if let Some(kept) = request.extensions_mut().get_mut::<Kept>() {
        kept.0 = Some(principal.clone());
    }
}
