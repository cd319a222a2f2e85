//! Declared bodies, queries, paths and forms of an application: `examples/bodies.rs`.

use crate::clients::python_tool;
use crate::example_server::Example;
use crate::harness::{Response, repository, run_tool};
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::Shutdown;

const ITEM: &str = r#"{"sku":"SKU-7","price":2.5}"#;

fn bodies() -> (Example, String) {
    let app = Example::spawn("bodies");
    let token = app.post_form("/token", "username=johndoe&password=1234&scope=me").json();
    let token = format!("Bearer {}", token["access_token"].as_str().expect("a token"));
    (app, token)
}

fn order(app: &Example, token: &str, body: &str) -> Response {
    let headers = [("authorization", token), ("content-type", "application/json")];
    app.send("POST", "/orders", &headers, body)
}

/// `detail` as FastAPI writes it.
fn errors(answer: &Response) -> Value {
    assert_eq!(answer.status, 422, "{}", answer.body);
    answer.json()["detail"].clone()
}

#[test]
fn every_error_of_a_nested_body_is_told_at_once() {
    let (app, token) = bodies();
    let body = json!({
        "items": [
            {"sku": "SKU-7", "price": 2.5},
            {"sku": "7", "price": 0, "quantity": "many"},
            {"price": "free", "quantity": 100},
            "SKU-8",
        ],
        "shipping": "slow",
        "note": 7,
        "coupon": "X",
    });
    let items = &body["items"];
    assert_eq!(
        errors(&order(&app, &token, &body.to_string())),
        json!([
            {"type": "value_error", "loc": ["body", "items", 1, "sku"],
             "msg": "Value error, an article number is SKU- and digits", "input": "7", "ctx": {"error": {}}},
            {"type": "greater_than", "loc": ["body", "items", 1, "price"],
             "msg": "Input should be greater than 0", "input": 0, "ctx": {"gt": 0.0}},
            {"type": "int_parsing", "loc": ["body", "items", 1, "quantity"],
             "msg": "Input should be a valid integer, unable to parse string as an integer", "input": "many"},
            {"type": "missing", "loc": ["body", "items", 2, "sku"], "msg": "Field required", "input": items[2]},
            {"type": "float_parsing", "loc": ["body", "items", 2, "price"],
             "msg": "Input should be a valid number, unable to parse string as a number", "input": "free"},
            {"type": "less_than_equal", "loc": ["body", "items", 2, "quantity"],
             "msg": "Input should be less than or equal to 99", "input": 100, "ctx": {"le": 99}},
            {"type": "model_attributes_type", "loc": ["body", "items", 3],
             "msg": "Input should be a valid dictionary or object to extract fields from", "input": "SKU-8"},
            {"type": "enum", "loc": ["body", "shipping"], "msg": "Input should be 'standard' or 'express'",
             "input": "slow", "ctx": {"expected": "'standard' or 'express'"}},
            {"type": "string_type", "loc": ["body", "note"], "msg": "Input should be a valid string", "input": 7},
            {"type": "extra_forbidden", "loc": ["body", "coupon"], "msg": "Extra inputs are not permitted",
             "input": "X"},
        ]),
    );
}

