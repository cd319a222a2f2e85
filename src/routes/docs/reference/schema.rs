//! Schemas as trees, and values that fit them.

use super::text::inline;
use crate::routes::docs::escape;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

const SCHEMAS: &str = "#/components/schemas/";

/// How deep a tree or an example goes: types may hold themselves.
const DEEPEST: usize = 8;

/// The schema behind references, and the name of the last one.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> (&'a Value, Option<&'a str>) {
    let (mut schema, mut name) = (schema, None);
    for _ in 0..DEEPEST {
        let alone = match schema["allOf"].as_array().map(Vec::as_slice) {
            Some([only]) => only,
            _ => schema,
        };
        let Some(target) = alone["$ref"].as_str() else { break };
        name = target.strip_prefix(SCHEMAS);
        let Some(found) = target.strip_prefix('#').and_then(|path| document.pointer(path)) else {
            break;
        };
        schema = found;
    }
    (schema, name)
}

/// Writes schemas; knows which ones it is in.
pub(super) struct Trees<'a> {
    document: &'a Value,
    within: Vec<&'a str>,
}

impl<'a> Trees<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document, within: Vec::new() }
    }

    /// The whole of a body or a response.
    pub(super) fn whole(&mut self, html: &mut String, schema: &'a Value) {
        let _ = write!(html, "<p class=type>{}</p>", self.summary(schema));
        self.inside(html, schema);
    }

    /// A schema of its own.
    pub(super) fn named(&mut self, html: &mut String, name: &'a str, schema: &'a Value) {
        self.within.push(name);
        let _ = write!(html, "<p class=type>{}</p>", kind(schema));
        rules(html, schema);
        self.inside(html, schema);
        self.within.pop();
    }

    /// A property or parameter.
    pub(super) fn member(
        &mut self,
        html: &mut String,
        name: &str,
        needed: bool,
        schema: &'a Value,
    ) {
        let _ = write!(
            html,
            "<li><span class=name>{}</span> <span class=type>{}</span>{}",
            escape(name),
            self.summary(schema),
            if needed { " <span class=need>required</span>" } else { "" },
        );
        let (target, _) = resolved(self.document, schema);
        let about = schema["description"].as_str().or_else(|| target["description"].as_str());
        if let Some(about) = about {
            let _ = write!(html, "<p>{}</p>", inline(about));
        }
        rules(html, target);
        if !std::ptr::eq(target, schema) {
            rules(html, schema);
        }
        self.nested(html, schema);
        html.push_str("</li>");
    }

    /// What a property holds, folded.
    fn nested(&mut self, html: &mut String, schema: &'a Value) {
        let (target, name) = resolved(self.document, item(self.document, schema));
        if !has_inside(target) {
            return;
        }
        match name {
            Some(name) if self.within.contains(&name) || self.within.len() >= DEEPEST => {
                let anchor = escape(name);
                let _ = write!(
                    html,
                    "<p class=rules>See <a href=\"#schema-{anchor}\">{anchor}</a>.</p>"
                );
            }
            _ => {
                self.within.push(name.unwrap_or_default());
                let shown = name.map_or_else(|| "fields".to_owned(), escape);
                let _ = write!(html, "<details><summary>{shown}</summary>");
                self.inside(html, target);
                html.push_str("</details>");
                self.within.pop();
            }
        }
    }

    /// The properties of an object, or the branches of a union.
    fn inside(&mut self, html: &mut String, schema: &'a Value) {
        let (_, name) = resolved(self.document, item(self.document, schema));
        let pushed = name.filter(|name| !self.within.contains(name));
        self.within.extend(pushed);
        let (target, _) = resolved(self.document, item(self.document, schema));
        let parts =
            target["allOf"].as_array().map_or_else(|| vec![target], |all| all.iter().collect());
        for part in parts {
            let (part, _) = resolved(self.document, part);
            let required = part["required"].as_array().map(Vec::as_slice).unwrap_or_default();
            if let Some(properties) = part["properties"].as_object().filter(|all| !all.is_empty()) {
                html.push_str("<ul class=tree>");
                for (name, schema) in properties {
                    self.member(html, name, required.iter().any(|needed| needed == name), schema);
                }
                html.push_str("</ul>");
            }
            if part["additionalProperties"].is_object() {
                html.push_str("<ul class=tree>");
                self.member(html, "any name", false, &part["additionalProperties"]);
                html.push_str("</ul>");
            }
        }
        for (key, says) in [("oneOf", "One of"), ("anyOf", "Any of")] {
            let Some(branches) = target[key].as_array() else { continue };
            let _ = write!(html, "<p class=rules>{says}:</p><ul class=tree>");
            for branch in branches {
                let _ = write!(html, "<li><span class=type>{}</span>", self.summary(branch));
                rules(html, branch);
                self.nested(html, branch);
                html.push_str("</li>");
            }
            html.push_str("</ul>");
        }
        if pushed.is_some() {
            self.within.pop();
        }
    }

    /// What it is, in a line: the type, and where its schema stands.
    fn summary(&self, schema: &Value) -> String {
        let (target, name) = resolved(self.document, schema);
        let null =
            if schema["nullable"] == true || target["nullable"] == true { " or null" } else { "" };
        if target["type"] == "array" && target["items"].is_object() {
            return format!("list of {}{null}", self.summary(&target["items"]));
        }
        match name.map(escape) {
            Some(name) => format!("<a href=\"#schema-{name}\">{name}</a>{null}"),
            None => format!("{}{null}", kind(target)),
        }
    }
}

