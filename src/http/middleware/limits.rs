//! Limits on requests: size of the head (414, 431), size (413) and time (408) of the body.

use crate::api_error::{ApiError, Overload, OwnLimit};
use crate::http::budget::{FREE, Reservation};
use crate::http::state::AppState;
use crate::settings::ServerSettings;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::http::{ConnectionType, Method};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _};
use futures_util::Stream;
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Seconds after which a client refused for lack of capacity may retry.
pub(in crate::http) const RETRY_AFTER: u64 = 1;

/// Refuses heads above `limit_request_line`, `limit_request_fields` and `limit_request_field_size`.
pub(in crate::http) fn check_head(
    request: &ServiceRequest,
    settings: &ServerSettings,
) -> Result<(), ApiError> {
    let line = request.uri().path_and_query().map_or(0, |line| line.as_str().len());
    let (mut fields, mut longest) = (0, 0);
    for (name, value) in request.headers() {
        fields += 1;
        longest = longest.max(name.as_str().len() + value.len());
    }
    if line > settings.limit_request_line.get() {
        Err(ApiError::UriTooLong)
    } else if fields > settings.limit_request_fields.get()
        || longest > settings.limit_request_field_size.get()
    {
        Err(ApiError::HeaderFieldsTooLarge)
    } else {
        Ok(())
    }
}

/// Refuses a body whose declared length exceeds the limit of its operation or `limit_request_body`. The handler reads any other
/// up to that limit, for `client_body_timeout`, and while `limit_buffered` allows; the returned
/// value records the reason if it is cut short. Keep that value until the response is made: until
/// then the body counts.
///
/// Requests without a body cost nothing.
pub(in crate::http) fn limit_body(
    request: &mut ServiceRequest,
    state: &AppState,
) -> Result<Option<Reading>, ApiError> {
    let settings = &state.settings.server;
    let payload = match request.take_payload() {
        Payload::None => return Ok(None),
        // After a WebSocket handshake the stream is the conversation.
        payload if request.head().upgrade() && request.method() == Method::GET => {
            request.set_payload(payload);
            return Ok(None);
        }
        payload => payload,
    };
    let usual = settings.limit_request_body.get();
    let own = state.body_limits.find(request);
    let limit = own.and_then(|own| own.bytes).unwrap_or(usual);
    if limit != usual {
        request.extensions_mut().insert(OwnLimit(limit));
    }
    if declared_length(request).is_some_and(|length| length > limit as u64) {
        request.set_payload(payload);
        return Err(ApiError::PayloadTooLarge);
    }
    let reading = Reading::default();
    // Most bodies are small and need no origin; those that go to disk are not in memory.
    let is_held = own.is_none_or(|own| !own.is_streamed);
    if is_held && declared_length(request).is_none_or(|length| length > FREE as u64) {
        let origin = state.trusted.origin(request.request());
        reading.held.replace(Some(state.budget.request(origin)));
    }
    let time = Duration::from_secs(settings.client_body_timeout.get());
    let body = LimitedBody {
        inner: payload,
        limit,
        usual,
        read: 0,
        deadline: Instant::now() + time,
        time,
        timer: None,
        reading: Rc::clone(&reading),
    };
    request.set_payload(Payload::Stream { payload: Box::pin(body) });
    Ok(Some(reading))
}

/// Replaces the handler's response to a body cut short by the refusal.
pub(in crate::http) fn replace<B: MessageBody + 'static>(
    reading: Option<Reading>,
    result: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match (reading.and_then(|reading| reading.refusal.take()), result) {
        (None, result) => result.map(ServiceResponse::map_into_left_body),
        (Some(error), Ok(response)) => {
            let (request, _) = response.into_parts();
            Ok(refuse(ServiceResponse::from_err(error, request)))
        }
        (Some(error), Err(_)) => Err(error.into()),
    }
}

/// The rest of the body is not read, so the connection cannot continue.
pub(in crate::http) fn refuse<B>(mut response: ServiceResponse) -> ServiceResponse<EitherBody<B>> {
    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    response.map_into_right_body()
}

/// The length that the client has declared.
pub(in crate::http) fn declared_length(request: &ServiceRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// A body being read, as the middleware sees it behind the handler's back.
pub(in crate::http) type Reading = Rc<Body>;

/// What happened to a body.
#[derive(Default)]
pub(in crate::http) struct Body {
    /// Why it was cut short.
    refusal: Cell<Option<ApiError>>,
    /// Its share of the budget, if it counts.
    held: RefCell<Option<Reservation>>,
}

/// A body that is cut short at its limits.
struct LimitedBody {
    inner: Payload,
    limit: usize,
    /// The server's limit.
    usual: usize,
    read: usize,
    deadline: Instant,
    /// For each `usual` bytes.
    time: Duration,
    /// Created once the client keeps us waiting.
    timer: Option<Pin<Box<Sleep>>>,
    reading: Reading,
}

impl LimitedBody {
    /// Whether so many more bytes are allowed.
    fn admit(&mut self, bytes: usize) -> Result<(), ApiError> {
        let free = FREE.saturating_sub(self.read);
        let before = self.read / self.usual;
        self.read += bytes;
        if self.read > self.limit {
            return Err(ApiError::PayloadTooLarge);
        }
        // A body that may be larger than others may take longer in proportion.
        for _ in before..self.read / self.usual {
            self.deadline += self.time;
            self.timer = None;
        }
        let counted = bytes.saturating_sub(free);
        let held = &mut *self.reading.held.borrow_mut();
        let fits = counted == 0 || held.as_mut().is_none_or(|held| held.grow(counted));
        if fits { Ok(()) } else { Err(ApiError::Busy(Overload::Bodies, RETRY_AFTER)) }
    }
}

impl Stream for LimitedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(item) = Pin::new(&mut self.inner).poll_next(context) {
            let Some(Ok(chunk)) = item else { return Poll::Ready(item) };
            if let Err(error) = self.admit(chunk.len()) {
                self.reading.refusal.set(Some(error));
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(timer.as_mut().poll(context));
        self.reading.refusal.set(Some(ApiError::RequestTimeout));
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}
