//! Asks clients to reconnect while the server is about to stop.

use crate::http::state::AppState;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceResponse};
use actix_web::http::header::UPGRADE;
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web::Bytes;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A close frame of a server, unmasked: code 1001, "going away" (RFC 6455 §5.5.1, §7.4.1).
const GOING_AWAY: [u8; 4] = [0x88, 0x02, 0x03, 0xE9];

/// Sets `Connection: close` on a response of a draining server, unless it switches protocols.
pub(in crate::http) fn close_connection(state: &AppState, response: &mut ResponseHead) {
    if state.is_draining() && response.status != StatusCode::SWITCHING_PROTOCOLS {
        response.set_connection_type(ConnectionType::Close);
    }
}

/// Sends a WebSocket its close frame when draining starts; leaves other responses alone.
pub(in crate::http) fn end_websocket<B: MessageBody + 'static>(
    state: &AppState,
    response: ServiceResponse<B>,
) -> ServiceResponse<EitherBody<B>> {
    if !is_websocket(&response) {
        return response.map_into_left_body();
    }
    let drain = Box::pin(state.drain_started());
    response.map_body(|_, body| {
        let body = WebSocketBody { body: body.boxed(), drain, phase: Phase::Open };
        EitherBody::right(BoxBody::new(body))
    })
}

fn is_websocket<B>(response: &ServiceResponse<B>) -> bool {
    response.status() == StatusCode::SWITCHING_PROTOCOLS
        && response
            .headers()
            .get(UPGRADE)
            .is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The next chunk is the close frame.
    Closing,
    Closed,
}

/// What a handler sends over a WebSocket, until draining starts.
///
/// The close frame follows a chunk, never splits one: actix-ws yields whole frames.
struct WebSocketBody {
    body: BoxBody,
    drain: Pin<Box<dyn Future<Output = ()>>>,
    phase: Phase,
}

impl MessageBody for WebSocketBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.phase == Phase::Open {
            let draining = self.drain.as_mut().poll(context).is_ready();
            let chunk = Pin::new(&mut self.body).poll_next(context);
            if !draining {
                return chunk;
            }
            // First what the handler has already sent; it waits in one chunk.
            self.phase = Phase::Closing;
            match chunk {
                Poll::Ready(Some(chunk)) => return Poll::Ready(Some(chunk)),
                Poll::Ready(None) => self.phase = Phase::Closed,
                Poll::Pending => {}
            }
        }
        if self.phase == Phase::Closed {
            return Poll::Ready(None);
        }
        self.phase = Phase::Closed;
        Poll::Ready(Some(Ok(Bytes::from_static(&GOING_AWAY))))
    }
}
