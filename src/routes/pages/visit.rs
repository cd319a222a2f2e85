//! A request for a page: whose browser it is, in which language to respond, and every response.

use crate::accounts::{Author, SignedIn};
use crate::api_error::ApiError;
use crate::domain::{Clock as _, Sender, SystemClock, Timestamp};
use crate::pages::{Brand, ErrorPage, Fault, Frame, Language, render};
use crate::routes::pages::Fields;
use crate::routes::pages::fields::FieldsError;
use crate::sealing::{Flow, FlowError, FormOwner};
use crate::security::{BrowserCookie, Forged, check_form, page_author, page_sender, signed_in};
use crate::services::{Services, SignIn};
use actix_web::cookie::Cookie;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    AcceptLanguage, CONTENT_SECURITY_POLICY, CONTENT_TYPE, Header as _, LOCATION, REFERRER_POLICY,
    RETRY_AFTER,
};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse, ResponseError as _};
use std::future::{Ready, ready};
use std::sync::Arc;

/// The most bytes of a form that is sent on as a query.
const LONGEST_FORM: usize = 6 * 1024;

/// Where the forms of a page may lead, redirects included: browsers check each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::routes) enum Follows {
    /// Pages of this server only.
    Here,
    /// A client, or another provider.
    Anywhere,
    /// A client, by a form that the page's script sends.
    ByItself,
}

impl Follows {
    /// The page's `Referrer-Policy`: other hosts are told nothing, but a client's may ask where its form
    /// comes from, and that is `null` with any policy that hides it (Fetch §3.2.3).
    fn referrer(self) -> &'static str {
        match self {
            Self::Here | Self::Anywhere => "same-origin",
            Self::ByItself => "strict-origin",
        }
    }

    /// The page's `Content-Security-Policy`.
    fn policy(self) -> &'static str {
        match self {
            Self::Here => {
                "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                 base-uri 'none'; frame-ancestors 'none'"
            }
            Self::Anywhere => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'"
            }
            Self::ByItself => {
                "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; \
                 frame-ancestors 'none'; \
                 script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='"
            }
        }
    }
}

/// A request for a page.
pub(in crate::routes) struct Visit {
    pub(in crate::routes) request: HttpRequest,
    pub(in crate::routes) services: Data<Services>,
    pub(in crate::routes) sign_in: Arc<SignIn>,
    brand: Data<Brand>,
    language: Language,
    /// The cookie of a browser without a session.
    visitor: String,
    is_new: bool,
}

impl FromRequest for Visit {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Visit {
    fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let services =
            request.app_data::<Data<Services>>().ok_or(ApiError::NotFound("Not Found"))?;
        let sign_in = services.sign_in.clone().ok_or(ApiError::NotFound("Not Found"))?;
        let brand = request.app_data::<Data<Brand>>().ok_or(ApiError::NotFound("Not Found"))?;
        let purpose = BrowserCookie::Visitor.purpose();
        let sent = BrowserCookie::Visitor.of(request, &sign_in.url);
        let sent = sent.filter(|it| sign_in.browsers.cookie_name(purpose, it).is_some());
        let is_new = sent.is_none();
        let visitor = sent.unwrap_or_else(|| sign_in.browsers.cookie(purpose));
        let (services, brand) = (services.clone(), brand.clone());
        let language = language(request, None, &services);
        Ok(Self { request: request.clone(), services, sign_in, brand, language, visitor, is_new })
    }

    /// In a language that a client asks for (OpenID Connect's `ui_locales`), if there is one.
    #[must_use]
    pub(in crate::routes) fn speaking(self, ui_locales: Option<&str>) -> Self {
        Self { language: language(&self.request, ui_locales, &self.services), ..self }
    }