/// Bounds, defaults, examples.
fn rules(html: &mut String, schema: &Value) {
    let mut rules = Vec::new();
    let shown = |value: &Value| format!("<code>{}</code>", escape(&value.to_string()));
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(shown).collect();
        rules.push(format!("one of {}", values.join(", ")));
    }
    let bound = |key: &str, exclusive: &str, least: &str, beyond: &str| {
        let value = schema.get(key)?;
        let word = if schema[exclusive] == true { beyond } else { least };
        Some(format!("{word} {value}"))
    };
    rules.extend(bound("minimum", "exclusiveMinimum", "at least", "above"));
    rules.extend(bound("maximum", "exclusiveMaximum", "at most", "below"));
    for (key, says, unit) in [
        ("multipleOf", "a multiple of", ""),
        ("minLength", "at least", " characters"),
        ("maxLength", "at most", " characters"),
        ("minItems", "at least", " items"),
        ("maxItems", "at most", " items"),
    ] {
        if let Some(value) = schema.get(key) {
            rules.push(format!("{says} {value}{unit}"));
        }
    }
    if schema["uniqueItems"] == true {
        rules.push("no item twice".to_owned());
    }
    if schema["additionalProperties"] == false {
        rules.push("no other fields".to_owned());
    }
    for (key, says) in [("pattern", "pattern"), ("default", "default"), ("example", "example")] {
        if let Some(value) = schema.get(key) {
            rules.push(format!("{says} {}", shown(value)));
        }
    }
    if !rules.is_empty() {
        let _ = write!(html, "<p class=rules>{}</p>", rules.join("; "));
    }
}

/// What a list holds; anything else is itself.
fn item<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let mut schema = schema;
    for _ in 0..DEEPEST {
        let (target, _) = resolved(document, schema);
        if target["type"] != "array" || !target["items"].is_object() {
            break;
        }
        schema = &target["items"];
    }
    schema
}

fn has_inside(schema: &Value) -> bool {
    ["oneOf", "anyOf", "allOf"].iter().any(|key| schema[key].is_array())
        || schema["properties"].as_object().is_some_and(|all| !all.is_empty())
        || schema["additionalProperties"].is_object()
}

/// `string`, `integer (int64)`.
fn kind(schema: &Value) -> String {
    let kind =
        schema["type"].as_str().unwrap_or(if has_inside(schema) { "object" } else { "anything" });
    match schema["format"].as_str() {
        Some(format) => format!("{} ({})", escape(kind), escape(format)),
        None => escape(kind),
    }
}

/// A value that fits a schema: what it says itself, or one made up.
pub(super) fn sample(document: &Value, schema: &Value) -> Value {
    sample_at(document, schema, 0)
}

fn sample_at(document: &Value, schema: &Value, depth: usize) -> Value {
    let (target, _) = resolved(document, schema);
    for schema in [schema, target] {
        for key in ["example", "default"] {
            if let Some(value) = schema.get(key) {
                return value.clone();
            }
        }
    }
    if let Some(first) = target["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if depth >= DEEPEST {
        return Value::Null;
    }
    if let Some(parts) = target["allOf"].as_array() {
        let mut all = Map::new();
        for part in parts {
            if let Value::Object(members) = sample_at(document, part, depth + 1) {
                all.extend(members);
            }
        }
        return Value::Object(all);
    }
    let branch = ["oneOf", "anyOf"].iter().find_map(|key| target[key].as_array()?.first());
    if let Some(branch) = branch {
        return sample_at(document, branch, depth + 1);
    }
    match target["type"].as_str() {
        Some("string") => json!(match target["format"].as_str() {
            Some("date-time") => "2026-01-31T12:00:00Z",
            Some("date") => "2026-01-31",
            Some("email") => "jane@example.com",
            Some("uri" | "uri-reference") => "https://example.com",
            Some("uuid") => "3fa85f64-5717-4562-b3fc-2c963f66afa6",
            Some("password") => "********",
            _ => "string",
        }),
        Some("integer") => json!(target["minimum"].as_i64().unwrap_or(0).max(1)),
        Some("number") => json!(target["minimum"].as_f64().unwrap_or(0.0) + 1.5),
        Some("boolean") => json!(true),
        Some("array") => json!([sample_at(document, &target["items"], depth + 1)]),
        _ => {
            let properties = target["properties"].as_object().into_iter().flatten();
            let members = properties
                .map(|(name, schema)| (name.clone(), sample_at(document, schema, depth + 1)));
            Value::Object(members.collect())
        }
    }
}
