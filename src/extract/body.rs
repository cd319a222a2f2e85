//! Reads bodies up to a limit, and overwrites them on drop.

use crate::api_error::{ApiError, OwnLimit};
use crate::security::services;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, web};
use std::io::ErrorKind;
use std::mem;
use std::ops::Deref;
use zeroize::Zeroize as _;

/// A body that may hold a password: overwritten on drop.
pub(crate) struct Wiped(Bytes);

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        // Nothing else has a reference: it was assembled from the payload.
        if let Ok(mut bytes) = mem::take(&mut self.0).try_into_mut() {
            bytes.zeroize();
        }
    }
}

/// Reads a body of at most `most` bytes, and of the limit of its operation or `server.limit_request_body`. One whose declared
/// length exceeds that is refused unread.
pub(crate) async fn read_body(
    request: &HttpRequest,
    mut payload: Payload,
    most: usize,
) -> Result<Wiped, ApiError> {
    refuse_coding(request)?;
    let own = request.extensions().get::<OwnLimit>().copied();
    let limit = match own {
        Some(OwnLimit(own)) => own,
        None => services(request)?.settings.server.limit_request_body.get(),
    };
    let most = most.min(limit);
    let length = request.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    if length.and_then(|length| length.parse().ok()).is_some_and(|length: u64| length > most as u64)
    {
        return Err(ApiError::PayloadTooLarge);
    }
    let payload = web::Payload::from_request(request, &mut payload)
        .await
        .map_err(|_| ApiError::BadRequest("Malformed body"))?;
    match payload.to_bytes_limited(most).await {
        Ok(Ok(body)) => Ok(Wiped(body)),
        Ok(Err(error)) => Err(unread(error.as_error::<PayloadError>())),
        Err(_) => Err(ApiError::PayloadTooLarge),
    }
}

/// Compressed bodies are not read.
pub(super) fn refuse_coding(request: &HttpRequest) -> Result<(), ApiError> {
    let mut codings = request.headers().get_all(CONTENT_ENCODING);
    if codings.any(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(ApiError::UnsupportedMediaType("a body without Content-Encoding"));
    }
    Ok(())
}

/// Why a body could not be read to its end.
pub(super) fn unread(error: Option<&PayloadError>) -> ApiError {
    match error {
        Some(PayloadError::Overflow) => ApiError::PayloadTooLarge,
        Some(PayloadError::Io(io)) if io.kind() == ErrorKind::TimedOut => ApiError::RequestTimeout,
        _ => ApiError::BadRequest("Incomplete body"),
    }
}
