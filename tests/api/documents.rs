//! `/openapi.json` and its pages: complete, correct behind a proxy, cached, compressed, locked.

use crate::harness::{App, Response};
use crate::people::{PASSWORD, administered, assert_refused, import, server};
use crate::signer::token;
use serde_json::{Value, json};

/// Each path of the documentation.
const PAGES: [&str; 13] = [
    "/openapi.json",
    "/docs",
    "/docs/",
    "/docs/init.js",
    "/docs/swagger-ui.css",
    "/docs/swagger-ui-bundle.js",
    "/docs/favicon-32x32.png",
    "/docs/oauth2-redirect",
    "/docs/oauth2-redirect.js",
    "/redoc",
    "/redoc/",
    "/redoc/style.css",
    "/redoc/search.js",
];

fn operations(document: &Value) -> Vec<(String, &Value)> {
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("an item") {
            all.push((format!("{method} {path}"), operation));
        }
    }
    all
}

/// The head only, its names in lower case: bodies may be compressed, or images.
fn head(app: &App, path: &str, headers: &str) -> String {
    let mut stream = app.connect();
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}\r\n");
    std::io::Write::write_all(&mut stream, request.as_bytes()).expect("sent");
    let head = crate::harness::read_until(&mut stream, "\r\n\r\n");
    let lower = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}\r\n", name.to_ascii_lowercase()),
        None => format!("{line}\r\n"),
    };
    head.lines().map(lower).collect()
}

