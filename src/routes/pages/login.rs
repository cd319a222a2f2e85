//! `/auth/login`: a name and a password in, a session out.

use crate::accounts::{AuthenticateError, LoginMethod, NewLogin, SignedIn};
use crate::api_error::ApiError;
use crate::domain::{Session, Timestamp, User};
use crate::pages::{LoginFault, LoginPage, render};
use crate::routes::pages::paths::{ACCOUNT, AUTHORIZE, LOGIN};
use crate::routes::pages::providers::buttons;
use crate::routes::pages::{Fields, Follows, Visit, shown, taken};
use crate::sealing::Flow;
use crate::security::{BrowserCookie, device_place};
use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Bytes, ServiceConfig};
use std::sync::Arc;

/// What its form does.
const ACTION: &str = "login";

pub(super) fn mount(routes: &mut ServiceConfig) {
    shown(routes, LOGIN, &show);
    taken(routes, LOGIN, &send);
}

/// What was asked for, and how it came.
struct Asked {
    flow: Option<Flow>,
    sealed: String,
}

impl Asked {
    fn of(visit: &Visit, query: &Fields) -> Self {
        Self { flow: visit.flow(query), sealed: query.get("flow").to_owned() }
    }

    fn ui_locales(&self) -> Option<&str> {
        self.flow.as_ref()?.ui_locales.as_deref()
    }

    /// Whether a login at this time is what was asked for.
    fn is_met(&self, auth_time: Timestamp) -> bool {
        self.flow.as_ref().is_none_or(|flow| !flow.prompt_login || auth_time >= flow.started_at)
    }

    /// The name to fill in. That of another user is not told to whoever has an ID token of theirs.
    fn username<'a>(&'a self, by: Option<&'a SignedIn>) -> Option<&'a str> {
        let hint = self.flow.as_ref().and_then(|flow| flow.login_hint.as_deref());
        let expects = self.flow.as_ref().and_then(|flow| flow.expects);
        let by = by.filter(|by| expects.is_none_or(|user| user == by.user.id));
        hint.or(by.map(|by| by.user.username.as_str()))
    }

    /// What carries it along.
    fn query(&self) -> String {
        match &self.flow {
            Some(_) => format!("?flow={}", self.sealed),
            None => String::new(),
        }
    }

    /// Where the form is sent to.
    fn action(&self, visit: &Visit) -> String {
        format!("{}{LOGIN}{}", visit.frame().base, self.query())
    }
}

/// Where to go on; a session that has just begun answers what was asked for.
pub(super) fn target(
    visit: &Visit,
    flow: Option<&Flow>,
    begun: Option<&Session>,
) -> Result<String, ApiError> {
    let Some(flow) = flow else { return Ok(ACCOUNT.to_owned()) };
    let (path, query) = flow.target.split_once('?').unwrap_or((&flow.target, ""));
    if path != AUTHORIZE {
        return Ok(flow.target.clone());
    }
    let sealed = match begun {
        Some(session) => visit.sealed(&flow.answered_by(session))?,
        None => visit.sealed(flow)?,
    };
    let before = if query.is_empty() { "" } else { "&" };
    Ok(format!("{path}?{query}{before}flow={sealed}"))
}

