//! Reads bodies, forms, queries, paths, headers and cookies. Each is declared as an ordinary struct that derives serde's
//! `Deserialize` and schemars's `JsonSchema`: its fields' names, types, rules and documentation. The
//! document and the checks both come from that declaration.

mod wrapper;

mod body;
mod certain;
mod check;
mod compile;
mod cookie;
mod form;
mod header;
mod json;
mod json_fault;
mod multipart;
mod node;
mod parameters;
mod parts;
mod path;
mod publish;
mod query;
mod rule;
mod schema;
mod secret;
mod table;
#[cfg(test)]
mod tests;
mod upload;
mod wiped;

pub use cookie::Cookie;
pub use form::Form;
pub(crate) use form::{FormFields, document_form, form_schema};
pub use header::Header;
pub use json::Json;
pub use multipart::Multipart;
pub use path::Path;
pub use query::Query;
pub use rule::{Broken, Check, Rule};
pub(crate) use table::{Fault, Leaf, Shape, Table};
pub use upload::UploadFile;
use wrapper::wrapper;

use crate::openapi::document_error;
use crate::security::services;
use actix_web::HttpRequest;
use paperclip::v2::models::DefaultOperationRaw;
use serde_json::Value;

/// The schema of a type, for the document.
pub(crate) fn schema_of<T: schemars::JsonSchema + 'static>() -> Value {
    schema::declared::<T>().schema.clone()
}

/// Applies rules with the services of a request's server.
fn apply(request: &HttpRequest) -> impl Fn(&Rule, &str) -> Result<(), Broken> {
    move |rule, text| rule.check(text, services(request).ok())
}

/// Applies rules where there is no server.
fn apply_alone(rule: &Rule, text: &str) -> Result<(), Broken> {
    rule.check(text, None)
}

/// Adds the error responses of a body to an operation.
fn document_body_errors(operation: &mut DefaultOperationRaw, media_type: Option<&str>) {
    document_error(operation, 408, "Request Timeout");
    document_error(operation, 413, "Request body too large");
    if let Some(detail) = media_type {
        document_error(operation, 415, detail);
    }
    document_error(operation, 422, "");
}
