//! What becomes of an authorization request: a response for the client, or an error that the user sees.

use crate::domain::RepositoryError;
use std::str::FromStr;
use thiserror::Error;

/// How the response gets to the client (OAuth 2.0 Multiple Response Types §2.1, Form Post §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseMode {
    /// In the query of the redirect.
    Query,
    /// In a form that the browser posts.
    FormPost,
}

impl ResponseMode {
    /// The names.
    pub const NAMES: [&str; 2] = ["query", "form_post"];
}

impl FromStr for ResponseMode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "query" => Ok(Self::Query),
            "form_post" => Ok(Self::FormPost),
            _ => Err(()),
        }
    }
}

/// Where a response goes, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// One that is registered of the client.
    pub redirect_uri: String,
    /// How.
    pub mode: ResponseMode,
    /// What the client knows its request by.
    pub state: Option<String>,
}

/// A response for the client: its parameters, beside `state` and `iss`.
#[derive(Clone, Debug)]
pub struct ClientResponse {
    /// Where it goes.
    pub answer: Answer,
    /// What it says.
    pub parameters: Vec<(&'static str, String)>,
}

impl Answer {
    /// An error for the client.
    #[must_use]
    pub fn error(&self, fault: RequestFault) -> AuthorizeError {
        let answer = self.clone();
        let parameters =
            vec![("error", fault.code().to_owned()), ("error_description", fault.to_string())];
        AuthorizeError::Sent(Box::new(ClientResponse { answer, parameters }))
    }
}

impl ClientResponse {
    /// All parameters, with `state` and `iss` (RFC 9207).
    #[must_use]
    pub fn all(&self, issuer: &str) -> Vec<(&'static str, String)> {
        let state = self.answer.state.clone().map(|state| ("state", state));
        let more = state.into_iter().chain([("iss", issuer.to_owned())]);
        self.parameters.iter().cloned().chain(more).collect()
    }

    /// Where the browser goes with `response_mode=query`.
    #[must_use]
    pub fn location(&self, issuer: &str) -> String {
        let uri = &self.answer.redirect_uri;
        let before = if uri.contains('?') { '&' } else { '?' };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.all(issuer));
        format!("{uri}{before}{}", query.finish())
    }
}

/// Why a request cannot be granted.
#[derive(Debug)]
pub enum AuthorizeError {
    /// Nobody is told but the user: it is not known who sent the request.
    Unsent(Unsent),
    /// The client is told.
    Sent(Box<ClientResponse>),
    /// The database does not respond.
    Unavailable(RepositoryError),
}

/// What makes a request nobody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unsent {
    /// There is no `client_id`.
    #[error("The request does not say which application it is from (`client_id`).")]
    NoClient,
    /// No client has it.
    #[error("No application is registered with this `client_id`.")]
    UnknownClient,
    /// There is no `redirect_uri`.
    #[error("The request does not say where to go back to (`redirect_uri`).")]
    NoRedirect,
    /// It is not the client's.
    #[error("The `redirect_uri` is not registered for this application.")]
    UnknownRedirect,
    /// A parameter of those is there more than once.
    #[error("The request has `{0}` more than once.")]
    Repeated(&'static str),
}

/// What is wrong with the request of a client, in words that RFC 6749 allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestFault {
    /// A parameter is missing.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// A parameter is there more than once.
    #[error("{0} is there more than once")]
    Repeated(&'static str),
    /// An unsupported `response_mode`.
    #[error("response_mode must be query or form_post")]
    ResponseMode,
    /// Anything but a code.
    #[error("response_type must be code")]
    ResponseType,
    /// The client is not registered for it.
    #[error("The client may not use authorization_code")]
    Unauthorized,
    /// `request`.
    #[error("Request objects are not supported")]
    RequestObject,
    /// `request_uri`.
    #[error("request_uri is not supported")]
    RequestUri,
    /// `registration`.
    #[error("registration is not supported")]
    Registration,
    /// A malformed `scope`.
    #[error("scope is malformed")]
    Scope,
    /// Nothing is left of what was asked for.
    #[error("None of the scopes can be granted: the client or the user has none of them")]
    NoScope,
    /// A malformed `code_challenge`.
    #[error("code_challenge must be 43 characters of base64url")]
    Challenge,
    /// Anything but S256.
    #[error("code_challenge_method must be S256")]
    ChallengeMethod,
    /// `none` with others.
    #[error("prompt=none excludes other values")]
    Prompt,
    /// A value that nobody knows: what it asks for would not be done.
    #[error("prompt must be none, or any of login, consent, select_account")]
    UnknownPrompt,
    /// No number.
    #[error("max_age must be a number of seconds")]
    MaxAge,
    /// A `resource` that tokens cannot be for.
    #[error("resource must be this server, or one below it")]
    Target,
    /// More than can be kept while the user logs in.
    #[error("The request is too long")]
    TooLong,
    /// The user said no.
    #[error("The user did not allow it")]
    Denied,
    /// The user would have to log in.
    #[error("The user must log in")]
    LoginRequired,
    /// The user would have to allow it.
    #[error("The user must allow it")]
    ConsentRequired,
}

impl RequestFault {
    /// The `error` of RFC 6749 §4.1.2.1, RFC 8707 §2 or OpenID Connect Core §3.1.2.6.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing(_)
            | Self::Repeated(_)
            | Self::ResponseMode
            | Self::Challenge
            | Self::ChallengeMethod
            | Self::Prompt
            | Self::UnknownPrompt
            | Self::MaxAge
            | Self::TooLong => "invalid_request",
            Self::ResponseType => "unsupported_response_type",
            Self::Unauthorized => "unauthorized_client",
            Self::RequestObject => "request_not_supported",
            Self::RequestUri => "request_uri_not_supported",
            Self::Registration => "registration_not_supported",
            Self::Scope | Self::NoScope => "invalid_scope",
            Self::Target => "invalid_target",
            Self::Denied => "access_denied",
            Self::LoginRequired => "login_required",
            Self::ConsentRequired => "consent_required",
        }
    }
}
