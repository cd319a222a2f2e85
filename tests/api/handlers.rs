//! `examples/handlers.rs`: what handlers return and take beside JSON, and what stands beside them.

use crate::example_server::Example;
use crate::harness::{Response, eventually, read_until};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::symlink;

/// The example, with a folder of files beside a secret.
fn handlers() -> Example {
    let folder = tempfile::tempdir().expect("a folder");
    let (all, web) = (folder.path(), folder.path().join("web"));
    fs::create_dir_all(web.join("sub")).expect("a folder");
    fs::create_dir_all(web.join(".git")).expect("a folder");
    fs::create_dir_all(web.join(".well-known")).expect("a folder");
    for (name, text) in [
        ("secret.txt", "SECRET"),
        ("web/index.html", "<h1>Home</h1>"),
        ("web/sub/index.html", "<h1>Sub</h1>"),
        ("web/app.js", "1"),
        ("web/nothing.txt", ""),
        ("web/a b.svg", "<svg/>"),
        ("web/%2e%2e", "a name"),
        ("web/.env", "SECRET"),
        ("web/.git/config", "SECRET"),
        ("web/.well-known/security.txt", "Contact: x"),
        ("web/.well-known/.hidden", "SECRET"),
    ] {
        fs::write(all.join(name), text).expect("written");
    }
    symlink("../secret.txt", web.join("link.txt")).expect("a link");
    symlink(all.join("secret.txt"), web.join("absolute.txt")).expect("a link");
    symlink("..", web.join("up")).expect("a link");
    symlink("app.js", web.join("inner.js")).expect("a link");
    Example::spawn_in("handlers", folder, &[], &[("WEB_FOLDER", "web")])
}

