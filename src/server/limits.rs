//! Limits on requests: the head's size (414, 431), the body's size (413) and time (408).

use crate::api_error::ApiError;
use crate::settings::ServerSettings;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_LENGTH;
use actix_web::http::{ConnectionType, Method};
use actix_web::web::Bytes;
use actix_web::{Error, HttpMessage as _};
use futures_util::Stream;
use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Refuses heads above `limit_request_line`, `limit_request_fields` and `limit_request_field_size`.
pub(super) fn check_head(
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

/// Refuses a body that says it is above `limit_request_body`. Lets the handler read others up to
/// there, for `client_body_timeout`; what it then breaks off with is found in what is returned.
///
/// Requests without a body cost nothing.
pub(super) fn limit_body(
    request: &mut ServiceRequest,
    settings: &ServerSettings,
) -> Result<Option<Refusal>, ApiError> {
    let payload = match request.take_payload() {
        Payload::None => return Ok(None),
        // After a WebSocket's handshake the stream is the conversation.
        payload if request.head().upgrade() && request.method() == Method::GET => {
            request.set_payload(payload);
            return Ok(None);
        }
        payload => payload,
    };
    let limit = settings.limit_request_body.get();
    if declared_length(request).is_some_and(|length| length > limit as u64) {
        request.set_payload(payload);
        return Err(ApiError::PayloadTooLarge);
    }
    let refusal = Refusal::default();
    let body = LimitedBody {
        inner: payload,
        remaining: limit,
        deadline: Instant::now() + Duration::from_secs(settings.client_body_timeout.get()),
        timer: None,
        refusal: Rc::clone(&refusal),
    };
    request.set_payload(Payload::Stream { payload: Box::pin(body) });
    Ok(Some(refusal))
}

/// Puts the refusal in the place of what the handler made of a body that broke off.
pub(super) fn replace<B: MessageBody + 'static>(
    refusal: Option<Refusal>,
    result: Result<ServiceResponse<B>, Error>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    match (refusal.and_then(|refusal| refusal.take()), result) {
        (None, result) => result.map(ServiceResponse::map_into_left_body),
        (Some(error), Ok(response)) => {
            let (request, _) = response.into_parts();
            Ok(refuse(ServiceResponse::from_err(error, request)))
        }
        (Some(error), Err(_)) => Err(error.into()),
    }
}

/// The rest of the body is not read, so the connection cannot go on.
pub(super) fn refuse<B>(mut response: ServiceResponse) -> ServiceResponse<EitherBody<B>> {
    response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
    response.map_into_right_body()
}

fn declared_length(request: &ServiceRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}

/// Why the body was broken off, told to the middleware behind the handler's back.
pub(super) type Refusal = Rc<Cell<Option<ApiError>>>;

/// A body that breaks off at its limits.
struct LimitedBody {
    inner: Payload,
    remaining: usize,
    deadline: Instant,
    /// Made once the client makes us wait.
    timer: Option<Pin<Box<Sleep>>>,
    refusal: Refusal,
}

impl Stream for LimitedBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Poll::Ready(item) = Pin::new(&mut self.inner).poll_next(context) {
            let Some(Ok(chunk)) = item else { return Poll::Ready(item) };
            let Some(remaining) = self.remaining.checked_sub(chunk.len()) else {
                self.refusal.set(Some(ApiError::PayloadTooLarge));
                return Poll::Ready(Some(Err(PayloadError::Overflow)));
            };
            self.remaining = remaining;
            return Poll::Ready(Some(Ok(chunk)));
        }
        let deadline = self.deadline;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        ready!(timer.as_mut().poll(context));
        self.refusal.set(Some(ApiError::RequestTimeout));
        Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into()))))
    }
}
