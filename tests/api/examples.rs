//! `examples/note.rs` and `examples/orders`, started and called as their readers would.

use crate::browser::run_script;
use crate::example_server::Example;
use crate::harness::{Response, read_until, repository};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

/// The secret that the recorded tokens are signed with; `--demo` allows it.
const PUBLISHED: &str = "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7";

#[track_caller]
fn is(answer: &Response, status: u16, challenge: Option<&str>, body: &Value) {
    assert_eq!(
        (answer.status, answer.header("www-authenticate"), &answer.json()),
        (status, challenge, body),
    );
}

#[track_caller]
fn refused(answer: &Response, challenge: &str, detail: &str) {
    is(answer, 401, Some(challenge), &json!({ "detail": detail }));
}

#[track_caller]
fn assert_ok(answer: &Response, body: &Value) {
    is(answer, 200, None, body);
}

fn basic(credentials: &str) -> String {
    format!("Basic {}", BASE64_STANDARD.encode(credentials))
}

/// A token of the recorded cases.
fn recorded(name: &str) -> String {
    let text = std::fs::read_to_string(repository("tests/golden/cases.json")).expect("the cases");
    let golden: Value = serde_json::from_str(&text).expect("JSON");
    format!("Bearer {}", golden["tokens"][name].as_str().expect("a token"))
}

#[test]
fn every_listing_requires_credentials() {
    let app = Example::spawn("note");
    for (path, challenge) in [
        ("/t001/items", "Bearer"),
        ("/t002/users/me", "Bearer"),
        ("/t003/users/me", "Bearer"),
        ("/t004/users/me", "Bearer"),
        ("/t004/users/me/items", "Bearer"),
        ("/t005/users/me", "Bearer"),
        ("/t005/users/me/items", "Bearer"),
        ("/t005/status", "Bearer"),
        ("/t006/users/me", "Basic"),
        ("/t007/users/me", "Basic"),
    ] {
        for path in [path.to_owned(), format!("{path}/")] {
            refused(&app.get(&path), challenge, "Not authenticated");
            let other = if challenge == "Bearer" { "Basic am9objoxMjM0" } else { "Bearer x" };
            refused(&app.get_as(&path, other), challenge, "Not authenticated");
            assert_eq!(app.send("DELETE", &path, &[], "").header("allow"), Some("GET"), "{path}");
        }
    }
}

#[test]
fn t001_shows_the_token() {
    let app = Example::spawn("note");
    for path in ["/t001/items", "/t001/items/"] {
        assert_ok(&app.get_as(path, "Bearer foobar"), &json!({"token": "foobar"}));
        assert_ok(&app.get_as(path, "bearer   foo bar  "), &json!({"token": "foo bar"}));
        assert_ok(&app.get_as(path, "Bearer"), &json!({"token": ""}));
    }
}

#[test]
fn t002_decodes_the_token_in_pretence() {
    let app = Example::spawn("note");
    let john = json!({
        "username": "foofakedecoded",
        "email": "john@example.com",
        "full_name": "John Doe",
        "disabled": null,
    });
    assert_ok(&app.get_as("/t002/users/me", "Bearer foo"), &john);
    assert_ok(&app.get_as("/t002/users/me/", "Bearer foo"), &john);
}

#[test]
fn t003_logs_in_from_a_table() {
    let app = Example::spawn("note");
    let log_in = |form: &str| app.post_form("/t003/token", form);
    let wrong = json!({"detail": "Incorrect username or password"});
    for form in [
        "username=johndoe&password=wrong",
        "username=nobody&password=secret",
        "username=alice&password=secret",
    ] {
        is(&log_in(form), 400, None, &wrong);
    }
    let problem = log_in("username=johndoe");
    assert_eq!((problem.status, &problem.json()["detail"][0]["type"]), (422, &json!("missing")));

    let token = log_in("username=johndoe&password=secret&grant_type=password");
    assert_ok(&token, &json!({"access_token": "johndoe", "token_type": "bearer"}));
    assert_ok(
        &app.get_as("/t003/users/me", "Bearer johndoe"),
        &json!({
            "username": "johndoe",
            "full_name": "John Doe",
            "email": "johndoe@example.com",
            "hashed_password": "fakehashedsecret",
            "disabled": false,
        }),
    );
    let token = app.post_form("/t003/token/", "username=alice&password=secret2");
    assert_ok(&token, &json!({"access_token": "alice", "token_type": "bearer"}));
    let inactive = app.get_as("/t003/users/me/", "Bearer alice");
    is(&inactive, 400, None, &json!({"detail": "Inactive user"}));
    let unknown = app.get_as("/t003/users/me", "Bearer nobody");
    refused(&unknown, "Bearer", "Invalid authentication credentials");
}

