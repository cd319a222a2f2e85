//! What the guide tells a newcomer: one setting, one command, and an application signs johndoe in.

use crate::clients::python_tool;
use crate::harness::{App, Lines, repository, run_tool};
use crate::readme::block_after;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

/// Both programs listen on the port that the guide names, one after the other.
#[test]
fn one_setting_one_command_and_an_application_signs_in() {
    // The demo's users, and nothing else of it: the URL is set as the guide says.
    let folder = tempfile::tempdir().expect("a folder");
    let app = App::demo().at_a_known_port().spawn();
    let url = app.url("");
    let guide = fs::read_to_string(repository("src/guide/sign_in.md")).expect("the guide");
    let command = block_after(&guide, "registered by one command");
    let words = command.replace("\\\n", " ");
    let words: Vec<_> = words.trim().split('"').enumerate().collect();
    let words = words.into_iter().flat_map(|(at, part)| match at % 2 {
        0 => part.split_whitespace().collect(),
        _ => vec![part],
    });
    let words: Vec<_> = words.skip(1).collect();
    let added = app.command(&words, "");
    assert!(added.status.success(), "{words:?}: {added:?}");
    let secret = String::from_utf8(added.stdout).expect("UTF-8").trim_end().to_owned();

    // As after `npm install`.
    let modules = repository("tests/clients/node_modules");
    assert!(modules.exists(), "{} is missing: run `make tools`", modules.display());
    symlink(modules, folder.path().join("node_modules")).expect("a link");
    let script = folder.path().join("sign_in.mjs");
    fs::copy(repository("examples/sign_in.mjs"), &script).expect("a copy");
    let mut node = Command::new("node");
    node.arg(script);
    let mut python = python_tool("python");
    python.arg(repository("examples/sign_in.py"));
    for mut program in [node, python] {
        let started = program
            .args([&*url, "photos"])
            .env("CLIENT_SECRET", &secret)
            .stdout(Stdio::piped())
            .spawn();
        let mut child = started.expect("it starts");
        let lines = Lines::of(child.stdout.take().expect("piped"));
        let line = lines.wait_for("Open in a browser: ");
        let (_, address) = line.split_once("browser: ").expect("a URL");
        run_tool(Command::new("node").arg(repository("tests/clients/open.mjs")).arg(address));
        lines.wait_for("Signed in: johndoe, John Doe, johndoe@example.com");
        assert!(child.wait().expect("it ends").success());
    }
}
