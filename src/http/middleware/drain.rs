//! Asks clients to reconnect while the server is about to stop.

use crate::http::state::AppState;
use actix_web::body::{BodySize, BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ResponseHead, ServiceResponse};
use actix_web::http::header::{CONTENT_TYPE, UPGRADE};
use actix_web::http::{ConnectionType, StatusCode, Version};
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

/// Sends a WebSocket its close frame when draining starts, and ends server-sent events, whose browsers
/// come back by themselves; leaves other responses alone.
pub(in crate::http) fn end_endless<B: MessageBody + 'static>(
    state: &AppState,
    mut response: ServiceResponse<B>,
) -> ServiceResponse<EitherBody<B>> {
    // A response of a known length costs no more than this.
    if response.response().body().size() != BodySize::Stream {
        return response.map_into_left_body();
    }
    if response.request().version() < Version::HTTP_11 {
        end_by_closing(response.response_mut().head_mut());
    }
    let body: fn(BoxBody, Drain) -> BoxBody = if is_websocket(&response) {
        |body, drain| BoxBody::new(WebSocketBody { body, drain, phase: Phase::Open })
    } else if is_events(&response) {
        // It ends with the process, which does not wait for the connection then.
        response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        |body, drain| BoxBody::new(EventsBody { body, drain, is_between: true, is_over: false })
    } else {
        return response.map_into_left_body();
    };
    let drain = Box::pin(state.drain_started());
    response.map_body(|_, inner| EitherBody::right(body(inner.boxed(), drain)))
}

/// An HTTP/1.0 client reads no chunks: a body of unknown length ends with its connection (RFC 9112 §6.3).
fn end_by_closing(response: &mut ResponseHead) {
    response.no_chunking(true);
    response.set_connection_type(ConnectionType::Close);
}

type Drain = Pin<Box<dyn Future<Output = ()>>>;

fn is_events<B>(response: &ServiceResponse<B>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
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
    drain: Drain,
    phase: Phase,
}

/// Events, until draining starts.
struct EventsBody {
    body: BoxBody,
    drain: Drain,
    /// Whether the last chunk was the end of an event.
    is_between: bool,
    is_over: bool,
}

/// How soon browsers come back, in milliseconds: the successor serves already.
const RETRY: Bytes = Bytes::from_static(b"retry: 1000\n\n");

impl MessageBody for EventsBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        // First, because a busy stream always has a next event.
        if self.drain.as_mut().poll(context).is_ready() {
            self.is_over = true;
            return Poll::Ready(self.is_between.then(|| Ok(RETRY)));
        }
        let chunk = Pin::new(&mut self.body).poll_next(context);
        if let Poll::Ready(Some(Ok(chunk))) = &chunk {
            self.is_between = chunk.ends_with(b"\n\n");
        }
        chunk
    }
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
