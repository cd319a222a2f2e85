//! `/oauth/logout`: a client ends the session of the browser (OpenID Connect RP-Initiated Logout).

use crate::accounts::SignedIn;
use crate::api_error::ApiError;
use crate::domain::Client;
use crate::oauth::Parameters;
use crate::pages::{SignOutPage, SignedOutPage, render};
use crate::routes::pages::visit::now;
use crate::routes::pages::{Fields, Follows, Visit, account, shown, taken};
use crate::sealing::Flow;
use crate::security::BrowserCookie;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, ServiceConfig};
use std::sync::Arc;

pub(super) const PATH: &str = "/oauth/logout";
pub(super) const CONFIRM: &str = "/auth/sign-out";
pub(super) const SIGNED_OUT: &str = "/auth/signed-out";

/// The parameters that count once the hint is read.
const KEPT: [&str; 4] = ["client_id", "post_logout_redirect_uri", "state", "ui_locales"];

pub(super) fn mount(routes: &mut ServiceConfig) {
    shown(routes, PATH, &show);
    taken(routes, PATH, &send);
    taken(routes, CONFIRM, &confirm);
    shown(routes, SIGNED_OUT, &signed_out);
}

/// A request that can be done.
#[derive(Default)]
struct Asked {
    /// The client for which the hint was made: where the browser may go afterwards.
    client: Option<Arc<Client>>,
    redirect: Option<String>,
    /// Whether the client says whose session it is: then nobody has to be asked.
    is_hinted: bool,
}

async fn show(visit: Visit) -> HttpResponse {
    let parameters = Parameters::of_query(visit.request.query_string());
    let visit = visit.speaking(parameters.first("ui_locales"));
    let done = async {
        let by = visit.signed_in().await?;
        let asked = match read(&visit, &parameters, by.as_deref()).await? {
            Ok(asked) => asked,
            Err(response) => return Ok(response),
        };
        match by {
            Some(by) if !asked.is_hinted => Ok(ask(&visit, &parameters, &asked, &by)),
            Some(by) => end(&visit, &by, asked.redirect).await,
            None => Ok(go_on(&visit, asked.redirect)),
        }
    };
    let done = done.await;
    visit.finish(done)
}

async fn send(visit: Visit, body: Bytes) -> HttpResponse {
    visit.send_on(PATH, &body)
}

/// Reads a request, or responds with what is wrong. Only a URI that is registered of the client for which
/// the hint was made is gone on to.
async fn read(
    visit: &Visit,
    parameters: &Parameters,
    by: Option<&SignedIn>,
) -> Result<Result<Asked, HttpResponse>, ApiError> {
    for name in ["id_token_hint", "client_id", "post_logout_redirect_uri", "state"] {
        if parameters.once(name).is_err() {
            return Ok(Err(visit.bad(&format!("The request has `{name}` more than once."))));
        }
    }
    let hint = parameters.first("id_token_hint");
    let hint = hint.and_then(|hint| visit.services.tokens.read_id_token(hint));
    let client = match &hint {
        Some(hint) => visit.services.clients.find(&hint.client).await?,
        None => None,
    };
    if let (Some(client), Some(id)) = (&client, parameters.first("client_id"))
        && client.id.as_str() != id
    {
        return Ok(Err(visit.bad("The `id_token_hint` was made for another `client_id`.")));
    }
    // Without the hint, it is not known whose it would be.
    let asks = hint.is_some() && parameters.first("post_logout_redirect_uri").is_some();
    let redirect = redirect(client.as_deref(), parameters);
    if asks && redirect.is_none() {
        let detail = "The `post_logout_redirect_uri` is not registered for this application.";
        return Ok(Err(visit.bad(detail)));
    }
    let is_hinted = hint.zip(by).is_some_and(|(hint, by)| hint.user == by.user.id);
    Ok(Ok(Asked { client, redirect, is_hinted }))
}

/// Where the browser goes afterwards, if that is registered of the client.
fn redirect(client: Option<&Client>, parameters: &Parameters) -> Option<String> {
    let uri = parameters.first("post_logout_redirect_uri")?;
    if !client?.metadata.redirects_after_logout_to(uri) {
        return None;
    }
    let Some(state) = parameters.first("state") else { return Some(uri.to_owned()) };
    let before = if uri.contains('?') { '&' } else { '?' };
    let state = form_urlencoded::byte_serialize(state.as_bytes()).collect::<String>();
    Some(format!("{uri}{before}state={state}"))
}

/// What the form that ends the session does: this, and nothing else.
fn action(target: &str) -> String {
    format!("{CONFIRM} {target}")
}

/// Asks whether to sign out: without the hint, anybody's page may have sent the browser here.
fn ask(visit: &Visit, parameters: &Parameters, asked: &Asked, by: &SignedIn) -> HttpResponse {
    let target = format!("{PATH}?{}", parameters.only(&KEPT));
    let client_id = asked.client.as_ref().map(|client| client.id.to_string());
    let flow = Flow { client_id, ..Flow::to(target.clone(), now()) };
    let Ok(sealed) = visit.sign_in.flows.seal(&flow) else {
        return visit.bad("The request is too long.");
    };
    let html = render(&SignOutPage {
        frame: visit.frame(),
        action: &format!("{}{CONFIRM}?flow={sealed}", visit.frame().base),
        form_token: &visit.session_form(by, &action(&target)),
        username: by.user.username.as_str(),
    });
    visit.page(StatusCode::OK, html, Follows::Anywhere)
}

/// The user wants to sign out.
async fn confirm(visit: Visit, body: Bytes) -> HttpResponse {
    let fields = Fields::of_query(&visit.request)
        .and_then(|query| Ok((query, Fields::of_form(&visit.request, &body)?)));
    let (query, form) = match fields {
        Ok(fields) => fields,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let prefix = format!("{PATH}?");
    let flow = visit.flow(&query).filter(|flow| flow.target.starts_with(&prefix));
    let Some(flow) = flow else { return visit.forged() };
    let parameters = Parameters::of_query(&flow.target[prefix.len()..]);
    let visit = visit.speaking(parameters.first("ui_locales"));
    let done = async {
        let client = match &flow.client_id {
            Some(id) => visit.services.clients.find(id).await?,
            None => None,
        };
        let redirect = redirect(client.as_deref(), &parameters);
        let Some(by) = visit.signed_in().await? else { return Ok(go_on(&visit, redirect)) };
        if visit.check_session_form(&by, &action(&flow.target), &form).is_err() {
            return Ok(visit.forged());
        }
        end(&visit, &by, redirect).await
    };
    let done = done.await;
    visit.finish(done)
}

/// Ends the session, and goes on.
async fn end(
    visit: &Visit,
    by: &SignedIn,
    redirect: Option<String>,
) -> Result<HttpResponse, ApiError> {
    account::end_own(visit, by).await?;
    let mut response = go_on(visit, redirect);
    let removed = BrowserCookie::Session.remove(&visit.sign_in.url);
    // A cookie that is removed is always a valid header.
    response.add_cookie(&removed).map_err(|cause| ApiError::internal(&cause))?;
    Ok(response)
}

fn go_on(visit: &Visit, redirect: Option<String>) -> HttpResponse {
    match redirect {
        Some(uri) => HttpResponse::SeeOther().insert_header((LOCATION, uri)).finish(),
        None => visit.go(SIGNED_OUT, []),
    }
}

async fn signed_out(visit: Visit) -> HttpResponse {
    let html = render(&SignedOutPage { frame: visit.frame() });
    visit.page(StatusCode::OK, html, Follows::Here)
}
