//! Tells clients to come back on a new connection while the server is about to stop.

use super::state::AppState;
use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;

/// Puts `Connection: close` on every answer of a draining server, save those that switch protocols.
pub(super) async fn close_connections<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let state = AppState::of(&request);
    let mut result = next.call(request).await;
    if state.is_draining() {
        match &mut result {
            Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {}
            Ok(response) => {
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            Err(error) => error.add_response_mapper(|mut response| {
                response.head_mut().set_connection_type(ConnectionType::Close);
                response
            }),
        }
    }
    result
}
