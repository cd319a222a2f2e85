//! The real binary on both databases: copies, crashes, servers that disappear or take no writes.

mod absent;
mod api_keys;
mod audit;
mod away;
mod changes;
mod clients;
mod compose;
mod crash;
mod database;
mod db;
mod discard;
mod guesses;
#[path = "../api/harness/mod.rs"]
#[expect(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the API, which use all of it"
)]
mod harness;
mod hosts;
mod keys;
mod locks;
mod migrations;
mod million;
mod pooler;
#[path = "../../src/storage/postgres/tests/server.rs"]
mod postgres;
mod providers;
mod refresh;
mod renaming;
mod restore;
mod revoke;
mod secrets;
mod services;
mod sign_in;
#[path = "../api/signer.rs"]
#[expect(dead_code, reason = "shared with the tests of the API, which use all of it")]
mod signer;
#[path = "../api/site.rs"]
#[expect(dead_code, reason = "shared with the tests of the API, which use all of it")]
mod site;
mod start;
mod switch;
mod upgrade;
mod urls;
mod writes;

use harness::{App, bailiwick, run, run_tool};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Command, Output};

/// The configuration for a database, with times for a busy machine.
fn config(url: &str) -> String {
    format!(
        "[database]\nurl = '{url}'\nconnect_timeout = 15\nacquire_timeout = 6\n[passwords]\nbcrypt_cost = 4\npolicy = false\n"
    )
}

/// Runs a command of the binary with a database.
fn command(folder: &Path, url: &str, args: &[&str], stdin: &str) -> Output {
    run(&mut prepared(folder, url, args), stdin)
}

/// The same, not yet started.
fn prepared(folder: &Path, url: &str, args: &[&str]) -> Command {
    let file = folder.join("command.toml");
    std::fs::write(&file, config(url)).expect("the configuration is written");
    let mut command = bailiwick(folder);
    command.arg("--config").arg(&file).args(args);
    command
}

/// The same; must succeed; returns its standard output.
fn done(folder: &Path, url: &str, args: &[&str], stdin: &str) -> String {
    let output = command(folder, url, args, stdin);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The same; must fail; returns its one line on standard error, after the log's lines if it serves.
fn fails(folder: &Path, url: &str, args: &[&str]) -> String {
    let output = command(folder, url, args, "");
    assert!(!output.status.success(), "{args:?}");
    let mut line = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    if args == SERVE {
        line.drain(..line.rfind('\n').map_or(0, |end| end + 1));
    }
    assert!(!line.contains('\n') && !line.contains(postgres::PASSWORD), "{line}");
    line
}

/// Serves on a free port.
const SERVE: [&str; 3] = ["serve", "-b", "127.0.0.1:0"];

/// The password of all users in these tests.
const PASSWORD: &str = "quiet river stone";

fn add(folder: &Path, url: &str, name: &str, scopes: &[&str]) {
    let mut args = vec!["users", "add", name, "--password-stdin"];
    args.extend(scopes.iter().flat_map(|scope| ["--scope", scope]));
    done(folder, url, &args, PASSWORD);
}

/// A Python program that uses a SQLite file as `database`.
fn python(file: &Path, code: &str) -> Command {
    let head = "import sqlite3, sys\ndatabase = sqlite3.connect(sys.argv[1])";
    let mut command = Command::new("python3");
    command.args(["-c", &format!("{head}\n{code}")]).arg(file);
    command
}

fn python_on(file: &Path, code: &str) {
    run_tool(&mut python(file, code));
}

/// Limits the size of files for a process and its children, as on a full disk.
fn limit_files(pid: &str, bytes: &str) {
    let process = std::fs::metadata(format!("/proc/{pid}")).expect("a process");
    let limit = ["prlimit", "--pid", pid, &format!("--fsize={bytes}:")];
    if process.uid() == std::fs::metadata("/proc/self").expect("Linux").uid() {
        run_tool(Command::new(limit[0]).args(&limit[1..]));
    } else {
        // A container's root may not limit other users' processes; they may do so themselves.
        let (user, group) = (process.uid().to_string(), process.gid().to_string());
        let who = ["--reuid", &user, "--regid", &group, "--clear-groups"];
        run_tool(Command::new("setpriv").args(who).args(limit));
    }
}

/// The parent process of a PostgreSQL server.
fn postmaster(server: &postgres::Server) -> String {
    let file = server.sql("postgres", "SELECT pg_read_file('postmaster.pid')");
    file.lines().next().expect("a number").to_owned()
}

/// A server on a database.
fn serve(url: &str) -> App {
    App::bare().config(&config(url)).spawn()
}
