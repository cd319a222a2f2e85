//! README.md: its commands work as pasted, its quotations are true.
//!
//! Blocks marked `sh` are run in order in one shell; a `text` or `json` block right after one shows
//! what it prints, with `…` for any text. Blocks marked `sh by-hand` need what a test has not:
//! root, a release build, Docker.

use crate::harness::{App, bailiwick, repository, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

/// The address that the README is written for.
const ADDRESS: &str = "127.0.0.1:8000";

/// Stands between the outputs of two blocks.
const END: &str = "\n=====END-OF-BLOCK=====\n";

/// A fenced block.
struct Block {
    /// The number of its first line.
    line: usize,
    /// What stands behind the fence, for example `sh`.
    kind: String,
    text: String,
    /// Whether nothing but its fence stands between it and the block before.
    adjoins: bool,
}

fn readme() -> String {
    fs::read_to_string(repository("README.md")).expect("README.md")
}

/// Who comes from Python searches for the names that are known there.
#[test]
fn every_name_of_the_python_stack_is_found() {
    let guide = fs::read_to_string(repository("src/guide/from_fastapi.md")).expect("the guide");
    for name in [
        "OAuth2PasswordBearer",
        "OAuth2PasswordRequestForm",
        "OAuth2PasswordRequestFormStrict",
        "tokenUrl",
        "grant_type",
        "SecurityScopes",
        "scope_str",
        "Depends(",
        "Security(",
        "SECRET_KEY",
        "ALGORITHM",
        "ACCESS_TOKEN_EXPIRE_MINUTES",
        "create_access_token",
        "CryptContext",
        "HTTPBasic",
        "HTTPException",
        "uvicorn.run",
        "main:app",
        "UvicornWorker",
        "UvicornH11Worker",
        "PyPy",
        "ASGI",
        "WSGI",
        "spawn",
        "pre-fork",
        "Supervisor",
        "Circus",
        "gthread",
        "gevent",
        "(2*cores)+1",
        "StreamHandler",
        "addFilter",
        "logging.Filter",
        "logging.conf",
        "gunicorn.access",
        "proxy_pass",
        "400 or 401",
    ] {
        let rows = guide.lines().filter(|line| line.contains(name)).count();
        assert!(rows > 0, "`{name}` is not in the guide");
    }
}

fn blocks() -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open: Option<Block> = None;
    let mut adjoins = false;
    for (index, line) in readme().lines().enumerate() {
        match (line.strip_prefix("```"), open.take()) {
            (Some(kind), None) => {
                let kind = kind.to_owned();
                open = Some(Block { line: index + 2, kind, text: String::new(), adjoins });
            }
            (Some(_), Some(block)) => {
                blocks.push(block);
                adjoins = true;
            }
            (None, Some(mut block)) => {
                block.text += line;
                block.text.push('\n');
                open = Some(block);
            }
            (None, None) => adjoins = false,
        }
    }
    assert!(open.is_none(), "a block is left open");
    blocks
}

fn blocks_of(kind: &str) -> Vec<Block> {
    let found: Vec<_> = blocks().into_iter().filter(|block| block.kind == kind).collect();
    assert!(!found.is_empty(), "README.md has no block of {kind}");
    found
}

/// Whether the text is as shown: the parts between `…` stand in it, in order.
fn is_as_shown(text: &str, shown: &str) -> bool {
    let (first, rest) = shown.split_once('…').unwrap_or((shown, ""));
    let Some(mut left) = text.strip_prefix(first) else { return false };
    if !shown.contains('…') {
        return left.is_empty();
    }
    let (middle, last) = rest.rsplit_once('…').unwrap_or(("", rest));
    for part in middle.split('…') {
        let Some((_, after)) = left.split_once(part) else { return false };
        left = after;
    }
    left.ends_with(last)
}

fn without_white_space(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn the_tour_works_as_pasted() {
    let app = App::demo().spawn();
    let built = app.folder().join("target/debug");
    fs::create_dir_all(&built).unwrap();
    symlink(env!("CARGO_BIN_EXE_bailiwick"), built.join("bailiwick")).unwrap();

    let end = format!("printf %s '{END}'\n");
    let blocks = blocks();
    let mut script = "set -euo pipefail; exec 2>&1\n".to_owned();
    for block in blocks.iter().filter(|block| block.kind == "sh") {
        script += &block.text;
        script += &end;
    }
    let script = script.replace(ADDRESS, &app.address);
    let mut shell = Command::new("bash");
    let output = run(shell.args(["-c", &script]).current_dir(app.folder()), "");
    let printed = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    assert!(output.status.success(), "{}:\n{printed}", output.status);

    let mut outputs = printed.split(END);
    for (command, next) in blocks.iter().zip(blocks.iter().skip(1)) {
        let output = if command.kind == "sh" { outputs.next().expect("an output") } else { "" };
        let same = match next.kind.as_str() {
            "json" => is_as_shown(&without_white_space(output), &without_white_space(&next.text)),
            "text" => is_as_shown(output.trim_end(), next.text.trim_end()),
            _ => continue,
        };
        assert!(next.adjoins, "README.md:{}: no command above", next.line);
        assert!(same, "README.md:{}: shown:\n{}\nprinted:\n{output}", next.line, next.text);
    }
}

#[test]
fn every_curl_is_run() {
    for block in blocks().iter().filter(|block| block.kind != "sh") {
        let is_nginx = block.text.contains("nginx");
        assert!(is_nginx || !block.text.contains("curl "), "README.md:{}", block.line);
    }
}

#[test]
fn the_quoted_code_stands_in_the_example() {
    let example = fs::read_to_string(repository("examples/orders.rs")).unwrap();
    for block in blocks_of("rust") {
        assert!(example.contains(&block.text), "README.md:{}", block.line);
    }
}

#[test]
fn the_configurations_are_right() {
    for block in blocks_of("toml") {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        fs::write(&file, &block.text).unwrap();
        let output = run(bailiwick(folder.path()).arg("-c").arg(file).arg("check-config"), "");
        assert!(output.status.success(), "README.md:{}: {output:?}", block.line);
    }
}

#[test]
fn the_table_of_keys_tells_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bailiwick(folder.path());
    command.env_remove("BAILIWICK__DATA_DIR").args(["print-config", "--json"]);
    let known: serde_json::Value = serde_json::from_slice(&run(&mut command, "").stdout).unwrap();

    let readme = readme();
    let (_, table) = readme.split_once("\n| key | default | |\n|---|---|---|\n").expect("a table");
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> =
            row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect();
        let entry = known.get(cells[0]).unwrap_or_else(|| panic!("{}: no such key", cells[0]));
        let default: serde_json::Value = serde_json::from_str(cells[1]).unwrap_or_default();
        assert_eq!(entry["value"], default, "{}", cells[0]);
    }
}

#[test]
fn the_linked_files_are_there() {
    for link in readme().split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
        let ours = !link.starts_with("https://");
        assert!(!ours || repository(link).exists(), "{link}");
    }
}

#[test]
fn what_is_shown_is_compared() {
    assert!(is_as_shown("a 12 b", "a … b"));
    assert!(is_as_shown("abc", "…b…"));
    assert!(is_as_shown("abc", "abc"));
    assert!(!is_as_shown("abcd", "abc"));
    assert!(!is_as_shown("a 12 c", "a … b"));
    assert!(!is_as_shown("abc", "…x…"));
}
