//! Clients that others have written, unmodified, sign a user in.

use super::{REDIRECT, add_client, done};
use crate::clients::python_tool;
use crate::harness::{App, repository, run_tool};
use std::net::TcpListener;
use std::process::Command;

/// A server that is reached where its issuer says, with the clients `web`, whose secret is returned, and
/// `spa`, which has none; and `old`, whose secret is the second, and which knows no PKCE.
fn reachable() -> (App, [String; 2]) {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let config = format!("[server]\npublic_url = \"http://{address}\"\n");
    let app = App::demo().config(&config).args(["-b", &address]).spawn();
    let callback = "http://127.0.0.1:1/cb";
    let redirects = ["--redirect-uri", callback, "--redirect-uri", REDIRECT];
    let flags = [&redirects[..], &["--post-logout-redirect-uri", callback]].concat();
    let add = |id: &str, more: &[&str]| add_client(&app, id, &[&flags, more].concat());
    add("spa", &["--auth-method", "none"]);
    let secrets = [add("web", &[]), add("old", &["--require-pkce=false"])];
    (app, secrets)
}

#[test]
fn openid_client_and_oauth4webapi_sign_in() {
    let (app, [secret, _]) = reachable();
    let script = repository("tests/clients/sign_in.mjs");
    run_tool(Command::new("node").arg(script).arg(app.url("")).arg(secret));
}

#[test]
fn authlib_signs_in() {
    let (app, [secret, _]) = reachable();
    let script = repository("tests/clients/sign_in.py");
    run_tool(python_tool("python").arg(script).arg(app.url("")).arg(secret));
    done(&app, &["users", "list"]);
}

#[test]
fn a_web_application_with_flask_and_authlib_signs_in() {
    let (app, [secret, _]) = reachable();
    let script = repository("tests/clients/flask_app.py");
    run_tool(python_tool("python").arg(script).arg(app.url("")).arg(secret));
}

#[test]
fn a_web_application_with_express_and_passport_openidconnect_signs_in() {
    let (app, [_, secret]) = reachable();
    let script = repository("tests/clients/passport.mjs");
    run_tool(Command::new("node").arg(script).arg(app.url("")).arg(secret));
}
