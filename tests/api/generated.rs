//! The documents of the server and of each example, as tools for documents and generators of clients read them.

use crate::clients::python_tool;
use crate::example_server::Example;
use crate::harness::{repository, run_tool, shared_app};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const EXAMPLES: [&str; 6] = ["bodies", "handlers", "note", "orders", "schemes", "shop"];

/// What `shop` does not do without.
const JOURNAL: (&str, &str) = ("SHOP__SHOP__JOURNAL", "journal.txt");

/// The document that an example prints.
fn document(name: &str, folder: &Path) -> Value {
    let printed = Example::run_in(name, folder, &["openapi"], &[("WEB_FOLDER", "."), JOURNAL]);
    assert!(printed.status.success(), "{name}: {}", String::from_utf8_lossy(&printed.stderr));
    serde_json::from_slice(&printed.stdout).expect("a document")
}

fn written(folder: &Path, name: &str, document: &Value) -> PathBuf {
    let file = folder.join(format!("{name}.json"));
    fs::write(&file, document.to_string()).expect("the document is written");
    file
}

fn node_tool(name: &str) -> Command {
    let path = repository("tests/clients/node_modules/.bin").join(name);
    assert!(path.exists(), "{} is missing: run `make tools`", path.display());
    Command::new(path)
}

/// With the rules that redocly recommends, as they are.
#[test]
fn redocly_finds_no_error_in_any_document() {
    let folder = TempDir::new().expect("a folder");
    let mut lint = node_tool("redocly");
    lint.current_dir(folder.path()).args(["lint", "--format", "json"]);
    lint.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    lint.arg(written(folder.path(), "server", &shared_app().get("/openapi.json").json()));
    for name in EXAMPLES {
        lint.arg(written(folder.path(), name, &document(name, folder.path())));
    }
    run_tool(&mut lint);
}

#[test]
fn every_operation_has_an_id_of_its_own_and_tags_that_are_listed() {
    let folder = TempDir::new().expect("a folder");
    for name in EXAMPLES {
        let document = document(name, folder.path());
        let listed: BTreeSet<_> = document["tags"]
            .as_array()
            .expect("tags")
            .iter()
            .map(|tag| &tag["name"])
            .map(Value::to_string)
            .collect();
        let mut ids = BTreeSet::new();
        for item in document["paths"].as_object().expect("paths").values() {
            for operation in item.as_object().expect("operations").values() {
                let id = operation["operationId"].as_str().expect("an id");
                assert!(ids.insert(id.to_owned()), "{name}: {id} twice");
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                assert!(id.chars().all(word), "{name}: {id}");
                for tag in operation["tags"].as_array().expect("tags") {
                    assert!(listed.contains(&tag.to_string()), "{name} {id}: {tag}");
                }
                let answers = operation["responses"].as_object().expect("responses");
                let takes =
                    operation.get("requestBody").is_some() || operation.get("parameters").is_some();
                assert!(
                    answers.keys().any(|status| status.starts_with('2')),
                    "{name} {id}: {answers:?}"
                );
                assert!(!takes || answers.contains_key("422"), "{name} {id}: no 422");
            }
        }
    }
    let bodies = document("bodies", folder.path());
    let search = &bodies["paths"]["/articles"]["get"];
    assert_eq!((&search["operationId"], &search["tags"]), (&json!("search"), &json!(["articles"])));
    // Two handlers of one name, in two modules.
    let note = document("note", folder.path());
    let read = &note["paths"]["/t002/users/me"]["get"];
    assert_eq!(read["operationId"], "t002_read_users_me");
}

/// `openapi-typescript` makes types of it, against which calls are checked.
#[test]
fn types_for_typescript_know_paths_fields_and_errors() {
    let folder = TempDir::new().expect("a folder");
    for name in ["bodies", "handlers"] {
        let file = written(folder.path(), name, &document(name, folder.path()));
        let types = folder.path().join(format!("{name}.d.ts"));
        run_tool(node_tool("openapi-typescript").arg(file).arg("--output").arg(types));
    }
    fs::copy(repository("tests/clients/typed.ts"), folder.path().join("typed.ts")).expect("copied");
    let mut compile = node_tool("tsc");
    compile.args(["--noEmit", "--strict", "--target", "es2022", "--module", "esnext"]);
    run_tool(compile.args(["--moduleResolution", "bundler"]).arg(folder.path().join("typed.ts")));
}