async fn show(visit: Visit) -> HttpResponse {
    let query = match Fields::of_query(&visit.request) {
        Ok(query) => query,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let asked = Asked::of(&visit, &query);
    let visit = visit.speaking(asked.ui_locales());
    let shown = async {
        let signed_in = visit.signed_in().await?;
        if let Some(it) = signed_in.as_ref().filter(|it| asked.is_met(it.session.auth_time)) {
            log::debug!("{} is logged in already", it.user.username);
            return Ok(visit.go(&target(&visit, asked.flow.as_ref(), None)?, []));
        }
        let username = asked.username(signed_in.as_deref());
        let typed = Typed { username: username.unwrap_or_default().to_owned(), remember: false };
        form(&visit, &asked, &typed, None).await
    };
    let shown = shown.await;
    visit.finish(shown)
}

/// What is filled in.
struct Typed {
    username: String,
    remember: bool,
}

/// The form, after a fault with what was typed.
async fn form(
    visit: &Visit,
    asked: &Asked,
    typed: &Typed,
    fault: Option<LoginFault>,
) -> Result<HttpResponse, ApiError> {
    let client = match asked.flow.as_ref().and_then(|flow| flow.client_id.as_deref()) {
        Some(id) => client_name(visit, id).await?,
        None => None,
    };
    let remembers = visit.services.settings.sessions.remember;
    let (providers, provider_token) = buttons(visit);
    let html = render(&LoginPage {
        providers: &providers,
        provider_query: &asked.query(),
        provider_token: &provider_token,
        frame: visit.frame(),
        action: &asked.action(visit),
        form_token: &visit.visitor_form(ACTION),
        client: client.as_deref(),
        username: &typed.username,
        remember: remembers.then_some(typed.remember),
        fault,
    });
    let status = match fault {
        None => StatusCode::OK,
        Some(LoginFault::Form) => StatusCode::FORBIDDEN,
        Some(LoginFault::Throttled(_)) => StatusCode::TOO_MANY_REQUESTS,
        Some(LoginFault::Busy) => StatusCode::SERVICE_UNAVAILABLE,
        Some(_) => StatusCode::BAD_REQUEST,
    };
    // From the target, a client of any origin may follow.
    let leaves = asked.flow.is_some() || !providers.is_empty();
    let follows = if leaves { Follows::Anywhere } else { Follows::Here };
    let mut response = visit.page(status, html, follows);
    let wait = match fault {
        Some(LoginFault::Throttled(seconds)) => Some(seconds),
        Some(LoginFault::Busy) => Some(1),
        _ => None,
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

/// What users know a client by.
async fn client_name(visit: &Visit, id: &str) -> Result<Option<String>, ApiError> {
    let client = visit.services.clients.find(id).await?;
    Ok(client.map(|it| it.metadata.client_name.clone().unwrap_or_else(|| it.id.to_string())))
}

async fn send(visit: Visit, body: Bytes) -> HttpResponse {
    let fields = Fields::of_query(&visit.request)
        .and_then(|query| Ok((query, Fields::of_form(&visit.request, &body)?)));
    let (query, fields) = match fields {
        Ok(fields) => fields,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let asked = Asked::of(&visit, &query);
    let visit = visit.speaking(asked.ui_locales());
    let sent = async {
        let username = fields.get("username").trim().to_owned();
        let typed = Typed { username, remember: fields.is_ticked("remember") };
        match log_in(&visit, &asked, &typed, &fields).await? {
            Ok((session, cookies)) => {
                Ok(visit.go(&target(&visit, asked.flow.as_ref(), Some(&session))?, cookies))
            }
            Err(fault) => form(&visit, &asked, &typed, Some(fault)).await,
        }
    };
    let sent = sent.await;
    visit.finish(sent)
}

/// A session that has just begun, and its cookies.
type Begun = (Session, Vec<Cookie<'static>>);

/// The session that begins, or why none does.
async fn log_in(
    visit: &Visit,
    asked: &Asked,
    typed: &Typed,
    form: &Fields,
) -> Result<Result<Begun, LoginFault>, ApiError> {
    if visit.check_visitor_form(ACTION, form).is_err() {
        return Ok(Err(LoginFault::Form));
    }
    if typed.username.is_empty() {
        return Ok(Err(LoginFault::NoUsername));
    }
    if form.get("password").is_empty() {
        return Ok(Err(LoginFault::NoPassword));
    }
    let accounts = &visit.services.accounts;
    let shown = (typed.username.as_str(), form.secret("password"));
    let found = accounts.authenticate_by(LoginMethod::Page, shown, visit.sender()).await;
    let user = match found {
        Ok(Some(user)) if user.disabled => return Ok(Err(LoginFault::Disabled)),
        Ok(Some(user)) => accounts.renewed(user).await?,
        Ok(None) => None,
        Err(AuthenticateError::Throttled { retry_after_seconds }) => {
            return Ok(Err(LoginFault::Throttled(retry_after_seconds)));
        }
        Err(AuthenticateError::Busy { .. } | AuthenticateError::Unavailable(_)) => {
            return Ok(Err(LoginFault::Busy));
        }
        Err(error) => return Err(error.into()),
    };
    let Some(user) = user else { return Ok(Err(LoginFault::Wrong)) };
    let not_before = asked.flow.as_ref().map_or(Timestamp(0), |flow| flow.started_at);
    let begun = begin(visit, &user, ("pwd", typed.remember), not_before).await?;
    Ok(begun.ok_or(LoginFault::Wrong))
}

/// Begins a session for a user who has just proved who it is, by a word of RFC 8176. `None` for a user who
/// was disabled meanwhile.
pub(in crate::routes) async fn begin(
    visit: &Visit,
    user: &Arc<User>,
    (amr, remember): (&str, bool),
    not_before: Timestamp,
) -> Result<Option<Begun>, ApiError> {
    let Visit { request, sign_in, .. } = visit;
    let before = BrowserCookie::Session.of(request, &sign_in.url);
    let rules = sign_in.rules(remember);
    let login = NewLogin { amr, before: before.as_deref(), not_before, rules };
    let sender = visit.sender();
    let Some((begun, secret)) = sign_in.sessions.start(user, login, &sender).await? else {
        return Ok(None);
    };
    let life = sign_in.stays(remember).then(|| rules.lifetime.as_secs().cast_signed());
    let session = BrowserCookie::Session.set(&sign_in.url, secret.expose(), life);
    Ok(Some((begun, vec![session, known_browser(visit, user).await])))
}

/// The cookie by which the browser is known from now on: wrong passwords of others do not lock it out.
async fn known_browser(visit: &Visit, user: &User) -> Cookie<'static> {
    let Visit { request, sign_in, services, .. } = visit;
    let sent = BrowserCookie::Device.of(request, &sign_in.url);
    let purpose = BrowserCookie::Device.purpose();
    let sent = sent.filter(|it| sign_in.browsers.cookie_name(purpose, it).is_some());
    let cookie = sent.unwrap_or_else(|| sign_in.browsers.cookie(purpose));
    if let Some(name) = device_place(&cookie, sign_in) {
        services.accounts.know_device(user.id, &name).await;
    }
    BrowserCookie::Device.set(&sign_in.url, &cookie, None)
}
