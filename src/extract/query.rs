//! The query of a URL.

use crate::api_error::ApiError;
use crate::extract::check::Source;
use crate::extract::schema::{Declared, declared};
use crate::extract::{apply, wrapper};
use crate::openapi::{document_error, parameter};
use actix_web::{FromRequest, HttpRequest, dev::Payload};
use paperclip::actix::OperationModifier;
use paperclip::v2::models::{DefaultOperationRaw, DefaultSchemaRaw};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::future::{Ready, ready};

/// The query of a URL as a struct: each field is a parameter.
///
/// Converts `"5"` to 5 and `yes` to true. If a parameter is repeated, a list gets all values and any
/// other field the last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query<T>(pub T);

wrapper! { Query<T> }

impl<T: DeserializeOwned + JsonSchema + 'static> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let declared = declared::<T>();
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        let value = gathered(&declared, pairs.map(|(name, text)| (name.into_owned(), text)));
        ready(declared.read(value, Source::Texts, &["query"], &apply(request)).map(Self))
    }
}

/// The fields of a form or query as an object: lists get all values, other fields the last.
pub(super) fn gathered(
    declared: &Declared,
    pairs: impl Iterator<Item = (String, impl Into<Value>)>,
) -> Value {
    let fields = declared.object().map(|object| object.fields.as_slice()).unwrap_or_default();
    let mut members = Map::new();
    for (name, value) in pairs {
        let field = fields.iter().find(|field| field.name == name);
        if field.is_some_and(|field| declared.is_list(&field.node)) {
            if let Value::Array(values) = members.entry(name).or_insert_with(|| json!([])) {
                values.push(value.into());
            }
        } else {
            members.insert(name, value.into());
        }
    }
    Value::Object(members)
}

/// Adds the fields of a struct as parameters of the path or query.
pub(super) fn document_fields(operation: &mut DefaultOperationRaw, part: &str, shown: &Value) {
    let required = shown["required"].as_array().map(Vec::as_slice).unwrap_or_default();
    for (name, schema) in shown["properties"].as_object().into_iter().flatten() {
        let mut schema = schema.clone();
        let mut object = json!({
            "in": part,
            "name": name,
            "required": part == "path" || required.iter().any(|required| required == name),
        });
        for key in ["description", "example"] {
            if let Some(text) = schema.as_object_mut().and_then(|schema| schema.remove(key)) {
                object[key] = text;
            }
        }
        object["schema"] = schema;
        parameter(operation, &object);
    }
    document_error(operation, 422, "");
}

impl<T: JsonSchema + 'static> OperationModifier for Query<T> {
    fn update_parameter(operation: &mut DefaultOperationRaw) {
        document_fields(operation, "query", declared::<T>().shown());
    }

    fn update_definitions(map: &mut BTreeMap<String, DefaultSchemaRaw>) {
        declared::<T>().define_fields(map);
    }
}
