//! A file as a response.

use crate::api_error::ApiError;
use crate::openapi::{self, document_error};
use crate::responses::attachment;
use crate::responses::folder::{Found, find, part_or_whole, plain_names};
use actix_files::NamedFile;
use actix_web::body::BoxBody;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder, web};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::DefaultOperationRaw;
use paperclip::v2::schema::Apiv2Schema;
use serde_json::json;
use std::fmt;
use std::path::{Path, PathBuf};

/// A file: FastAPI's `FileResponse`. Its media type follows from its name; the document shows
/// `application/octet-stream`, or what `#[api_v2_operation(produces = "application/pdf")]` says.
///
/// Clients ask for parts (`Range`) and whether it has changed (`ETag`, `Last-Modified`). Caches other than
/// the browser's do not keep it.
///
/// ```
/// # use bailiwick::prelude::*;
/// /// The bill of an order
/// #[api_v2_operation(produces = "application/pdf")]
/// async fn bill(number: Path<u32>) -> Result<FileResponse, ApiError> {
///     let file = FileResponse::within("bills", &format!("{}.pdf", *number)).await?;
///     Ok(file.download("bill.pdf"))
/// }
/// ```
pub struct FileResponse {
    file: Box<NamedFile>,
    download: Option<HeaderValue>,
}

impl FileResponse {
    /// The file at `name` below `folder`; otherwise 404. A name may come from a request: `..`, hidden files
    /// and symbolic links that lead out of the folder are not found.
    pub async fn within(folder: impl Into<PathBuf>, name: &str) -> Result<Self, ApiError> {
        let names = plain_names(name).ok_or(NOT_FOUND)?;
        match found(folder.into(), names).await? {
            Found::File(file) => Ok(Self { file, download: None }),
            Found::Folder | Found::Nothing => Err(NOT_FOUND),
        }
    }

    /// Browsers save it under this name, instead of showing it.
    #[must_use]
    pub fn download(mut self, name: &str) -> Self {
        self.download = Some(attachment(name));
        self
    }
}

pub(super) const NOT_FOUND: ApiError = ApiError::NotFound("Not Found");

/// Looks for a file, off the worker thread.
pub(super) async fn found(folder: PathBuf, names: Vec<String>) -> Result<Found, ApiError> {
    let found = web::block(move || find(&folder, &names).map_err(|cause| failed(&folder, &cause)));
    found.await.map_err(|error| ApiError::internal(&error))?
}

fn failed(folder: &Path, cause: &std::io::Error) -> ApiError {
    ApiError::internal(&format_args!("a file in {}: {cause}", folder.display()))
}

impl fmt::Debug for FileResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileResponse").field("path", &self.file.path()).finish_non_exhaustive()
    }
}

impl Responder for FileResponse {
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let file = self.file.prefer_utf8(true).disable_content_disposition();
        let mut response = part_or_whole(file, request);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        if let Some(download) = self.download {
            headers.insert(CONTENT_DISPOSITION, download);
        }
        response
    }
}

impl Apiv2Schema for FileResponse {}

impl OperationModifier for FileResponse {
    fn update_response(operation: &mut DefaultOperationRaw) {
        let text = |about: &str| json!({"description": about, "schema": {"type": "string"}});
        let headers = json!({
            "ETag": text("Its version, for `If-None-Match`."),
            "Last-Modified": text("When it was changed, for `If-Modified-Since`."),
        });
        let content = openapi::bytes(operation);
        let whole = json!({"description": "The file", "headers": headers, "content": content});
        openapi::response(operation, 200, &whole);
        let part = json!({
            "description": "The part that `Range` asked for",
            "headers": {"Content-Range": text("Which part.")},
            "content": content,
        });
        openapi::response(operation, 206, &part);
        openapi::response(operation, 304, &json!({"description": "Not Modified"}));
        openapi::response(operation, 416, &json!({"description": "Range Not Satisfiable"}));
        document_error(operation, 404, "Not Found");
    }
}
