//! The parameters of a URL's path.

use crate::api_error::ApiError;
use crate::extract::apply;
use crate::extract::check::Source;
use crate::extract::parameters::{Part, parameters};
use crate::extract::schema::{Declared, declared};
use crate::openapi::{document_error, parameter};
use actix_web::{FromRequest as _, HttpRequest, web};
use paperclip::v2::models::DefaultOperationRaw;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The parameters of a URL's path: a struct with a field for each, a single value, or a tuple in order.
///
/// Converts `"5"` to 5. Values that do not fit get FastAPI's 422.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path<T>(pub T);

const PATH: Part = Part { name: "path", parameter: str::to_owned };

parameters! { Path, read, document }

fn read<T: DeserializeOwned + JsonSchema + 'static>(request: &HttpRequest) -> Result<T, ApiError> {
    let texts = web::Path::<Vec<String>>::extract(request).into_inner();
    // Nothing has a name that is not UTF-8.
    let texts = texts.map_err(|_| ApiError::NotFound("Not Found"))?.into_inner();
    let names: Vec<String> = request.match_info().iter().map(|(name, _)| name.to_owned()).collect();
    let (declared, apply) = (declared::<T>(), apply(request));
    if declared.object().is_some() {
        let value = names.into_iter().zip(texts.into_iter().map(Value::String)).collect();
        return declared.read(value, Source::Texts, &["path"], &apply);
    }
    if declared.tuple().is_none() {
        let name = names.first().map(String::as_str).unwrap_or_default();
        let value = texts.into_iter().next().map_or(Value::Null, Value::String);
        return declared.read(value, Source::Texts, &["path", name], &apply);
    }
    let value = texts.into_iter().map(Value::String).collect();
    declared.read(value, Source::Texts, &["path"], &apply).map_err(|error| named(error, &names))
}

/// Replaces the numbers of parameters by their names.
fn named(error: ApiError, names: &[String]) -> ApiError {
    let ApiError::Validation(mut problems) = error else { return error };
    for step in problems.iter_mut().filter_map(|problem| problem.loc.get_mut(1)) {
        let at = step.as_u64().and_then(|at| usize::try_from(at).ok());
        if let Some(name) = at.and_then(|at| names.get(at)) {
            *step = json!(name);
        }
    }
    ApiError::Validation(problems)
}

fn document(operation: &mut DefaultOperationRaw, declared: &Declared) {
    if declared.object().is_some() {
        return PATH.document(operation, declared);
    }
    // The route knows the names.
    let unnamed =
        |schema: &Value| json!({"in": "path", "name": "", "required": true, "schema": schema});
    match declared.shown()["items"]["anyOf"].as_array().filter(|_| declared.tuple().is_some()) {
        Some(items) => items.iter().for_each(|item| parameter(operation, &unnamed(item))),
        None => parameter(operation, &unnamed(&declared.schema)),
    }
    document_error(operation, 422, "");
}
