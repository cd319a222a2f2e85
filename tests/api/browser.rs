//! A real browser: the pages of the documentation, and HTTP Basic's own prompt.

use crate::harness::{App, repository, run_tool, shared_app, spawn_app};
use crate::people::{ALL, import, server};
use crate::providers::bailiwick::{free, provider, reachable, table};
use serde_json::json;
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
fn the_docs_sign_in() {
    let app = App::demo().at_a_known_port().spawn();
    run_script("docs_sign_in.mjs", &[&app.url("")]);
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
    let app = reachable(
        "[pages]\nname = 'Acme'\n\
         links = ['Privacy = https://acme.example/privacy', 'Help = https://acme.example/help']\n",
    );
    let root = json!({
        "username": "root", "full_name": "Rosa Ott", "email": "rosa@acme.example", "scopes": ALL,
    });
    import(&app, &[root]);
    let there = app.url("/auth/signed-out");
    let redirects = ["https://photos.acme.example/callback", "http://localhost/cb", &there];
    let redirects = redirects.map(|uri| ["--redirect-uri", uri]).concat();
    let add = [
        "clients",
        "add",
        "album",
        "--name",
        "Photo album",
        "--auth-method",
        "none",
        "--scope",
        "me",
    ];
    assert!(app.command(&[&add[..], &redirects].concat(), "").status.success());
    run_script("pages.mjs", &[&app.url("")]);
}

/// The same for the pages about other providers; one of them is another bailiwick.
#[test]
fn a_browser_signs_in_at_a_provider() {
    let address = free();
    let url = format!("http://{address}");
    let (provider, secret) = provider(&format!("{url}/auth/up/corp/callback"));
    let config = format!(
        "[server]\npublic_url = '{url}'\n[pages]\nname = 'Acme'\n{}\
         [providers.away]\nissuer = 'http://127.0.0.1:9'\nclient_id = 'b'\n\
         token_endpoint_auth_method = 'none'\n",
        table(&provider, &secret)
    );
    let app = server(&config).args(["-b", &address.to_string()]).spawn();
    import(&app, &[json!({"username": "root", "full_name": "Rosa Ott", "scopes": ALL})]);
    run_script("provider.mjs", &[&url, &provider.url("")]);
}
