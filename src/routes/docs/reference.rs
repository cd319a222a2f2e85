//! `/redoc`: the document as one readable page, rendered here, without scripts.

use super::escape;
use serde_json::Value;
use std::fmt::Write as _;

const STYLE: &str = "
body{margin:0;font:16px/1.5 system-ui,sans-serif;color:#222;display:grid;grid-template-columns:18rem 1fr}
nav{position:sticky;top:0;height:100vh;overflow:auto;background:#f6f7f9;padding:1rem;box-sizing:border-box;font-size:.9rem}
nav a{display:flex;gap:.3rem;align-items:baseline;color:inherit;text-decoration:none;padding:.15rem 0;overflow-wrap:anywhere}
main{padding:1rem 2rem;max-width:60rem}
article{border-top:1px solid #ddd;padding:1rem 0}
code,pre{font:14px/1.4 ui-monospace,monospace;background:#f6f7f9;border-radius:4px;padding:.1rem .3rem}
pre{padding:.7rem;overflow:auto}
.m{display:inline-block;flex:none;min-width:3.6rem;font:bold 12px ui-monospace,monospace;text-transform:uppercase;color:#1b5e8a}
.lock{font-size:.9rem;color:#7a4b00}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #eee;text-align:left;padding:.3rem;vertical-align:top}
@media(max-width:50rem){body{display:block}nav{position:static;height:auto}}
";

/// Renders a finished document.
pub(super) fn render(document: &Value, root_path: &str) -> String {
    let text = |value: &Value| escape(value.as_str().unwrap_or_default());
    let title = text(&document["info"]["title"]);
    let (mut index, mut body) = (String::new(), String::new());
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if !operation.is_object() {
                continue;
            }
            let anchor = text(&operation["operationId"]);
            let summary = text(&operation["summary"]);
            let _ = write!(
                index,
                "<a href=\"#{anchor}\"><span class=m>{method}</span>{}</a>",
                escape(path)
            );
            let _ = write!(
                body,
                "<article id=\"{anchor}\"><h2>{summary}</h2><p><span class=m>{method}</span> <code>{}</code></p><p>{}</p>",
                escape(path),
                text(&operation["description"]),
            );
            security(&mut body, &operation["security"]);
            parameters(&mut body, &operation["parameters"]);
            for (media_type, content) in
                operation["requestBody"]["content"].as_object().into_iter().flatten()
            {
                let _ = write!(body, "<h3>Body: <code>{media_type}</code></h3>");
                schema(&mut body, document, &content["schema"]);
            }
            responses(&mut body, document, &operation["responses"]);
            body.push_str("</article>");
        }
    }
    let (icon, console) = if cfg!(feature = "swagger-ui") {
        (
            format!("<link rel=\"icon\" href=\"{root_path}/docs/favicon-32x32.png\">"),
            format!("<a href=\"{root_path}/docs\">Try it</a> · "),
        )
    } else {
        Default::default()
    };
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title>{icon}<style>{STYLE}</style></head><body><nav><strong>{title}</strong>{index}</nav>\
         <main><h1>{title} {}</h1><p>{console}\
         <a href=\"{root_path}/openapi.json\">openapi.json</a></p>{body}</main></body></html>",
        text(&document["info"]["version"]),
    )
}

fn security(out: &mut String, alternatives: &Value) {
    let texts: Vec<String> = alternatives
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .map(|schemes| {
            let schemes = schemes.iter().map(|(name, scopes)| {
                let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
                escape(&std::iter::once(name.as_str()).chain(scopes).collect::<Vec<_>>().join(" "))
            });
            let all = schemes.collect::<Vec<_>>().join(" and ");
            if all.is_empty() { "nothing".to_owned() } else { all }
        })
        .collect();
    if !texts.is_empty() {
        let _ = write!(out, "<p class=lock>Needs {}</p>", texts.join(" or "));
    }
}

fn parameters(out: &mut String, parameters: &Value) {
    let Some(parameters) = parameters.as_array().filter(|all| !all.is_empty()) else { return };
    out.push_str("<h3>Parameters</h3><table>");
    for parameter in parameters {
        let text = |key: &str| escape(parameter[key].as_str().unwrap_or_default());
        let (name, place, about) = (text("name"), text("in"), text("description"));
        let _ = write!(out, "<tr><td><code>{name}</code><td>{place}<td>{about}");
    }
    out.push_str("</table>");
}

/// The schema itself, following one reference.
fn schema(out: &mut String, document: &Value, schema: &Value) {
    let target = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    let schema = target.and_then(|path| document.pointer(path)).unwrap_or(schema);
    let text = serde_json::to_string_pretty(schema).unwrap_or_default();
    let _ = write!(out, "<pre>{}</pre>", escape(&text));
}

fn responses(out: &mut String, document: &Value, responses: &Value) {
    out.push_str("<h3>Answers</h3><table>");
    for (status, response) in responses.as_object().into_iter().flatten() {
        let about = escape(response["description"].as_str().unwrap_or_default());
        let _ = write!(out, "<tr><td><code>{status}</code><td>{about}<td>");
        if status.starts_with('2') {
            for (_, content) in response["content"].as_object().into_iter().flatten() {
                schema(out, document, &content["schema"]);
            }
        }
    }
    out.push_str("</table>");
}
