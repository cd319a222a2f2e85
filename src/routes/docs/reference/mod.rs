//! `/redoc`: the document as a reference, rendered here. Without its script it lacks the search only.

mod schema;
mod text;

use super::escape;
use schema::{Trees, sample};
use serde_json::{Value, json};
use std::fmt::Write as _;
use text::{inline, prose};

/// The looks, and the search.
pub(super) const STYLE: &str = include_str!("style.css");
pub(super) const SCRIPT: &str = include_str!("search.js");

/// What operations without a tag stand under.
const UNTAGGED: &str = "default";

/// An operation and where it is.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    object: &'a Value,
}

impl Operation<'_> {
    fn id(&self) -> String {
        let id = self.object["operationId"].as_str().map(str::to_owned);
        escape(&id.unwrap_or_else(|| format!("{} {}", self.method, self.path)))
    }

    fn title(&self) -> &str {
        self.object["summary"].as_str().filter(|text| !text.is_empty()).unwrap_or(self.path)
    }

    /// The tag it stands under: its first one.
    fn tag(&self) -> &str {
        self.object["tags"][0].as_str().unwrap_or(UNTAGGED)
    }
}

/// Renders a finished document.
pub(super) fn render(document: &Value, root_path: &str) -> String {
    let info = &document["info"];
    let title = escape(info["title"].as_str().unwrap_or_default());
    let all = operations(document);
    let (mut index, mut body) = (String::new(), String::new());
    for (tag, about) in tags(document, &all) {
        let name = escape(tag);
        let _ = write!(index, "<details open><summary>{name}</summary><ul>");
        let _ = write!(body, "<section><h2>{name}</h2>{}", prose(about));
        for operation in all.iter().filter(|operation| operation.tag() == tag) {
            entry(&mut index, operation);
            article(&mut body, document, operation);
        }
        index.push_str("</ul></details>");
        body.push_str("</section>");
    }
    schemas(&mut index, &mut body, document);
    let (icon, console) = if cfg!(feature = "swagger-ui") {
        (
            format!("<link rel=icon href=\"{root_path}/docs/favicon-32x32.png\">"),
            format!("<a href=\"{root_path}/docs\">Try it</a> · "),
        )
    } else {
        Default::default()
    };
    let version = escape(info["version"].as_str().unwrap_or_default());
    format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title>{icon}<link rel=stylesheet href=\"{root_path}/redoc/style.css\">\
         <script defer src=\"{root_path}/redoc/search.js\"></script></head><body>\
         <a class=skip href=\"#content\">Skip to the content</a>\
         <nav class=side aria-label=Contents tabindex=0><strong>{title}</strong>\
         <div hidden><label for=search>Search</label>\
         <input id=search type=search placeholder=\"Path, title, schema\" autocomplete=off></div>\
         <p class=none role=status hidden>Nothing is called so.</p>{index}</nav>\
         <main id=content><h1>{title} <small class=quiet>{version}</small></h1>\
         <p>{console}<a href=\"{root_path}/openapi.json\">openapi.json</a>{}</p>{}{}{}{body}</main></body></html>",
        license(info),
        prose(info["description"].as_str().unwrap_or_default()),
        servers(document),
        schemes(document),
    )
}

fn operations(document: &Value) -> Vec<Operation<'_>> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, object) in item.as_object().into_iter().flatten() {
            if object.is_object() {
                all.push(Operation { path, method, object });
            }
        }
    }
    all
}

/// The tags that are used, in the document's order, with their descriptions.
fn tags<'a>(document: &'a Value, all: &'a [Operation<'a>]) -> Vec<(&'a str, &'a str)> {
    let listed = document["tags"].as_array().into_iter().flatten();
    let listed = listed.filter_map(|tag| {
        Some((tag["name"].as_str()?, tag["description"].as_str().unwrap_or_default()))
    });
    let mut tags: Vec<_> =
        listed.filter(|(tag, _)| all.iter().any(|operation| operation.tag() == *tag)).collect();
    for operation in all {
        if !tags.iter().any(|(tag, _)| *tag == operation.tag()) {
            tags.push((operation.tag(), ""));
        }
    }
    tags
}

