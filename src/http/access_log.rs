//! One line for every request, including refused, panicked and abandoned ones; and the request's
//! id.

use crate::domain::Caller;
use crate::http::monitoring::metrics::CLIENT_CLOSED_REQUEST;
use crate::http::state::AppState;
use crate::logging::{ACCESS, Access, Headers, Host, RequestId};
use crate::security::ClientHost;
use actix_web::Error;
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Version};
use std::borrow::Cow;
use std::time::Instant;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The request's id: a trusted proxy's, or a new one.
pub(super) fn request_id(state: &AppState, request: &ServiceRequest) -> RequestId {
    let told = if state.trusted.trusts_peer(request.request()) {
        told_id(request.headers())
    } else {
        None
    };
    told.unwrap_or_else(RequestId::unique)
}

/// The id from a proxy, if it sent exactly one and that is well-formed.
fn told_id(headers: &HeaderMap) -> Option<RequestId> {
    let mut told = headers.get_all(REQUEST_ID);
    let id = told.next().and_then(|value| RequestId::parse(value.as_bytes()));
    id.filter(|_| told.next().is_none())
}

/// Adds the id to the response.
pub(super) fn set_id(headers: &mut HeaderMap, id: RequestId) {
    // Overrides a handler's id, which the log would not know.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

/// A line in the making, written on drop, because nothing else happens to an abandoned request.
pub(super) struct Entry {
    access: Option<Access>,
    start: Instant,
}

impl Entry {
    /// Starts the line of a request; `None` if the log does not want one.
    pub(super) fn start(
        state: &AppState,
        request: &ServiceRequest,
        request_id: RequestId,
    ) -> Option<Self> {
        if !log::log_enabled!(target: ACCESS, log::Level::Info) {
            return None;
        }
        let client = state.trusted.client(request.request());
        let uri = request.uri();
        let target = uri.path_and_query().map_or(uri.path(), |target| target.as_str());
        let access = Access {
            host: match client.host {
                ClientHost::Ip(address) => Host::Ip(address),
                ClientHost::Unix => Host::Named("unix"),
                ClientHost::Unknown => Host::Named("unknown"),
            },
            port: client.port,
            method: method(request.method()),
            target: target.to_owned(),
            protocol: protocol(request.version()),
            status: CLIENT_CLOSED_REQUEST,
            phrase: "",
            length: None,
            elapsed: std::time::Duration::ZERO,
            request_id,
            caller: None,
            request_headers: values(request.headers(), &Headers::wanted().request),
            response_headers: Vec::new(),
        };
        Some(Self { access: Some(access), start: Instant::now() })
    }

    /// Who sent the request.
    pub(super) fn set_caller(&mut self, caller: Option<Caller>) {
        if let Some(access) = &mut self.access {
            access.caller = caller;
        }
    }

    /// Records the response.
    pub(super) fn set_response<B: MessageBody>(
        &mut self,
        result: &Result<ServiceResponse<B>, Error>,
    ) {
        let Some(access) = &mut self.access else { return };
        let status = match result {
            Ok(response) => {
                access.length = length(response, &access.method);
                access.response_headers = values(response.headers(), &Headers::wanted().response);
                response.status()
            }
            // Its response has not been built yet.
            Err(error) => error.as_response_error().status_code(),
        };
        access.status = status.as_u16();
        access.phrase = status.canonical_reason().unwrap_or_default();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if let Some(mut access) = self.access.take() {
            access.elapsed = self.start.elapsed();
            access.log();
        }
    }
}

/// The usual methods are not copied.
fn method(method: &Method) -> Cow<'static, str> {
    match *method {
        Method::GET => "GET".into(),
        Method::POST => "POST".into(),
        Method::PUT => "PUT".into(),
        Method::PATCH => "PATCH".into(),
        Method::DELETE => "DELETE".into(),
        Method::HEAD => "HEAD".into(),
        Method::OPTIONS => "OPTIONS".into(),
        _ => method.as_str().to_owned().into(),
    }
}

fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_2 => "HTTP/2.0",
        Version::HTTP_3 => "HTTP/3.0",
        _ => "HTTP/1.1",
    }
}

/// Bytes of the body that are sent; `None` for streams.
fn length<B: MessageBody>(response: &ServiceResponse<B>, method: &str) -> Option<u64> {
    let status = response.status();
    let bodiless = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&status);
    if method == "HEAD" || status.is_informational() || bodiless {
        return Some(0);
    }
    match response.response().body().size() {
        BodySize::None => Some(0),
        BodySize::Sized(length) => Some(length),
        BodySize::Stream => None,
    }
}

/// The values of these headers, in the same order; the first of several.
fn values(headers: &HeaderMap, names: &[String]) -> Vec<Option<Box<[u8]>>> {
    let value = |name: &String| headers.get(name.as_str()).map(|value| value.as_bytes().into());
    names.iter().map(value).collect()
}