#[test]
fn t004_signs_tokens_without_scopes() {
    let app = Example::spawn_with("note", &[("NOTE__TOKENS__SECRET", PUBLISHED)]);
    for form in ["username=johndoe&password=wrong", "username=nobody&password=1234"] {
        let answer = app.post_form("/t004/token", form);
        refused(&answer, "Bearer", "Incorrect username or password");
    }
    let john = json!({
        "username": "johndoe",
        "email": "johndoe@example.com",
        "full_name": "John Doe",
        "disabled": false,
    });
    let items = json!([{"item_id": "Foo", "owner": "johndoe"}]);
    // It requires no scope, so a token with or without any works.
    let tokens = [app.login("/t004/token", ""), recorded("T_FULL"), recorded("T_SCOPES_ABSENT")];
    for token in tokens {
        for slash in ["", "/"] {
            assert_ok(&app.get_as(&format!("/t004/users/me{slash}"), &token), &john);
            assert_ok(&app.get_as(&format!("/t004/users/me/items{slash}"), &token), &items);
        }
    }
    for name in ["T_EXPIRED", "T_WRONGKEY", "T_ALG_NONE", "T_NOSUB", "T_SUB_UNKNOWN", "T_ALICE"] {
        let answer = app.get_as("/t004/users/me", &recorded(name));
        refused(&answer, "Bearer", "Could not validate credentials");
    }
}