/// A GET with this path as it is written.
fn raw(app: &Example, path: &str) -> String {
    let mut stream = app.connect();
    let head = format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn responses_have_the_status_and_headers_of_their_types() {
    let app = handlers();
    let token = app.login("/token", "me");
    let headers = [("authorization", &*token), ("content-type", "application/json")];
    let created = app.send("POST", "/articles", &headers, r#"{"name":"ä/\r\nX-Evil: 1"}"#);
    assert_eq!((created.status, created.header("x-evil")), (201, None));
    assert_eq!(created.header("location"), Some("/articles/%C3%A4%2F%0D%0AX-Evil%3A%201"));
    let remove = |number: &str| app.send("DELETE", &format!("/articles/{number}"), &headers, "");
    let removed = remove("1");
    assert_eq!((removed.status, &*removed.body), (204, ""));
    assert_eq!([remove("9").status, remove("x").status], [404, 422]);
    let ordered = app.send("POST", "/articles/1/order", &[], "");
    assert_eq!((ordered.status, ordered.json()), (202, json!("on its way")));

    let table = app.get("/prices");
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    assert_eq!(table.header("content-disposition"), Some("attachment; filename=\"prices.csv\""));
    assert_eq!(table.body.lines().count(), 10_000);
    let broken = raw(&app, "/broken");
    assert!(!broken.ends_with("0\r\n\r\n"), "a part must not look like the whole: {broken}");
    app.stderr().wait_for("a streamed response failed: the database went away");
}

#[test]
fn a_location_has_the_prefix_that_a_proxy_strips() {
    let environment = [("HANDLERS__SERVER__ROOT_PATH", "/shop"), ("WEB_FOLDER", ".")];
    let app = Example::spawn_with("handlers", &environment);
    let token = app.login("/token", "me");
    let headers = [("authorization", &*token), ("content-type", "application/json")];
    let created = app.send("POST", "/articles", &headers, r#"{"name":"a"}"#);
    assert_eq!(created.header("location"), Some("/shop/articles/a"));
}

#[test]
fn own_errors_have_their_status_and_keep_causes_to_the_log() {
    let app = handlers();
    let order = |number: u32| app.send("POST", &format!("/articles/{number}/order"), &[], "");
    for (number, status, detail) in [
        (2, 409, "article 2 is sold out"),
        (3, 502, "Bad Gateway"),
        (4, 410, "It was here yesterday"),
        (5, 404, "there is no article 5"),
    ] {
        let answer = order(number);
        assert_eq!((answer.status, answer.json()), (status, json!({ "detail": detail })));
    }
    app.stderr().wait_for("the warehouse is closed: nobody has the key of gate 7");
    let document = app.document();
    let responses = &document["paths"]["/articles/{number}/order"]["post"]["responses"];
    let statuses: Vec<_> = responses.as_object().expect("responses").keys().collect();
    assert_eq!(statuses, ["202", "404", "409", "422", "500", "502", "503"]);
    let example = &responses["404"]["content"]["application/json"]["example"];
    assert_eq!(example, &json!({"detail": "there is no article 7"}));
}

#[test]
fn the_document_shows_responses_and_uploads() {
    let app = handlers();
    let document = app.document();
    let operation = |path: &str, method: &str| &document["paths"][path][method];
    let of_server = &operation("/token", "post");
    assert!(of_server.get("parameters").is_none_or(Value::is_array), "{of_server}");
    let created = &operation("/articles", "post")["responses"]["201"];
    assert_eq!(created["headers"]["Location"]["required"], true);
    let article = json!({"$ref": "#/components/schemas/Article"});
    assert_eq!(created["content"]["application/json"]["schema"], article);
    let events = &operation("/changes", "get")["responses"]["200"]["content"]["text/event-stream"];
    assert_eq!(events["x-itemSchema"], json!({"$ref": "#/components/schemas/Price"}));
    assert_eq!(document["components"]["schemas"]["Price"]["required"], json!(["cents"]));
    let file = operation("/files/{name}", "get");
    assert_eq!(file["parameters"][0]["name"], "name");
    for status in ["200", "206", "304", "404", "416"] {
        assert!(file["responses"][status].is_object(), "{status}: {file}");
    }
    let upload = &operation("/pictures", "post")["requestBody"];
    assert_eq!(upload["x-max-bytes"], 4 << 20);
    assert!(upload["content"]["multipart/form-data"].is_object(), "{upload}");
    let fields = &document["components"]["schemas"]["Pictures"]["properties"];
    assert_eq!(
        (&fields["picture"]["type"], &fields["picture"]["format"]),
        (&json!("string"), &json!("binary"))
    );
    assert_eq!(fields["more"]["items"], json!({"type": "string", "format": "binary"}));
    for path in ["/static", "/inside", "/plain/hello", "/echo"] {
        assert!(document["paths"][path].is_null(), "{path}");
    }
}

/// They know no chunks.
#[test]
fn clients_of_http_1_0_get_streams_that_end_with_the_connection() {
    let app = handlers();
    let mut stream = app.connect();
    stream.write_all(b"GET /prices HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the end");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    let head = head.to_ascii_lowercase();
    assert!(!head.contains("transfer-encoding") && !head.contains("keep-alive"), "{head}");
    assert!(
        body.starts_with("SKU-1;9.99\n") && body.ends_with("\nSKU-10000;9.99\n"),
        "{body:.100}"
    );
}

#[test]
fn well_known_files_are_served_where_they_are_asked_for() {
    let app = handlers();
    assert_eq!(app.get("/.well-known/security.txt").body, "Contact: x");
    for path in ["/static/.well-known/security.txt", "/.well-known/.hidden", "/.well-known/../.env"]
    {
        let answer = raw(&app, path);
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

/// One stream must not hold up the end of the server.
#[test]
fn events_come_one_by_one_and_end_with_the_server() {
    let mut app = handlers();
    let mut stream = app.connect();
    stream.write_all(b"GET /changes HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    let head = read_until(&mut stream, "\r\n\r\n").to_ascii_lowercase();
    assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
    assert!(head.contains("x-accel-buffering: no\r\n"), "{head}");
    let first = read_until(&mut stream, "\n\n");
    assert!(first.ends_with("event: price\nid: 1\ndata: {\"cents\":1}\n\n"), "{first}");
    assert!(read_until(&mut stream, "\n\n").ends_with("data: {\"cents\":2}\n\n"));
    assert!(app.terminate().success());
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("the end");
    assert!(rest.ends_with("0\r\n\r\n"), "{rest}");
    assert!(!app.stderr().text().contains("graceful_timeout"), "{}", app.stderr().text());
}

#[test]
fn static_files_are_for_browsers() {
    let app = handlers();
    let page = app.get("/static/");
    assert_eq!((page.status, &*page.body), (200, "<h1>Home</h1>"));
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(app.get("/static/sub/").body, "<h1>Sub</h1>");
    for (path, location) in [("/static", "./static/"), ("/static/sub", "./sub/")] {
        let answer = app.get(path);
        assert_eq!((answer.status, answer.header("location")), (307, Some(location)), "{path}");
    }
    let picture = app.get("/static/a%20b.svg");
    assert!(picture.header("content-security-policy").expect("a policy").contains("sandbox"));
    assert_eq!(app.get("/static/inner.js").body, "1", "a link that stays inside");

    let script = app.get("/app.js");
    assert_eq!(script.header("cache-control"), Some("public, max-age=60"));
    assert_eq!(app.get("/").header("cache-control"), Some("no-cache"), "pages name the others");
    let tag = script.header("etag").expect("a tag").to_owned();
    let again = app.send("GET", "/app.js", &[("if-none-match", &tag)], "");
    assert_eq!((again.status, again.header("cache-control")), (304, Some("public, max-age=60")));
    let since = script.header("last-modified").expect("a time").to_owned();
    assert_eq!(app.send("GET", "/app.js", &[("if-modified-since", &since)], "").status, 304);
    let head = app.send("HEAD", "/static/index.html", &[], "");
    assert_eq!((head.status, head.header("content-length"), &*head.body), (200, Some("13"), ""));
    let part = app.send("GET", "/static/index.html", &[("range", "bytes=4-7")], "");
    assert_eq!((part.status, &*part.body), (206, "Home"));
    for (range, text) in [
        ("bytes=4-99", "Home</h1>"),
        ("bytes=4-99999999999999999999", "Home</h1>"),
        ("bytes=-99999999999999999999999", "<h1>Home</h1>"),
        ("bytes=0000000000000000000000004-7", "Home"),
    ] {
        let part = app.send("GET", "/static/index.html", &[("range", range)], "");
        assert_eq!((part.status, &*part.body), (206, text), "{range}");
    }
    let beyond = [("range", "bytes=99999999999999999999-")];
    assert_eq!(app.send("GET", "/static/index.html", &beyond, "").status, 416);
    for range in ["bytes=-1", "bytes=0-", "bytes=0-0"] {
        let none = app.send("GET", "/static/nothing.txt", &[("range", range)], "");
        assert_eq!(
            (none.status, none.header("content-range")),
            (416, Some("bytes */0")),
            "{range}"
        );
    }
    assert_eq!(app.get("/static/nothing.txt").status, 200);
    let other = app.send("POST", "/static/app.js", &[], "");
    assert_eq!((other.status, other.header("allow")), (405, Some("GET, HEAD")));
    // What is mounted at / leaves other methods and paths alone.
    let there = app.get("/articles");
    assert_eq!((there.status, there.header("allow")), (405, Some("POST")));
    assert_eq!(app.get("/articles/1").header("allow"), Some("DELETE"));
    assert_eq!(app.send("PUT", "/users/me", &[], "").header("allow"), Some("GET"));
    assert_eq!(app.get("/users/me").status, 401);
}

#[test]
fn nothing_leads_out_of_a_folder() {
    let app = handlers();
    let names = [
        "../secret.txt",
        "sub/../../secret.txt",
        "%2e%2e/secret.txt",
        "%2E%2E%2Fsecret.txt",
        "..%2fsecret.txt",
        "%252e%252e%252fsecret.txt",
        "%252e%252e/secret.txt",
        "..\\secret.txt",
        "..%5csecret.txt",
        "..%255csecret.txt",
        "%c0%ae%c0%ae/secret.txt",
        "app.js%00.html",
        "app.js%0a",
        "//etc/passwd",
        "%2fetc/passwd",
        "/etc/passwd",
        ".env",
        "%2eenv",
        ".git/config",
        "sub/.",
        "link.txt",
        "absolute.txt",
        "up/secret.txt",
        "up/web/app.js",
        "app.js/",
        "app.js/x",
        "sub//",
        "/",
        "//",
    ];
    for mount in ["/static/", "/", "/files/"] {
        for name in names {
            let answer = raw(&app, &format!("{mount}{name}"));
            let status = answer.get(9..12).unwrap_or_default();
            assert!(["400", "404"].contains(&status), "{mount}{name}: {answer}");
            assert!(!answer.contains("SECRET") && !answer.contains("root:"), "{mount}{name}");
        }
    }
    let once = raw(&app, "/static/%252e%252e");
    assert!(once.ends_with("a name"), "decoded once: {once}");
    let file = app.get("/files/app.js");
    assert_eq!(file.header("content-disposition"), Some("attachment; filename=\"file.txt\""));
    assert_eq!(file.header("cache-control"), Some("private, no-cache"));
}

#[test]
fn services_of_actix_stand_behind_guards() {
    let app = handlers();
    let token = app.login("/token", "me");
    for path in ["/listing/app.js", "/inside/app.js"] {
        assert_eq!(
            (app.get(path).status, app.get(path).header("www-authenticate")),
            (401, Some("Bearer")),
            "{path}"
        );
        let answer = app.get_as(path, &token);
        assert_eq!((answer.status, &*answer.body), (200, "1"), "{path}");
    }
    let hello = app.get("/plain/hello");
    assert_eq!((hello.status, hello.header("x-plain"), &*hello.body), (200, Some("yes"), "hello"));
    let handshake = |token: &str| {
        let mut stream = app.connect();
        let head = format!(
            "GET /echo HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: {token}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).expect("sent");
        let head = read_until(&mut stream, "\r\n\r\n");
        (head, stream)
    };
    assert!(handshake("Bearer x").0.starts_with("HTTP/1.1 401"));
    let (head, mut stream) = handshake(&token);
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream.write_all(&[0x81, 0x82, 0, 0, 0, 0, b'h', b'i']).expect("sent");
    assert!(read_until(&mut stream, "hi").ends_with("\u{2}hi"));
    // A client asks so whether anybody is there.
    stream.write_all(&[0x89, 0x82, 0, 0, 0, 0, b'u', b'p']).expect("sent");
    assert!(read_until(&mut stream, "up").ends_with("\u{2}up"));
}

/// A part of a form: name, the rest of its head, content.
fn part(name: &str, head: &str, content: &str) -> String {
    format!("--f\r\nContent-Disposition: form-data; name=\"{name}\"{head}\r\n\r\n{content}\r\n")
}

fn upload(app: &Example, token: &str, parts: &[String]) -> Response {
    let kind = "multipart/form-data; boundary=f";
    let headers = [("authorization", token), ("content-type", kind)];
    app.send("POST", "/pictures", &headers, &format!("{}--f--\r\n", parts.concat()))
}

#[test]
fn uploads_are_typed_and_go_to_disk() {
    let app = handlers();
    let token = app.login("/token", "me");
    // More than other bodies may have, and than stays in memory.
    let mut large = String::new();
    while large.len() < 3 << 20 {
        write!(large, "{:x}\r\n--g", large.len()).expect("a text");
    }
    let head = "; filename=\"C:\\\\x\\\\a b.png\"\r\nContent-Type: image/png";
    let none = part("licence", "; filename=\"\"\r\nContent-Type: application/octet-stream", "");
    let more = part("more", "; filename=\"m\"", "m");
    let parts =
        [part("caption", "", "A house"), part("picture", head, &large), none, more.clone(), more];
    let answer = upload(&app, &token, &parts);
    let expected = json!({
        "caption": "A house", "name": "a b.png", "media_type": "image/png", "size": large.len(),
        "has_licence": false, "more": 2,
    });
    assert_eq!((answer.status, answer.json()), (200, expected));
    assert!(fs::read_to_string(app.folder().join("picture.bin")).expect("a file") == large);
    let small = part("picture", "; filename=a", "tiny");
    assert_eq!(upload(&app, &token, &[part("caption", "", "b"), small]).status, 200);
    assert_eq!(fs::read_to_string(app.folder().join("picture.bin")).expect("a file"), "tiny");
}

#[test]
fn uploads_have_bounds_and_all_errors_at_once() {
    let app = handlers();
    let token = app.login("/token", "me");
    let file = |name: &str| part(name, "; filename=\"a\"", "x");
    let wrong = [
        part("picture", "", "text"),
        file("caption"),
        file("more"),
        file("more"),
        file("more"),
        file("more"),
    ];
    let answer = upload(&app, &token, &wrong);
    assert_eq!(answer.status, 422, "{}", answer.body);
    let found = answer.json()["detail"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (one["loc"][1].clone(), one["type"].clone(), one["input"].clone()))
        .collect::<Vec<_>>();
    let error = |field: &str, kind: &str, input: Value| (json!(field), json!(kind), input);
    assert_eq!(
        found,
        [
            error("caption", "string_type", Value::Null),
            error("picture", "value_error", json!("text")),
            error("more", "too_long", Value::Null),
        ]
    );
    let missing = upload(&app, &token, &[part("caption", "", "")]).json();
    assert_eq!(missing["detail"][1]["loc"], json!(["body", "picture"]));

    let large = "x".repeat(5 << 20);
    let picture = part("picture", "; filename=\"a\"", &large);
    let answer = upload(&app, &token, &[part("caption", "", "a"), picture.clone()]);
    assert_eq!(
        (answer.status, answer.json()["detail"].as_str()),
        (413, Some("Request body too large"))
    );
    // The caller comes first.
    assert_eq!(upload(&app, "Bearer x", &[file("picture")]).status, 401);
    // Texts have the server's limit together, other operations as well.
    let text = part("caption", "", &large[..2 << 20]);
    assert_eq!(upload(&app, &token, &[text]).status, 413);
    let headers = [("authorization", &*token), ("content-type", "application/json")];
    assert_eq!(app.send("POST", "/articles", &headers, &large[..2 << 20]).status, 413);
    let form = app.send(
        "POST",
        "/pictures",
        &[("authorization", &token), ("content-type", crate::harness::FORM)],
        "a=b",
    );
    assert_eq!(
        (form.status, form.json()),
        (415, json!({"detail": "Expected multipart/form-data"}))
    );
    for body in ["--f\r\nX", "--f\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", ""] {
        let headers =
            [("authorization", &*token), ("content-type", "multipart/form-data; boundary=f")];
        let status = app.send("POST", "/pictures", &headers, body).status;
        assert!([400, 422].contains(&status), "{body:?}: {status}");
    }
}

#[test]
fn a_folder_that_is_missing_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = Example::run_in(
        "handlers",
        folder.path(),
        &["--demo", "-b", "127.0.0.1:0"],
        &[("WEB_FOLDER", "no")],
    );
    assert_eq!(run.status.code(), Some(1), "{run:?}");
    let errors = String::from_utf8_lossy(&run.stderr);
    let line = "handlers: static_files(\"/inside\", …): there is no folder no";
    assert!(errors.lines().any(|found| found == line), "{errors}");
    assert!(!errors.contains("panic"), "{errors}");
}

#[test]
fn background_tasks_run_in_order_after_the_response() {
    let app = handlers();
    let last = app.folder().join("last.txt");
    let refused = app.send("POST", "/later?refused=true", &[], "");
    assert_eq!(refused.status, 404);
    let answer = app.send("POST", "/later?after=50", &[], "");
    assert_eq!((answer.status, answer.json()), (202, json!("later")));
    app.stderr().wait_for("a background task failed: the mail server is away");
    eventually("the last task", || (fs::read_to_string(&last).ok()? == "done").then_some(()));
    let failures = app.stderr().text().matches("the mail server is away").count();
    assert_eq!(failures, 1, "an error of the handler starts none");
    assert!(app.document()["paths"]["/later"]["post"]["responses"]["202"].is_object());
}

#[test]
fn a_stop_waits_for_background_tasks() {
    let mut app = handlers();
    assert_eq!(app.send("POST", "/later?after=700", &[], "").status, 202);
    let last = app.folder().join("last.txt");
    assert!(!last.exists(), "the response does not wait");
    assert!(app.terminate().success());
    assert_eq!(fs::read_to_string(&last).expect("done before the end"), "done");
}

#[test]
fn a_stop_gives_up_background_tasks_that_take_too_long() {
    let environment = [("HANDLERS__SERVER__GRACEFUL_TIMEOUT", "1"), ("WEB_FOLDER", ".")];
    let mut app = Example::spawn_with("handlers", &environment);
    assert_eq!(app.send("POST", "/later?after=60000", &[], "").status, 202);
    assert!(app.terminate().success());
    let line = "3 background tasks took longer than 1 s and were given up";
    assert!(app.stderr().text().contains(line), "{}", app.stderr().text());
}

#[test]
fn blocking_work_leaves_the_server_free() {
    let app = handlers();
    assert_eq!(app.get("/count/1000").json(), json!(500_500));
    let failed = app.get("/count/0");
    assert_eq!((failed.status, failed.json()), (500, json!({"detail": "Internal Server Error"})));
    app.stderr().wait_for("nothing to count");
    assert_eq!(app.get("/count/1").json(), json!(1));
}

#[test]
fn routes_stand_beside_the_servers_own() {
    let app = handlers();
    for path in ["/users/jane/greeting", "/%75sers/jane/greeting", "/users/j%2Fane/greeting"] {
        assert_eq!(app.get(path).body, "hello", "{path}");
    }
    assert_eq!(app.send("POST", "/users/jane", &[], "").body, "hello");
    // What the server has is not replaced.
    for path in ["/users/jane", "/users/jane/", "/%75sers/jane", "/users/j%61ne/api-keys"] {
        assert_eq!(app.get(path).status, 401, "{path}");
    }
    assert_eq!(app.send("PUT", "/users/jane/scopes/", &[], "{}").status, 401);
    for path in ["/users/jane/nothing", "/users/jane/sessions/1/2"] {
        assert_eq!(app.get(path).status, 404, "{path}");
    }
    let refused = app.send("POST", "/users/jane/scopes", &[], "{}");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("PUT")));
}
