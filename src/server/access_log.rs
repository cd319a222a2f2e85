//! One line for every request, also for those that were refused, panicked, or were abandoned; and
//! the request's id.

use super::client_address::{ClientAddress, ClientHost};
use super::state::AppState;
use crate::logging::{ACCESS, Access, Headers, Host, RequestId};
use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, Version};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use std::borrow::Cow;
use std::time::Instant;

/// nginx's status for a client that went away before the answer.
const CLIENT_CLOSED_REQUEST: u16 = 499;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The outermost middleware: finds the client's address and the request's id, and writes the line
/// once the answer is known.
pub(super) async fn record<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = AppState::of(&request);
    let client = state.trusted.client(&request);
    let told = if state.trusted.trusts_peer(&request) { told_id(request.headers()) } else { None };
    let id = told.unwrap_or_else(RequestId::random);
    request.extensions_mut().insert(client);
    request.extensions_mut().insert(id);
    let mut entry = log::log_enabled!(target: ACCESS, log::Level::Info)
        .then(|| Entry::new(&request, client, id));
    let mut result = id.known_to(next.call(request)).await;
    match &mut result {
        Ok(response) => set_id(response.headers_mut(), id),
        Err(error) => error.add_response_mapper(move |mut response| {
            set_id(response.headers_mut(), id);
            response
        }),
    }
    if let Some(Entry { access: Some(access), .. }) = &mut entry {
        match &result {
            Ok(response) => {
                access.status = response.status().as_u16();
                access.length = length(response, &access.method);
                access.response_headers = values(response.headers(), &Headers::wanted().response);
            }
            Err(error) => {
                // What it will say is not made yet.
                access.status = error.as_response_error().status_code().as_u16();
            }
        }
    }
    result
}

/// The id that a proxy gave, where it gave exactly one that is well-formed.
fn told_id(headers: &HeaderMap) -> Option<RequestId> {
    let mut told = headers.get_all(REQUEST_ID);
    let id = told.next().and_then(|value| RequestId::parse(value.as_bytes()));
    id.filter(|_| told.next().is_none())
}

fn set_id(headers: &mut HeaderMap, id: RequestId) {
    // A handler cannot give an id that the log does not know.
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(REQUEST_ID, value);
    }
}

/// A line to be; written when it is dropped, because an abandoned request does nothing else.
struct Entry {
    access: Option<Access>,
    start: Instant,
}

impl Entry {
    fn new(request: &ServiceRequest, client: ClientAddress, request_id: RequestId) -> Self {
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
            length: None,
            elapsed: std::time::Duration::ZERO,
            request_id,
            request_headers: values(request.headers(), &Headers::wanted().request),
            response_headers: Vec::new(),
        };
        Self { access: Some(access), start: Instant::now() }
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

/// The usual methods cost no copy.
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

/// Bytes of the body that are sent; unknown for streams.
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

/// The values of these headers, in the same order; of several the first.
fn values(headers: &HeaderMap, names: &[String]) -> Vec<Option<Box<[u8]>>> {
    let value = |name: &String| headers.get(name.as_str()).map(|value| value.as_bytes().into());
    names.iter().map(value).collect()
}
