//! The shipped callers: a chain from the access token to an active user, and HTTP Basic.

use crate::accounts::{AccountError, Author, LoginMethod};
use crate::api_error::{ApiError, AuthScheme, Reason};
use crate::domain::{Actor, MeRead, Scope, User};
use crate::security::call::Call;
use crate::security::caller::Caller;
use crate::security::client_address::sender;
use crate::security::dependency::{Dependency, Scoped};
use crate::security::presented::{Presented, by_key};
use crate::security::principal::{Means, Principal};
use crate::security::scheme::{BasicCredentials, HttpBasic};
use crate::security::whose::resolve;
use crate::services::Services;
use crate::tokens::PresentedKey;
use actix_web::{HttpMessage as _, HttpRequest};
use std::ops::Deref;
use std::sync::Arc;

crate::schemes! {
    /// The same users by HTTP Basic.
    pub BasicLogin as "HTTPBasic" = HttpBasic::new();
}

macro_rules! is_a_user {
    ($($caller:ident)+) => {$(
        impl $caller {
            /// The principal of this caller.
            #[must_use]
            pub fn principal(&self) -> &Principal {
                &self.0.principal
            }

            /// Whether the caller may also do this: the user holds the scope, and the token or
            /// API key, if there is one, carries it.
            #[must_use]
            pub fn may<S: Scope>(&self) -> bool {
                self.0.principal.may(S::NAME)
            }

            pub(crate) fn actor(&self) -> Actor {
                self.0.actor()
            }

            /// The author of changes that this caller makes, for the methods of
            /// [`Accounts`](crate::Accounts).
            #[must_use]
            pub fn author(&self, request: &HttpRequest) -> Author {
                Author::Caller(self.actor(), sender(request))
            }

            /// The response when a change by this caller failed. A caller who may no longer make it
            /// gets the response its next request would get.
            #[must_use]
            pub fn failed(&self, error: impl Into<AccountError>, services: &Services) -> ApiError {
                self.0.failed(error.into(), services)
            }
        }

        impl Deref for $caller {
            type Target = User;

            fn deref(&self) -> &User {
                self.0.user()
            }
        }

        impl From<$caller> for Arc<User> {
            fn from(caller: $caller) -> Self {
                caller.0.into_user()
            }
        }

        crate::extractor!($caller);
    )+};
}

is_a_user! { CurrentUser EnabledUser ActiveUser BasicUser }

/// The user of a valid access token or API key that carries every scope the chain requires; the
/// former may be disabled.
///
/// A scope counts only while the user still holds it: revoking it takes effect on the next request.
#[derive(Clone, Debug)]
pub struct CurrentUser(Caller);

impl Dependency for CurrentUser {
    type Needs = Presented;
    /// A disabled user's API key is good nowhere.
    const RESPONSES: &'static [(u16, &'static str)] = &[(400, "Inactive user")];

    async fn build(presented: Presented, call: &Call<'_>) -> Result<Self, ApiError> {
        resolve(presented, call).await?.admit(call).map(Self)
    }
}

/// A [`CurrentUser`] that is not disabled; requires no scope of its own.
#[derive(Clone, Debug)]
pub struct EnabledUser(Caller);

impl Dependency for EnabledUser {
    type Needs = CurrentUser;
    const RESPONSES: &'static [(u16, &'static str)] = &[(400, "Inactive user")];

    async fn build(CurrentUser(caller): CurrentUser, call: &Call<'_>) -> Result<Self, ApiError> {
        if caller.user().disabled {
            Err(call.inactive(caller.principal.scheme()))
        } else {
            Ok(Self(caller))
        }
    }
}

/// An [`EnabledUser`] whose token carries the scope `me`: FastAPI's `get_current_active_user`.
#[derive(Clone, Debug)]
pub struct ActiveUser(Caller);

impl Dependency for ActiveUser {
    type Needs = Scoped<EnabledUser, MeRead>;

    async fn build(user: Self::Needs, _: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self(user.into_inner().0))
    }
}

/// An enabled user, by HTTP Basic; may do all that the user may or, with an API key for a password,
/// what the key may.
#[derive(Clone, Debug)]
pub struct BasicUser(Caller);

impl Dependency for BasicUser {
    type Needs = BasicLogin;
    const RESPONSES: &'static [(u16, &'static str)] =
        &[(400, "Inactive user"), (429, "Too many attempts, try again later")];

    async fn build(BasicLogin(login): BasicLogin, call: &Call<'_>) -> Result<Self, ApiError> {
        let scheme = AuthScheme::Basic("");
        // Before anything is hashed: it has a password's place, but is none.
        if let Some(key) = PresentedKey::read(login.password.expose()) {
            let principal = by_key((key, scheme), Some(&login.username), call).await?;
            return principal.admit(call).map(Self);
        }
        let user = match verified(call).await? {
            Some(user) => Some(user),
            None => log_in(login, call).await?,
        };
        let user = user.ok_or_else(|| call.refuse(scheme, Reason::WrongPassword))?;
        if user.disabled {
            return Err(call.inactive(scheme));
        }
        Principal::new(user, scheme, Means::Password).admit(call).map(Self)
    }
}

/// The user whose password this request has proved.
struct Verified(Arc<User>);

async fn log_in(login: BasicCredentials, call: &Call<'_>) -> Result<Option<Arc<User>>, ApiError> {
    let accounts = &call.services()?.accounts;
    let shown = (login.username.as_str(), login.password);
    let sender = sender(call.request());
    let user = accounts.authenticate_by(LoginMethod::Basic, shown, sender).await?;
    if let Some(user) = &user {
        call.request().extensions_mut().insert(Verified(Arc::clone(user)));
    }
    Ok(user)
}

/// The user as stored now, if this request has already proved the password: a password is verified
/// once per request, however often the user is resolved, unless it has changed.
async fn verified(call: &Call<'_>) -> Result<Option<Arc<User>>, ApiError> {
    let before = call.request().extensions().get::<Verified>().map(|it| Arc::clone(&it.0));
    let Some(before) = before else { return Ok(None) };
    let now = call.services()?.users.find(&before.username).await?;
    Ok(now.filter(|now| now.id == before.id && now.password_hash == before.password_hash))
}
