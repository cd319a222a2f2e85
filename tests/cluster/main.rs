//! The real binary on both databases: copies, crashes, servers that go away.

mod away;
mod crash;
mod db;
#[path = "../api/harness/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the API, which use all of it"
)]
mod harness;
#[path = "../../src/storage/postgres/tests/server.rs"]
mod postgres;

use harness::{App, bailiwick, run};
use std::path::Path;
use std::process::Output;

/// The configuration for a database; the times are for a machine that has much else to do.
fn config(url: &str) -> String {
    format!(
        "[database]\nurl = '{url}'\nconnect_timeout = 15\nacquire_timeout = 6\n[passwords]\nbcrypt_cost = 4\npolicy = false\n"
    )
}

/// Runs a command of the binary on a database.
fn command(folder: &Path, url: &str, args: &[&str], stdin: &str) -> Output {
    let file = folder.join("command.toml");
    std::fs::write(&file, config(url)).expect("the configuration is written");
    run(bailiwick(folder).arg("--config").arg(&file).args(args), stdin)
}

/// The same, which must succeed; its standard output.
fn done(folder: &Path, url: &str, args: &[&str], stdin: &str) -> String {
    let output = command(folder, url, args, stdin);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The same, which must fail; its one line on standard error.
fn fails(folder: &Path, url: &str, args: &[&str]) -> String {
    let output = command(folder, url, args, "");
    assert!(!output.status.success(), "{args:?}");
    let line = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    assert!(!line.contains('\n') && !line.contains(postgres::PASSWORD), "{line}");
    line
}

/// The password of all users that the tests make.
const PASSWORD: &str = "quiet river stone";

fn add(folder: &Path, url: &str, name: &str, scopes: &[&str]) {
    let mut args = vec!["users", "add", name, "--password-stdin"];
    args.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    done(folder, url, &args, PASSWORD);
}

/// A server on a database.
fn serve(url: &str) -> App {
    App::bare().config(&config(url)).spawn()
}