/// `openapi-python-client` makes a package of it, which really calls.
#[test]
fn a_generated_python_client_uploads_orders_and_is_refused() {
    let app = Example::spawn("bodies");
    let files = tempfile::tempdir().expect("a folder");
    let handlers = Example::spawn_in("handlers", files, &[], &[("WEB_FOLDER", ".")]);
    let folder = TempDir::new().expect("a folder");
    let settings = folder.path().join("generator.yaml");
    fs::write(&settings, "post_hooks: []\n").expect("the generator's settings are written");
    for (name, document) in [("bodies", app.document()), ("handlers", handlers.document())] {
        let mut generate = python_tool("openapi-python-client");
        generate
            .args(["generate", "--fail-on-warning", "--meta", "none", "--config"])
            .arg(&settings);
        generate.arg("--path").arg(written(folder.path(), &format!("{name}-document"), &document));
        run_tool(generate.arg("--output-path").arg(folder.path().join(name)));
    }
    let script = repository("tests/clients/generated_calls.py");
    let (bodies, handlers) =
        (format!("http://{}", app.address()), format!("http://{}", handlers.address()));
    run_tool(python_tool("python").arg(script).args([bodies, handlers]).arg(folder.path()));
}

/// `openapi-generator` makes a package in TypeScript of it, which really calls.
#[test]
fn a_generated_typescript_client_uploads_orders_and_is_refused() {
    let app = Example::spawn("bodies");
    let files = tempfile::tempdir().expect("a folder");
    let handlers = Example::spawn_in("handlers", files, &[], &[("WEB_FOLDER", ".")]);
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("package.json"), "{\"type\": \"module\"}").expect("written");
    for (name, document) in [("bodies", app.document()), ("handlers", handlers.document())] {
        let file = written(folder.path(), &format!("{name}-document"), &document);
        let source = folder.path().join(format!("{name}-source"));
        let mut generate = python_tool("openapi-generator-cli");
        generate.args(["generate", "--generator-name", "typescript-fetch", "--input-spec"]);
        generate.arg(file).arg("--output").arg(&source);
        run_tool(generate.arg("--additional-properties=importFileExtension=.js"));
        let mut compile = node_tool("tsc");
        compile.args(["--strict", "--target", "es2022", "--module", "esnext"]);
        compile.args(["--moduleResolution", "bundler", "--outDir"]);
        run_tool(compile.arg(folder.path().join(name)).arg(source.join("index.ts")));
    }
    let mut call = Command::new("node");
    call.arg(repository("tests/clients/generated_calls.mjs"));
    call.args([&app, &handlers].map(|example| format!("http://{}", example.address())));
    run_tool(call.arg(folder.path()));
}

#[test]
fn servers_tags_and_licenses_are_the_authors() {
    let folder = TempDir::new().expect("a folder");
    let shop = document("shop", folder.path());
    assert_eq!(shop["info"]["license"]["url"], "https://spdx.org/licenses/Apache-2.0.html");
    assert_eq!(shop["tags"][0], json!({"name": "price", "description": "What things cost."}));
    let named = "Production = https://api.example.com,http://127.0.0.1:9";
    let servers = [("SHOP__DOCS__SERVERS", named), JOURNAL];
    let printed = Example::run_in("shop", folder.path(), &["openapi"], &servers);
    let document: Value = serde_json::from_slice(&printed.stdout).expect("a document");
    let expected = json!([
        {"url": "https://api.example.com", "description": "Production"},
        {"url": "http://127.0.0.1:9"},
    ]);
    assert_eq!(document["servers"], expected);
}
