//! Schemas for the document: translates what `OpenAPI` 3.0 cannot express, and leaves out what is only
//! for the checks.

use serde_json::{Map, Value, json};

/// The prefix of keywords that are documented but not checked.
const HINT: &str = "x-hint-";

/// A schema for the document.
pub(super) fn published(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => object(members),
        Value::Array(items) => items.iter().map(published).collect(),
        other => other.clone(),
    }
}

fn object(members: &Map<String, Value>) -> Value {
    let is_kept = |(name, value): &(&String, &Value)| match name.as_str() {
        "x-rule" | "x-strict" => false,
        "default" => !value.is_null(),
        _ => true,
    };
    let is_told = |name: &str| !matches!(name, "default" | "example" | "enum" | "const");
    let kept = members.iter().filter(is_kept).map(|(name, value)| {
        let value = if is_told(name) { published(value) } else { value.clone() };
        (name.strip_prefix(HINT).unwrap_or(name).to_owned(), value)
    });
    let mut schema: Map<String, Value> = kept.collect();
    several(&mut schema);
    constant(&mut schema);
    nullable(&mut schema);
    tuple(&mut schema);
    exclusive(&mut schema, "minimum", "exclusiveMinimum");
    exclusive(&mut schema, "maximum", "exclusiveMaximum");
    width(&mut schema);
    Value::Object(schema)
}

/// Several types become alternatives, each with the keywords that are about it.
fn several(schema: &mut Map<String, Value>) {
    const OF_TEXTS: [&str; 4] = ["format", "maxLength", "minLength", "pattern"];
    const OF_NUMBERS: [&str; 5] =
        ["exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "multipleOf"];
    if !schema.get("type").is_some_and(Value::is_array) {
        return;
    }
    let mut take = |keys: &[&str]| -> Map<String, Value> {
        keys.iter().filter_map(|key| Some(((*key).to_owned(), schema.remove(*key)?))).collect()
    };
    let (types, of_texts, of_numbers) = (take(&["type"]), take(&OF_TEXTS), take(&OF_NUMBERS));
    let types = types["type"].as_array().cloned().unwrap_or_default();
    let branches = types.into_iter().map(|kind| {
        let more = match kind.as_str() {
            Some("string") => of_texts.clone(),
            Some("number" | "integer") => of_numbers.clone(),
            _ => Map::new(),
        };
        let branch = [("type".to_owned(), kind)].into_iter().chain(more);
        object(&branch.collect())
    });
    let mut branches: Vec<_> = branches.collect();
    // As pydantic shows a decimal.
    branches.sort_by_key(|branch| branch["type"] == "string");
    schema.insert("anyOf".to_owned(), Value::Array(branches));
}

fn constant(schema: &mut Map<String, Value>) {
    if let Some(value) = schema.remove("const") {
        schema.insert("enum".to_owned(), json!([value]));
    }
}

/// `T` or null becomes a nullable `T` (`OpenAPI` 3.0.3 §4.7.24).
fn nullable(schema: &mut Map<String, Value>) {
    let Some(branches) = schema.get("anyOf").and_then(Value::as_array) else { return };
    let is_null = |branch: &&Value| branch["enum"] == json!([null]);
    if branches.iter().any(|branch| is_null(&branch)) {
        let others: Vec<Value> =
            branches.iter().filter(|branch| !is_null(branch)).cloned().collect();
        let key = if others.len() == 1 { "allOf" } else { "anyOf" };
        schema.remove("anyOf");
        schema.insert(key.to_owned(), Value::Array(others));
        schema.insert("nullable".to_owned(), Value::Bool(true));
    }
}

/// `items` must be one schema.
fn tuple(schema: &mut Map<String, Value>) {
    if let Some(items) = schema.get_mut("items").filter(|items| items.is_array()) {
        *items = json!({"anyOf": items.take()});
    }
}

/// An exclusive bound is an inclusive one with a flag.
fn exclusive(schema: &mut Map<String, Value>, inclusive: &str, exclusive: &str) {
    if let Some(bound) = schema.get(exclusive).filter(|bound| bound.is_number()).cloned() {
        schema.insert(inclusive.to_owned(), bound);
        schema.insert(exclusive.to_owned(), Value::Bool(true));
    }
}

/// `OpenAPI` 3.0 has the formats `int32` and `int64`; other widths become bounds.
fn width(schema: &mut Map<String, Value>) {
    let bounds = match schema.get("format").and_then(Value::as_str) {
        Some("int8") => Some((json!(i8::MIN), json!(i8::MAX))),
        Some("int16") => Some((json!(i16::MIN), json!(i16::MAX))),
        Some("uint8") => Some((json!(0), json!(u8::MAX))),
        Some("uint16") => Some((json!(0), json!(u16::MAX))),
        Some("uint32") => Some((json!(0), json!(u32::MAX))),
        Some("uint" | "uint64" | "uint128" | "int" | "int128") => None,
        _ => return,
    };
    schema.remove("format");
    if let Some((least, most)) = bounds {
        schema.entry("minimum").or_insert(least);
        schema.entry("maximum").or_insert(most);
    }
}
