//! `/oauth/authorize`: a client's request in, a code for it out (RFC 6749 §4.1, OpenID Connect Core §3.1.2).
//! What the user has to do in between is asked page by page; each leads back here, so that the request is
//! decided on anew, on whichever server.

use crate::accounts::{CodeError, SignedIn};
use crate::api_error::ApiError;
use crate::domain::{Scopes, Timestamp, UserId, is_of_device, is_openid_scope};
use crate::oauth::{
    AuthorizationRequest, AuthorizeError, ClientResponse, Parameters, RequestFault, ResponseMode,
    held_now,
};
use crate::pages::{ChoosePage, ConsentPage, FormPostPage, render};
use crate::routes::pages::paths::{AUTHORIZE, LOGIN};
use crate::routes::pages::visit::now;
use crate::routes::pages::{Fields, Follows, Visit, shown, taken};
use crate::sealing::Flow;
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, ServiceConfig};
use std::sync::Arc;

pub(super) const CONSENT: &str = "/auth/consent";

/// The longest name or e-mail address that is filled in, in bytes.
const LONGEST_HINT: usize = 256;

/// The longest list of languages to choose from, in bytes.
const LONGEST_LOCALES: usize = 128;

pub(super) fn mount(routes: &mut ServiceConfig) {
    shown(routes, AUTHORIZE, &show);
    taken(routes, AUTHORIZE, &send);
    taken(routes, CONSENT, &consent);
}

async fn show(visit: Visit) -> HttpResponse {
    let parameters = Parameters::of_query(visit.request.query_string());
    let request = match read(&visit, &parameters).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    let visit = visit.speaking(request.ui_locales.as_deref());
    let decided = Asked::of(&visit, &parameters, request).decide().await;
    visit.finish(decided)
}

async fn send(visit: Visit, body: Bytes) -> HttpResponse {
    visit.send_on(AUTHORIZE, &body)
}

/// What the user says to the question what a client may do.
async fn consent(visit: Visit, body: Bytes) -> HttpResponse {
    let fields = Fields::of_query(&visit.request)
        .and_then(|query| Ok((query, Fields::of_form(&visit.request, &body)?)));
    let (query, form) = match fields {
        Ok(fields) => fields,
        Err(error) => return visit.bad(&error.to_string()),
    };
    let prefix = format!("{AUTHORIZE}?");
    let flow = visit.flow(&query).filter(|flow| flow.target.starts_with(&prefix));
    let Some(flow) = flow else { return visit.forged() };
    let parameters = Parameters::of_query(&flow.target[prefix.len()..]);
    let request = match read(&visit, &parameters).await {
        Ok(request) => request,
        Err(response) => return response,
    };
    let visit = visit.speaking(request.ui_locales.as_deref());
    let decided = async {
        let Some(by) = visit.signed_in().await? else { return Ok(visit.go(&flow.target, [])) };
        if visit.check_session_form(&by, &action(&flow.target), &form).is_err() {
            return Ok(visit.forged());
        }
        let (target, expects) = (flow.target.clone(), flow.expects);
        let flow = Some(flow);
        let asked = Asked { visit: &visit, request, target, flow, expects, chosen: None };
        match form.get("decision") {
            // The page may have been open for long.
            "allow" => match asked.admitted(Some(by))? {
                Ok(by) => asked.allow(&by).await,
                Err(response) => Ok(response),
            },
            "deny" => Ok(asked.deny(&by)),
            _ => Ok(visit.bad("`decision` is neither `allow` nor `deny`.")),
        }
    };
    let decided = decided.await;
    visit.finish(decided)
}

/// What a login page can make use of; the request itself keeps all of it.
fn usable(hint: Option<&str>, longest: usize) -> Option<String> {
    let is_plain = |hint: &&str| {
        hint.len() <= longest && !hint.contains(|it: char| it.is_control() || "\"\\".contains(it))
    };
    hint.filter(is_plain).map(str::to_owned)
}

