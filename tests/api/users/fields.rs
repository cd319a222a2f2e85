//! The allowed values of each field: every violation is named, in the shape of FastAPI's `detail`
//! list.

use crate::people::{PASSWORD, admin, administered, call};
use crate::signer::token;
use serde_json::{Value, json};

/// `detail` without `input` and `ctx`: place, kind, message.
fn problems(body: &Value) -> Vec<(Value, &str, &str)> {
    let list = body["detail"].as_array().unwrap_or_else(|| panic!("no list: {body}"));
    list.iter()
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap_or_else(|| panic!("no {key}: {one}"));
            (one["loc"].clone(), text("type"), text("msg"))
        })
        .collect()
}

#[test]
fn every_wrong_field_is_named() {
    let app = administered("");
    let text = "Input should be a valid string";
    let control = "String should not contain control characters";
    let long = |most: usize| format!("String should have at most {most} characters");
    let of = |field: &str, value: Value| {
        let mut user = json!({"username": "bob", "password": PASSWORD});
        user[field] = value;
        user
    };
    let cases = [
        ("username", json!(""), "string_too_short", "String should have at least 1 character"),
        ("username", json!("x".repeat(129)), "string_too_long", &long(128)),
        ("username", json!("a\nb"), "value_error", control),
        ("username", json!("a\u{85}b"), "value_error", control),
        ("username", json!("me"), "value_error", "String should not be `me`, `.` or `..`"),
        ("username", json!(".."), "value_error", "String should not be `me`, `.` or `..`"),
        ("username", json!(7), "string_type", text),
        ("username", json!(null), "string_type", text),
        ("email", json!("x".repeat(255)), "string_too_long", &long(254)),
        ("email", json!("a\u{0}b"), "value_error", control),
        ("email", json!(["a"]), "string_type", text),
        ("full_name", json!("x".repeat(257)), "string_too_long", &long(256)),
        ("full_name", json!("a\tb"), "value_error", control),
        ("full_name", json!(true), "string_type", text),
        ("disabled", json!("true"), "bool_type", "Input should be a valid boolean"),
        ("disabled", json!(null), "bool_type", "Input should be a valid boolean"),
        ("scopes", json!("me"), "list_type", "Input should be a valid list"),
        ("scopes", json!(null), "list_type", "Input should be a valid list"),
        ("is_admin", json!(true), "extra_forbidden", "Extra inputs are not permitted"),
        ("hashed_password", json!("x"), "extra_forbidden", "Extra inputs are not permitted"),
    ];
    for (field, value, kind, msg) in cases {
        let answer = admin(&app, ("POST", "/users"), &of(field, value.clone()));
        assert_eq!(answer.status, 422, "{field} {value}: {}", answer.body);
        assert_eq!(problems(&answer.json()), [(json!(["body", field]), kind, msg)], "{value}");
        let input = &answer.json()["detail"][0]["input"];
        if kind == "extra_forbidden" {
            assert_eq!(*input, json!(null));
        } else {
            assert_eq!(*input, value);
        }
        // The same field in a PATCH.
        if ["username", "email", "full_name", "disabled", "is_admin"].contains(&field) {
            let answer = admin(&app, ("PATCH", "/users/root"), &json!({field: value}));
            assert_eq!(problems(&answer.json()), [(json!(["body", field]), kind, msg)]);
        }
    }
    for field in ["password", "scopes"] {
        let answer = admin(&app, ("PATCH", "/users/root"), &json!({field: "x"}));
        let extra = (json!(["body", field]), "extra_forbidden", "Extra inputs are not permitted");
        assert_eq!(problems(&answer.json()), [extra]);
    }
    let page = admin(&app, ("GET", "/users"), &Value::Null).json();
    assert_eq!(page["users"].as_array().map(Vec::len), Some(1), "nobody was created");
}

#[test]
fn no_problem_hides_another() {
    let app = administered("");
    let body = json!({"email": 1, "disabled": 2, "scopes": ["me", "no", 3], "x": 4});
    let answer = admin(&app, ("POST", "/users"), &body);
    let places: Vec<_> = problems(&answer.json()).into_iter().map(|(loc, ..)| loc).collect();
    for place in [
        json!(["body", "username"]),
        json!(["body", "password"]),
        json!(["body", "email"]),
        json!(["body", "disabled"]),
        json!(["body", "scopes", 1]),
        json!(["body", "scopes", 2]),
        json!(["body", "x"]),
    ] {
        assert!(places.contains(&place), "{place} in {}", answer.body);
    }
    assert_eq!(places.len(), 7, "{}", answer.body);

    // The password's policy is one problem among others.
    let body = json!({"username": "", "password": "short", "email": 1});
    let answer = admin(&app, ("POST", "/users"), &body);
    let places: Vec<_> = problems(&answer.json()).into_iter().map(|(loc, ..)| loc).collect();
    for field in ["username", "password", "email"] {
        assert!(places.contains(&json!(["body", field])), "{field} in {}", answer.body);
    }
    assert!(!answer.body.contains("\"short\""), "{}", answer.body);
}

#[test]
fn the_shape_is_fastapis() {
    let app = administered("");
    let body = json!({"username": "", "password": PASSWORD});
    let answer = admin(&app, ("POST", "/users"), &body);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(
        answer.json(),
        json!({"detail": [{
            "type": "string_too_short",
            "loc": ["body", "username"],
            "msg": "String should have at least 1 character",
            "input": "",
            "ctx": {"min_length": 1},
        }]}),
    );
}

