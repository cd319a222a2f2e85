//! The project's Markdown: its commands work as pasted, and its quotations are accurate.
//!
//! The `sh` blocks of a document run in order in one shell, beside their own demo server; a `text`
//! or `json` block right after one shows its output, with `…` for any text. `sh by-hand` marks
//! commands that need something a test lacks: root, a release build, Docker.

use crate::harness::{App, bailiwick, repository, run};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The address used in the documents.
const ADDRESS: &str = "127.0.0.1:8000";

/// Separates the outputs of two blocks.
const END: &str = "\n=====END-OF-BLOCK=====\n";

/// Folders with documents, including subfolders; the root is not searched recursively.
const FOLDERS: [&str; 8] =
    [".github", "benches", "config", "docker", "examples", "src", "tests", "."];

/// Folders of packages.
const FOREIGN: [&str; 1] = ["node_modules"];

/// A fenced block.
struct Block {
    /// The file and the number of the first line.
    place: String,
    /// The words after the fence, for example `sh`.
    kind: String,
    text: String,
    /// Whether only the fence separates it from the block before.
    adjoins: bool,
}

/// A Markdown file.
struct Document {
    /// Relative to the repository.
    path: PathBuf,
    text: String,
}

/// Every Markdown file of the project.
fn documents() -> Vec<Document> {
    let mut paths = Vec::new();
    for folder in FOLDERS {
        collect(Path::new(folder), &mut paths);
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(at(&path)).expect("UTF-8");
        Document { path, text }
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(at(folder)).into_iter().flatten() {
        let name = entry.expect("an entry").file_name();
        let path = folder.join(&name);
        if at(&path).is_dir() {
            if folder != Path::new(".") && !FOREIGN.iter().any(|foreign| name == *foreign) {
                collect(&path, found);
            }
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// A path of the repository.
fn at(path: &Path) -> PathBuf {
    repository("").join(path)
}

fn document(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// People coming from Python search for the names they know.
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

impl Document {
    fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = Vec::new();
        let mut open: Option<Block> = None;
        let mut adjoins = false;
        for (index, line) in self.text.lines().enumerate() {
            match (line.strip_prefix("```"), open.take()) {
                (Some(kind), None) => {
                    let place = format!("{}:{}", self.path.display(), index + 2);
                    let kind = kind.to_owned();
                    open = Some(Block { place, kind, text: String::new(), adjoins });
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
        assert!(open.is_none(), "{}: a block is left open", self.path.display());
        blocks
    }
}

/// The blocks of all documents with one of these words after the fence.
fn blocks_of(kinds: &[&str]) -> Vec<Block> {
    let all = documents().into_iter().flat_map(|document| document.blocks());
    let found: Vec<_> = all.filter(|block| kinds.contains(&block.kind.as_str())).collect();
    assert!(!found.is_empty(), "no document has a block of {kinds:?}");
    found
}

/// Whether the text is as shown: it contains the parts between `…`, in order.
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
fn the_commands_work_as_pasted() {
    let mut tried = 0;
    for document in documents() {
        let blocks = document.blocks();
        if blocks.iter().any(|block| block.kind == "sh") {
            try_out(&blocks);
            tried += 1;
        }
    }
    assert!(tried > 1, "README.md and the guides have commands");
}

/// The first fenced block after these words.
pub(crate) fn block_after(text: &str, words: &str) -> String {
    let (_, rest) = text.split_once(words).unwrap_or_else(|| panic!("`{words}` is not there"));
    let (_, block) = rest.split_once("```").expect("a block");
    let (block, _) = block.split_once("```").expect("its end");
    block.split_once('\n').expect("a line").1.to_owned()
}

/// Runs the commands of one document and compares their output with what it shows.
fn try_out(blocks: &[Block]) {
    let app = App::demo().at_a_known_port().spawn();
    let built = app.folder().join("target/debug");
    fs::create_dir_all(&built).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_bailiwick"), built.join("bailiwick"))
        .expect("a link to the binary");
    symlink(repository("examples"), app.folder().join("examples")).expect("a link to the examples");

    let end = format!("printf %s '{END}'\n");
    let mut script = "set -euo pipefail; exec 2>&1\n".to_owned();
    for block in blocks.iter().filter(|block| block.kind == "sh") {
        script += &block.text;
        script += &end;
    }
    let script = script.replace(ADDRESS, &app.address);
    let mut shell = Command::new("bash");
    let output = run(shell.args(["-c", &script]).current_dir(app.folder()), "");
    let printed = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let place = &blocks[0].place;
    assert!(output.status.success(), "{place}, {}:\n{printed}", output.status);

    let mut outputs = printed.split(END);
    for (command, next) in blocks.iter().zip(blocks.iter().skip(1)) {
        let output = if command.kind == "sh" { outputs.next().expect("an output") } else { "" };
        let same = match next.kind.as_str() {
            "json" => is_as_shown(&without_white_space(output), &without_white_space(&next.text)),
            "text" => is_as_shown(output.trim_end(), next.text.trim_end()),
            _ => continue,
        };
        assert!(next.adjoins, "{}: no command above", next.place);
        assert!(same, "{}: shown:\n{}\nprinted:\n{output}", next.place, next.text);
    }
}

#[test]
fn every_curl_is_run() {
    for block in documents().iter().flat_map(Document::blocks).filter(|block| block.kind != "sh") {
        let is_nginx = block.text.contains("nginx");
        assert!(is_nginx || !block.text.contains("curl "), "{}", block.place);
    }
}

/// `rust,no_run` is a complete program, which `cargo test` compiles as part of the guide.
#[test]
fn the_quoted_code_is_in_an_example() {
    let mut sources = vec![PathBuf::from("examples")];
    let mut examples = Vec::new();
    while let Some(folder) = sources.pop() {
        for entry in fs::read_dir(at(&folder)).expect("a folder") {
            let path = folder.join(entry.expect("an entry").file_name());
            if at(&path).is_dir() {
                sources.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                examples.push(fs::read_to_string(at(&path)).expect("UTF-8"));
            }
        }
    }
    for block in blocks_of(&["rust", "rust,ignore"]) {
        assert!(examples.iter().any(|code| code.contains(&block.text)), "{}", block.place);
    }
}

/// Each code of the guide's table of everyday features is in an example, which is compiled and tested.
#[test]
fn the_table_of_everyday_features_compiles() {
    let text = document("src/guide/from_fastapi.md");
    let code = without_white_space(&document("examples/fastapi.rs"));
    let (_, chapter) = text.split_once("\n# Every day\n").expect("the chapter");
    let (chapter, _) = chapter.split_once("\n# ").expect("its end");
    let (in_code, in_settings) =
        chapter.split_once("\nWhat is a line of code").expect("two tables");
    let cells = |table: &str| -> Vec<(String, Vec<String>)> {
        let rows = table.lines().filter(|line| line.starts_with("| ")).skip(1);
        let rows = rows.map(|row| row.replace("\\|", "\u{0}"));
        let rows =
            rows.map(|row| row.trim_matches(['|', ' ']).split(" | ").map(str::to_owned).collect());
        let cells = rows.map(|cells: Vec<String>| {
            assert_eq!(cells.len(), 2, "{cells:?}");
            let here = cells[1].replace('\u{0}', "|");
            let spans = here.split('`').skip(1).step_by(2).map(str::to_owned).collect();
            (cells[0].clone(), spans)
        });
        cells.collect()
    };
    let shown = cells(in_code);
    assert!(shown.len() >= 38, "{}", shown.len());
    for (there, spans) in shown {
        for span in spans {
            assert!(
                code.contains(&without_white_space(&span)),
                "{there}: `{span}` is not in the example"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    for (there, spans) in cells(in_settings) {
        for line in spans.iter().filter(|span| span.contains(" = ")) {
            fs::write(folder.path().join("a.toml"), line).unwrap();
            let mut command = bailiwick(folder.path());
            let output = run(command.args(["--config", "a.toml", "check-config"]), "");
            assert!(output.status.success(), "{there}: `{line}`: {output:?}");
        }
    }
}

#[test]
fn the_configurations_are_valid() {
    for block in blocks_of(&["toml"]) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.toml");
        let folder_name = folder.path().to_str().unwrap();
        for secret in ["secret", "secret.next", "google", "github", "corp"] {
            fs::write(folder.path().join(secret), "x".repeat(32)).unwrap();
        }
        let text = block.text.replace("/var/log/bailiwick", folder_name);
        fs::write(&file, text.replace("/etc/bailiwick", folder_name)).unwrap();
        let is_log = block.text.starts_with("# log.toml");
        let flag = if is_log { "--log-config" } else { "--config" };
        let output = run(bailiwick(folder.path()).arg(flag).arg(file).arg("check-config"), "");
        assert!(output.status.success(), "{}: {output:?}", block.place);
    }
}

#[test]
fn the_table_of_keys_has_the_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bailiwick(folder.path());
    command.env_remove("BAILIWICK__DATA_DIR").args(["print-config", "--json"]);
    let known: serde_json::Value = serde_json::from_slice(&run(&mut command, "").stdout).unwrap();

    let text = document("config/README.md");
    let (_, table) = text.split_once("\n| key | default | |\n|---|---|---|\n").expect("a table");
    for row in table.lines().take_while(|line| line.starts_with('|')) {
        let cells: Vec<_> =
            row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect();
        let entry = known.get(cells[0]).unwrap_or_else(|| panic!("{}: no such key", cells[0]));
        let default: serde_json::Value = serde_json::from_str(cells[1]).unwrap_or_default();
        assert_eq!(entry["value"], default, "{}", cells[0]);
    }
}

/// Links are relative to their file. Chapters of the guide link to items, which rustdoc checks.
#[test]
fn the_linked_files_exist() {
    for document in documents() {
        let folder = document.path.parent().expect("a folder");
        for link in document.text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, _) = link.split_once('#').unwrap_or((link, ""));
            let is_ours = !link.starts_with("https://") && !link.starts_with("crate::");
            let there = at(&folder.join(file)).exists();
            assert!(!is_ours || there, "{}: {link}", document.path.display());
        }
    }
}

/// The first thing a stranger reads stays short; the rest is beside what it describes.
#[test]
fn the_readme_is_short_and_leads_to_every_document() {
    let readme = document("README.md");
    assert!(readme.lines().count() <= 200, "README.md: {} lines", readme.lines().count());
    for document in documents() {
        let path = document.path.strip_prefix(".").unwrap_or(&document.path);
        let is_linked = readme.contains(&format!("]({})", path.display()));
        let is_known = ["README.md", "CHANGELOG.md"].iter().any(|known| path == Path::new(known));
        assert!(is_linked || is_known, "README.md has no link to {}", path.display());
    }
}

#[test]
fn shown_output_is_compared() {
    assert!(is_as_shown("a 12 b", "a … b"));
    assert!(is_as_shown("abc", "…b…"));
    assert!(is_as_shown("abc", "abc"));
    assert!(!is_as_shown("abcd", "abc"));
    assert!(!is_as_shown("a 12 c", "a … b"));
    assert!(!is_as_shown("abc", "…x…"));
}