/// What a form about this request does.
fn action(target: &str) -> String {
    format!("{CONSENT} {target}")
}

/// Reads a request, or responds with what is wrong: to the client, if it is known who that is.
async fn read(
    visit: &Visit,
    parameters: &Parameters,
) -> Result<AuthorizationRequest, HttpResponse> {
    let audience = visit.services.settings.tokens.audience.as_deref();
    let audiences: Vec<_> = [visit.sign_in.url.as_str()].into_iter().chain(audience).collect();
    let read = AuthorizationRequest::read(parameters, &visit.services.clients, &audiences).await;
    read.map_err(|error| match error {
        AuthorizeError::Unsent(fault) => visit.bad(&fault.to_string()),
        AuthorizeError::Sent(response) => respond(visit, &response),
        AuthorizeError::Unavailable(cause) => visit.finish(Err(cause.into())),
    })
}

/// Sends the browser back to the client.
fn respond(visit: &Visit, response: &ClientResponse) -> HttpResponse {
    let issuer = visit.sign_in.url.as_str();
    match response.answer.mode {
        // Without `Referrer-Policy` there is none: nobody learns where the user comes from.
        ResponseMode::Query => {
            HttpResponse::SeeOther().insert_header((LOCATION, response.location(issuer))).finish()
        }
        ResponseMode::FormPost => {
            let html = render(&FormPostPage {
                frame: visit.frame(),
                action: &response.answer.redirect_uri,
                fields: &response.all(issuer),
            });
            visit.page(StatusCode::OK, html, Follows::ByItself)
        }
    }
}

/// A request, and what the user has done about it so far.
struct Asked<'a> {
    visit: &'a Visit,
    request: AuthorizationRequest,
    /// Where the request is sent again.
    target: String,
    /// What the user was asked for before, for the very same request.
    flow: Option<Flow>,
    /// The user whom the request is for (OpenID Connect Core §3.1.2.1, `id_token_hint`).
    expects: Option<UserId>,
    /// Proves that the user has chosen this account.
    chosen: Option<String>,
}

impl<'a> Asked<'a> {
    fn of(visit: &'a Visit, parameters: &Parameters, request: AuthorizationRequest) -> Self {
        let target = format!("{AUTHORIZE}?{}", request.query());
        let sealed = parameters.first("flow").unwrap_or_default();
        let flow = visit.sign_in.flows.open(sealed, now()).filter(|flow| flow.target == target);
        let hint = request.id_token_hint.as_deref();
        let hint = hint.and_then(|hint| visit.services.tokens.read_id_token(hint));
        let before = flow.as_ref().and_then(|flow| flow.expects);
        let expects = hint.map(|hint| hint.user).or(before);
        let chosen = parameters.first("chosen").map(str::to_owned);
        Self { visit, request, target, flow, expects, chosen }
    }

    fn choice(&self) -> String {
        format!("choose {}", self.target)
    }

    async fn decide(self) -> Result<HttpResponse, ApiError> {
        let Self { visit, request, .. } = &self;
        let by = match self.admitted(visit.signed_in().await?)? {
            Ok(by) => by,
            Err(response) => return Ok(response),
        };
        if request.prompt.select_account && !self.has_chosen(&by) {
            return self.choose(&by);
        }
        let scopes = self.scopes(&by);
        if scopes.is_empty() {
            return Ok(self.refuse(RequestFault::NoScope));
        }
        if self.may_skip_consent(&by, &scopes).await? {
            return self.grant(&by, &scopes).await;
        }
        if request.prompt.none {
            return Ok(self.refuse(RequestFault::ConsentRequired));
        }
        self.ask(&by, &scopes)
    }

