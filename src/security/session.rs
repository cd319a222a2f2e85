//! The session of a browser, by its cookie. Nothing but pages reads it: an API's callers show tokens.

use crate::accounts::{Author, SignedIn};
use crate::api_error::ApiError;
use crate::domain::{Actor, Sender};
use crate::logging::name_caller;
use crate::security::client_address::sender;
use crate::security::cookies::{BrowserCookie, device};
use crate::services::SignIn;
use actix_web::{HttpMessage as _, HttpRequest};
use std::sync::Arc;

/// What was found for this request.
struct Found(Option<Arc<SignedIn>>);

/// The session of the request's cookie, and its user; looked up once per request.
pub(crate) async fn signed_in(
    request: &HttpRequest,
    sign_in: &SignIn,
) -> Result<Option<Arc<SignedIn>>, ApiError> {
    if let Some(Found(found)) = request.extensions().get() {
        return Ok(found.clone());
    }
    let found = match BrowserCookie::Session.of(request, &sign_in.url) {
        Some(cookie) => sign_in.sessions.of_cookie(&cookie).await?.map(Arc::new),
        None => None,
    };
    if let Some(found) = &found {
        name_caller(&found.user);
    }
    request.extensions_mut().insert(Found(found.clone()));
    Ok(found)
}

/// The author of changes that a user makes on a page, and that need these scopes.
pub(crate) fn page_author(
    signed_in: &SignedIn,
    scopes: &'static [&'static str],
    request: &HttpRequest,
    sign_in: &SignIn,
) -> Author {
    let user = &signed_in.user;
    let username = user.username.clone();
    let actor = Actor { username, id: user.id, scopes, key: None };
    Author::Caller(actor, page_sender(request, sign_in))
}

/// Who sent a page's request; a browser that has logged in before is known.
pub(crate) fn page_sender(request: &HttpRequest, sign_in: &SignIn) -> Sender {
    Sender { device: device(request, sign_in), ..sender(request) }
}
