//! What a request shows of its user: an access token, or an API key.

use crate::api_error::{ApiError, AuthScheme, Reason};
use crate::domain::AuditReason;
use crate::openapi::Requirements;
use crate::security::call::Call;
use crate::security::client_address::sender;
use crate::security::dependency::Resolve;
use crate::security::principal::{Means, Principal};
use crate::security::required::ScopeList;
use crate::security::scheme::{
    ApiKeyHeader, DeclaredScheme as _, OAuth2PasswordBearer, Scheme as _,
};
use crate::tokens::PresentedKey;
use actix_web::HttpRequest;

crate::schemes! {
    /// Log in with user name and password; the scopes ticked here go into the token.
    pub AccessToken as "OAuth2PasswordBearer" = OAuth2PasswordBearer::new("token");
    /// An API key of this server (`bwk_…`). It is also accepted as a bearer token, and with its owner's
    /// name as a password by HTTP Basic.
    pub OwnApiKey as "APIKey" = ApiKeyHeader::new("X-API-Key");
}

/// An access token, or an API key of this server. What else stands in `X-API-Key` is the
/// application's, and counts as nothing.
pub enum Presented {
    /// Verified by its signature.
    Token(AccessToken),
    /// Looked up.
    Key(PresentedKey, AuthScheme),
}

impl Presented {
    /// How it was presented.
    pub(super) fn scheme(&self) -> AuthScheme {
        match self {
            Self::Token(_) => AuthScheme::Bearer,
            Self::Key(_, scheme) => *scheme,
        }
    }
}

impl Resolve for Presented {
    async fn resolve<Outer: ScopeList>(request: &HttpRequest) -> Result<Self, ApiError> {
        if let Ok(Some(token)) = AccessToken::SCHEME.find(request) {
            return Ok(match PresentedKey::read(token.expose()) {
                Some(key) => Self::Key(key, AuthScheme::Bearer),
                None => Self::Token(AccessToken::found(token)),
            });
        }
        let key = OwnApiKey::SCHEME.find(request).ok().flatten();
        match key.and_then(|key| PresentedKey::read(key.expose())) {
            Some(key) => Ok(Self::Key(key, AuthScheme::ApiKey)),
            // Refuses: there is none.
            None => AccessToken::resolve::<Outer>(request).await.map(Self::Token),
        }
    }

    fn document<Outer: ScopeList>(found: &mut Requirements) {
        found.add_scheme::<AccessToken, Outer>();
        found.add_instead::<OwnApiKey>();
    }
}

/// The principal of an API key; with `by`, only that user may present it. A disabled owner's key is
/// refused wherever it is shown.
pub(super) async fn by_key(
    (key, scheme): (PresentedKey, AuthScheme),
    by: Option<&str>,
    call: &Call<'_>,
) -> Result<Principal, ApiError> {
    let holder = call.services()?.api_keys.holder(key, by, || sender(call.request())).await?;
    match holder {
        Ok(holder) => Ok(Principal::new(holder.user, scheme, Means::Key(holder.key))),
        Err(AuditReason::UserDisabled) => Err(call.inactive(scheme)),
        Err(_) if by.is_some() => Err(call.refuse(scheme, Reason::WrongPassword)),
        Err(_) => Err(call.refuse(scheme, Reason::Invalid)),
    }
}