    /// Whoever is logged in, is who the request is for, and has logged in as lately as it wants; or what
    /// happens instead.
    fn admitted(
        &self,
        by: Option<Arc<SignedIn>>,
    ) -> Result<Result<Arc<SignedIn>, HttpResponse>, ApiError> {
        let is_expected = |by: &SignedIn| self.expects.is_none_or(|user| user == by.user.id);
        // A hint that cannot be read says nothing, but to a client that wants to see no page.
        let is_unclear = self.request.id_token_hint.is_some() && self.expects.is_none();
        match by {
            _ if self.request.prompt.none && is_unclear => {
                Ok(Err(self.refuse(RequestFault::LoginRequired)))
            }
            Some(by) if is_expected(&by) && self.is_recent(&by) => Ok(Ok(by)),
            // Somebody else has logged in for this request.
            Some(by) if !is_expected(&by) && self.has_logged_in(&by) => {
                Ok(Err(self.refuse(RequestFault::LoginRequired)))
            }
            _ if self.request.prompt.none => Ok(Err(self.refuse(RequestFault::LoginRequired))),
            by => self.log_in(by.as_deref()).map(Err),
        }
    }

    fn is_recent(&self, by: &SignedIn) -> bool {
        let age = now().seconds().saturating_sub(by.session.auth_time.seconds());
        self.request.accepts_login(age, self.has_logged_in(by))
    }

    /// Whether the login was made for this request.
    fn has_logged_in(&self, by: &SignedIn) -> bool {
        self.flow.as_ref().is_some_and(|flow| flow.is_answered_by(&by.session))
    }

    fn has_chosen(&self, by: &SignedIn) -> bool {
        let is_choice = |token: &str| self.visit.is_of_session(by, &self.choice(), token);
        self.chosen.as_deref().is_some_and(is_choice) || self.has_logged_in(by)
    }

    /// What the user holds of what is asked for.
    fn scopes(&self, by: &SignedIn) -> Scopes {
        held_now(&self.request.scopes, &by.user, &self.request.client)
    }

    /// Nobody is asked for the operator's own clients, or twice for the same; but always where any
    /// application on the device may get the code (RFC 8252 §8.6).
    async fn may_skip_consent(&self, by: &SignedIn, scopes: &Scopes) -> Result<bool, ApiError> {
        let AuthorizationRequest { client, answer, prompt, .. } = &self.request;
        if prompt.consent || is_of_device(&answer.redirect_uri) {
            return Ok(false);
        }
        if client.metadata.skip_consent {
            return Ok(true);
        }
        let authorizations = &self.visit.sign_in.authorizations;
        Ok(authorizations.has_consent(by.user.id, client, scopes).await?)
    }

    /// A flow that begins now: later than the login of whoever is to log in again, even in the same second.
    fn new_flow(&self, by: Option<&SignedIn>, prompt_login: bool) -> Flow {
        let request = &self.request;
        let last = by.filter(|_| prompt_login).map_or(0, |by| by.session.auth_time.seconds());
        let started_at = Timestamp(now().seconds().max(last.saturating_add(1)));
        Flow {
            client_id: Some(request.client.id.to_string()),
            login_hint: usable(request.login_hint.as_deref(), LONGEST_HINT),
            ui_locales: usable(request.ui_locales.as_deref(), LONGEST_LOCALES),
            prompt_login,
            expects: self.expects,
            ..Flow::to(self.target.clone(), started_at)
        }
    }

    /// Sends the user to the login page; whoever is logged in has to log in again.
    fn log_in(&self, by: Option<&SignedIn>) -> Result<HttpResponse, ApiError> {
        let renews = self.request.wants_new_login();
        let flow = Flow { renews, ..self.new_flow(by, by.is_some() || renews) };
        let sealed = self.visit.sealed(&flow)?;
        Ok(self.visit.go(&format!("{LOGIN}?flow={sealed}"), []))
    }

