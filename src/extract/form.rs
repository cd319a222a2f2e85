//! Forms, urlencoded or multipart.

use crate::api_error::ApiError;
use crate::extract::body::read_body;
use crate::extract::check::Source;
use crate::extract::parameters::gathered;
use crate::extract::parts::{Event, Splitter, TOO_MANY_FIELDS, text};
use crate::extract::schema::declared;
use crate::extract::wiped::Wiped;
use crate::extract::{apply, document_body_errors, wrapper};
use crate::openapi;
use crate::security::remember_part;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::pin::Pin;

/// A form, urlencoded or multipart.
///
/// As in FastAPI, an empty field counts as missing and `"5"` is converted to 5. If a field is repeated, a
/// list gets all values and any other field the last. Files are refused: [`Multipart`](crate::Multipart) takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Form<T>(pub T);

wrapper! { Form<T> }

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

/// Most fields, as in Starlette.
const MOST_FIELDS: usize = 1000;

impl<T: DeserializeOwned + JsonSchema + 'static> FromRequest for Form<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let fields = FormFields::read(&request, payload, usize::MAX).await?;
            if fields.pairs.is_empty() {
                return fields.check(&request).map(Self);
            }
            remember_part(&request, "body", fields.check(&request)).map(Self)
        })
    }
}

/// The raw fields of a form.
pub(crate) struct FormFields {
    pairs: Vec<(String, Wiped)>,
    /// The media type, if it is not a form's.
    instead: Option<String>,
}

impl FormFields {
    /// Reads a body of at most `most` bytes. A body that is not a form has no fields.
    pub(crate) async fn read(
        request: &HttpRequest,
        payload: Payload,
        most: usize,
    ) -> Result<Self, ApiError> {
        let value = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = value.unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        let is_urlencoded = media_type.eq_ignore_ascii_case(URLENCODED);
        if !is_urlencoded && !media_type.eq_ignore_ascii_case(MULTIPART) {
            return Ok(Self { pairs: Vec::new(), instead: Some(shown(media_type)) });
        }
        let body = read_body(request, payload, most).await?;
        let pairs = if is_urlencoded {
            urlencoded(&body)?
        } else {
            multipart(content_type.as_bytes(), &body)?
        };
        Ok(Self { pairs, instead: None })
    }

    /// The fields of an urlencoded body.
    #[cfg(test)]
    pub(crate) fn of(body: &str) -> Self {
        let pairs = urlencoded(body.as_bytes()).unwrap();
        Self { pairs, instead: None }
    }

    /// The value of a field that is not empty; an object if it is a file.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let last = self.pairs.iter().rev().find(|(other, _)| other == name)?;
        Some(&last.1.0).filter(|value| *value != "")
    }

    /// The text of a field that is there once and not empty.
    pub(crate) fn once(&self, name: &str) -> Option<&str> {
        let is_once = self.pairs.iter().filter(|(other, _)| other == name).count() == 1;
        self.get(name).filter(|_| is_once)?.as_str()
    }

    /// Whether a field is there more than once.
    pub(crate) fn repeats(&self, name: &str) -> bool {
        self.pairs.iter().filter(|(other, _)| other == name).count() > 1
    }

    /// Checks the fields against the type's schema.
    pub(crate) fn check<T: DeserializeOwned + JsonSchema + 'static>(
        self,
        request: &HttpRequest,
    ) -> Result<T, ApiError> {
        let declared = declared::<T>();
        let value = gathered(&declared, self.pairs.into_iter());
        let value = without_empty(value);
        let read = declared.read(value, Source::Texts, &["body"], &apply(request));
        read.map_err(|error| match (error, self.instead) {
            (ApiError::Validation(problems), Some(instead)) => {
                ApiError::NotAForm(problems, instead)
            }
            (error, _) => error,
        })
    }
}

/// An empty field counts as missing.
fn without_empty(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, member| member != "");
    }
    value
}

/// The media type for a message.
fn shown(media_type: &str) -> String {
    match media_type {
        "" => "no Content-Type".to_owned(),
        _ => media_type.chars().take(100).collect(),
    }
}

fn urlencoded(body: &[u8]) -> Result<Vec<(String, Wiped)>, ApiError> {
    let mut fields = Vec::new();
    for (name, text) in form_urlencoded::parse(body) {
        if fields.len() >= MOST_FIELDS {
            return Err(TOO_MANY_FIELDS);
        }
        fields.push((name.into_owned(), Wiped(text.into())));
    }
    Ok(fields)
}

/// The fields in the body's order, a file as an empty object.
fn multipart(content_type: &[u8], body: &[u8]) -> Result<Vec<(String, Wiped)>, ApiError> {
    let mut splitter = Splitter::new(content_type)?;
    let (mut fields, mut rest) = (Vec::new(), body);
    let (mut open, mut data) = (None, &[][..]);
    while let Some(event) = splitter.next(&mut rest)? {
        match event {
            Event::Part(part) => (open, data) = (Some(part), &[]),
            // All of it: nothing is missing yet.
            Event::Data(all) => data = all,
            Event::End => {
                if let Some(part) = open.take() {
                    let is_file = part.filename.is_some();
                    let value = if is_file { json!({}) } else { Value::String(text(data)) };
                    fields.push((part.name, Wiped(value)));
                }
            }
        }
    }
    Ok(fields)
}

impl<T: JsonSchema + 'static> OperationModifier for Form<T> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        document_form(operation, &declared::<T>().schema);
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        declared::<T>().define(map);
    }
}

/// Adds a form with this schema to an operation.
pub(crate) fn document_form(operation: &mut DefaultOperationRaw, schema: &Value) {
    // Multipart is taken, too; named here, generators of clients would choose it.
    let content = json!({URLENCODED: {"schema": schema}});
    openapi::body(operation, &json!({"required": true, "content": content}));
    document_body_errors(operation, None);
}

/// The schema of a form without a reference to itself.
pub(crate) fn form_schema<T: JsonSchema + 'static>() -> Value {
    declared::<T>().shown().clone()
}
