//! Stand-ins: what Swagger 2.0 cannot express travels as JSON in a description, and replaces its
//! stand-in when the document is finished.

use actix_web::http::StatusCode;
use paperclip::v2::models::{
    DataType, DefaultOperationRaw, DefaultParameterRaw, DefaultResponseRaw, DefaultSchemaRaw,
    Either, ParameterIn, SecurityScheme,
};
use serde_json::{Map, Value, json};

/// Marks a `description` that carries an `OpenAPI` 3 object in JSON.
const MARK: &str = "x-v3:";

pub(super) fn mark(object: &Value) -> String {
    format!("{MARK}{object}")
}

/// The object in a description.
pub(super) fn marked(text: &str) -> Option<Value> {
    serde_json::from_str(text.strip_prefix(MARK)?).ok()
}

/// Replaces each stand-in with the `OpenAPI` 3 object in its description.
pub(super) fn restore(value: &mut Value) {
    let description = value.get("description").and_then(Value::as_str);
    if let Some(mut object) = description.and_then(marked) {
        // A parameter without a name got one from the route.
        if object["name"] == "" {
            object["name"] = value["name"].take();
        }
        *value = object;
        return;
    }
    match value {
        Value::Object(members) => members.values_mut().for_each(restore),
        Value::Array(members) => members.iter_mut().for_each(restore),
        _ => {}
    }
}

/// Stands for a Response Object (`OpenAPI` 3.0.3 §4.7.17).
pub(super) fn response_object(object: &Value) -> DefaultResponseRaw {
    DefaultResponseRaw { description: Some(mark(object)), ..DefaultResponseRaw::default() }
}

/// Adds a response by its Response Object.
pub(crate) fn response(operation: &mut DefaultOperationRaw, status: u16, object: &Value) {
    operation.responses.insert(status.to_string(), Either::Right(response_object(object)));
}

/// Adds a response with a JSON body of this schema.
pub(crate) fn json_response(operation: &mut DefaultOperationRaw, status: u16, schema: &Value) {
    let object = json!({
        "description": StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()),
        "content": {"application/json": {"schema": schema}},
    });
    response(operation, status, &object);
}

/// The content of a response that is not JSON, of the operation's own media types:
/// `#[api_v2_operation(produces = "text/csv")]`. Generators of clients make bytes of it.
pub(crate) fn bytes(operation: &DefaultOperationRaw) -> Value {
    let bytes = json!({"schema": {"type": "string", "format": "binary"}});
    let own = operation.produces.iter().flatten();
    let own: Map<_, _> = own.map(|media_type| (media_type.0.to_string(), bytes.clone())).collect();
    if own.is_empty() { json!({"application/octet-stream": bytes}) } else { Value::Object(own) }
}

/// Stands for a Security Scheme Object (`OpenAPI` 3.0.3 §4.7.27).
pub(super) fn security_scheme(object: &Value) -> SecurityScheme {
    SecurityScheme {
        type_: "apiKey".to_owned(),
        in_: Some("header".to_owned()),
        name: Some("Authorization".to_owned()),
        description: Some(mark(object)),
        ..SecurityScheme::default()
    }
}

/// Stands for a Schema Object (`OpenAPI` 3.0.3 §4.7.24).
pub(crate) fn schema(object: &Value) -> DefaultSchemaRaw {
    DefaultSchemaRaw { description: Some(mark(object)), ..DefaultSchemaRaw::default() }
}

/// Adds a Parameter Object (`OpenAPI` 3.0.3 §4.7.12), unless the operation has it: several dependencies may
/// read the same.
pub(crate) fn parameter(operation: &mut DefaultOperationRaw, object: &Value) {
    let is_same = |other: &Value| ["in", "name"].iter().all(|key| other[*key] == object[*key]);
    let known = operation.parameters.iter().filter_map(|known| known.description.as_deref());
    if object["name"] != "" && known.filter_map(marked).any(|known| is_same(&known)) {
        return;
    }
    // Swagger 2.0 has no cookies; the route knows the names of the path only.
    let in_ = if object["in"] == "path" { ParameterIn::Path } else { ParameterIn::Query };
    operation.parameters.push(Either::Right(DefaultParameterRaw {
        in_,
        name: object["name"].as_str().unwrap_or_default().to_owned(),
        required: object["required"] == true,
        description: Some(mark(object)),
        data_type: Some(DataType::String),
        ..DefaultParameterRaw::default()
    }));
}

/// Adds a Request Body Object (`OpenAPI` 3.0.3 §4.7.13), which Swagger 2.0 lacks.
pub(crate) fn body(operation: &mut DefaultOperationRaw, object: &Value) {
    operation.parameters.push(Either::Right(DefaultParameterRaw {
        in_: ParameterIn::Body,
        name: "body".to_owned(),
        required: true,
        description: Some(mark(object)),
        schema: Some(DefaultSchemaRaw::default()),
        ..DefaultParameterRaw::default()
    }));
}
