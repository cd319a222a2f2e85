//! Clients of the authorization server: registered in the configuration, by command and over HTTP, and
//! how they prove who they are.

mod assertions;
mod authentication;
mod commands;
mod configuration;
mod introspection;
pub(crate) mod keys;
mod libraries;
mod published_keys;
mod refresh;
mod registration;
mod rust_client;
mod service;

use crate::harness::{App, FORM, Response};
use crate::people::{ALL, PASSWORD, import, server};
use base64::Engine as _;
use serde_json::json;

/// The issuer of the servers here; nobody connects to it.
const ISSUER: &str = "https://auth.example.com";

const PUBLIC: &str = "[server]\npublic_url = \"https://auth.example.com\"\n";

/// An authorization server with `root` and `jane`.
fn issuing(config: &str) -> App {
    let app = server(PUBLIC).config(config).spawn();
    import(&app, &[json!({"username": "root", "scopes": ALL})]);
    import(&app, &[json!({"username": "jane", "scopes": ["me", "items"]})]);
    app
}

/// A form with these fields, in this order.
fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

/// `POST /token` with these fields and, perhaps, HTTP Basic.
fn ask(app: &App, basic: Option<(&str, &str)>, fields: &[(&str, &str)]) -> Response {
    let pair = basic.map(|(name, password)| format!("{name}:{password}"));
    let header = pair
        .map(|pair| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair)));
    let mut headers = vec![("content-type", FORM)];
    headers.extend(header.as_deref().map(|header| ("authorization", header)));
    app.send("POST", "/token", &headers, &form(fields))
}

/// The same with jane's password.
fn jane(app: &App, basic: Option<(&str, &str)>, fields: &[(&str, &str)]) -> Response {
    ask(app, basic, &[fields, &[("username", "jane"), ("password", PASSWORD)]].concat())
}

/// Runs a command that must succeed; returns its standard output.
fn done(app: &App, args: &[&str], stdin: &str) -> String {
    let output = app.command(args, stdin);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// The same, which must fail; returns its line on standard error.
fn refused(app: &App, args: &[&str], stdin: &str) -> String {
    let output = app.command(args, stdin);
    assert!(!output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stderr).expect("UTF-8").trim_end().to_owned()
}

/// Registers a client for jane's password; returns its secret.
fn registered(app: &App, id: &str, more: &[&str]) -> String {
    let add =
        ["clients", "add", id, "--grant-type", "password", "--scope", "me", "--scope", "items"];
    done(app, &[&add, more].concat(), "").trim_end().to_owned()
}

/// Checks RFC 6749's error.
#[track_caller]
fn assert_error(answer: &Response, status: u16, error: &str) {
    let found = answer.json();
    assert_eq!((answer.status, &found["error"]), (status, &json!(error)), "{}", answer.body);
    assert!(found["error_description"].is_string() && found["detail"].is_string(), "{found}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}
