//! Forms with files.

use crate::api_error::ApiError;
use crate::extract::check::Source;
use crate::extract::query::gathered;
use crate::extract::schema::declared;
use crate::extract::upload::{Arriving, SPARE, UploadFile, with_files};
use crate::extract::wiped::Wiped;
use crate::extract::{apply, document_body_errors, wrapper};
use crate::openapi;
use crate::security::services;
use actix_multipart::{Field, Multipart as Parts, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use futures_util::TryStreamExt as _;
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;

/// A form with files, `multipart/form-data`: a struct with an [`UploadFile`], `Option<UploadFile>` or
/// `Vec<UploadFile>` for each field of files.
///
/// The body is streamed to temporary files, and may have `MOST` bytes, which may be more than
/// `server.limit_request_body`; without `MOST` it has that limit. Other fields are read as in
/// [`Form`](crate::Form), and have `server.limit_request_body` together.
///
/// ```
/// use bailiwick::prelude::*;
///
/// /// A picture of an article.
/// #[derive(serde::Deserialize, JsonSchema)]
/// struct NewPicture {
///     /// What it shows.
///     #[schemars(length(max = 100))]
///     caption: String,
///     /// The picture.
///     picture: UploadFile,
/// }
///
/// /// Upload a picture
/// #[api_v2_operation]
/// async fn upload(
///     Authorized(_, form): Authorized<ActiveUser, Multipart<NewPicture, { 10 << 20 }>>,
/// ) -> Result<Json<u64>, ApiError> {
///     form.picture.save("picture.png").await.map_err(|error| ApiError::internal(&error))?;
///     Ok(Json(form.picture.size()))
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Multipart<T, const MOST: usize = { usize::MAX }>(pub T);

wrapper! { Multipart<T, MOST>, const MOST: usize }

const MULTIPART: &str = "multipart/form-data";

/// Most fields, and most files, as in Starlette.
const MOST_PARTS: usize = 1000;

impl<T: DeserializeOwned + JsonSchema + 'static, const MOST: usize> FromRequest
    for Multipart<T, MOST>
{
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let form = read(&request, payload).await?;
            let declared = declared::<T>();
            let value = gathered(&declared, form.fields.into_iter());
            with_files(form.files, || {
                declared.read(value, Source::Texts, &["body"], &apply(&request)).map(Self)
            })
        })
    }
}

/// What a form holds.
#[derive(Default)]
struct Read {
    /// Texts, and references to files.
    fields: Vec<(String, Wiped)>,
    files: Vec<UploadFile>,
}

async fn read(request: &HttpRequest, payload: Payload) -> Result<Read, ApiError> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = value.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(MULTIPART) {
        return Err(ApiError::UnsupportedMediaType(MULTIPART));
    }
    let mut most_text = services(request)?.settings.server.limit_request_body.get();
    let (mut form, mut spare) = (Read::default(), SPARE);
    let mut parts = Parts::new(request.headers(), payload);
    while let Some(mut part) = parts.try_next().await.map_err(refused)? {
        let disposition = part.content_disposition();
        let name = part.name().unwrap_or_default().to_owned();
        let filename = disposition.and_then(|it| it.get_filename()).map(str::to_owned);
        if let Some(filename) = filename {
            if form.files.len() >= MOST_PARTS {
                return Err(ApiError::BadRequest(
                    "Too many files. Maximum number of files is 1000.",
                ));
            }
            if let Some(file) = read_file(&mut part, filename, &mut spare).await? {
                form.fields.push((name, Wiped(json!({"file": form.files.len()}))));
                form.files.push(file);
            }
        } else {
            if form.fields.len() - form.files.len() >= MOST_PARTS {
                return Err(ApiError::BadRequest(
                    "Too many fields. Maximum number of fields is 1000.",
                ));
            }
            let text = read_text(&mut part, &mut most_text).await?;
            // An empty field counts as missing.
            if text.0 != "" {
                form.fields.push((name, text));
            }
        }
    }
    Ok(form)
}

async fn read_file(
    part: &mut Field,
    filename: String,
    spare: &mut usize,
) -> Result<Option<UploadFile>, ApiError> {
    let content_type = part.content_type().map(ToString::to_string);
    let mut file = Arriving::new(filename, content_type);
    while let Some(piece) = part.try_next().await.map_err(refused)? {
        file.add(&piece, spare).await.map_err(|error| not_stored(&error))?;
    }
    file.end().await.map_err(|error| not_stored(&error))
}

fn not_stored(error: &io::Error) -> ApiError {
    ApiError::internal(&format_args!("an uploaded file cannot be stored: {error}"))
}

/// Decodes UTF-8, or else Latin-1, as Starlette does.
async fn read_text(part: &mut Field, most: &mut usize) -> Result<Wiped, ApiError> {
    let mut bytes = Vec::new();
    while let Some(piece) = part.try_next().await.map_err(refused)? {
        *most = most.checked_sub(piece.len()).ok_or(ApiError::PayloadTooLarge)?;
        bytes.extend_from_slice(&piece);
    }
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| error.as_bytes().iter().copied().map(char::from).collect());
    Ok(Wiped(Value::String(text)))
}

fn refused(error: MultipartError) -> ApiError {
    match error {
        MultipartError::Payload(PayloadError::Overflow) => ApiError::PayloadTooLarge,
        MultipartError::Payload(PayloadError::Io(io)) if io.kind() == io::ErrorKind::TimedOut => {
            ApiError::RequestTimeout
        }
        MultipartError::Payload(_) | MultipartError::Incomplete => {
            ApiError::BadRequest("Incomplete body")
        }
        MultipartError::BoundaryMissing => ApiError::BadRequest("Missing boundary in multipart."),
        MultipartError::ContentDispositionNameMissing
        | MultipartError::ContentDispositionMissing => {
            ApiError::BadRequest("The Content-Disposition header field \"name\" must be provided.")
        }
        _ => ApiError::BadRequest("Invalid multipart data."),
    }
}

impl<T: JsonSchema + 'static, const MOST: usize> OperationModifier for Multipart<T, MOST> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        let content = json!({MULTIPART: {"schema": declared::<T>().schema}});
        openapi::body(operation, &json!({"required": true, "content": content}));
        let limit = Some(MOST).filter(|most| *most < usize::MAX);
        openapi::limit_body(operation, openapi::BodyLimit { bytes: limit, is_streamed: true });
        openapi::document_error(operation, 400, "Invalid multipart data.");
        document_body_errors(operation, Some("Expected multipart/form-data"));
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        declared::<T>().define(map);
    }
}
