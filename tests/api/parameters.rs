//! Parameters of `examples/bodies.rs`: headers, cookies, and dependencies that read some; all as FastAPI does it.

use crate::example_server::Example;
use crate::harness::Response;
use serde_json::{Value, json};
use std::fs;

fn errors(answer: &Response) -> Value {
    assert_eq!(answer.status, 422, "{}", answer.body);
    answer.json()["detail"].clone()
}

/// What a 422 says, without the words.
fn told(answer: &Response) -> Vec<(Value, Value)> {
    let errors = errors(answer);
    let errors = errors.as_array().expect("a list").iter();
    errors.map(|one| (one["loc"].clone(), one["type"].clone())).collect()
}

fn listed(document: &Value, path: &str) -> Vec<String> {
    let all = document["paths"][path]["get"]["parameters"].as_array().expect("parameters").iter();
    all.map(|one| format!("{} {}", one["in"], one["name"]).replace('"', "")).collect()
}

#[test]
fn headers_are_fields_with_hyphens() {
    let app = Example::spawn("bodies");
    let get = |headers: &[(&str, &str)]| app.send("GET", "/source", headers, "");
    let sent = [
        ("X-Request-Source", "berlin"),
        ("x-request-source", "tokyo"),
        ("x_request_source", "nowhere"),
        ("x-retries", "2"),
        ("x-trace", "7f"),
        ("x-unknown", "1"),
    ];
    let read = json!({"x_request_source": "berlin", "x_retries": 2, "X-Trace": "7f"});
    assert_eq!(get(&sent).json(), read, "the first one");
    let plain = get(&[("x-request-source", "Zürich")]).json();
    let latin = json!({"x_request_source": "ZÃ¼rich", "x_retries": 0, "X-Trace": null});
    assert_eq!(plain, latin, "Starlette reads Latin-1, too");
    assert_eq!(
        errors(&get(&[("x-retries", "many"), ("x_request_source", "nowhere")])),
        json!([
            {"type": "missing", "loc": ["header", "x-request-source"], "msg": "Field required", "input": null},
            {"type": "int_parsing", "loc": ["header", "x-retries"],
             "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "many"},
        ]),
    );
    assert_eq!(
        errors(&get(&[("x-request-source", &"x".repeat(21)), ("x-retries", "10")])),
        json!([
            {"type": "string_too_long", "loc": ["header", "x-request-source"],
             "msg": "String should have at most 20 characters", "input": "x".repeat(21),
             "ctx": {"max_length": 20}},
            {"type": "less_than_equal", "loc": ["header", "x-retries"],
             "msg": "Input should be less than or equal to 9", "input": "10", "ctx": {"le": 9}},
        ]),
    );
}

#[test]
fn a_list_gets_each_header_of_its_name() {
    let app = Example::spawn("fastapi");
    let headers =
        [("user-agent", "curl"), ("X-Tag", "a"), ("x-tag", "b, c"), ("cookie", "theme=dark")];
    let answer = app.send("GET", "/client", &headers, "");
    assert_eq!(answer.json(), json!(["curl", "a", "b, c", "dark"]));
}

#[test]
fn cookies_are_fields_of_their_names() {
    let app = Example::spawn("bodies");
    let get = |cookies: &str| app.send("GET", "/visitor", &[("cookie", cookies)], "");
    // Other cookies are nobody's mistake, even where the struct denies unknown fields.
    for (cookies, name, visits) in [
        ("name=ann; visits=3; other=x", "ann", 3),
        ("name=ann; name=bob", "bob", 0),
        ("name=a%20b;visits= 1", "a%20b", 1),
        (r#"x; name="a b\054 \"c\""; visits="2""#, r#"a b, "c""#, 2),
    ] {
        assert_eq!(get(cookies).json(), json!({"name": name, "visits": visits}), "{cookies}");
    }
    let twice = [("cookie", "visits=5"), ("cookie", "name=ann")];
    let read = json!({"name": "ann", "visits": 5});
    assert_eq!(app.send("GET", "/visitor", &twice, "").json(), read);
    assert_eq!(
        errors(&get("Name=ann; visits=10")),
        json!([
            {"type": "missing", "loc": ["cookie", "name"], "msg": "Field required", "input": null},
            {"type": "less_than_equal", "loc": ["cookie", "visits"],
             "msg": "Input should be less than or equal to 9", "input": "10", "ctx": {"le": 9}},
        ]),
    );
    let kinds = [
        (json!(["cookie", "name"]), json!("string_too_short")),
        (json!(["cookie", "visits"]), json!("int_parsing")),
    ];
    assert_eq!(told(&get("name=; visits=")), kinds);
}

#[test]
fn all_parts_are_told_at_once_even_without_a_caller() {
    let app = Example::spawn("bodies");
    let good = [("x-request-source", "berlin"), ("cookie", "name=ann")];
    let answer = app.send("GET", "/articles/SKU-7/visit", &good, "");
    assert_eq!(answer.json(), "ann of berlin looks at SKU-7");
    let wrong = [
        (json!(["path", "sku"]), json!("value_error")),
        (json!(["header", "x-request-source"]), json!("missing")),
        (json!(["cookie", "name"]), json!("missing")),
    ];
    assert_eq!(told(&app.get("/articles/7/visit")), wrong);
}

#[test]
fn a_paginator_is_a_dependency() {
    let app = Example::spawn("bodies");
    assert_eq!(app.get("/sale?offset=7&limit=2").json(), json!(["pens 7", "pens 8"]));
    assert_eq!(app.get("/sale").json().as_array().map(Vec::len), Some(10));
    let wrong = app.get("/sale?limit=101&offset=x");
    let kinds = [
        (json!(["query", "offset"]), json!("int_parsing")),
        (json!(["query", "limit"]), json!("less_than_equal")),
    ];
    assert_eq!(told(&wrong), kinds);
    let own = app.get(&format!("/sale?offset={}", u32::MAX));
    assert_eq!((own.status, own.body.as_str()), (404, r#"{"detail":"There is no such page"}"#));

    // The same fields by `#[serde(flatten)]`.
    assert_eq!(app.get("/reviews?limit=7&stars=4").json(), json!([0, 7, 4]));
    let kinds = [
        (json!(["query", "limit"]), json!("greater_than_equal")),
        (json!(["query", "stars"]), json!("less_than_equal")),
    ];
    assert_eq!(told(&app.get("/reviews?limit=0&stars=6")), kinds);
}

/// First the caller, then the parameters of the dependency, all of them.
#[test]
fn a_dependency_needs_a_caller_and_parameters() {
    let app = Example::spawn("bodies");
    let token = app.login("/token", "me");
    let get = |path: &str, headers: &[(&str, &str)]| app.send("GET", path, headers, "");
    let good =
        [("authorization", token.as_str()), ("x-request-source", "berlin"), ("cookie", "name=ann")];
    assert_eq!(get("/customers/7", &good).json(), json!(["johndoe as ann at berlin: 7", 7]));
    assert_eq!(get("/customers/x", &good[1..]).status, 401);
    let wrong = [
        (json!(["header", "x-request-source"]), json!("missing")),
        (json!(["cookie", "name"]), json!("missing")),
        (json!(["path", "number"]), json!("int_parsing")),
    ];
    assert_eq!(told(&get("/customers/x", &good[..1])), wrong);
    // Around a scope.
    assert_eq!(get("/inside/owner", &good[1..2]).json(), "Alice");
    assert_eq!(told(&get("/inside/owner", &[])), wrong[..1]);
}

#[test]
fn a_patch_tells_absent_from_null() {
    let app = Example::spawn("bodies");
    let change =
        |body: &str| app.send("PATCH", "/reviews", &[("content-type", "application/json")], body);
    for (body, stars, text) in [
        ("{}", 3, json!("good")),
        (r#"{"text": null}"#, 3, json!(null)),
        (r#"{"text": "bad", "stars": 1}"#, 1, json!("bad")),
        (r#"{"stars": null}"#, 3, json!("good")),
    ] {
        assert_eq!(change(body).json(), json!({"stars": stars, "text": text}), "{body}");
    }
    let wrong = change(&json!({"text": "x".repeat(201)}).to_string());
    assert_eq!(told(&wrong), [(json!(["body", "text"]), json!("string_too_long"))]);
    let schema = app.document()["components"]["schemas"]["ReviewChange"].clone();
    let text = &schema["properties"]["text"];
    assert_eq!(
        (&text["nullable"], &text["maxLength"], &schema["required"]),
        (&json!(true), &json!(200), &json!(null))
    );
}

#[test]
fn the_document_has_the_parameters_of_dependencies_and_no_lock() {
    let app = Example::spawn("bodies");
    let document = app.document();
    let sale = &document["paths"]["/sale"]["get"];
    assert_eq!(sale["security"], json!([]));
    assert_eq!(
        sale["parameters"][1],
        json!({"in": "query", "name": "limit", "required": false, "description": "How many to show.",
               "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}}),
    );
    assert!(sale["responses"]["422"].is_object() && sale["responses"].get("401").is_none());
    let headers = ["header x-request-source", "header x-retries", "header X-Trace"];
    assert_eq!(listed(&document, "/source"), headers);
    assert_eq!(listed(&document, "/inside/owner"), headers);
    assert_eq!(listed(&document, "/visitor"), ["cookie name", "cookie visits"]);
    let source = &document["paths"]["/source"]["get"]["parameters"][0];
    assert_eq!(
        source,
        &json!({"in": "header", "name": "x-request-source", "required": true,
                "description": "Which shop it is.", "schema": {"type": "string", "maxLength": 20}}),
    );
    let visit = &document["paths"]["/articles/{sku}/visit"]["get"];
    assert_eq!(
        (&visit["security"], listed(&document, "/articles/{sku}/visit").len()),
        (&json!([]), 6)
    );
    // Handler and dependency read the same parameter of the path.
    let customer = &document["paths"]["/customers/{number}"]["get"];
    assert_eq!(listed(&document, "/customers/{number}").len(), 6, "{}", customer["parameters"]);
    assert!(customer["security"][0].get("OAuth2PasswordBearer").is_some());
    assert_eq!(listed(&document, "/reviews"), ["query offset", "query limit", "query stars"]);
}

/// Outside a request, in a command.
#[test]
fn a_command_checks_what_a_body_would_be() {
    let folder = tempfile::tempdir().expect("a folder");
    let check = |order: &str, more: &[&str]| {
        fs::write(folder.path().join("order.json"), order).expect("written");
        let arguments = [&["check", "order.json"], more].concat();
        let output = Example::run_in("bodies", folder.path(), &arguments, &[]);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.success(), text(&output.stdout), text(&output.stderr))
    };
    let (good, told, _) = check(r#"{"items": [{"sku": "SKU-7", "price": "2.5"}]}"#, &[]);
    assert_eq!((good, told.as_str()), (true, "1 articles\n"));
    let wrong = r#"{"items": [{"sku": "hunter2", "price": 1}, {"sku": "SKU-1"}], "shipping": "slow", "a\nb": 1}"#;
    let lines = [
        "items.0.sku: Value error, an article number is SKU- and digits",
        "items.1.price: Field required",
        "shipping: Input should be 'standard' or 'express'",
        r"a\nb: Extra inputs are not permitted",
    ];
    let (good, _, told) = check(wrong, &[]);
    assert!(!good && told.contains(&lines.join("; ")) && !told.contains("hunter2"), "{told}");
    let (_, told, _) = check(wrong, &["--lines"]);
    assert_eq!(told.lines().collect::<Vec<_>>(), lines);
    let (_, told, _) = check("{\"items\": [}", &["--lines"]);
    assert_eq!(told, "11: JSON decode error (Expecting value)\n");
    assert_eq!(check("", &["--lines"]).1, "Field required\n");
}