    /// For a page's layout.
    pub(in crate::routes) fn frame(&self) -> Frame<'_> {
        let Self { language, brand, sign_in, .. } = self;
        Frame { language: *language, brand, base: sign_in.url.path() }
    }

    /// The session of this browser, and its user.
    pub(in crate::routes) async fn signed_in(&self) -> Result<Option<Arc<SignedIn>>, ApiError> {
        signed_in(&self.request, &self.sign_in).await
    }

    /// The author of a change that this user makes on a page, and that needs these scopes.
    pub(in crate::routes) fn author(
        &self,
        signed_in: &SignedIn,
        scopes: &'static [&'static str],
    ) -> Author {
        page_author(signed_in, scopes, &self.request, &self.sign_in)
    }

    /// Who sent the request, and from which browser.
    pub(in crate::routes) fn sender(&self) -> Sender {
        page_sender(&self.request, &self.sign_in)
    }

    /// What is under way, of the query's `flow`: none if it is over, or not ours.
    pub(in crate::routes) fn flow(&self, query: &Fields) -> Option<Flow> {
        self.sign_in.flows.open(query.get("flow"), now())
    }

    /// What is under way, sealed for a URL.
    pub(in crate::routes) fn sealed(&self, flow: &Flow) -> Result<String, ApiError> {
        self.sign_in.flows.seal(flow).map_err(|error| match error {
            FlowError::TooLong => ApiError::BadRequest("The request is too long"),
            other => ApiError::internal(&other),
        })
    }

    /// The token of a form before a login.
    pub(in crate::routes) fn visitor_form(&self, action: &str) -> String {
        self.sign_in.browsers.form_token(&self.visitor, action)
    }

    /// The token of a form in a session.
    pub(in crate::routes) fn session_form(&self, by: &SignedIn, action: &str) -> String {
        self.sign_in.browsers.form_token(&by.session.id.to_string(), action)
    }

    /// Whether a token in a URL was made for this session, as one of a form is.
    pub(in crate::routes) fn is_of_session(
        &self,
        by: &SignedIn,
        action: &str,
        token: &str,
    ) -> bool {
        let sid = by.session.id.to_string();
        self.sign_in.browsers.form_owner(&sid, action, token) == FormOwner::Expected
    }

    /// Whether a form before a login was sent from a page of ours.
    pub(in crate::routes) fn check_visitor_form(
        &self,
        action: &str,
        form: &Fields,
    ) -> Result<(), Forged> {
        let (of, token) = ((self.visitor.as_str(), action), form.get("form_token"));
        check_form(&self.request, &self.sign_in, of, token, true)
    }

    /// Whether a form was sent from a page of ours that was shown in this session.
    pub(in crate::routes) fn check_session_form(
        &self,
        by: &SignedIn,
        action: &str,
        form: &Fields,
    ) -> Result<(), Forged> {
        let (sid, token) = (by.session.id.to_string(), form.get("form_token"));
        check_form(&self.request, &self.sign_in, (&sid, action), token, false)
    }

    /// The URL of a path and query on this server.
    pub(in crate::routes) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.sign_in.url.as_str())
    }

    /// A page.
    pub(in crate::routes) fn page(
        &self,
        status: StatusCode,
        html: String,
        follows: Follows,
    ) -> HttpResponse {
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((CONTENT_SECURITY_POLICY, follows.policy()))
            // Not `no-referrer`: forms need an `Origin`.
            .insert_header((REFERRER_POLICY, follows.referrer()));
        if self.is_new {
            response.cookie(BrowserCookie::Visitor.set(&self.sign_in.url, &self.visitor, None));
        }
        response.body(html)
    }

    /// Goes on at a path and query on this server, by GET.
    pub(in crate::routes) fn go(
        &self,
        target: &str,
        cookies: impl IntoIterator<Item = Cookie<'static>>,
    ) -> HttpResponse {
        let mut response = HttpResponse::SeeOther();
        response
            .insert_header((LOCATION, self.url(target)))
            .insert_header((REFERRER_POLICY, "same-origin"));
        cookies.into_iter().for_each(|cookie| {
            response.cookie(cookie);
        });
        response.finish()
    }

    /// Sends a form on as a query: with that the browser sends its cookies, whoever the form came from.
    pub(in crate::routes) fn send_on(&self, path: &str, form: &[u8]) -> HttpResponse {
        if form.len() > LONGEST_FORM {
            return self.bad("The request is too long.");
        }
        match Fields::of_form(&self.request, form) {
            // Which one it is tells whom the fault is told.
            Ok(_) | Err(FieldsError::Twice(_)) => {}
            Err(error) => return self.bad(&error.to_string()),
        }
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form_urlencoded::parse(form))
            .finish();
        self.go(&format!("{path}?{query}"), [])
    }

    /// The page for a fault.
    pub(in crate::routes) fn fault(
        &self,
        status: StatusCode,
        fault: Fault,
        detail: Option<&str>,
    ) -> HttpResponse {
        let frame = self.frame();
        let html = render(&ErrorPage { frame, fault, detail, next: None });
        self.page(status, html, Follows::Here)
    }

    /// The same with where to go on, and what that is called.
    pub(in crate::routes) fn fault_with(
        &self,
        status: StatusCode,
        fault: Fault,
        next: Option<(&str, &str)>,
    ) -> HttpResponse {
        let html = render(&ErrorPage { frame: self.frame(), fault, detail: None, next });
        self.page(status, html, Follows::Here)
    }

    /// Names the browser before a login, and is no secret.
    pub(in crate::routes) fn browser(&self) -> String {
        let purpose = BrowserCookie::Visitor.purpose();
        self.sign_in.browsers.cookie_name(purpose, &self.visitor).unwrap_or_default()
    }

    /// Goes to another server, by GET; the browser comes back as the same visitor.
    pub(in crate::routes) fn leave(&self, url: &str) -> HttpResponse {
        let mut response = HttpResponse::SeeOther();
        response.insert_header((LOCATION, url)).insert_header((REFERRER_POLICY, "no-referrer"));
        if self.is_new {
            response.cookie(BrowserCookie::Visitor.set(&self.sign_in.url, &self.visitor, None));
        }
        response.finish()
    }

    /// The page for a request that cannot be understood; `detail` is for a developer.
    pub(in crate::routes) fn bad(&self, detail: &str) -> HttpResponse {
        self.fault(StatusCode::BAD_REQUEST, Fault::Request, Some(detail))
    }

    /// The page for a form that was not sent from one of ours.
    pub(in crate::routes) fn forged(&self) -> HttpResponse {
        self.fault(StatusCode::FORBIDDEN, Fault::Form, None)
    }

    /// The response, or the page for what is wrong.
    pub(in crate::routes) fn finish(&self, done: Result<HttpResponse, ApiError>) -> HttpResponse {
        let error = match done {
            Ok(response) => return response,
            Err(error) => error,
        };
        let status = error.status_code();
        let api = error.error_response();
        let wait = api.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        let seconds = wait.and_then(|text| text.parse().ok()).unwrap_or(1);
        let fault = match status {
            StatusCode::NOT_FOUND => Fault::Missing,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Fault::Forbidden,
            StatusCode::TOO_MANY_REQUESTS => Fault::Throttled(seconds),
            StatusCode::SERVICE_UNAVAILABLE => Fault::Busy,
            _ if status.is_client_error() => Fault::Request,
            _ => Fault::Internal,
        };
        let mut response = self.fault(status, fault, None);
        if let Some(wait) = api.headers().get(RETRY_AFTER) {
            response.headers_mut().insert(RETRY_AFTER, wait.clone());
        }
        response
    }
}

/// The time by which flows begin and are over.
pub(in crate::routes) fn now() -> Timestamp {
    SystemClock.now()
}

fn language(request: &HttpRequest, ui_locales: Option<&str>, services: &Services) -> Language {
    let accepted = AcceptLanguage::parse(request).map(|it| it.ranked()).unwrap_or_default();
    let accepted: Vec<_> = accepted.iter().map(ToString::to_string).collect();
    let asked = ui_locales.unwrap_or_default().split(' ').take(20);
    let preferences = asked.chain(accepted.iter().map(String::as_str));
    Language::choose(services.settings.pages.language, preferences)
}
