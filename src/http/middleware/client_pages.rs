//! CORS for clients that are pages (single-page applications), so that they sign users in without `[cors]`: the
//! endpoints of tokens may be asked by pages of registered clients, and the public documents by any page.
//! Never with cookies, which none of these reads.

use crate::http::middleware::cors;
use crate::http::state::AppState;
use crate::routes::oauth::{self, Readers};
use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};

/// A request of a page elsewhere.
pub(in crate::http) struct Asking {
    origin: HeaderValue,
    readers: Readers,
}

/// What the page may do.
pub(in crate::http) struct Allowed {
    origin: HeaderValue,
    /// The response to a question before the request itself.
    preflight: Option<HttpResponse>,
}

/// Whether a page elsewhere asks for something of ours that it may be allowed to read.
pub(in crate::http) fn asking(state: &AppState, request: &ServiceRequest) -> Option<Asking> {
    let url = state.settings.server.public_url.as_ref()?;
    let origin = request.headers().get(ORIGIN)?;
    let readers = oauth::readers(request.path(), url)?;
    // Whoever is in the settings gets what they say.
    let is_set = cors::allows(&state.settings.cors, origin);
    (!is_set).then(|| Asking { origin: origin.clone(), readers })
}

impl Asking {
    /// What the page may do, if anything.
    pub(in crate::http) async fn allowed(
        self,
        state: &AppState,
        request: &ServiceRequest,
    ) -> Option<Allowed> {
        let origin = match self.readers {
            Readers::Everybody => HeaderValue::from_static("*"),
            Readers::Clients => {
                let origin = self.origin.to_str().ok()?;
                // Without the database there are no tokens either.
                let is_client = state.services.clients.have_page_at(origin).await;
                is_client.unwrap_or(false).then_some(self.origin)?
            }
        };
        let asks = *request.method() == Method::OPTIONS
            && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        let preflight = asks.then(|| {
            let mut response = HttpResponse::NoContent();
            response
                .insert_header((ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"))
                .insert_header((ACCESS_CONTROL_MAX_AGE, state.settings.cors.max_age));
            if let Some(wanted) = request.headers().get(ACCESS_CONTROL_REQUEST_HEADERS) {
                response.insert_header((ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone()));
            }
            response.finish()
        });
        Some(Allowed { origin, preflight })
    }
}

impl Allowed {
    /// The response, if the page has only asked whether it may send the request.
    pub(in crate::http) fn preflight(&mut self) -> Option<HttpResponse> {
        self.preflight.take()
    }

    /// Lets the page read the response.
    pub(in crate::http) fn share(self, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let exposed = HeaderValue::from_static("Retry-After, WWW-Authenticate, X-Request-ID");
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, self.origin);
    }
}
