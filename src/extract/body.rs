//! Reads bodies up to a limit, and overwrites them on drop.

use crate::api_error::{ApiError, OwnLimit};
use crate::security::services;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use actix_web::{HttpMessage as _, HttpRequest, dev::Payload};
use futures_util::StreamExt as _;
use std::io::ErrorKind;
use std::ops::Deref;
use zeroize::Zeroize as _;

/// A body that may hold a password: overwritten on drop.
pub(crate) struct Wiped(Vec<u8>);

impl Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// The most memory, in bytes, that is allocated for a body before it arrives.
const AHEAD: usize = 64 << 10;

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
    let length = length.and_then(|length| length.parse::<u64>().ok()).unwrap_or_default();
    if length > most as u64 {
        return Err(ApiError::PayloadTooLarge);
    }
    // A body that holds a password has its place at once: growing would leave copies behind.
    let mut body = Wiped(Vec::with_capacity(usize::try_from(length).unwrap_or(AHEAD).min(AHEAD)));
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| unread(&error))?;
        if chunk.len() > most - body.len() {
            return Err(ApiError::PayloadTooLarge);
        }
        body.0.extend_from_slice(&chunk);
    }
    Ok(body)
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
pub(super) fn unread(error: &PayloadError) -> ApiError {
    match error {
        PayloadError::Overflow => ApiError::PayloadTooLarge,
        PayloadError::Io(io) if io.kind() == ErrorKind::TimedOut => ApiError::RequestTimeout,
        _ => ApiError::BadRequest("Incomplete body"),
    }
}
