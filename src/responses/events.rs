//! Server-sent events (WHATWG HTML §9.2).

use crate::extract::{Json, schema_of};
use crate::openapi;
use actix_web::body::BoxBody;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::stream::LocalBoxStream;
use futures_util::{Stream, StreamExt as _};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use paperclip::v2::schema::Apiv2Schema;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::fmt::Write as _;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Proxies close connections on which nothing happens, nginx after a minute.
const PING: Duration = Duration::from_secs(15);

/// An event: data as JSON, with a name and an id if the browser is to know them.
///
/// A handler may also give the data alone.
#[derive(Clone, Debug)]
pub struct ServerSentEvent<T> {
    data: T,
    event: Option<String>,
    id: Option<String>,
    retry: Option<Duration>,
}

impl<T> ServerSentEvent<T> {
    /// An event without name and id, which `onmessage` hears.
    pub fn new(data: T) -> Self {
        Self { data, event: None, id: None, retry: None }
    }

    /// Its name, for `addEventListener`.
    #[must_use]
    pub fn event(mut self, name: impl Into<String>) -> Self {
        self.event = Some(name.into());
        self
    }

    /// Its id: a browser that comes back sends the last one as `Last-Event-ID`.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// How long browsers wait before they come back.
    #[must_use]
    pub fn retry(mut self, after: Duration) -> Self {
        self.retry = Some(after);
        self
    }
}

impl<T> From<T> for ServerSentEvent<T> {
    fn from(data: T) -> Self {
        Self::new(data)
    }
}

impl<T: Serialize> ServerSentEvent<T> {
    /// As it is sent; `None` if the data is no JSON, which is logged.
    fn written(&self) -> Option<Bytes> {
        let data = serde_json::to_string(&self.data).inspect_err(|error| {
            log::error!(target: "bailiwick.error", "the data of an event: {error}");
        });
        let mut text = String::new();
        // A line feed would begin another field.
        let one_line = |text: &str| text.replace(['\r', '\n', '\0'], " ");
        if let Some(event) = &self.event {
            let _ = writeln!(text, "event: {}", one_line(event));
        }
        if let Some(id) = &self.id {
            let _ = writeln!(text, "id: {}", one_line(id));
        }
        if let Some(retry) = self.retry {
            let _ = writeln!(text, "retry: {}", retry.as_millis());
        }
        let _ = write!(text, "data: {}\n\n", data.ok()?);
        Some(text.into())
    }
}

/// Events that a browser hears with `EventSource`: FastAPI's `EventSourceResponse`.
///
/// Each item is JSON in `data:`. A comment every 15 seconds keeps proxies from closing the connection. When
/// the server stops or reloads, the response ends and the browser comes back by itself.
///
/// ```
/// # use bailiwick::prelude::*;
/// use futures_util::{Stream, stream};
///
/// /// The price, whenever it changes
/// #[api_v2_operation]
/// async fn prices() -> EventSourceResponse<u32> {
///     EventSourceResponse::new(stream::iter([7, 8, 9]))
/// }
/// ```
pub struct EventSourceResponse<T> {
    events: LocalBoxStream<'static, Option<Bytes>>,
    data: PhantomData<fn() -> T>,
}

impl<T: Serialize + 'static> EventSourceResponse<T> {
    /// These events.
    pub fn new<E>(events: impl Stream<Item = E> + 'static) -> Self
    where
        E: Into<ServerSentEvent<T>>,
    {
        let events = events.map(|event| event.into().written());
        Self { events: events.boxed_local(), data: PhantomData }
    }
}

impl<T> fmt::Debug for EventSourceResponse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSourceResponse").finish_non_exhaustive()
    }
}

impl<T> Responder for EventSourceResponse<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, "text/event-stream"))
            // nginx sends each event at once.
            .insert_header(("X-Accel-Buffering", "no"))
            .streaming(Pinged::new(self.events, PING))
    }
}

/// The events, and a comment where there was none for a while.
struct Pinged {
    events: LocalBoxStream<'static, Option<Bytes>>,
    ping: Pin<Box<Sleep>>,
    every: Duration,
}

impl Pinged {
    fn new(events: LocalBoxStream<'static, Option<Bytes>>, every: Duration) -> Self {
        Self { events, ping: Box::pin(sleep(every)), every }
    }
}

impl Stream for Pinged {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = match self.events.poll_next_unpin(context) {
            Poll::Ready(Some(event)) => event,
            Poll::Ready(None) => None,
            Poll::Pending => {
                ready!(self.ping.as_mut().poll(context));
                Some(Bytes::from_static(b": ping\n\n"))
            }
        };
        let next_ping = Instant::now() + self.every;
        self.ping.as_mut().reset(next_ping);
        Poll::Ready(next.map(Ok))
    }
}

impl<T> Apiv2Schema for EventSourceResponse<T> {}

impl<T: JsonSchema + 'static> OperationModifier for EventSourceResponse<T> {
    fn update_response(operation: &mut DefaultOperationRaw) {
        // OpenAPI 3.0 describes the whole text only; 3.2 has `itemSchema`.
        let media = json!({
            "schema": {"type": "string"},
            "x-itemSchema": schema_of::<T>(),
        });
        let content = json!({"text/event-stream": media});
        openapi::response(operation, 200, &json!({"description": "Events", "content": content}));
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        Json::<T>::update_definitions(map);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_event_whatever_is_in_it() {
        let event = ServerSentEvent::new("a\nb").event("x\ndata: 1").id("1\r\n\r\n2");
        let event = event.retry(Duration::from_secs(2)).written().unwrap();
        let expected = "event: x data: 1\nid: 1    2\nretry: 2000\ndata: \"a\\nb\"\n\n";
        assert_eq!(event, expected);
    }

    #[actix_web::test]
    async fn silence_is_broken_by_a_comment() {
        let response: EventSourceResponse<u8> =
            EventSourceResponse::new(futures_util::stream::pending::<u8>());
        let mut body = Pinged::new(response.events, Duration::from_millis(1));
        for _ in 0..2 {
            assert_eq!(body.next().await.unwrap().unwrap(), ": ping\n\n");
        }
    }
}
