//! `/auth/account`: what a user sees and changes of the own account.

use crate::accounts::SignedIn;
use crate::api_error::ApiError;
use crate::pages::{AccountPage, render};
use crate::routes::pages::paths::{ACCOUNT, LOGIN, SIGN_OUT};
use crate::routes::pages::{Fields, Follows, Visit, shown, taken};
use crate::security::BrowserCookie;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, ServiceConfig};

pub(super) fn mount(routes: &mut ServiceConfig) {
    shown(routes, ACCOUNT, &show);
    taken(routes, SIGN_OUT, &sign_out);
}

async fn show(visit: Visit) -> HttpResponse {
    let shown = async {
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(LOGIN, [])) };
        let html = render(&AccountPage {
            frame: visit.frame(),
            sign_out_token: &visit.session_form(&by, SIGN_OUT),
            username: by.user.username.as_str(),
        });
        Ok(visit.page(StatusCode::OK, html, Follows::Here))
    };
    let shown = shown.await;
    visit.finish(shown)
}

async fn sign_out(visit: Visit, body: Bytes) -> HttpResponse {
    let form = match Fields::of_form(&visit.request, &body) {
        Ok(form) => form,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let ended = async {
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(LOGIN, [])) };
        if visit.check_session_form(&by, SIGN_OUT, &form).is_err() {
            return Ok(visit.forged());
        }
        end_own(&visit, &by).await?;
        let removed = BrowserCookie::Session.remove(&visit.sign_in.url);
        Ok(visit.go(LOGIN, [removed]))
    };
    let ended = ended.await;
    visit.finish(ended)
}

/// Ends the session of this browser.
async fn end_own(visit: &Visit, by: &SignedIn) -> Result<(), ApiError> {
    let SignedIn { session, user } = by;
    let author = visit.author(by);
    Ok(visit.sign_in.sessions.end(session.id, &user.username, &author).await?)
}
