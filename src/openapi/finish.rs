//! Finishes the `OpenAPI` document that paperclip gathers: adds what Swagger 2.0 cannot express,
//! and facts from the settings. Runs once, at start.

use crate::domain::{Program, ScopeTable, program};
use crate::openapi::errors::error_response;
use crate::openapi::names::{name_operations, operations, tag_operations};
use crate::openapi::stand_in::restore;
use crate::settings::{SecurityProfile, ServerSettings, Settings};
use serde_json::{Map, Value, json};

/// Turns paperclip's version 3 conversion into a valid `OpenAPI` 3.0.3 document.
#[must_use]
pub(crate) fn finish(mut document: Value, settings: &Settings, scopes: &ScopeTable) -> Value {
    finish_schemas(&mut document);
    restore(&mut document);
    document["openapi"] = json!("3.0.3");
    document["info"] = info(&settings.docs.title);
    document["servers"] = servers(&settings.docs.servers, settings.server.root_path.as_str());
    add_error_schemas(&mut document);
    drop_slash_twins(&mut document);
    drop_patterns(&mut document);
    name_operations(&mut document);
    tag_operations(&mut document, &program().tags);
    for (_, _, operation) in operations(&mut document) {
        finish_operation(operation, settings.security.profile);
    }
    finish_schemes(&mut document, &settings.server, scopes);
    let names: Vec<&str> = scopes.iter().map(|(name, _)| name).collect();
    list_scopes(&mut document["components"]["schemas"], &names);
    document
}

/// What the program says about itself.
fn info(title: &str) -> Value {
    const HINT: &str =
        "Log in with **Authorize**; each lock shows the scopes that an operation needs.";
    let Program { name, version, about, license, .. } = program();
    let description = match *about {
        // The server's is about its program, not about its API.
        about if about.is_empty() || *name == "bailiwick" => HINT.to_owned(),
        about => format!("{}.\n\n{HINT}", about.trim_end_matches('.')),
    };
    let mut info = json!({ "title": title, "version": version, "description": description });
    if let Some(license) = license {
        info["license"] = json!({ "name": license });
        // The identifier of one license, not an expression or a sentence (SPDX 2.3, annex D).
        if license.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b)) {
            info["license"]["url"] = json!(format!("https://spdx.org/licenses/{license}.html"));
        }
    }
    info
}

/// Where the API is: as `docs.servers` says, or where the document is.
fn servers(declared: &[String], root_path: &str) -> Value {
    if declared.is_empty() {
        return json!([{"url": if root_path.is_empty() { "/" } else { root_path }}]);
    }
    let server = |text: &String| match text.split_once(" = ") {
        Some((name, url)) => json!({"url": url.trim(), "description": name.trim()}),
        None => json!({"url": text}),
    };
    declared.iter().map(server).collect()
}

/// Names the schemas. An optional field of a derived schema is present and null, which Swagger 2.0
/// cannot express.
fn finish_schemas(document: &mut Value) {
    let schemas = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for (name, schema) in schemas.into_iter().flatten() {
        allow_null(schema);
        schema["title"] = json!(name);
    }
}

fn allow_null(schema: &mut Value) {
    let required: Vec<Value> = schema["required"].as_array().cloned().unwrap_or_default();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for (field, property) in properties.iter_mut() {
            allow_null(property);
            if required.iter().any(|name| name == field) {
                continue;
            }
            // A reference has no siblings (OpenAPI 3.0.3 §4.7.23).
            if property.get("$ref").is_some() {
                *property = json!({"allOf": [property.take()]});
            }
            property["nullable"] = json!(true);
        }
    }
    if let Some(items) = schema.get_mut("items") {
        allow_null(items);
    }
}

/// The two bodies of error responses, as FastAPI names them.
fn add_error_schemas(document: &mut Value) {
    let schemas = &mut document["components"]["schemas"];
    schemas["Error"] = json!({
        "title": "Error",
        "type": "object",
        "required": ["detail"],
        "properties": {
            "detail": {"type": "string", "description": "What went wrong."},
            "error": {"type": "string", "description": "The code of RFC 6749 §5.2; `/token` only."},
            "error_description": {"type": "string", "description": "The code in words; `/token` only."},
        },
    });
    schemas["ValidationError"] = json!({
        "title": "ValidationError",
        "type": "object",
        "required": ["loc", "msg", "type"],
        "properties": {
            "loc": {
                "title": "Location",
                "type": "array",
                "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            },
            "msg": {"title": "Message", "type": "string"},
            "type": {"title": "Error Type", "type": "string"},
            "input": {"title": "Input"},
            "ctx": {"title": "Context", "type": "object"},
        },
    });
    schemas["HTTPValidationError"] = json!({
        "title": "HTTPValidationError",
        "type": "object",
        "required": ["detail"],
        "properties": {
            "detail": {
                "title": "Detail",
                "type": "array",
                "items": {"$ref": "#/components/schemas/ValidationError"},
            },
        },
    });
}

/// Most routes exist with and without a trailing slash; the document shows each pair once.
fn drop_slash_twins(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let plain = paths.clone();
    for (path, item) in paths.iter_mut().filter(|(path, _)| path.ends_with('/')) {
        if let (Some(twin), Some(item)) =
            (plain.get(path.trim_end_matches('/')), item.as_object_mut())
        {
            item.retain(|method, _| twin.get(method).is_none());
        }
    }
    paths.retain(|_, item| item.as_object().is_none_or(|item| !item.is_empty()));
}

/// A path template has names only (`OpenAPI` 3.0.3 §4.8.8.1): the router's `{name:.*}` is `{name}`.
fn drop_patterns(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    if !paths.keys().any(|path| path.contains(':')) {
        return;
    }
    *paths = std::mem::take(paths)
        .into_iter()
        .map(|(path, mut item)| {
            for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
                let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
                for parameter in parameters.into_iter().flatten() {
                    if let Some((name, _)) =
                        parameter["name"].as_str().and_then(|n| n.split_once(':'))
                    {
                        parameter["name"] = json!(name);
                    }
                }
            }
            (without_patterns(&path), item)
        })
        .collect();
}

