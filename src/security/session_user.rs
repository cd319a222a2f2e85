//! The user of a browser's session, for an application's own pages.

use crate::accounts::{Author, SignedIn};
use crate::api_error::ApiError;
use crate::domain::{Clock as _, Scope, SystemClock, User};
use crate::openapi::Requirements;
use crate::sealing::Flow;
use crate::security::call::services;
use crate::security::dependency::Resolve;
use crate::security::forms::check_form;
use crate::security::required::ScopeList;
use crate::security::session::{page_author, signed_in};
use crate::services::SignIn;
use actix_web::HttpRequest;
use actix_web::http::header::LOCATION;
use actix_web::http::{Method, StatusCode};
use std::ops::Deref;
use std::sync::Arc;

/// The user who is logged in with this browser, for pages of your own. Needs `server.public_url`.
///
/// Without a session, the browser is sent to the login page, and from there back to this one. With
/// [`Scoped`](crate::security::Scoped), the user must hold the scopes. APIs take tokens instead: a session
/// is for pages only.
///
/// A form that changes something has a hidden field with [`form_token`](Self::form_token), which
/// [`check_form`](Self::check_form) asks for, so that no other site sends it in the user's name.
///
/// ```
/// use bailiwick::prelude::*;
/// use bailiwick::security::SessionUser;
///
/// /// A page with a form.
/// async fn page(user: SessionUser) -> String {
///     let token = user.form_token("order");
///     format!(r#"<form method="post"><input type="hidden" name="form_token" value="{token}">…"#)
/// }
///
/// #[derive(serde::Deserialize)]
/// struct Order {
///     form_token: String,
/// }
///
/// /// Takes the form.
/// async fn order(
///     user: SessionUser,
///     request: HttpRequest,
///     form: actix_web::web::Form<Order>,
/// ) -> Result<String, ApiError> {
///     user.check_form(&request, "order", &form.form_token)?;
///     Ok(format!("{} has ordered", user.username))
/// }
/// ```
#[derive(Clone)]
pub struct SessionUser {
    signed_in: Arc<SignedIn>,
    sign_in: Arc<SignIn>,
    scopes: &'static [&'static str],
}

impl SessionUser {
    /// A token for a form of this session; `action` says what the form does.
    #[must_use]
    pub fn form_token(&self, action: &str) -> String {
        self.sign_in.browsers.form_token(&self.session_id(), &own(action))
    }

    /// Refuses a form that was not sent from a page with the token of this session and action.
    pub fn check_form(
        &self,
        request: &HttpRequest,
        action: &str,
        token: &str,
    ) -> Result<(), ApiError> {
        let (id, action) = (self.session_id(), own(action));
        let checked = check_form(request, &self.sign_in, (&id, &action), token, false);
        checked.map_err(|_| {
            ApiError::Forbidden(
                "The form was not sent from this server, or is out of date".to_owned(),
            )
        })
    }

    /// Whether the user holds this scope, too.
    #[must_use]
    pub fn may<S: Scope>(&self) -> bool {
        self.signed_in.user.scopes.contains(S::NAME)
    }

    /// The author of changes that this user makes, for the methods of
    /// [`Accounts`](crate::Accounts).
    #[must_use]
    pub fn author(&self, request: &HttpRequest) -> Author {
        page_author(&self.signed_in, self.scopes, request, &self.sign_in)
    }

    fn session_id(&self) -> String {
        self.signed_in.session.id.to_string()
    }
}

/// No form of an application passes for one of the server's own.
fn own(action: &str) -> String {
    format!("application {action}")
}

impl Deref for SessionUser {
    type Target = User;

    fn deref(&self) -> &User {
        &self.signed_in.user
    }
}

impl Resolve for SessionUser {
    async fn resolve<Outer: ScopeList>(request: &HttpRequest) -> Result<Self, ApiError> {
        let services = services(request)?;
        let Some(sign_in) = services.sign_in.clone() else {
            return Err(ApiError::internal(&"SessionUser needs the setting server.public_url"));
        };
        let Some(signed_in) = signed_in(request, &sign_in).await? else {
            return Err(to_login(request, &sign_in));
        };
        let scopes = const { &Outer::REQUIRED }.names();
        match scopes.iter().find(|scope| !signed_in.user.scopes.contains(scope)) {
            Some(_) => Err(ApiError::Forbidden("Not enough permissions".to_owned())),
            None => Ok(Self { signed_in, sign_in, scopes }),
        }
    }

    fn document<Outer: ScopeList>(found: &mut Requirements) {
        found.add_responses(&[(303, "Log in first"), (403, "Not enough permissions")]);
    }
}

/// To the login page, and from there back to the page that was asked for. What was sent is lost, so a form
/// does not come back.
fn to_login(request: &HttpRequest, sign_in: &SignIn) -> ApiError {
    let mut login = format!("{}/auth/login", sign_in.url.as_str());
    let target = request.uri().path_and_query().map(ToString::to_string);
    if let Some(target) = target.filter(|_| [Method::GET, Method::HEAD].contains(request.method()))
    {
        // Without a target, a login ends at the account page: this one has too long an address.
        if let Ok(flow) = sign_in.flows.seal(&Flow::to(target, SystemClock.now())) {
            login = format!("{login}?flow={flow}");
        }
    }
    ApiError::http(StatusCode::SEE_OTHER, "Log in first").with_header(LOCATION, login)
}

crate::extractor!(SessionUser);
