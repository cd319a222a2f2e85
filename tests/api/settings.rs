//! The declarations of the settings, as users see them: the shipped files and the schema for
//! editors.

mod sign_in;

use crate::clients::python_tool;
use crate::harness::{bailiwick, repository, run, run_tool};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

fn printed(form: &str) -> String {
    let folder = TempDir::new().expect("a folder");
    // It must not load the settings in force, which are invalid.
    let mut command = bailiwick(folder.path());
    command.env("BAILIWICK__SERVER__WORKERS", "many");
    run_tool(command.args(["print-config", form]))
}

/// The shipped configuration files.
fn shipped() -> Vec<PathBuf> {
    let names = ["default", "development", "production", "test"];
    names.map(|name| repository(&format!("config/{name}.toml"))).to_vec()
}

#[test]
fn the_defaults_and_the_schema_are_printed_as_they_are_shipped() {
    for (form, file) in [("--defaults", "config/default.toml"), ("--schema", "config/schema.json")]
    {
        let shipped = fs::read_to_string(repository(file)).expect(file);
        assert!(printed(form) == shipped, "{file} is out of date: `make settings`");
    }
    let folder = TempDir::new().expect("a folder");
    let both = run(bailiwick(folder.path()).args(["print-config", "--json", "--schema"]), "");
    assert_eq!(both.status.code(), Some(2));
}

/// The printed defaults are a starting point: loading them changes nothing.
#[test]
fn the_printed_defaults_change_nothing() {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("all.toml"), printed("--defaults")).expect("written");
    let print = |args: &[&str]| -> serde_json::Value {
        let mut command = bailiwick(folder.path());
        command.env_remove("BAILIWICK__DATA_DIR").args(args).args(["print-config", "--json"]);
        serde_json::from_str(&run_tool(&mut command)).expect("JSON")
    };
    let (given, default) = (print(&["-c", "all.toml"]), print(&[]));
    let keys = default.as_object().expect("an object");
    assert!(keys.len() > 70, "{}", keys.len());
    for (key, shown) in keys {
        assert_eq!(given[key]["value"], shown["value"], "{key}");
    }
}

#[test]
fn the_shipped_files_fit_the_schema() {
    let schema = repository("config/schema.json");
    run_tool(python_tool("check-jsonschema").arg("--check-metaschema").arg(&schema));
    let mut check = python_tool("check-jsonschema");
    run_tool(check.arg("--schemafile").arg(&schema).args(shipped()));
    // As an editor does: by the file's own first line.
    for file in shipped() {
        let text = fs::read_to_string(&file).expect("the file");
        assert!(text.starts_with("#:schema ./schema.json\n"), "{}", file.display());
    }
    run_tool(python_tool("taplo").arg("check").args(shipped()));
}

/// The examples for keys without a default.
#[test]
fn the_examples_fit_the_schema() {
    let example = |line: &str| {
        let uncommented = line.strip_prefix("# ")?;
        let key = uncommented.split_once(" = ")?.0.trim_matches('"');
        let is_key = key.bytes().all(|b| b.is_ascii_lowercase() || b"_:".contains(&b));
        is_key.then(|| uncommented.to_owned())
    };
    let text = printed("--defaults");
    let lines = text.lines().map(|line| example(line).unwrap_or_else(|| line.to_owned()));
    let text: String = lines.map(|line| line + "\n").collect();
    assert!(text.contains("\naccept_foreign_until = ") && text.contains("\n\"orders:read\" = "));
    assert!(fits(&text).is_ok(), "{}", fits(&text).unwrap_err());
}

/// Whether an editor's checker accepts this text; if not, its message.
fn fits(text: &str) -> Result<(), String> {
    let folder = TempDir::new().expect("a folder");
    fs::copy(repository("config/schema.json"), folder.path().join("schema.json")).expect("copied");
    let file = folder.path().join("b.toml");
    fs::write(&file, format!("#:schema ./schema.json\n{text}")).expect("written");
    let output = run(python_tool("taplo").arg("check").arg(file).current_dir(&folder), "");
    if output.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Whether the program accepts it.
fn is_taken(text: &str) -> bool {
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("b.toml"), text).expect("written");
    let mut command = bailiwick(folder.path());
    run(command.args(["-c", "b.toml", "print-config"]), "").status.success()
}

#[test]
fn the_schema_accepts_what_the_program_accepts() {
    for text in [
        "server.workers = 4",
        "server.workers = \"4\"",
        "server.workers = \"\"",
        "server.keepalive = \"5m\"",
        "server.keepalive = \"30 s\"",
        "server.max_memory = \"1GiB\"",
        "server.limit_request_body = \"10MB\"",
        "server.reload = \"true\"",
        "server.bind = \"127.0.0.1:1, unix:/b\"",
        "server.bind = [\"127.0.0.1:0\"]",
        "server.forwarded_allow_ips = \"*\"",
        "server.forwarded_allow_ips = \"\"",
        "server.umask = \"0o027\"",
        "server.umask = \"0000027\"",
        "server.root_path = \"/a/b\"",
        "server.upgrade = \"Always\"",
        "admin.bind = []",
        "database.url = \"sqlite:/b.db\"",
        "tokens.secret = \"éééééééééééééééé\"",
        "tokens.accept_foreign_until = 2027-01-31",
        "tokens.accept_foreign_until = 2027-01-31T18:00:00Z",
        "tokens.accept_foreign_until = \"2027-01-31T18:00:00+09:00\"",
        "security.realm = \"a b\"",
        "cors.origin_regex = 'https://.*\\.example\\.com'",
        "docs.scope = \"orders:read\"",
        "docs.scope = \"\"",
        "logging.level = \"INFO\"",
        "logging.access_filters = []",
        "[[logging.access_filters]]\nkeep = 0.01\nslower_than = \"2s\"\nmethods = \"GET,HEAD\"",
        "[[logging.access_filters]]\nkeep = true\nstatus = \"\"",
        "[scopes]\n\"orders:read\" = \"Read orders.\"",
    ] {
        assert!(is_taken(text), "{text}");
        assert!(fits(text).is_ok(), "{text}: {}", fits(text).unwrap_err());
    }
}

#[test]
fn the_schema_refuses_what_the_program_refuses() {
    for text in [
        "data_dir = \"\"",
        "data_dri = \"data\"",
        "servr.workers = 1",
        "server.wokers = 1",
        "server.workers = 0",
        "server.workers = 1025",
        "server.workers = 1.5",
        "server.workers = true",
        "server.workers = \"four\"",
        "server.keepalive = -1",
        "server.keepalive = \"1y\"",
        "server.keepalive = \"10MB\"",
        "server.reload = 1",
        "server.reload = \"yes\"",
        "server.bind = []",
        "server.bind = \"\"",
        "server.umask = \"8\"",
        "server.umask = 27",
        "server.root_path = \"/a/\"",
        "server.upgrade = \"sometimes\"",
        "tokens.secret = 5",
        "security.profile = \"lax\"",
        "security.realm = 'a\"b'",
        "cors.expose_headers = [5]",
        "docs.scope = \"a b\"",
        "logging.level = \"loud\"",
        "logging.access_filters = 1",
        "[[logging.access_filters]]\nmetods = []",
        "[[logging.access_filters]]\nkeep = 2",
        "[[logging.access_filters]]\nkeep = \"no\"",
        "[scopes]\na = \"\"",
        "[scopes]\na = 1",
        "[scopes]\n\"a b\" = \"x\"",
    ] {
        assert!(!is_taken(text), "{text}");
        assert!(fits(text).is_err(), "{text}");
    }
}