fn without_patterns(path: &str) -> String {
    let (mut plain, mut depth, mut is_pattern) = (String::new(), 0_u32, false);
    for c in path.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            ':' if depth == 1 => is_pattern = true,
            _ => {}
        }
        is_pattern &= depth > 0;
        if !is_pattern {
            plain.push(c);
        }
    }
    plain
}

fn finish_operation(operation: &mut Map<String, Value>, profile: SecurityProfile) {
    if profile == SecurityProfile::Strict && asks_for_scopes(operation) {
        let response = error_response(403, "Not enough permissions");
        let responses = operation.entry("responses").or_insert_with(|| json!({}));
        if responses.get("403").is_none() {
            responses["403"] = response;
        }
    }
    if let Some(description) = operation.get_mut("description")
        && let Some(text) = description.as_str()
    {
        let lines: Vec<&str> = text.lines().map(str::trim).collect();
        *description = json!(lines.join("\n"));
    }
    // What a handler returns may be known to itself only.
    let responses = operation.entry("responses").or_insert_with(|| json!({}));
    let is_success = |status: &String| !status.starts_with(['4', '5']);
    if !responses.as_object().is_some_and(|all| all.keys().any(is_success)) {
        responses["200"] = json!({"description": "Successful Response"});
    }
    // Said also where nothing is asked for: an empty list is no gap.
    operation.entry("security").or_insert_with(|| json!([]));
}

fn asks_for_scopes(operation: &Map<String, Value>) -> bool {
    let alternatives = operation.get("security").and_then(Value::as_array);
    let schemes = alternatives.into_iter().flatten().filter_map(Value::as_object);
    schemes.flat_map(Map::values).any(|scopes| scopes.as_array().is_some_and(|s| !s.is_empty()))
}

/// Users can hold declared scopes only: the document lists them.
fn list_scopes(value: &mut Value, names: &[&str]) {
    if value.get("format").is_some_and(|format| format == "scope") {
        value["enum"] = json!(names);
    }
    match value {
        Value::Object(members) => {
            for member in members.values_mut() {
                list_scopes(member, names);
            }
        }
        Value::Array(members) => {
            for member in members {
                list_scopes(member, names);
            }
        }
        _ => {}
    }
}

/// The authorization endpoint of this server, before its public URL is known.
pub(crate) const AUTHORIZATION_URL: &str = "{public_url}/oauth/authorize";

/// The token endpoint, in the same way.
pub(crate) const TOKEN_URL: &str = "{public_url}/token";

/// The scheme of the shipped guards.
const SHIPPED: &str = "OAuth2PasswordBearer";

/// Prefixes URLs with the root path or the public URL, and adds the scopes with their descriptions to the
/// flows.
fn finish_schemes(document: &mut Value, server: &ServerSettings, scopes: &ScopeTable) {
    let used = used_scopes(document);
    let Some(schemes) = document.pointer_mut("/components/securitySchemes") else { return };
    for (name, scheme) in schemes.as_object_mut().into_iter().flatten() {
        if let Some(url) = scheme.get_mut("openIdConnectUrl") {
            *url = json!(absolute(url.as_str().unwrap_or_default(), server));
        }
        let Some(flows) = scheme.get_mut("flows").and_then(Value::as_object_mut) else { continue };
        if name == SHIPPED && server.public_url.is_some() {
            let (by, at) = (AUTHORIZATION_URL, TOKEN_URL);
            let own = json!({"authorizationUrl": by, "tokenUrl": at, "refreshUrl": at});
            flows.insert("authorizationCode".to_owned(), own);
        }
        for flow in flows.values_mut() {
            // What is granted here has every declared scope; others list what their operations require.
            let own = name == SHIPPED || flow["authorizationUrl"] == AUTHORIZATION_URL;
            for key in ["authorizationUrl", "tokenUrl", "refreshUrl"] {
                if let Some(url) = flow.get_mut(key) {
                    *url = json!(absolute(url.as_str().unwrap_or_default(), server));
                }
            }
            let listed = scopes.iter().filter(|(scope, _)| {
                own || used.iter().any(|(by, used)| by == name && used == scope)
            });
            flow["scopes"] =
                listed.map(|(scope, text)| (scope.to_owned(), json!(text))).collect::<Value>();
        }
    }
}

/// Each scheme with a scope that some operation requires of it.
fn used_scopes(document: &mut Value) -> Vec<(String, String)> {
    let mut used = Vec::new();
    for (_, _, operation) in operations(document) {
        let alternatives = operation.get("security").and_then(Value::as_array);
        for requirement in alternatives.into_iter().flatten().filter_map(Value::as_object) {
            for (scheme, scopes) in requirement {
                let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
                used.extend(scopes.map(|scope| (scheme.clone(), scope.to_owned())));
            }
        }
    }
    used
}

/// A URL relative to the application's root or to the public URL, as a browser requests it.
fn absolute(url: &str, server: &ServerSettings) -> String {
    let url = match (url.strip_prefix("{public_url}"), &server.public_url) {
        (Some(path), Some(public)) => return format!("{}{path}", public.as_str()),
        (Some(path), None) => path,
        (None, _) => url,
    };
    if url.contains("://") {
        url.to_owned()
    } else {
        format!("{}/{}", server.root_path.as_str(), url.trim_start_matches('/'))
    }
}