fn license(info: &Value) -> String {
    let license = &info["license"];
    let Some(name) = license["name"].as_str().map(escape) else { return String::new() };
    match license["url"].as_str().map(escape) {
        Some(url) => format!(" · <a href=\"{url}\">{name}</a>"),
        None => format!(" · {name}"),
    }
}

fn servers(document: &Value) -> String {
    let servers = document["servers"].as_array().into_iter().flatten();
    let named = servers.filter(|server| server["url"] != "/").map(|server| {
        let url = escape(server["url"].as_str().unwrap_or_default());
        let about = server["description"].as_str().map(|text| format!(" {}", inline(text)));
        format!("<li><code>{url}</code>{}</li>", about.unwrap_or_default())
    });
    let named: String = named.collect();
    if named.is_empty() { named } else { format!("<h2>Servers</h2><ul>{named}</ul>") }
}

/// How callers prove who they are.
fn schemes(document: &Value) -> String {
    let schemes = document["components"]["securitySchemes"].as_object().into_iter().flatten();
    let mut html = String::new();
    for (name, scheme) in schemes {
        let text = |key: &str| scheme[key].as_str().map(escape).unwrap_or_default();
        let kind = match &*text("type") {
            "http" => format!("HTTP {}", text("scheme")),
            "apiKey" => format!("API key in the {} <code>{}</code>", text("in"), text("name")),
            "oauth2" => "OAuth 2.0".to_owned(),
            "openIdConnect" => "OpenID Connect".to_owned(),
            other => other.to_owned(),
        };
        let about = scheme["description"].as_str().map(prose).unwrap_or_default();
        let _ = write!(html, "<h3>{}</h3><p class=type>{kind}</p>{about}", escape(name));
        for (name, flow) in scheme["flows"].as_object().into_iter().flatten() {
            let _ = write!(html, "<p>{}", escape(name));
            for key in ["authorizationUrl", "tokenUrl"] {
                if let Some(url) = flow[key].as_str() {
                    let _ = write!(html, " <code>{}</code>", escape(url));
                }
            }
            html.push_str("</p><details class=answer><summary>Scopes</summary><ul class=tree>");
            for (scope, about) in flow["scopes"].as_object().into_iter().flatten() {
                let about = inline(about.as_str().unwrap_or_default());
                let _ = write!(html, "<li><span class=name>{}</span> {about}</li>", escape(scope));
            }
            html.push_str("</ul></details>");
        }
    }
    if html.is_empty() {
        return html;
    }
    format!("<section><h2>Authentication</h2>{html}</section>")
}

fn entry(index: &mut String, operation: &Operation<'_>) {
    let Operation { path, method, .. } = operation;
    let (id, title) = (operation.id(), operation.title());
    let words = escape(&format!("{method} {path} {title} {id}").to_lowercase());
    let _ = write!(
        index,
        "<li><a href=\"#{id}\" data-words=\"{words}\"><span class=\"verb {method}\">{method}</span>{}</a></li>",
        escape(title),
    );
}

