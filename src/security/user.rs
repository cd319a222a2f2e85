//! The shipped callers: a chain from the access token to an active user, and HTTP Basic.

use crate::api_error::{ApiError, AuthScheme, Reason};
use crate::domain::MeRead;
use crate::domain::User;
use crate::security::dependency::{Call, Dependency, Scoped};
use crate::security::scheme::{HttpBasic, OAuth2PasswordBearer};
use std::ops::Deref;
use std::sync::Arc;

crate::schemes! {
    /// Log in with user name and password; the scopes ticked here go into the token.
    pub AccessToken as "OAuth2PasswordBearer" = OAuth2PasswordBearer::new("token");
    /// The same users by HTTP Basic.
    pub BasicLogin as "HTTPBasic" = HttpBasic::new();
}

macro_rules! is_a_user {
    ($($caller:ident)+) => {$(
        impl Deref for $caller {
            type Target = User;

            fn deref(&self) -> &User {
                &self.0
            }
        }

        impl From<$caller> for Arc<User> {
            fn from(caller: $caller) -> Self {
                caller.0
            }
        }

        crate::extractor!($caller);
    )+};
}

is_a_user! { CurrentUser EnabledUser ActiveUser BasicUser }

/// The user of a valid access token that carries every scope the chain asks for; may be disabled.
///
/// A scope counts only while the user still has it, so taking it away bites at the next request.
#[derive(Clone, Debug)]
pub struct CurrentUser(Arc<User>);

impl Dependency for CurrentUser {
    type Needs = AccessToken;

    async fn build(token: AccessToken, call: &Call<'_>) -> Result<Self, ApiError> {
        let services = call.services()?;
        let Ok(claims) = services.tokens.verify(token.expose()) else {
            return Err(call.invalid());
        };
        let user = match services.users.find_in_memory(claims.subject.as_str()) {
            Some(user) => Some(user),
            None => services.users.find(&claims.subject).await?,
        };
        let user = user.filter(|user| claims.are_of(user)).ok_or_else(|| call.invalid())?;
        let granted = |scope: &&str| claims.scopes.contains(scope) && user.scopes.contains(scope);
        if call.scopes().iter().all(granted) {
            Ok(Self(user))
        } else {
            Err(call.insufficient_scope())
        }
    }
}

/// A [`CurrentUser`] that is not disabled; asks for no scope of its own.
#[derive(Clone, Debug)]
pub struct EnabledUser(Arc<User>);

impl Dependency for EnabledUser {
    type Needs = CurrentUser;
    const ANSWERS: &'static [(u16, &'static str)] = &[(400, "Inactive user")];

    async fn build(CurrentUser(user): CurrentUser, call: &Call<'_>) -> Result<Self, ApiError> {
        if user.disabled { Err(call.inactive(AuthScheme::Bearer)) } else { Ok(Self(user)) }
    }
}

/// An [`EnabledUser`] whose token carries the scope `me`: FastAPI's `get_current_active_user`.
#[derive(Clone, Debug)]
pub struct ActiveUser(Arc<User>);

impl Dependency for ActiveUser {
    type Needs = Scoped<EnabledUser, MeRead>;

    async fn build(user: Self::Needs, _: &Call<'_>) -> Result<Self, ApiError> {
        Ok(Self(user.into_inner().0))
    }
}

/// A user that is not disabled, by HTTP Basic; has every scope that the user has.
#[derive(Clone, Debug)]
pub struct BasicUser(Arc<User>);

impl Dependency for BasicUser {
    type Needs = BasicLogin;
    const ANSWERS: &'static [(u16, &'static str)] = &[(400, "Inactive user")];

    async fn build(BasicLogin(login): BasicLogin, call: &Call<'_>) -> Result<Self, ApiError> {
        let scheme = AuthScheme::Basic("");
        let refuse = |reason| call.refuse(scheme, reason);
        let authenticator = &call.services()?.authenticator;
        let user = authenticator.authenticate(&login.username, login.password).await?;
        let user = user.ok_or_else(|| refuse(Reason::WrongPassword))?;
        if user.disabled {
            Err(call.inactive(scheme))
        } else if call.scopes().iter().all(|scope| user.scopes.contains(scope)) {
            Ok(Self(user))
        } else {
            Err(refuse(Reason::InsufficientScope))
        }
    }
}