#[test]
fn what_fits_is_read_with_its_defaults() {
    let (app, token) = bodies();
    let answer = order(&app, &token, &format!("{{\"items\":[{ITEM}]}}"));
    let items = json!([{"sku": "SKU-7", "price": 2.5, "quantity": 1}]);
    let read = json!({"items": items, "shipping": "standard", "note": null});
    assert_eq!((answer.status, answer.json()), (200, read));
    // As pydantic takes numbers that are written as texts.
    let lax = r#"{"items":[{"sku":"SKU-7","price":"2.5","quantity":"3"}],"shipping":"express"}"#;
    let items = json!([{"sku": "SKU-7", "price": 2.5, "quantity": 3}]);
    assert_eq!(order(&app, &token, lax).json()["items"], items);

    let nobody = order(&app, "Bearer x", "{");
    assert_eq!(nobody.status, 401, "first the caller, then the body");
    for (body, kind) in [("", "missing"), ("{", "json_invalid"), ("[]", "model_attributes_type")] {
        assert_eq!(errors(&order(&app, &token, body))[0]["type"], kind, "{body}");
    }
    let empty = errors(&order(&app, &token, r#"{"items":[]}"#));
    assert_eq!(empty[0]["ctx"], json!({"field_type": "List", "min_length": 1, "actual_length": 0}));
}

/// The response must not grow with what was sent.
#[test]
fn a_flood_of_errors_is_cut_off() {
    let (app, token) = bodies();
    let items = vec![json!({}); 20];
    let extras: Value = (0..1000).map(|n| (format!("x{n}"), json!("y".repeat(500)))).collect();
    let mut body = extras;
    body["items"] = json!(items);
    let answer = order(&app, &token, &body.to_string());
    assert_eq!(errors(&answer).as_array().map(Vec::len), Some(100));
    assert!(answer.body.len() < 600_000, "{}", answer.body.len());
}

#[test]
fn queries_and_paths_are_texts_that_stand_for_values() {
    let app = Example::spawn("bodies");
    let get = |path: &str| app.get(path);
    let read = json!({"word": ["red", "pen"], "in_stock": true, "limit": 5});
    let answer = get("/articles?word=red&limit=9&word=pen&in_stock=yes&limit=5&unknown=1");
    assert_eq!((answer.status, answer.json()), (200, read));
    let usual = json!({"word": [], "in_stock": false, "limit": 10});
    assert_eq!(get("/articles").json(), usual);
    assert_eq!(
        errors(&get("/articles?word=a&word=b&word=c&word=d&in_stock=perhaps&limit=0")),
        json!([
            {"type": "too_long", "loc": ["query", "word"],
             "msg": "List should have at most 3 items after validation, not 4",
             "input": ["a", "b", "c", "d"],
             "ctx": {"field_type": "List", "max_length": 3, "actual_length": 4}},
            {"type": "bool_parsing", "loc": ["query", "in_stock"],
             "msg": "Input should be a valid boolean, unable to interpret input", "input": "perhaps"},
            {"type": "greater_than_equal", "loc": ["query", "limit"],
             "msg": "Input should be greater than or equal to 1", "input": "0", "ctx": {"ge": 1}},
        ]),
    );
    assert_eq!(get("/articles/SKU-7/pictures/3").json(), json!({"sku": "SKU-7", "number": 3}));
    let found = errors(&get("/articles/7/pictures/10"));
    assert_eq!(found[0]["loc"], json!(["path", "sku"]));
    assert_eq!(
        (&found[1]["loc"], &found[1]["type"]),
        (&json!(["path", "number"]), &json!("less_than_equal"))
    );
    assert_eq!(get("/sales/2024/3").json(), "2024-03");
    let found = errors(&get("/sales/now/x"));
    assert_eq!(found[0]["loc"], json!(["path", "year"]));
    assert_eq!(found[1]["loc"], json!(["path", "month"]));
    assert_eq!(errors(&get("/articles/%FF/pictures/1"))[0]["loc"], json!(["path", "sku"]));
}

#[test]
fn forms_are_read_like_queries() {
    let app = Example::spawn("bodies");
    let answer = app.post_form("/reviews", "stars=1&text=good&stars=5");
    assert_eq!((answer.status, answer.json()), (200, json!({"stars": 5, "text": "good"})));
    assert_eq!(app.post_form("/reviews", "stars=5&text=").json()["text"], json!(null));
    let missing = json!([
        {"type": "missing", "loc": ["body", "stars"], "msg": "Field required", "input": null},
    ]);
    assert_eq!(errors(&app.post_form("/reviews", "stars=")), missing);
    assert_eq!(errors(&app.post_form("/reviews", "stars=6"))[0]["ctx"], json!({"le": 5}));
    let part = |name: &str, value: &str| {
        format!("--f\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let send = |body: &str| {
        let headers = [("content-type", "multipart/form-data; boundary=f")];
        app.send("POST", "/reviews", &headers, body)
    };
    let whole = format!("{}{}--f--\r\n", part("stars", "4"), part("text", "fine"));
    assert_eq!(send(&whole).json(), json!({"stars": 4, "text": "fine"}));
    let file = whole.replace("name=\"text\"", "name=\"text\"; filename=\"t\"");
    let found = errors(&send(&file));
    assert_eq!(
        (&found[0]["loc"], &found[0]["type"]),
        (&json!(["body", "text"]), &json!("string_type"))
    );
    let headers = [("content-type", "application/json")];
    let json = app.send("POST", "/reviews", &headers, r#"{"stars": 4}"#);
    assert_eq!((errors(&json), &json.json()["error"]), (missing, &json!("invalid_request")));
}

#[test]
fn the_bounds_stand_in_the_document() {
    let app = Example::spawn("bodies");
    let document = app.document();
    let schemas = &document["components"]["schemas"];
    let item = &schemas["Item"];
    assert_eq!(item["required"], json!(["sku", "price"]));
    let (price, quantity) = (&item["properties"]["price"], &item["properties"]["quantity"]);
    assert_eq!((&price["minimum"], &price["exclusiveMinimum"]), (&json!(0), &json!(true)));
    assert_eq!(quantity["description"], "How many.");
    let bounds = [&quantity["minimum"], &quantity["maximum"], &quantity["default"]];
    assert_eq!(bounds, [&json!(1), &json!(99), &json!(1)]);
    let order = &schemas["Order"]["properties"];
    assert_eq!(order["items"]["items"], json!({"$ref": "#/components/schemas/Item"}));
    assert_eq!(schemas["Order"]["additionalProperties"], false);
    assert_eq!(schemas["Shipping"]["enum"], json!(["standard", "express"]));
    assert_eq!(order["note"]["nullable"], true);

    let operation = |path: &str, method: &str| document["paths"][path][method].clone();
    let place = operation("/orders", "post");
    let named = json!({"schema": {"$ref": "#/components/schemas/Order"}});
    assert_eq!(place["requestBody"]["content"]["application/json"], named);
    assert_eq!(place["responses"]["200"]["content"]["application/json"], named);
    let parameters = |path: &str| operation(path, "get")["parameters"].clone();
    let limit = &parameters("/articles")[2];
    assert_eq!(
        limit,
        &json!({"in": "query", "name": "limit", "required": false,
                "description": "How many to show.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}}),
    );
    let listed = |path: &str| {
        let all = parameters(path);
        let all = all.as_array().expect("parameters").iter();
        all.map(|one| (one["name"].clone(), one["in"].clone())).collect::<Vec<_>>()
    };
    let path = |name: &str| (json!(name), json!("path"));
    assert_eq!(listed("/articles/{sku}/pictures/{number}"), [path("sku"), path("number")]);
    assert_eq!(listed("/sales/{year}/{month}"), [path("year"), path("month")]);
    assert!(!app.get("/openapi.json").body.contains("x-rule"));
}

/// FastAPI's `loc` is the character at which Python's json stopped, and `error` says why.
#[test]
fn what_is_no_json_is_told_where_and_why_as_python_does() {
    let (app, token) = bodies();
    let wrong = json!([
        "{",
        "[",
        "nul",
        "{\"a\"",
        "{\"a\":",
        "{\"a\" 1}",
        "{a: 1}",
        "{\"a\": 1 \"b\": 2}",
        "[1 2]",
        "[1, 2",
        "{\"ä\": 한}",
        "{\n  \"items\": [\n    {\"sku\": 'x'}\n  ]\n}",
        "\"한글",
        "\"a\nb\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "{} {}",
        "1 2",
        "-",
        "01",
        "1.",
        "1.e5",
        "+1",
        "tru",
        "{\"a\": \"\\",
        "[1,,2]",
        " \r\n\t ",
        "{\"😀\": \"😀\", x}",
        "[\"a\", \"b\"}",
        "{\"a\": 1]",
        "\"\\u1234",
    ]);
    let script = repository("tests/clients/json_faults.py");
    let told = run_tool(python_tool("python").arg(script).arg(wrong.to_string()));
    let told: Value = serde_json::from_str(&told).expect("a list");
    for (body, told) in
        wrong.as_array().expect("bodies").iter().zip(told.as_array().expect("faults"))
    {
        let found = errors(&order(&app, &token, body.as_str().expect("a text")));
        let expected = json!([{
            "type": "json_invalid", "loc": ["body", told[0]], "msg": "JSON decode error", "input": {},
            "ctx": {"error": told[1]},
        }]);
        assert_eq!(found, expected, "{body}");
    }
}

const MULTIPART: &str = "multipart/form-data; boundary=f";

/// What it is, its type, the body, and the response or status and detail.
type Edge = (&'static str, &'static str, String, Result<Value, (u16, Value)>);

/// Forms with `stars` and `text` as browsers, careless clients and attackers send them; and one with a file.
fn edges() -> (Vec<Edge>, String) {
    let part = |head: &str, data: &str| format!("--f\r\n{head}\r\n\r\n{data}\r\n");
    let named = |name: &str, data: &str| {
        part(&format!("Content-Disposition: form-data; name=\"{name}\""), data)
    };
    let text = |head: &str| format!("{}{}--f--\r\n", named("stars", "4"), part(head, "fine"));
    let stars = named("stars", "4");
    let plain = format!("{stars}{}--f--\r\n", named("text", "fine"));
    let disposition = "Content-Disposition: form-data; name=\"text\"";
    let fine = || Ok(json!({"stars": 4, "text": "fine"}));
    let only_stars = || Ok(json!({"stars": 4, "text": null}));
    let invalid = || Err((400, json!("Invalid multipart data.")));
    let usual = MULTIPART;
    let with_file = text(&format!("{disposition}; filename=\"t\""));
    let edges = vec![
        ("plain", usual, plain.clone(), fine()),
        (
            "a length of its own",
            usual,
            text(&format!("Content-Length: 1\r\n{disposition}")),
            fine(),
        ),
        ("a longer one", usual, text(&format!("{disposition}\r\nContent-Length: 99")), fine()),
        (
            "an empty file",
            usual,
            format!(
                "{stars}{}--f--",
                part("Content-Disposition: form-data; name=\"picture\"; filename=\"\"", "")
            ),
            only_stars(),
        ),
        (
            "a type and no file name",
            usual,
            text(&format!("{disposition}\r\nContent-Type: image/png")),
            fine(),
        ),
        (
            "a charset that nobody knows",
            usual,
            text(&format!("{disposition}\r\nContent-Type: text/plain; charset=x")),
            fine(),
        ),
        (
            "a quoted name",
            usual,
            text("Content-Disposition: form-data; name=\"\\\"text\""),
            only_stars(),
        ),
        ("a name without quotes", usual, text("content-disposition: form-data;name=text"), fine()),
        ("a repeated field", usual, format!("{}{plain}", named("stars", "1")), fine()),
        ("another boundary", "multipart/form-data; boundary=g", plain.clone(), invalid()),
        (
            "no boundary",
            "multipart/form-data",
            plain.clone(),
            Err((400, json!("Missing boundary in multipart."))),
        ),
        ("no last boundary", usual, plain.replace("\r\n--f--\r\n", ""), only_stars()),
        ("nothing after it", usual, plain.replace("--f--\r\n", "--f--"), fine()),
        ("an epilogue", usual, format!("{plain}--f\r\nX"), fine()),
        ("a preamble", usual, format!("hello\r\n{plain}"), invalid()),
        (
            "a header too long",
            usual,
            text(&format!("X: {}\r\n{disposition}", "y".repeat(5000))),
            invalid(),
        ),
        (
            "headers too many",
            usual,
            text(&format!("{}{disposition}", "X: y\r\n".repeat(8))),
            invalid(),
        ),
        (
            "a line break in a name",
            usual,
            text("Content-Disposition: form-data; name=\"te\r\nxt\""),
            invalid(),
        ),
        (
            "a name that is missing",
            usual,
            text("Content-Disposition: form-data"),
            Err((400, json!("The Content-Disposition header field \"name\" must be provided."))),
        ),
    ];
    (edges, with_file)
}

/// Both extractors of forms read the same bodies in the same way.
#[test]
fn forms_with_files_and_without_agree_at_the_edges() {
    let app = Example::spawn("bodies");
    let (edges, file) = edges();
    for (what, kind, body, expected) in &edges {
        for path in ["/reviews", "/reviews/pictured"] {
            let answer = app.send("POST", path, &[("content-type", kind)], body);
            let found = match answer.status {
                200 => Ok(answer.json()),
                status => Err((status, answer.json()["detail"].clone())),
            };
            assert_eq!(&found, expected, "{what} at {path}");
        }
    }
    // A file where a text belongs is told in the same words, and a body that its sender cut short as well.
    let plain = &edges[0].2;
    for path in ["/reviews", "/reviews/pictured"] {
        let found = errors(&app.send("POST", path, &[("content-type", MULTIPART)], &file));
        assert_eq!(
            (&found[0]["loc"], &found[0]["type"]),
            (&json!(["body", "text"]), &json!("string_type"))
        );
        let mut stream = app.connect();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: {MULTIPART}\r\nContent-Length: 9999\r\n\r\n{plain}"
        )
        .expect("sent");
        stream.shutdown(Shutdown::Write).expect("closed");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(
            answer.starts_with("HTTP/1.1 400") && answer.contains("Incomplete body"),
            "{path}: {answer}"
        );
    }
}

/// What is wrong in path, query and body is told at once where one `Authorized` reads them.
#[test]
fn errors_of_all_parts_of_a_request_are_told_at_once() {
    let (app, token) = bodies();
    let headers = [("authorization", &*token), ("content-type", "application/json")];
    let answer =
        app.send("PUT", "/articles/7/items?limit=0", &headers, r#"{"sku":"SKU-7","price":0}"#);
    let found = errors(&answer);
    let places: Vec<_> =
        found.as_array().expect("a list").iter().map(|one| one["loc"].clone()).collect();
    assert_eq!(
        places,
        [json!(["path", "sku"]), json!(["query", "limit"]), json!(["body", "price"])],
        "{found}"
    );
    let right =
        app.send("PUT", "/articles/SKU-7/items?limit=1", &headers, r#"{"sku":"SKU-7","price":1}"#);
    assert_eq!((right.status, &right.json()["price"]), (200, &json!(1.0)));
    let broken = errors(&app.send("PUT", "/articles/7/items", &headers, "{"));
    assert_eq!(broken.as_array().map(Vec::len), Some(2), "{broken}");
}