    /// Asks which account to go on with.
    fn choose(&self, by: &SignedIn) -> Result<HttpResponse, ApiError> {
        let Self { visit, target, .. } = self;
        let other = self.visit.sealed(&self.new_flow(Some(by), true))?;
        let base = visit.frame().base;
        let token = visit.session_form(by, &self.choice());
        let flow = self.flow.as_ref().map(|flow| visit.sealed(flow)).transpose()?;
        let flow = flow.map(|flow| format!("&flow={flow}")).unwrap_or_default();
        let html = render(&ChoosePage {
            frame: visit.frame(),
            client: self.client_name(),
            username: by.user.username.as_str(),
            same_account: &format!("{base}{target}{flow}&chosen={token}"),
            other_account: &format!("{base}{LOGIN}?flow={other}"),
        });
        Ok(visit.page(StatusCode::OK, html, Follows::Anywhere))
    }

    /// Asks what the client may do.
    fn ask(&self, by: &SignedIn, scopes: &Scopes) -> Result<HttpResponse, ApiError> {
        let Self { visit, request, target, .. } = self;
        let flow = self.flow.clone().unwrap_or_else(|| self.new_flow(Some(by), false));
        let flow = self.visit.sealed(&flow)?;
        let other = self.visit.sealed(&self.new_flow(Some(by), true))?;
        let base = visit.frame().base;
        let about = |name| visit.services.scopes.description(name).unwrap_or(name);
        let scopes: Vec<_> = scopes.iter().map(|name| (name, about(name))).collect();
        let uri = &request.answer.redirect_uri;
        let host = uri.strip_prefix("https://").and_then(|rest| rest.split(['/', '?']).next());
        let html = render(&ConsentPage {
            frame: visit.frame(),
            action: &format!("{base}{CONSENT}?flow={flow}"),
            form_token: &visit.session_form(by, &action(target)),
            client: self.client_name(),
            host,
            username: by.user.username.as_str(),
            scopes: &scopes,
            other_account: &format!("{base}{LOGIN}?flow={other}"),
        });
        Ok(visit.page(StatusCode::OK, html, Follows::Anywhere))
    }

    /// What users know the client by.
    fn client_name(&self) -> &str {
        let client = &self.request.client;
        client.metadata.client_name.as_deref().unwrap_or(client.id.as_str())
    }

    async fn allow(&self, by: &SignedIn) -> Result<HttpResponse, ApiError> {
        let scopes = self.scopes(by);
        let authorizations = &self.visit.sign_in.authorizations;
        let (client, sender) = (&self.request.client, self.visit.sender());
        authorizations.consent(&by.user, client, &scopes, &sender).await?;
        self.grant(by, &scopes).await
    }

    fn deny(&self, by: &SignedIn) -> HttpResponse {
        let (authorizations, sender) = (&self.visit.sign_in.authorizations, self.visit.sender());
        authorizations.audit_denied(&by.user, &self.request.client, &sender);
        self.refuse(RequestFault::Denied)
    }

    /// Gives the client its code.
    async fn grant(&self, by: &SignedIn, scopes: &Scopes) -> Result<HttpResponse, ApiError> {
        let Self { visit, request, .. } = self;
        let granted = request.granted(&by.user, &by.session, scopes);
        let (authorizations, sender) = (&visit.sign_in.authorizations, visit.sender());
        let code = match authorizations.grant(&granted, &sender).await {
            Ok(code) => code,
            Err(CodeError::Unavailable(cause)) => return Err(cause.into()),
            Err(CodeError::Sealing(cause)) => return Err(ApiError::internal(&cause)),
        };
        // Its keys are ready by the time the client redeems the code.
        if scopes.iter().any(is_openid_scope) {
            visit.services.keeper.starts_signing_in().await;
        }
        let parameters = vec![("code", code.expose().to_owned())];
        let response = ClientResponse { answer: request.answer.clone(), parameters };
        Ok(respond(visit, &response))
    }

    /// Tells the client that it gets nothing.
    fn refuse(&self, fault: RequestFault) -> HttpResponse {
        match self.request.answer.error(fault) {
            AuthorizeError::Sent(response) => respond(self.visit, &response),
            AuthorizeError::Unsent(_) | AuthorizeError::Unavailable(_) => {
                self.visit.bad(&fault.to_string())
            }
        }
    }
}
