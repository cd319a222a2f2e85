//! One line for every request, also for those that were refused, panicked, or were abandoned.

use super::client_address::ClientAddress;
use super::state::AppState;
use crate::logging::{self, ACCESS};
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, Uri, Version};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _};
use std::fmt;

/// nginx's status for a client that went away before the answer.
const CLIENT_CLOSED_REQUEST: u16 = 499;

/// The outermost middleware: finds the client's address, and writes the line once the answer is known.
pub(super) async fn record<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = AppState::of(&request);
    let client = state.trusted.client(&request);
    request.extensions_mut().insert(client);
    let mut entry = log::log_enabled!(target: ACCESS, log::Level::Info).then(|| Entry {
        method: request.method().clone(),
        uri: request.uri().clone(),
        version: request.version(),
        status: CLIENT_CLOSED_REQUEST,
        client,
        state,
    });
    let result = next.call(request).await;
    if let Some(entry) = &mut entry {
        entry.status = match &result {
            Ok(response) => response.status().as_u16(),
            Err(error) => error.as_response_error().status_code().as_u16(),
        };
    }
    result
}

/// A line to be; written when it is dropped, because an abandoned request does nothing else.
struct Entry {
    state: Data<AppState>,
    client: ClientAddress,
    method: Method,
    uri: Uri,
    version: Version,
    status: u16,
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.state.access_filter.keeps(self.method.as_str(), self.uri.path(), self.status) {
            log::info!(target: ACCESS, "{self}");
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} - \"", self.client)?;
        logging::escape(f, self.method.as_str().as_bytes())?;
        f.write_str(" ")?;
        logging::escape(f, self.uri.path().as_bytes())?;
        if let Some(query) = self.uri.query() {
            f.write_str("?")?;
            logging::redact_query(f, query)?;
        }
        write!(f, " {:?}\" {}", self.version, self.status)
    }
}
