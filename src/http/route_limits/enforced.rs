//! The middleware of a route's limits.

use crate::api_error::ApiError;
use crate::http::middleware::limits::declared_length;
use crate::http::route_limits::counters::Counters;
use crate::http::route_limits::rate::Rate;
use crate::http::state::ThreadState;
use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _};
use futures_util::StreamExt as _;
use std::cell::OnceCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The limits of one service in one thread.
#[derive(Default)]
pub struct Enforced {
    rates: Vec<(Rate, OnceCell<Arc<Counters>>)>,
    pub(super) body: Option<usize>,
    pub(super) time: Option<Duration>,
}

impl Enforced {
    pub(super) fn add(&mut self, rate: Rate) {
        self.rates.push((rate, OnceCell::new()));
    }

    pub(super) fn has_rates(&self) -> bool {
        !self.rates.is_empty()
    }

    async fn admit(&self, request: &ServiceRequest) -> Result<(), ApiError> {
        for (rate, counters) in &self.rates {
            let state = ThreadState::of(request);
            let counters = counters.get_or_init(|| state.counters.of(rate.id));
            let party = rate.party(request.request()).await;
            let now = state.services.accounts.clock().microseconds();
            counters.count(&party, rate.allowance(), now).map_err(too_many)?;
        }
        Ok(())
    }

    /// Cuts a body short, unless the server's own limit on bodies does so already.
    fn limit_body(&self, request: &mut ServiceRequest) -> Result<(), ApiError> {
        let Some(most) = self.body else { return Ok(()) };
        if declared_length(request).is_some_and(|length| length > most as u64) {
            return Err(ApiError::PayloadTooLarge);
        }
        let mut left = most;
        match request.take_payload() {
            Payload::None => {}
            payload => {
                let counted = payload.map(move |piece| {
                    let piece = piece?;
                    left = left.checked_sub(piece.len()).ok_or(PayloadError::Overflow)?;
                    Ok(piece)
                });
                request.set_payload(Payload::Stream { payload: Box::pin(counted) });
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Enforced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rates: Vec<_> = self.rates.iter().map(|(rate, _)| rate).collect();
        let (body, time) = (&self.body, &self.time);
        f.debug_struct("Enforced")
            .field("rates", &rates)
            .field("body", body)
            .field("time", time)
            .finish()
    }
}

/// One request within its limits.
pub(super) async fn enforce<B: MessageBody + 'static>(
    limits: Rc<Enforced>,
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let admitted = match limits.admit(&request).await {
        Ok(()) => limits.limit_body(&mut request),
        refused => refused,
    };
    if let Err(error) = admitted {
        return Ok(request.error_response(error).map_into_right_body());
    }
    let answered = match limits.time {
        None => next.call(request).await,
        Some(time) => {
            let late =
                |_| Err(ApiError::http(StatusCode::GATEWAY_TIMEOUT, "Gateway Timeout").into());
            timeout(time, next.call(request)).await.unwrap_or_else(late)
        }
    };
    answered.map(ServiceResponse::map_into_left_body)
}

fn too_many(wait: Duration) -> ApiError {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    ApiError::http(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
        .with_header(RETRY_AFTER, seconds.max(1).to_string())
}
