//! A response that is made while it is sent.

use crate::openapi;
use crate::responses::attachment;
use actix_web::body::BoxBody;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderValue};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, Responder};
use futures_util::stream::LocalBoxStream;
use futures_util::{Stream, StreamExt as _};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::DefaultOperationRaw;
use paperclip::v2::schema::Apiv2Schema;
use serde_json::json;
use std::error::Error;
use std::fmt;

/// A response that is made while it is sent: FastAPI's `StreamingResponse`.
///
/// The document shows `application/octet-stream`, or what `#[api_v2_operation(produces = "text/csv")]` says.
///
/// The next piece is asked for once the client has taken the one before. After an error, which is logged,
/// the connection is closed, so that the client does not take a part for the whole.
///
/// ```
/// # use bailiwick::prelude::*;
/// use futures_util::stream;
///
/// /// All prices
/// #[api_v2_operation(produces = "text/csv")]
/// async fn prices() -> StreamingResponse {
///     let lines = (1..=3).map(|number| Ok::<_, std::io::Error>(format!("SKU-{number};9.99\n")));
///     StreamingResponse::new("text/csv; charset=utf-8", stream::iter(lines)).download("prices.csv")
/// }
/// ```
pub struct StreamingResponse {
    content_type: &'static str,
    download: Option<HeaderValue>,
    pieces: LocalBoxStream<'static, Result<Bytes, Failed>>,
}

/// The cause is in the log.
#[derive(Debug, thiserror::Error)]
#[error("the stream failed")]
struct Failed;

impl StreamingResponse {
    /// These pieces, of this media type.
    pub fn new<B, E>(
        content_type: &'static str,
        pieces: impl Stream<Item = Result<B, E>> + 'static,
    ) -> Self
    where
        B: Into<Bytes>,
        E: Into<Box<dyn Error>>,
    {
        let pieces = pieces.map(|piece| {
            piece.map(Into::into).map_err(|error| {
                let error: Box<dyn Error> = error.into();
                log::error!(target: "bailiwick.error", "a streamed response failed: {error}");
                Failed
            })
        });
        Self { content_type, download: None, pieces: pieces.boxed_local() }
    }

    /// Browsers save it under this name.
    #[must_use]
    pub fn download(mut self, name: &str) -> Self {
        self.download = Some(attachment(name));
        self
    }
}

impl fmt::Debug for StreamingResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("StreamingResponse");
        shown.field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl Responder for StreamingResponse {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        response.insert_header((CONTENT_TYPE, self.content_type));
        if let Some(download) = self.download {
            response.insert_header((CONTENT_DISPOSITION, download));
        }
        response.streaming(self.pieces)
    }
}

impl Apiv2Schema for StreamingResponse {}

impl OperationModifier for StreamingResponse {
    fn update_response(operation: &mut DefaultOperationRaw) {
        let object = json!({"description": "OK", "content": openapi::bytes(operation)});
        openapi::response(operation, 200, &object);
    }
}