fn article(body: &mut String, document: &Value, operation: &Operation<'_>) {
    let Operation { path, method, object } = operation;
    let _ = write!(
        body,
        "<article id=\"{}\"><h3>{}</h3><div class=path><span class=\"verb {method}\">{method}</span>\
         <span>{}</span></div><div class=columns><div>{}",
        operation.id(),
        escape(operation.title()),
        escape(path),
        prose(object["description"].as_str().unwrap_or_default()),
    );
    security(body, &object["security"]);
    parameters(body, document, &object["parameters"]);
    for (media_type, content) in object["requestBody"]["content"].as_object().into_iter().flatten()
    {
        let _ = write!(body, "<h4>Body <code>{}</code></h4>", escape(media_type));
        Trees::new(document).whole(body, &content["schema"]);
    }
    responses(body, document, &object["responses"]);
    body.push_str("</div><div class=samples>");
    samples(body, document, object);
    body.push_str("</div></div></article>");
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

fn parameters(out: &mut String, document: &Value, parameters: &Value) {
    let all = parameters.as_array().map(Vec::as_slice).unwrap_or_default();
    for (place, title) in
        [("path", "Path"), ("query", "Query"), ("header", "Headers"), ("cookie", "Cookies")]
    {
        let mut rows = String::new();
        for parameter in all.iter().filter(|parameter| parameter["in"] == place) {
            let name = parameter["name"].as_str().unwrap_or_default();
            let mut row = String::new();
            let needed = parameter["required"] == true;
            Trees::new(document).member(&mut row, name, needed, &parameter["schema"]);
            let about = parameter["description"].as_str().map(inline).unwrap_or_default();
            let example = parameter.get("example").map(|value| {
                format!("<p class=rules>example <code>{}</code></p>", escape(&value.to_string()))
            });
            let more = format!("<p>{about}</p>{}", example.unwrap_or_default());
            let _ = write!(rows, "{}{more}</li>", row.trim_end_matches("</li>"));
        }
        if !rows.is_empty() {
            let _ = write!(out, "<h4>{title}</h4><ul class=tree>{rows}</ul>");
        }
    }
}

fn responses(out: &mut String, document: &Value, responses: &Value) {
    out.push_str("<h4>Responses</h4>");
    for (status, response) in responses.as_object().into_iter().flatten() {
        let about = inline(response["description"].as_str().unwrap_or_default());
        let good = if status.starts_with(['2', '3']) { " class=good" } else { "" };
        let head = format!("<b{good}>{}</b> {about}", escape(status));
        let mut inside = String::new();
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let about = inline(header["description"].as_str().unwrap_or_default());
            let _ = write!(inside, "<p><span class=name>{}</span> {about}</p>", escape(name));
        }
        for (media_type, content) in response["content"].as_object().into_iter().flatten() {
            let _ = write!(inside, "<p><code>{}</code></p>", escape(media_type));
            Trees::new(document).whole(&mut inside, &content["schema"]);
            let example = &content["example"];
            if !example.is_null() && !status.starts_with('2') {
                code(&mut inside, "Example", example);
            }
        }
        let _ = match &*inside {
            "" => write!(out, "<div class=\"answer status\">{head}</div>"),
            _ => write!(
                out,
                "<details class=answer><summary class=status>{head}</summary>{inside}</details>"
            ),
        };
    }
}

/// A body as JSON; a keyboard scrolls it, too.
fn code(out: &mut String, name: &str, value: &Value) {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    let _ =
        write!(out, "<pre tabindex=0 aria-label=\"{name}\"><code>{}</code></pre>", escape(&text));
}

/// What is sent, and what comes back.
fn samples(out: &mut String, document: &Value, object: &Value) {
    let example = |content: &Value| match content.get("example") {
        Some(example) => example.clone(),
        None => sample(document, &content["schema"]),
    };
    for (media_type, content) in object["requestBody"]["content"].as_object().into_iter().flatten()
    {
        let _ = write!(out, "<h4>Request <code>{}</code></h4>", escape(media_type));
        code(out, "Request", &example(content));
    }
    for (status, response) in object["responses"].as_object().into_iter().flatten() {
        let content = &response["content"]["application/json"];
        if status.starts_with('2') && content.is_object() {
            let _ = write!(out, "<h4>Response {}</h4>", escape(status));
            code(out, "Response", &example(content));
        }
    }
}

/// The types that operations share.
fn schemas(index: &mut String, body: &mut String, document: &Value) {
    let none = json!({});
    let all = document["components"]["schemas"].as_object();
    let Some(all) = all.filter(|all| !all.is_empty()) else { return };
    index.push_str("<details><summary>Schemas</summary><ul>");
    body.push_str("<section><h2>Schemas</h2>");
    for (name, schema) in all {
        let schema = if schema.is_object() { schema } else { &none };
        let (text, words) = (escape(name), escape(&name.to_lowercase()));
        let _ = write!(
            index,
            "<li><a href=\"#schema-{text}\" data-words=\"{words}\"><span>{text}</span></a></li>"
        );
        let about = prose(schema["description"].as_str().unwrap_or_default());
        let _ = write!(body, "<article id=\"schema-{text}\"><h3>{text}</h3>{about}");
        Trees::new(document).named(body, name, schema);
        body.push_str("</article>");
    }
    index.push_str("</ul></details>");
    body.push_str("</section>");
}
