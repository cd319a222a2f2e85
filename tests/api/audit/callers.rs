//! `%(u)s` of the access log: whose credentials were good.

use crate::harness::App;
use crate::people::{PASSWORD, import, server};
use crate::signer::token;
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

use super::basic;

/// A server that writes requests as gunicorn does on standard output, and as JSON in a file.
fn with_callers() -> App {
    let folder = TempDir::new().expect("a folder");
    let log = r#"
        [loggers.root]
        handlers = ["err"]
        [loggers."bailiwick.access"]
        handlers = ["out", "file"]
        propagate = false
        [handlers.err]
        stream = "stderr"
        [handlers.out]
        stream = "stdout"
        formatter = "combined"
        [handlers.file]
        file = "access.json"
        formatter = "json"
        [formatters.combined]
        format = '%(h)s %(l)s %(u)s "%(r)s" %(s)s'
        [formatters.json]
        json = true
    "#;
    fs::write(folder.path().join("log.toml"), log).expect("the file is written");
    let app = server("[logging]\nconfig = \"log.toml\"\n").spawn_in(folder);
    let users = ["johndoe", "john \"x\" doe", "한국"];
    import(&app, &users.map(|name| json!({"username": name, "scopes": ["me"]})));
    app
}

#[test]
fn the_caller_stands_in_the_access_log() {
    let app = with_callers();
    let line = |path: &str| app.stdout.wait_for(&format!("\"GET {path} "));
    app.get_as("/users/me?bearer", &token("johndoe", &["me"]));
    assert_eq!(
        line("/users/me?bearer"),
        r#"127.0.0.1 - johndoe "GET /users/me?bearer HTTP/1.1" 200"#
    );
    for (name, shown) in
        [("john \"x\" doe", r"john\x20\x22x\x22\x20doe"), ("한국", r"\xED\x95\x9C\xEA\xB5\xAD")]
    {
        let path = format!("/users/me?{}", name.len());
        app.get_as(&path, &token(name, &["me"]));
        assert_eq!(line(&path), format!("127.0.0.1 - {shown} \"GET {path} HTTP/1.1\" 200"));
    }
    // A name that was only tried is nobody's.
    app.get_as("/users/me?junk", "junk");
    assert_eq!(line("/users/me?junk"), r#"127.0.0.1 - - "GET /users/me?junk HTTP/1.1" 401"#);
    app.get("/users/me?nobody");
    assert_eq!(line("/users/me?nobody"), r#"127.0.0.1 - - "GET /users/me?nobody HTTP/1.1" 401"#);
    basic(&app, "johndoe", "wrong");
    let refused = app.stdout.wait_for("/basic/users/me HTTP/1.1\" 401");
    assert!(refused.starts_with("127.0.0.1 - - \"GET"), "{refused}");
    basic(&app, "johndoe", PASSWORD);
    let accepted = app.stdout.wait_for("/basic/users/me HTTP/1.1\" 200");
    assert!(accepted.starts_with("127.0.0.1 - johndoe \"GET"), "{accepted}");
    let text = fs::read_to_string(app.folder().join("access.json")).expect("the log");
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let users: Vec<_> = lines.map(|line| line["user"].clone()).take(4).collect();
    assert_eq!(users, [json!("johndoe"), json!("john \"x\" doe"), json!("한국"), Value::Null]);
}
