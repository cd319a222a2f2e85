//! `bailiwick new`: the project that it begins is built, tested, started and asked.

use crate::harness::{Lines, Response, bailiwick, repository, run};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// Begins a project in a folder.
fn new(folder: &Path, arguments: &[&str]) -> Output {
    run(bailiwick(folder).arg("new").args(arguments), "")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// The repository's own target folder: nothing that is built there is built again.
fn target() -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_bailiwick"));
    program.parent().and_then(Path::parent).expect("the folder of all profiles").to_owned()
}

fn cargo(project: &Path, arguments: &[&str]) {
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).args(["--offline", "--quiet", "--target-dir"]).arg(target());
    // Those of the test's own package would count as others.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("CARGO_PKG_") {
            command.env_remove(name);
        }
    }
    let output = run(command.current_dir(project), "");
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
}

#[test]
fn a_new_project_is_built_tested_and_served() {
    let folder = tempfile::tempdir().expect("a folder");
    let sources = repository("");
    let made = new(folder.path(), &["corner-shop", "--path", sources.to_str().expect("a path")]);
    assert_eq!(
        text(&made.stdout),
        "corner-shop: created; next: cd corner-shop && cargo run -- --demo\n",
        "{made:?}"
    );
    let project = folder.path().join("corner-shop");
    // The versions that this repository is built with.
    fs::copy(repository("Cargo.lock"), project.join("Cargo.lock")).expect("copied");
    cargo(&project, &["test"]);
    cargo(&project, &["build"]);
    let program = target().join("debug/corner-shop");
    let version = run(Command::new(&program).arg("--version"), "");
    assert_eq!(text(&version.stdout), "corner-shop 0.1.0\n");

    let mut server = Command::new(&program)
        .args(["--config", "config.toml", "--demo", "-w", "1", "-b", "127.0.0.1:0"])
        .current_dir(&project)
        .env("CORNER_SHOP__GREETINGS__WORD", "Good morning")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let log = Lines::of(server.stderr.take().expect("piped"));
    let line = log.wait_for("Listening at: http://");
    let (_, address) = line.split_once("http://").expect("an address");
    let send = |method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        Response::of(method, &format!("http://{address}{path}"), headers, body)
    };
    let everybody = send("GET", "/greeting", &[], "");
    // The demo's password has the usual cost: a hash is quick in a debug build, too.
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let login = send("POST", "/token", &form, "username=johndoe&password=1234&scope=me").json();
    let token = format!("Bearer {}", login["access_token"].as_str().unwrap_or_default());
    let you = send("GET", "/greeting/me", &[("authorization", token.as_str())], "");
    server.kill().expect("it runs");
    server.wait().expect("it ends");
    fs::remove_file(program).expect("it is there");
    assert_eq!(everybody.json(), json!({"text": "Good morning, world"}));
    assert_eq!(you.json(), json!({"text": "Good morning, johndoe"}), "{login}");
    assert!(project.join("data").is_dir());
}

/// Otherwise a login takes seconds in a debug build.
#[test]
fn hashing_is_optimized_as_here() {
    let entries = |path: &str| -> BTreeSet<String> {
        let manifest = fs::read_to_string(repository(path)).expect("a manifest");
        let blocks = manifest.split("\n[profile.dev").skip(1);
        blocks
            .map(|block| block.split("\n#").next().unwrap_or_default().trim().to_owned())
            .collect()
    };
    let here = entries("Cargo.toml").into_iter().map(|block| {
        let block = block.split("\n[lints]").next().unwrap_or_default().trim();
        block.to_owned()
    });
    let here: BTreeSet<_> = here.collect();
    assert!(here.len() > 10, "{here:?}");
    assert_eq!(entries("examples/template/Cargo.toml.in"), here);
}

#[test]
fn every_file_has_its_name_filled_in() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("empty")).expect("a folder");
    let made = new(folder.path(), &["empty"]);
    assert!(made.status.success(), "an empty folder is free: {made:?}");
    let project = folder.path().join("empty");
    let manifest = fs::read_to_string(project.join("Cargo.toml")).expect("a manifest");
    assert!(manifest.starts_with("[package]\nname = \"empty\"\n"), "{manifest}");
    let version = env!("CARGO_PKG_VERSION");
    assert!(manifest.contains(&format!("\nbailiwick = \"{version}\"\n")), "{manifest}");
    let files = [
        ".dockerignore",
        ".gitignore",
        "Cargo.toml",
        "Dockerfile",
        "README.md",
        "config.toml",
        "src",
    ];
    let mut found: Vec<_> = fs::read_dir(&project)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    found.sort();
    assert_eq!(found, files);
    for file in &files[..6] {
        let text = fs::read_to_string(project.join(file)).expect("UTF-8");
        for left in ["{name}", "{prefix}", "{bailiwick}"] {
            assert!(!text.contains(left), "{file}: {text}");
        }
    }
    let readme = fs::read_to_string(project.join("README.md")).expect("UTF-8");
    assert!(readme.lines().filter(|line| !line.is_empty()).count() <= 5, "{readme}");
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing beside it");
}

#[test]
fn what_cannot_be_begun_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("full")).expect("a folder");
    fs::write(folder.path().join("full/a"), "a").expect("written");
    fs::write(folder.path().join("file"), "a").expect("written");
    for (arguments, code, why) in [
        (&["full"][..], 1, "full: exists and is not empty"),
        (&["file"], 1, "file: Not a directory"),
        (&["Shop"], 2, "the name \"Shop\": expected 1 to 64 lower-case letters"),
        (&["2shop"], 2, "the name \"2shop\": expected"),
        (&["lädchen"], 2, "expected 1 to 64"),
        (&[".."], 2, "the name \"\": expected"),
        (&["fn"], 2, "the name \"fn\": Cargo keeps it for itself"),
        (&["test"], 2, "the name \"test\": Cargo keeps it for itself"),
        (&["serde"], 2, "the name \"serde\": the project depends on a crate of that name"),
        (&["bailiwick"], 2, "the name \"bailiwick\": the project depends on"),
        (&["shop", "--path", "nowhere"], 1, "nowhere/Cargo.toml: No such file"),
        (&[], 2, "the following required arguments were not provided"),
    ] {
        let refused = new(folder.path(), arguments);
        assert_eq!(refused.status.code(), Some(code), "{arguments:?}: {refused:?}");
        let line = text(&refused.stderr);
        assert!(line.contains(why) && line.lines().count() == 1, "{arguments:?}: {line}");
    }
    fs::write(folder.path().join("Cargo.toml"), "[package]\nname = \"other\"\n").expect("written");
    let refused = new(folder.path(), &["shop", "--path", "."]);
    assert!(text(&refused.stderr).contains("is not the folder of bailiwick's sources"));
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|it| it.expect("an entry").file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["Cargo.toml", "file", "full"]);
}

/// An application begins no other.
#[test]
fn only_the_server_itself_begins_projects() {
    let help = run(bailiwick(Path::new(".")).arg("--help"), "");
    assert!(text(&help.stdout).contains("\n  new "), "{help:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let refused = crate::example_server::Example::run_in("shop", folder.path(), &["new", "a"], &[]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
}
