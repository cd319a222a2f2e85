//! A panic in a handler becomes a 500 response and a line in the log; the connection stays open.

use crate::logging::{ERROR, RequestId};
use actix_web::dev::ServiceResponse;
use actix_web::error::InternalError;
use actix_web::{Error, HttpResponse};
use futures_util::FutureExt as _;
use std::panic::{AssertUnwindSafe, PanicHookInfo};

/// Responds with 500 if a handler or an inner middleware panicked.
pub(in crate::http) async fn catch<B>(
    call: impl Future<Output = Result<ServiceResponse<B>, Error>>,
) -> Result<ServiceResponse<B>, Error> {
    // What the request owned is dropped with it; what it shared must cope, as with threads.
    AssertUnwindSafe(call).catch_unwind().await.unwrap_or_else(|_| Err(internal_error()))
}

fn internal_error() -> Error {
    let body = serde_json::json!({ "detail": "Internal Server Error" });
    let response = HttpResponse::InternalServerError().json(body);
    InternalError::from_response("a handler panicked", response).into()
}

/// Sends panics to the log, one line each, instead of the terminal.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("-");
        let message = info.payload_as_str().unwrap_or("without a message");
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let request = RequestId::current().map(|id| format!(" (request {id})")).unwrap_or_default();
        log::error!(target: ERROR, "panic in thread {name} at {place}: {message}{request}");
    }));
}
