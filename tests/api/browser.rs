//! A real browser: the pages of the documentation, and HTTP Basic's own prompt.

use crate::harness::{App, repository, run_tool, shared_app, spawn_app};
use crate::people::{ALL, import, server};
use serde_json::json;
use std::net::TcpListener;
use std::process::Command;

pub(crate) fn run_script(name: &str, arguments: &[&str]) {
    let modules = repository("tests/browser/node_modules");
    assert!(modules.exists(), "{} is missing: run `make tools`", modules.display());
    let script = repository("tests/browser").join(name);
    run_tool(Command::new("node").arg(script).args(arguments));
}

#[test]
fn the_docs_log_in_and_call_a_guarded_route() {
    run_script("docs.mjs", &[&shared_app().url("")]);
}

/// As README.md says.
#[test]
fn the_tour_signs_in() {
    let app = App::demo().at_a_known_port().spawn();
    run_script("tour.mjs", &[&app.url("")]);
}

#[test]
fn the_docs_take_an_api_key() {
    let app = spawn_app();
    let add = ["api-keys", "add", "johndoe", "k", "--scope", "me", "--scope", "items"];
    let made = app.command(&add, "");
    let key = String::from_utf8(made.stdout).expect("a key");
    run_script("api_key.mjs", &[&app.url(""), key.trim()]);
}

#[test]
fn the_reference_is_rendered() {
    run_script("redoc.mjs", &[&shared_app().url("")]);
}

#[test]
fn the_browsers_prompt_opens_the_page_behind_http_basic() {
    run_script("basic.mjs", &[&shared_app().url("")]);
}

/// With `SCREENSHOTS=FOLDER`, it leaves a picture of each page there.
#[test]
fn pages_are_for_everybody() {
    // Their own address is in their settings.
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("it").port();
    let url = format!("http://127.0.0.1:{port}");
    let config = format!(
        "[server]\npublic_url = '{url}'\n[pages]\nname = 'Acme'\n\
         links = ['Privacy = https://acme.example/privacy', 'Help = https://acme.example/help']\n"
    );
    let app = server(&config).args(["-b", &format!("127.0.0.1:{port}")]).spawn();
    let root = json!({
        "username": "root", "full_name": "Rosa Ott", "email": "rosa@acme.example", "scopes": ALL,
    });
    import(&app, &[root]);
    let folder = std::env::var("SCREENSHOTS").ok();
    let arguments: Vec<_> = [Some(&*url), folder.as_deref()].into_iter().flatten().collect();
    run_script("pages.mjs", &arguments);
}
