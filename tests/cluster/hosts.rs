//! Several servers of PostgreSQL, one of which takes writes; and a schema that is not `public`.

use crate::harness::eventually;
use crate::postgres::{PASSWORD as SUPERUSER, Server, shared};
use crate::{PASSWORD, SERVE, add, done, fails, serve};
use serde_json::json;
use std::net::TcpListener;

/// A server with its own database, and a user in it.
fn server() -> Server {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start();
    server.sql("postgres", "CREATE DATABASE app");
    add(folder.path(), &server.url("app"), "jane", &["me", "users:read", "users:write"]);
    server
}

/// Whether a server takes writes, in new and existing sessions.
fn takes_writes(server: &Server, does: bool) {
    let read_only = if does { "off" } else { "on" };
    let set = format!("ALTER DATABASE app SET default_transaction_read_only = {read_only}");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'app'";
    server.sql("postgres", &format!("{set}; {end}"));
}

fn name_on(server: &Server) -> String {
    server.sql("app", "SELECT full_name FROM users")
}

/// As after a failover, but here the two have different data.
#[test]
fn the_server_that_takes_writes_is_found_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, second) = (server(), server());
    // It accepts connections and stays silent: the next one is tried anyway.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [silent.local_addr().unwrap().port(), first.port, second.port];
    let hosts = ports.map(|port| format!("127.0.0.1:{port}")).join(",");
    let url = format!("postgres://postgres:{SUPERUSER}@{hosts}/app?connect_timeout=9");
    let read_write = format!("{url}&target_session_attrs=read-write");

    // Tokens carry the user's id.
    let id = second.sql("app", "SELECT id FROM users");
    first.sql("app", &format!("UPDATE users SET id = {id}"));
    takes_writes(&first, false);
    let app = serve(&read_write);
    let token = app.login("jane", PASSWORD, "me users:write users:read");
    let rename = |name: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let body = json!({"full_name": name}).to_string();
        app.send("PATCH", "/users/jane", &headers, &body).status
    };
    assert_eq!(rename("one"), 200);
    assert_eq!((name_on(&first).as_str(), name_on(&second).as_str()), ("", "one"));

    takes_writes(&second, false);
    takes_writes(&first, true);
    eventually("a write", || (rename("two") == 200).then_some(()));
    assert_eq!((name_on(&first).as_str(), name_on(&second).as_str()), ("two", "one"));

    // Changes are received from there.
    first.sql("app", "UPDATE users SET disabled = true");
    eventually("the change", || (app.get_as("/users/me", &token).status == 400).then_some(()));
    first.sql("app", "UPDATE users SET disabled = false");
    eventually("the change", || (app.get_as("/users/me", &token).status == 200).then_some(()));

    takes_writes(&second, true);
    first.stop();
    eventually("a write", || (rename("three") == 200).then_some(()));
    assert_eq!(name_on(&second), "three");

    takes_writes(&second, false);
    let line = fails(folder.path(), &read_write, &SERVE);
    assert!(line.contains("takes no writes") && line.contains(&hosts), "{line}");
    let primary = format!("{url}&target_session_attrs=primary");
    assert!(done(folder.path(), &primary, &["db", "check"], "").contains("1 users"));
}

#[test]
fn tables_can_be_in_another_schema() {
    let folder = tempfile::tempdir().unwrap();
    let database = shared().database();
    // Another program's, in the schema that is not used.
    shared().sql(&database, "CREATE SCHEMA auth; CREATE TABLE public.users (id int)");
    let url = format!("{}?options=-c%20search_path%3Dauth", shared().url(&database));
    add(folder.path(), &url, "jane", &["me"]);
    let app = serve(&url);
    let token = app.login("jane", PASSWORD, "me");
    assert_eq!(app.get_as("/users/me", &token).status, 200);
    // From a session with another search path.
    shared().sql(&database, "UPDATE auth.users SET disabled = true");
    eventually("the change", || (app.get_as("/users/me", &token).status == 400).then_some(()));
    shared().sql(&database, "DELETE FROM auth.users");
    eventually("the end", || (app.get_as("/users/me", &token).status == 401).then_some(()));
    assert!(done(folder.path(), &url, &["db", "check"], "").starts_with("0 users"));
    assert_eq!(shared().sql(&database, "SELECT count(*) FROM public.users"), "0");

    let absent = url.replace("auth", "absent");
    let line = fails(folder.path(), &absent, &["users", "import", "-"]);
    assert!(line.contains("schema"), "{line}");
}