#[test]
fn queries_and_paths_are_checked_too() {
    let app = administered("");
    let least = "Input should be greater than or equal to 1";
    let most = "Input should be less than or equal to 1000";
    let whole = "Input should be a valid integer, unable to parse string as an integer";
    for (path, place, kind, msg) in [
        ("/users?limit=0", ["query", "limit"], "greater_than_equal", least),
        ("/users?limit=-1", ["query", "limit"], "greater_than_equal", least),
        ("/users?limit=1001", ["query", "limit"], "less_than_equal", most),
        ("/users?limit=9999999999", ["query", "limit"], "less_than_equal", most),
        ("/users?limit=ten", ["query", "limit"], "int_parsing", whole),
        ("/users?limit=1.5", ["query", "limit"], "int_parsing", whole),
        ("/users?limit=", ["query", "limit"], "int_parsing", whole),
        (
            "/users?after=a%00",
            ["query", "after"],
            "value_error",
            "String should not contain control characters",
        ),
        (
            "/users/a%0Ab",
            ["path", "username"],
            "value_error",
            "String should not contain control characters",
        ),
    ] {
        let answer = admin(&app, ("GET", path), &Value::Null);
        assert_eq!(answer.status, 422, "{path} {}", answer.body);
        assert_eq!(problems(&answer.json()), [(json!(place), kind, msg)], "{path}");
    }
    for path in ["/users/%FF", "/users/%ED%A0%80", "/users?after=%FF"] {
        let status = admin(&app, ("GET", path), &Value::Null).status;
        assert!(matches!(status, 200 | 400 | 404 | 422), "{path}: {status}");
    }
}

#[test]
fn bodies_that_are_no_json_objects() {
    let app = administered("[server]\nlimit_request_body = 2000\n");
    let bearer = format!("Bearer {}", token("root", &["users:write", "me"]));
    let send = |content_type: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", content_type)];
        app.send("POST", "/users", &headers, body)
    };
    for (body, kind) in [
        ("", "missing"),
        ("{", "json_invalid"),
        ("{\"username\":\"a\",}", "json_invalid"),
        ("{\"password\":\"secret-in-a-broken-body", "json_invalid"),
        ("[]", "model_attributes_type"),
        ("\"secret-in-a-broken-body\"", "model_attributes_type"),
        ("null", "model_attributes_type"),
    ] {
        let answer = send("application/json", body);
        assert_eq!(answer.status, 422, "{body}: {}", answer.body);
        assert_eq!(problems(&answer.json())[0].1, kind, "{body}");
        assert!(!answer.body.contains("secret"), "{}", answer.body);
    }
    let good = json!({"username": "typed", "password": PASSWORD}).to_string();
    for other in
        ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "json", ""]
    {
        let answer = send(other, &good);
        assert_eq!(answer.status, 415, "{other}: {}", answer.body);
        assert_eq!(answer.json(), json!({"detail": "Expected application/json"}));
    }
    for (number, json) in
        ["application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"]
            .into_iter()
            .enumerate()
    {
        let body = good.replace("typed", &format!("typed{number}"));
        assert_eq!(send(json, &body).status, 201, "{json}");
    }
    for (body, status) in [(" ".repeat(1000) + &good, 409), (" ".repeat(2001), 413)] {
        let body = body.replace("typed", "typed0");
        let answer = send("application/json", &body);
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    let large = send("application/json", &" ".repeat(2001));
    assert_eq!(large.json(), json!({"detail": "Request body too large"}));
    let form =
        app.send("POST", "/token", &[("content-type", crate::harness::FORM)], &"x".repeat(2001));
    assert_eq!(form.status, 413);
}

/// Users can hold only scopes declared by the program or in `[scopes]`.
#[test]
fn only_declared_scopes_can_be_held() {
    let app = administered("[scopes]\n\"orders:read\" = \"Read orders.\"\n");
    let put =
        |scopes: Value| admin(&app, ("PUT", "/users/root/scopes"), &json!({"scopes": scopes}));
    for scopes in
        [json!(["me", "users:write", "orders:write"]), json!(["users:write", "me", "ORDERS:read"])]
    {
        let answer = put(scopes.clone());
        assert_eq!(answer.status, 422, "{}", answer.body);
        let places = [(json!(["body", "scopes", 2]), "value_error", "Scope is not declared")];
        assert_eq!(problems(&answer.json()), places);
        assert_eq!(answer.json()["detail"][0]["input"], scopes[2]);
    }
    let held = json!(["users:write", "me", "orders:read", "me"]);
    assert_eq!(put(held).json()["scopes"], json!(["users:write", "me", "orders:read"]));
    let answer = call(
        &app,
        ("POST", "/users"),
        &token("root", &["users:write"]),
        &json!({"username": "x", "password": PASSWORD, "scopes": ["orders:read"]}),
    );
    assert_eq!(answer.json()["scopes"], json!(["orders:read"]));
    let document = app.get("/openapi.json").json();
    let flow =
        &document["components"]["securitySchemes"]["OAuth2PasswordBearer"]["flows"]["password"];
    assert_eq!(flow["scopes"]["orders:read"], "Read orders.");
    let fields = [("username", "x"), ("password", PASSWORD), ("scope", "orders:read")];
    let login = crate::people::log_in(&app, &fields).json();
    assert_eq!(login["scope"], "orders:read");
    let access = crate::signer::claims(login["access_token"].as_str().expect("a token"));
    assert_eq!(
        (&access["scopes"], &access["scope"]),
        (&json!(["orders:read"]), &json!("orders:read"))
    );
}