#[test]
fn t005_requires_scopes() {
    let app = Example::spawn_with("note", &[("NOTE__TOKENS__SECRET", PUBLISHED)]);
    let wrong = app.post_form("/t005/token", "username=johndoe&password=wrong");
    assert_eq!((wrong.status, wrong.header("www-authenticate")), (400, None));
    assert_eq!(wrong.json()["detail"], "Incorrect username or password");

    let (me, items, status) = ("/t005/users/me", "/t005/users/me/items", "/t005/status");
    let full = app.login("/t005/token", "me+items");
    assert_eq!(app.get_as(me, &full).json()["username"], "johndoe");
    assert!(app.get_as(me, &full).json().get("hashed_password").is_none());
    assert_ok(&app.get_as(items, &full), &json!([{"item_id": "Foo", "owner": "johndoe"}]));
    assert_ok(&app.get_as(status, &full), &json!({"status": "ok"}));

    let few = "Not enough permissions";
    for (token, path, challenge) in [
        ("T_NOSCOPE", me, r#"Bearer scope="me""#),
        ("T_ITEMS", me, r#"Bearer scope="me""#),
        ("T_ME", items, r#"Bearer scope="items me""#),
        ("T_ITEMS", items, r#"Bearer scope="items me""#),
    ] {
        refused(&app.get_as(path, &recorded(token)), challenge, few);
        refused(&app.get_as(&format!("{path}/"), &recorded(token)), challenge, few);
    }
    assert_ok(&app.get_as(status, &recorded("T_NOSCOPE")), &json!({"status": "ok"}));
    assert_ok(&app.get_as(status, &recorded("T_ALICE_NOSCOPE")), &json!({"status": "ok"}));
    let inactive = json!({"detail": "Inactive user"});
    is(&app.get_as(me, &recorded("T_ALICE")), 400, None, &inactive);
    let bad = "Could not validate credentials";
    refused(&app.get_as(status, &recorded("T_EXPIRED")), "Bearer", bad);
    refused(&app.get_as(items, "Bearer x"), r#"Bearer scope="items me""#, bad);
}

#[test]
fn t006_shows_the_credentials() {
    let app = Example::spawn("note");
    for path in ["/t006/users/me", "/t006/users/me/"] {
        let shown = |username: &str, password: &str| {
            let answer = app.get_as(path, &basic(&format!("{username}:{password}")));
            assert_ok(&answer, &json!({"username": username, "password": password}));
        };
        shown("john", "1234");
        shown("john", "12:34");
        shown("", "");
        shown("한", "국");
        for malformed in
            ["Basic !!!", "Basic am9obg==", "Basic /zr/", "Basic", "Basic am9objoxMjM0NQ"]
        {
            refused(&app.get_as(path, malformed), "Basic", "Not authenticated");
        }
    }
}

#[test]
fn t007_knows_one_user() {
    let app = Example::spawn("note");
    for path in ["/t007/users/me", "/t007/users/me/"] {
        let answer = app.get_as(path, &basic("stanleyjobson:swordfish"));
        assert_ok(&answer, &json!({"username": "stanleyjobson"}));
        for wrong in ["stanleyjobson:wrong", "nobody:swordfish", ":", "stanleyjobson:swordfish "] {
            let answer = app.get_as(path, &basic(wrong));
            refused(&answer, "Basic", "Incorrect username or password");
        }
    }
}

/// A user of orders.rs with these scopes, and its `Authorization`.
fn add_user(app: &Example, name: &str, scopes: &[&str]) -> String {
    let password = "correct horse battery";
    let mut arguments = vec!["users", "add", name, "--password-stdin"];
    for scope in scopes {
        arguments.extend(["--scope", scope]);
    }
    let output = app.command(&arguments, password);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let scope = scopes.join("+");
    let form = format!("username={name}&password={password}&scope={scope}");
    let token = app.post_form("/token", &form).json();
    format!("Bearer {}", token["access_token"].as_str().unwrap_or_else(|| panic!("{token}")))
}

#[test]
fn the_shops_page_logs_in_and_orders() {
    let app = Example::spawn("orders");
    add_user(&app, "jane", &["me", "orders:read", "orders:write"]);
    let address = format!("http://{}", app.address());
    run_script("shop.mjs", &[&address, "jane", "correct horse battery"]);
}

#[test]
fn own_scopes_are_listed_beside_the_shipped_ones() {
    let app = Example::spawn("orders");
    let document = app.document();
    let pointer = "/components/securitySchemes/OAuth2PasswordBearer/flows/password/scopes";
    let scopes = document.pointer(pointer).expect("scopes");
    assert_eq!(scopes["orders:read"], "Read orders.");
    assert_eq!(scopes["orders:write"], "Place orders.");
    assert_eq!(scopes["me"], "Read information about the current user.");

    let needs = |path: &str, method: &str| document["paths"][path][method]["security"].clone();
    let bearer = |scopes: &[&str]| json!([{ "OAuth2PasswordBearer": scopes }, {"APIKey": []}]);
    assert_eq!(needs("/orders", "get"), bearer(&["orders:read", "me"]));
    assert_eq!(needs("/orders", "post"), bearer(&["orders:write", "me"]));
    assert_eq!(needs("/reports/daily", "get"), bearer(&["orders:read", "me"]));
    assert_eq!(needs("/reports", "get"), bearer(&["orders:read", "me"]));
    // Optional: no credentials are fine.
    assert_eq!(
        needs("/hello", "get"),
        json!([{"OAuth2PasswordBearer": ["me"]}, {"APIKey": []}, {}])
    );

    let undeclared = app.command(&["users", "add", "bob", "--scope", "orders:eat"], "");
    assert!(!undeclared.status.success());
    assert!(String::from_utf8_lossy(&undeclared.stderr).contains("orders:eat"));
    add_user(&app, "bob", &["orders:read"]);
    let listed = app.command(&["users", "list"], "");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("orders:read"));
}

#[test]
fn own_scopes_are_enforced_separately() {
    let app = Example::spawn("orders");
    let order = r#"{"item":"Foo","quantity":2}"#;
    let place = |token: &str, kind: &str, body: &str| {
        app.send("POST", "/orders", &[("authorization", token), ("content-type", kind)], body)
    };
    let json = "application/json";
    let reader = add_user(&app, "reader", &["me", "orders:read"]);
    let writer = add_user(&app, "writer", &["me", "orders:write"]);
    let few = "Not enough permissions";
    assert_ok(&app.get_as("/orders", &reader), &json!([]));
    refused(&app.get_as("/orders", &writer), r#"Bearer scope="orders:read me""#, few);
    let placed = json!({"number": 1, "item": "Foo", "quantity": 2});
    is(&place(&writer, json, order), 201, None, &placed);
    assert_ok(&app.get_as("/orders", &reader), &json!([placed]));
    refused(&place(&reader, json, order), r#"Bearer scope="orders:write me""#, few);

    let sold = json!([{"item": "Foo", "quantity": 2}]);
    assert_ok(&app.get_as("/reports/daily", &reader), &sold);
    assert_ok(&app.get_as("/reports", &reader), &sold);
    refused(&app.get_as("/reports/daily", &writer), r#"Bearer scope="orders:read me""#, few);
    refused(&app.get("/reports/daily"), "Bearer", "Not authenticated");
    refused(&app.get("/reports/unknown"), "Bearer", "Not authenticated");

    let problem = |answer: &Response| {
        (answer.status, answer.json()["detail"][0]["loc"][0].as_str().map(str::to_owned))
    };
    let body = Some("body".to_owned());
    assert_eq!(problem(&place(&writer, json, "{")), (422, body.clone()));
    assert_eq!(problem(&place(&writer, json, r#"{"item":1,"quantity":2}"#)), (422, body));
    let text = place(&writer, "text/plain", order);
    is(&text, 415, None, &json!({"detail": "Expected application/json"}));
    let large = format!(r#"{{"item":"{}","quantity":2}}"#, "x".repeat(2 << 20));
    let large = place(&writer, json, &large);
    is(&large, 413, None, &json!({"detail": "Request body too large"}));
}

#[test]
fn an_optional_caller_is_anonymous_or_real() {
    let app = Example::spawn("orders");
    let bad = "Could not validate credentials";
    assert_ok(&app.get("/hello"), &json!({"hello": null}));
    assert_ok(&app.get_as("/hello", &basic("john:1234")), &json!({"hello": null}));
    assert_ok(&app.get_as("/hello", &app.login("/token", "me")), &json!({"hello": "johndoe"}));
    refused(&app.get_as("/hello", "Bearer x"), r#"Bearer scope="me""#, bad);
    refused(&app.get_as("/hello", "Bearer"), r#"Bearer scope="me""#, bad);
    let few = app.login("/token", "items");
    refused(&app.get_as("/hello", &few), r#"Bearer scope="me""#, "Not enough permissions");
}

#[test]
fn a_filter_in_code_is_a_function_or_a_type() {
    let app = Example::spawn("orders");
    for (method, path) in
        [("GET", "/hello"), ("OPTIONS", "/orders"), ("GET", "/hello?a=b"), ("GET", "/orders")]
    {
        app.send(method, path, &[], "");
    }
    // Lines are written in the order of the responses.
    app.stdout().wait_for("\"GET /orders HTTP/1.1\" 401");
    let lines = app.stdout().text();
    assert_eq!(lines.lines().count(), 1, "{lines}");
}

/// Requests a WebSocket; returns the connection and the response's head.
fn shake_hands(app: &Example, authorization: Option<&str>) -> (TcpStream, String) {
    let mut stream = app.connect();
    let header = authorization.map(|value| format!("Authorization: {value}\r\n"));
    let request = format!(
        "GET /orders/feed HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{}\r\n",
        header.unwrap_or_default(),
    );
    stream.write_all(request.as_bytes()).expect("sent");
    let head = read_until(&mut stream, "\r\n\r\n");
    (stream, head.to_lowercase())
}

#[test]
fn a_websocket_is_opened_by_a_token_only() {
    let app = Example::spawn("orders");
    for (authorization, challenge, detail) in [
        (None, "bearer", "Not authenticated"),
        (Some("Bearer x"), r#"bearer scope="orders:read me""#, "Could not validate credentials"),
        (
            Some(&*app.login("/token", "me")),
            r#"bearer scope="orders:read me""#,
            "Not enough permissions",
        ),
    ] {
        let (mut stream, head) = shake_hands(&app, authorization);
        assert!(head.starts_with("http/1.1 401 "), "{head}");
        assert!(head.contains(&format!("www-authenticate: {challenge}\r\n")), "{head}");
        let expected = json!({ "detail": detail }).to_string();
        let mut body = vec![0; expected.len()];
        stream.read_exact(&mut body).expect("a body");
        assert_eq!(String::from_utf8_lossy(&body), expected);
    }

    let token = add_user(&app, "reader", &["me", "orders:read"]);
    let (mut stream, head) = shake_hands(&app, Some(&token));
    assert!(head.starts_with("http/1.1 101 "), "{head}");
    // RFC 6455 §1.3: the response to the key above.
    assert!(head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    // RFC 6455 §5.7: a masked "Hello" there, an unmasked one back.
    let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
    stream.write_all(&hello).expect("sent");
    let mut frame = [0; 7];
    stream.read_exact(&mut frame).expect("a frame");
    assert_eq!(&frame, b"\x81\x05Hello");
}

/// The routes for trying out nginx and the log's filters.
#[test]
fn the_two_routes_of_the_servers_respond_as_in_python() {
    let app = Example::spawn("note");
    assert_ok(&app.get("/"), &Value::Null);
    assert_ok(&app.get("/foo"), &json!("foo"));
}
