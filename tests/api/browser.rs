//! A real browser: the pages of the documentation, and HTTP Basic's own prompt.

use crate::harness::{repository, run_tool, shared_app};
use std::process::Command;

fn run_script(name: &str) {
    let modules = repository("tests/browser/node_modules");
    assert!(modules.exists(), "{} is missing: run `make tools`", modules.display());
    let script = repository("tests/browser").join(name);
    run_tool(Command::new("node").arg(script).arg(shared_app().url("")));
}

#[test]
fn the_docs_log_in_and_call_a_guarded_route() {
    run_script("docs.mjs");
}

#[test]
fn the_reference_is_rendered() {
    run_script("redoc.mjs");
}

#[test]
fn the_browsers_prompt_opens_the_page_behind_http_basic() {
    run_script("basic.mjs");
}
