//! Limits of single operations on their bodies: declared with the operation, and found in the document by
//! whoever holds them.

use crate::openapi::stand_in;
use paperclip::v2::models::{DefaultOperationRaw, Either, ParameterIn};
use serde_json::{Value, json};

/// An operation's own limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimit {
    /// Most bytes; `None` for the server's limit.
    pub bytes: Option<usize>,
    /// Whether the handler keeps no more than a piece of it in memory.
    pub is_streamed: bool,
}

/// The member of a Request Body Object that says how many bytes it may have.
const BYTES: &str = "x-max-bytes";
const STREAMED: &str = "x-streamed";

/// Sets the limit of an operation's body, if it has one.
pub(crate) fn limit_body(operation: &mut DefaultOperationRaw, limit: BodyLimit) {
    for parameter in &mut operation.parameters {
        if let Either::Right(parameter) = parameter
            && parameter.in_ == ParameterIn::Body
            && let Some(text) = &mut parameter.description
            && let Some(mut object) = stand_in::marked(text)
        {
            if let Some(bytes) = limit.bytes {
                object[BYTES] = json!(bytes);
            }
            if limit.is_streamed {
                object[STREAMED] = json!(true);
            }
            *text = stand_in::mark(&object);
        }
    }
}

impl BodyLimit {
    /// The limits in a document, with method and path.
    pub(crate) fn of(document: &Value) -> impl Iterator<Item = (&str, &str, Self)> {
        document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().filter_map(move |(method, operation)| {
                let body = &operation["requestBody"];
                let bytes = body[BYTES].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
                let is_streamed = body[STREAMED] == true;
                let is_own = bytes.is_some() || is_streamed;
                is_own.then_some((method.as_str(), path.as_str(), Self { bytes, is_streamed }))
            })
        })
    }
}
