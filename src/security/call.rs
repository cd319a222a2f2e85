//! The request that a dependency is built for.

use crate::api_error::{ApiError, AuthScheme, ChallengeStyle, Reason};
use crate::security::refusal;
use crate::security::required::{Required, ScopeList};
use crate::security::state::{State, state};
use crate::services::Services;
use actix_web::HttpRequest;
use actix_web::web::Data;

/// The request that a step is built for, and the scopes required so far: FastAPI's `Request` and
/// `SecurityScopes`.
#[derive(Debug)]
pub struct Call<'a> {
    request: &'a HttpRequest,
    required: &'static Required,
}

impl<'a> Call<'a> {
    pub(super) fn new<Outer: ScopeList>(request: &'a HttpRequest) -> Self {
        Self { request, required: const { &Outer::REQUIRED } }
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &'a HttpRequest {
        self.request
    }

    /// The scopes required by the chain, outermost first.
    #[must_use]
    pub fn scopes(&self) -> &'static [&'static str] {
        self.required.names()
    }

    /// The required scopes, separated by spaces: FastAPI's `security_scopes.scope_str`.
    #[must_use]
    pub fn scope_str(&self) -> String {
        self.scopes().join(" ")
    }

    /// The server's services.
    pub fn services(&self) -> Result<&'a Services, ApiError> {
        services(self.request)
    }

    /// The application's state of this type.
    pub fn state<T: Send + Sync + 'static>(&self) -> Result<State<T>, ApiError> {
        state(self.request)
    }

    /// Refuses a token: 401 `Could not validate credentials` and a bearer challenge with the
    /// scopes.
    #[must_use]
    pub fn invalid(&self) -> ApiError {
        self.refuse(AuthScheme::Bearer, Reason::Invalid)
    }

    /// Refuses a caller that lacks a scope: `Not enough permissions`.
    #[must_use]
    pub fn insufficient_scope(&self) -> ApiError {
        self.refuse(AuthScheme::Bearer, Reason::InsufficientScope)
    }

    /// Refuses a disabled user: 400 `Inactive user`, or in the strict profile like any bad
    /// credentials (RFC 6750 §3.1).
    #[must_use]
    pub fn inactive(&self, scheme: AuthScheme) -> ApiError {
        refusal::inactive(self.style(), scheme, self.scopes())
    }

    /// Refuses a caller.
    #[must_use]
    pub fn refuse(&self, scheme: AuthScheme, reason: Reason) -> ApiError {
        refusal::refuse(self.style(), scheme, reason, self.scopes())
    }

    fn style(&self) -> ChallengeStyle {
        refusal::style(services(self.request).ok())
    }
}

/// The services that [`Server`](crate::Server) gives every worker.
pub fn services(request: &HttpRequest) -> Result<&Services, ApiError> {
    request
        .app_data::<Data<Services>>()
        .map(Data::get_ref)
        .ok_or_else(|| ApiError::internal(&"the application runs without bailiwick's services"))
}