#[test]
fn the_document_is_complete() {
    let app = server("").spawn();
    let answer = app.get("/openapi.json");
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.json();
    assert_eq!(document["openapi"], "3.0.3");
    let info = &document["info"];
    assert_eq!((&info["title"], info["version"].is_string()), (&json!("bailiwick"), true));
    assert!(info["description"].is_string() && info["license"]["name"].is_string());
    let (mut ids, mut faults) = (Vec::new(), Vec::new());
    for (name, operation) in operations(&document) {
        ids.push(operation["operationId"].as_str().expect("an id").to_owned());
        for key in ["summary", "description", "tags"] {
            if operation[key].as_str().is_none_or(str::is_empty) && !operation[key].is_array() {
                faults.push(format!("{name}: no {key}"));
            }
        }
        let answers = operation["responses"].as_object().expect("answers");
        for (status, answer) in answers {
            if answer["description"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{name} {status}: no description"));
            }
            let content = &answer["content"]["application/json"];
            if status != "204" && content["schema"].is_null() {
                faults.push(format!("{name} {status}: no schema"));
            }
            let needs_example = status.starts_with(['4', '5']) && status != "422";
            if needs_example && content["example"]["detail"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{name} {status}: no example"));
            }
        }
        if let Some(body) = operation.get("requestBody") {
            for content in body["content"].as_object().expect("content").values() {
                if content["schema"].is_null() {
                    faults.push(format!("{name}: no schema of the body"));
                }
            }
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{name}: {} is not described", parameter["name"]));
            }
        }
    }
    for (name, schema) in document["components"]["schemas"].as_object().expect("schemas") {
        if schema["title"] != *name {
            faults.push(format!("{name}: no title"));
        }
    }
    let flow = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"];
    for (name, text) in flow["flows"]["password"]["scopes"].as_object().expect("scopes") {
        if text.as_str().is_none_or(str::is_empty) {
            faults.push(format!("scope {name}: not described"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((ids.len(), count >= 13), (count, true), "each id once");
    // Every reference resolves.
    for reference in answer.body.split("\"$ref\":\"#").skip(1) {
        let pointer = reference.split('"').next().expect("a text");
        assert!(document.pointer(pointer).is_some(), "{pointer}");
    }
    assert!(!answer.body.contains("x-v3:"), "a stand-in was left over");
}

#[test]
fn urls_have_the_proxys_prefix() {
    for (config, prefix) in [("", ""), ("[server]\nroot_path = \"/auth/v1\"\n", "/auth/v1")] {
        let app = server(config).spawn();
        let document = app.get("/openapi.json").json();
        let root = if prefix.is_empty() { "/" } else { prefix };
        assert_eq!(document["servers"], json!([{"url": root}]));
        let flow = &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"];
        assert_eq!(flow["password"]["tokenUrl"], json!(format!("{prefix}/token")));
        let page = app.get("/docs").body;
        for link in ["href=\"", "src=\""] {
            for target in page.split(link).skip(1) {
                assert!(target.starts_with(&format!("{prefix}/docs/")), "{target:.60}");
            }
        }
        let init = app.get("/docs/init.js").body;
        assert!(init.contains(&format!("\"url\":\"{prefix}/openapi.json\"")), "{init}");
        assert!(init.contains(&format!("\"{prefix}/docs/oauth2-redirect\"")), "{init}");
    }
}

#[test]
fn the_command_prints_what_the_server_serves() {
    let config = "[docs]\ntitle = \"A & B\"\n[server]\nroot_path = \"/a\"\n\
                  [security]\nprofile = \"strict\"\n[scopes]\n\"orders:read\" = \"Read orders.\"\n";
    let app = server(config).spawn();
    let output = app.command(&["openapi"], "");
    assert!(output.status.success(), "{output:?}");
    let printed: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(printed, app.get("/openapi.json").json());
    assert_eq!(printed["info"]["title"], "A & B");
    assert!(app.get("/docs").body.contains("<title>A &amp; B</title>"));
}

/// As FastAPI does: generators of clients take the first media type, or all.
#[test]
fn the_login_form_is_documented_as_urlencoded_only() {
    let app = server("").spawn();
    let document = app.get("/openapi.json").json();
    let content = document["paths"]["/token"]["post"]["requestBody"]["content"].as_object();
    let media_types: Vec<_> = content.expect("content").keys().collect();
    assert_eq!(media_types, [crate::harness::FORM]);
}

#[test]
fn demo_routes_can_be_turned_off() {
    for (on, status) in [(true, 401), (false, 404)] {
        let app = server(&format!("[demo]\nroutes = {on}\n")).spawn();
        let document = app.get("/openapi.json").json();
        for path in ["/users/me/items", "/status", "/basic/users/me"] {
            assert_eq!(app.get(path).status, status, "{path}");
            assert_eq!(document["paths"].get(path).is_some(), on, "{path}");
        }
        assert_eq!(app.get("/users/me").status, 401);
        let schemes = document["components"]["securitySchemes"].as_object().expect("schemes");
        assert_eq!(schemes.contains_key("HTTPBasic"), on, "nothing else asks for it");
    }
}

#[test]
fn docs_can_be_turned_off() {
    let app = server("[docs]\nenabled = false\n").spawn();
    for path in PAGES {
        let answer = app.get(path);
        let gone = (404, json!({"detail": "Not Found"}));
        assert_eq!((answer.status, answer.json()), gone, "{path}");
    }
    assert!(app.command(&["openapi"], "").status.success(), "the command still prints it");
}

#[test]
fn docs_can_require_a_scope() {
    let app = administered(
        "[docs]\nscope = \"docs:read\"\n[scopes]\n\"docs:read\" = \"Read the docs.\"\n",
    );
    import(
        &app,
        &[
            json!({"username": "reader", "scopes": ["docs:read"]}),
            json!({"username": "off", "scopes": ["docs:read"], "disabled": true}),
        ],
    );
    let as_user = |path: &str, login: &str| {
        use base64::Engine as _;
        let login = base64::engine::general_purpose::STANDARD.encode(login);
        app.send("GET", path, &[("authorization", &format!("Basic {login}"))], "")
    };
    for path in ["/openapi.json", "/docs", "/docs/", "/redoc", "/redoc/"] {
        assert_refused(&app.get(path), 401, "Basic", "Not authenticated");
        let wrong = as_user(path, "reader:wrong");
        assert_refused(&wrong, 401, "Basic", "Incorrect username or password");
        let poor = as_user(path, &format!("root:{PASSWORD}"));
        assert_eq!(poor.status, 403, "{path}");
        assert!(!poor.body.contains("openapi"), "{path}");
        assert_eq!(as_user(path, &format!("off:{PASSWORD}")).status, 400, "{path}");
        assert_eq!(as_user(path, &format!("reader:{PASSWORD}")).status, 200, "{path}");
        assert_eq!(app.get_as(path, &token("reader", &["docs:read"])).status, 401, "{path}");
        // A known entity tag does not get around it either.
        let known = app.send("GET", path, &[("if-none-match", "*")], "");
        assert_eq!(known.status, 401, "{path}");
    }
    assert!(app.command(&["openapi"], "").status.success());
}

#[test]
fn a_cached_page_is_not_sent_again() {
    let app = server("").spawn();
    for path in PAGES {
        let first = head(&app, path, "");
        let tag = first.lines().find_map(|line| line.strip_prefix("etag: ")).expect("a tag");
        assert!(first.starts_with("HTTP/1.1 200"), "{path} {first}");
        assert!(first.contains("cache-control: ") && !first.contains("no-store"), "{path} {first}");
        assert!(first.contains("\r\nvary: Accept-Encoding"), "{path} {first}");
        for (value, status) in
            [(tag, "304"), ("*", "304"), ("\"other\"", "200"), (&format!("\"x\", {tag}"), "304")]
        {
            let again = head(&app, path, &format!("If-None-Match: {value}\r\n"));
            assert!(again.starts_with(&format!("HTTP/1.1 {status}")), "{path} {value} {again}");
            assert!(again.contains(&format!("etag: {tag}")), "{path}");
        }
    }
}

#[test]
fn pages_are_compressed_and_tokens_are_not() {
    let app = server("").args(["--demo"]).spawn();
    let encoding = |path: &str, accept: &str| {
        let head = head(&app, path, &format!("Accept-Encoding: {accept}\r\n"));
        let found = head.lines().find_map(|line| line.strip_prefix("content-encoding: "));
        found.unwrap_or("none").to_owned()
    };
    for path in ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"] {
        assert_eq!(encoding(path, "gzip, deflate, br"), "br", "{path}");
        assert_eq!(encoding(path, "gzip"), "gzip", "{path}");
        assert_eq!(encoding(path, "identity"), "none", "{path}");
        assert_eq!(encoding(path, "br;q=0, gzip;q=0.5"), "gzip", "{path}");
    }
    for path in ["/openapi.json", "/docs", "/redoc"] {
        assert_eq!(encoding(path, "gzip"), "gzip", "{path}");
    }
    let form = "username=johndoe&password=1234&scope=me";
    let headers = [("content-type", crate::harness::FORM), ("accept-encoding", "gzip, br")];
    let login = app.send("POST", "/token", &headers, form);
    assert_eq!((login.status, login.header("content-encoding")), (200, None));
    let bearer = format!("Bearer {}", login.json()["access_token"].as_str().expect("a token"));
    let headers = [("authorization", bearer.as_str()), ("accept-encoding", "gzip, br")];
    let me = app.send("GET", "/users/me", &headers, "");
    assert_eq!((me.status, me.header("content-encoding")), (200, None));
}

#[test]
fn pages_load_nothing_from_other_hosts() {
    let app = server("").spawn();
    for path in ["/docs", "/docs/oauth2-redirect", "/redoc"] {
        let page = app.get(path);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{path}");
        let policy = page.header("content-security-policy").expect("a policy");
        for part in ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        let scripts = policy.split(';').find(|part| part.contains("script-src"));
        assert!(scripts.is_none_or(|scripts| scripts.trim() == "script-src 'self'"), "{policy}");
        assert!(!policy.contains("http") && !policy.contains('*'), "{policy}");
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        for outside in ["src=\"http", "src=\"//", "href=\"http", "href=\"//", "<script>"] {
            // A link is followed by whoever reads; it loads nothing.
            let loaded = page.body.replace("<a href=\"", "");
            assert!(!loaded.contains(outside), "{path}: {outside}");
        }
    }
    let head = head(&app, "/openapi.json", "Origin: https://elsewhere.example\r\n");
    assert!(!head.contains("access-control"), "CORS is off: {head}");
}

/// `?url=` would show a foreign document under our name, and send it the password.
#[test]
fn no_foreign_document_is_shown() {
    let app = server("").spawn();
    let plain = app.get("/docs").body;
    for query in [
        "?url=https://evil.example/openapi.json",
        "?configUrl=//evil.example",
        "?urls.primaryName=x",
    ] {
        assert_eq!(app.get(&format!("/docs{query}")).body, plain, "{query}");
    }
    let init = app.get("/docs/init.js").body;
    for option in
        ["\"queryConfigEnabled\":false", "\"validatorUrl\":null", "\"persistAuthorization\":false"]
    {
        assert!(init.contains(option), "{option} in {init}");
    }
}

#[test]
fn the_redirect_page_of_the_code_flow_is_served() {
    let app = server("").spawn();
    let page = app.get("/docs/oauth2-redirect");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("oauth2-redirect.js"), "{}", page.body);
    let script: Response = app.get("/docs/oauth2-redirect.js");
    assert!(script.body.contains("swaggerUIRedirectOauth2"), "{}", script.body);
    assert!(script.header("content-type").is_some_and(|it| it.starts_with("text/javascript")));
}

/// The rendered page agrees with the document on every operation.
#[test]
fn the_reference_shows_every_operation() {
    let app = server("").spawn();
    let page = app.get("/redoc").body;
    for (name, operation) in operations(&app.get("/openapi.json").json()) {
        let id = operation["operationId"].as_str().expect("an id");
        assert!(page.contains(&format!("<article id=\"{id}\">")), "{name}");
        assert!(page.contains(operation["summary"].as_str().expect("a summary")), "{name}");
    }
    assert!(page.contains("OAuth2PasswordBearer items me"), "the scopes in the guards' order");
}
