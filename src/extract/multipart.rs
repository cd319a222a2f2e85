//! Forms with files.

use crate::api_error::ApiError;
use crate::extract::body::{refuse_coding, unread};
use crate::extract::check::Source;
use crate::extract::parameters::gathered;
use crate::extract::parts::{Event, Part, Splitter, text};
use crate::extract::schema::declared;
use crate::extract::upload::{Arriving, SPARE, UploadFile, with_files};
use crate::extract::wiped::Wiped;
use crate::extract::{apply, document_body_errors, wrapper};
use crate::openapi;
use crate::security::services;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::BytesMut;
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
/// [`Form`](crate::Form), and have `server.limit_request_body` together. As in Starlette, a part whose end is
/// missing does not count, and only boundaries end parts: a `Content-Length` of their own means nothing.
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
struct Read {
    /// Texts, and references to files.
    fields: Vec<(String, Wiped)>,
    files: Vec<UploadFile>,
    /// What files may still keep in memory.
    spare: usize,
    /// How many bytes of texts may still come.
    most_text: usize,
    open: Option<Open>,
}

/// The part that arrives.
enum Open {
    Text(String, Vec<u8>),
    File(String, Arriving),
}

async fn read(request: &HttpRequest, mut payload: Payload) -> Result<Read, ApiError> {
    let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let content_type = value.unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(MULTIPART) {
        return Err(ApiError::UnsupportedMediaType(MULTIPART));
    }
    refuse_coding(request)?;
    let most_text = services(request)?.settings.server.limit_request_body.get();
    let (fields, files) = (Vec::new(), Vec::new());
    let mut form = Read { fields, files, spare: SPARE, most_text, open: None };
    let mut splitter = Splitter::new(content_type.as_bytes())?;
    let mut buffer = BytesMut::new();
    while let Some(piece) = payload.try_next().await.map_err(|error| unread(&error))? {
        buffer.extend_from_slice(&piece);
        let mut rest = &buffer[..];
        while let Some(event) = splitter.next(&mut rest)? {
            form.take(event).await?;
        }
        let read = buffer.len() - rest.len();
        drop(buffer.split_to(read));
    }
    Ok(form)
}

impl Read {
    async fn take(&mut self, event: Event<'_>) -> Result<(), ApiError> {
        match (event, &mut self.open) {
            (Event::Part(Part { name, filename: None, .. }), open) => {
                *open = Some(Open::Text(name, Vec::new()));
            }
            (Event::Part(Part { name, filename: Some(filename), content_type }), open) => {
                *open = Some(Open::File(name, Arriving::new(filename, content_type)));
            }
            (Event::Data(data), Some(Open::Text(_, bytes))) => {
                let spare = self.most_text.checked_sub(data.len());
                self.most_text = spare.ok_or(ApiError::PayloadTooLarge)?;
                bytes.extend_from_slice(data);
            }
            (Event::Data(data), Some(Open::File(_, file))) => {
                file.add(data, &mut self.spare).await.map_err(|error| not_stored(&error))?;
            }
            (Event::Data(_), None) => {}
            (Event::End, open) => match open.take() {
                // An empty field counts as missing.
                Some(Open::Text(name, bytes)) if !bytes.is_empty() => {
                    self.fields.push((name, Wiped(Value::String(text(&bytes)))));
                }
                Some(Open::File(name, file)) => {
                    if let Some(file) = file.end().await.map_err(|error| not_stored(&error))? {
                        self.fields.push((name, Wiped(json!({"file": self.files.len()}))));
                        self.files.push(file);
                    }
                }
                _ => {}
            },
        }
        Ok(())
    }
}

fn not_stored(error: &io::Error) -> ApiError {
    ApiError::internal(&format_args!("an uploaded file cannot be stored: {error}"))
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
