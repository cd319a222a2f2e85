//! Python clients, used as by a Python team, and checkers of the document.

use crate::harness::{App, repository, run_tool, shared_app};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

const ADMIN_PASSWORD: &str = "a-long-password-of-root";

/// A program of the Python environment that `make tools` creates.
pub(crate) fn python_tool(name: &str) -> Command {
    let path = repository(".venv/bin").join(name);
    assert!(path.exists(), "{} is missing: run `make tools`", path.display());
    Command::new(path)
}

fn run_script(name: &str, app: &App) {
    let script = repository("tests/clients").join(name);
    run_tool(python_tool("python").arg(script).arg(app.url("")));
}

#[test]
fn requests_oauthlib_logs_in_and_calls() {
    run_script("requests_oauthlib_login.py", shared_app());
}

#[test]
fn authlib_logs_in_and_calls() {
    run_script("authlib_login.py", shared_app());
}

#[test]
fn clients_renew_their_tokens_by_themselves() {
    let app = App::demo().config("[tokens]\npassword_refresh = true\n").spawn();
    run_script("refreshed_logins.py", &app);
}

/// What the unit tests hold the checks of bodies against is what the pinned pydantic says.
#[test]
fn the_recorded_errors_are_those_of_pydantic() {
    let recorded = fs::read_to_string(repository("tests/clients/pydantic_errors.json"));
    let script = repository("tests/clients/pydantic_errors.py");
    assert_eq!(run_tool(python_tool("python").arg(script)), recorded.expect("the record"));
}

/// Writes the document to a file, for client generators.
fn document_in(folder: &TempDir, app: &App) -> PathBuf {
    let file = folder.path().join("openapi.json");
    fs::write(&file, app.get("/openapi.json").body).expect("the document is written");
    file
}

#[test]
fn a_generated_python_client_logs_in_and_calls() {
    let (app, folder) = (shared_app(), TempDir::new().expect("a folder"));
    let settings = folder.path().join("generator.yaml");
    // Without the formatters that would run afterwards.
    fs::write(&settings, "post_hooks: []\n").expect("the generator's settings are written");
    let mut generate = python_tool("openapi-python-client");
    generate.args(["generate", "--fail-on-warning", "--meta", "none", "--config"]).arg(settings);
    generate.arg("--path").arg(document_in(&folder, app));
    run_tool(generate.arg("--output-path").arg(folder.path().join("generated")));
    let script = repository("tests/clients/generated_login.py");
    run_tool(python_tool("python").arg(script).arg(app.url("")).arg(folder.path()));
}

#[test]
fn a_generated_typescript_client_logs_in_and_calls() {
    let modules = repository("tests/clients/node_modules");
    assert!(modules.exists(), "{} is missing: run `make tools`", modules.display());
    let (app, folder) = (shared_app(), TempDir::new().expect("a folder"));
    let mut script = Command::new("node");
    script.arg(repository("tests/clients/generated_login.mjs")).arg(app.url(""));
    run_tool(script.arg(document_in(&folder, app)).arg(folder.path()));
}

#[test]
fn the_document_is_valid() {
    run_script("validate_openapi.py", shared_app());
}

#[test]
fn schemathesis_finds_no_fault_as_a_stranger() {
    let app = quick_app();
    let folder = TempDir::new().expect("a folder");
    check_all(&mut schemathesis(&app, &folder));
}

#[test]
fn schemathesis_finds_no_fault_as_an_administrator() {
    let app = quick_app();
    let scopes = ["me", "items", "users:read", "users:write", "api-keys:write", "oauth:clients"];
    let mut add = vec!["users", "add", "root", "--password-stdin"];
    add.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    let output = app.command(&add, &format!("{ADMIN_PASSWORD}\n"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let token = app.login("root", ADMIN_PASSWORD, &scopes.join("+"));
    let folder = TempDir::new().expect("a folder");
    let bearer = format!("Authorization: Bearer {token}");
    check_all(schemathesis(&app, &folder).args(["--header", &bearer]));
}

/// Runs it; also fails if it skipped a phase.
fn check_all(schemathesis: &mut Command) {
    let report = run_tool(schemathesis);
    for phase in ["Examples", "Coverage", "Fuzzing", "Stateful"] {
        assert!(report.contains(&format!("✅ {phase}")), "{phase} did not run:\n{report}");
    }
}

/// A server whose logins are fast.
fn quick_app() -> App {
    App::demo().env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4").spawn()
}

/// All checks on the whole document, with the same requests each time.
fn schemathesis(app: &App, folder: &TempDir) -> Command {
    let mut command = python_tool("schemathesis");
    command.current_dir(folder.path()).env("NO_COLOR", "1");
    command.arg("--config-file").arg(repository("tests/clients/schemathesis.toml"));
    command.env("SCHEMATHESIS_HOOKS", repository("tests/clients/schemathesis_hooks.py"));
    command.args(["run", &app.url("/openapi.json"), "--checks", "all", "--seed", "1"]);
    command.args(["--max-examples", "15", "--generation-database", "none"]);
    command
}
