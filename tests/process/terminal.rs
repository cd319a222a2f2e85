//! What a terminal sends by itself: resizing, Ctrl-C, Ctrl-Z, its own end.

use crate::harness::{Lines, Response, bailiwick, eventually, repository, run};
use crate::server::{gone, kill, lives};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;

const ARGS: [&str; 5] = ["--demo", "-b", "127.0.0.1:0", "--workers", "1"];

/// A server on its own terminal, or on none.
struct Server {
    folder: TempDir,
    /// The server's parent.
    parent: Child,
    input: ChildStdin,
    shown: Lines,
    /// The master.
    pid: u64,
    address: String,
}

impl Server {
    fn on_a_terminal() -> Self {
        Self::below("python3", &[repository("tests/clients/terminal.py").to_str().expect("UTF-8")])
    }

    /// A session leader without a terminal, wherever the tests run.
    fn without_a_terminal() -> Self {
        Self::below("setsid", &["--wait"])
    }

    fn below(program: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = bailiwick(folder.path());
        let mut command = Command::new(program);
        command.args(args).arg(server.get_program()).args(ARGS).current_dir(folder.path());
        for (name, value) in server.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut parent = command.spawn().expect("it starts");
        let input = parent.stdin.take().expect("piped");
        // A terminal merges both.
        let shown = if program == "setsid" {
            Lines::of(parent.stderr.take().expect("piped"))
        } else {
            Lines::of(parent.stdout.take().expect("piped"))
        };
        let (pid, address) = (0, String::new());
        let mut server = Self { folder, parent, input, shown, pid, address };
        server.shown.wait_for("Listening at: http://");
        let status = eventually("its status", || Some(server.status()).filter(Value::is_object));
        server.pid = status["pid"].as_u64().expect("a number");
        let address = status["listening"][0].as_str().expect("an address");
        address.clone_into(&mut server.address);
        server
    }

    /// Does something to the terminal.
    fn order(&mut self, word: &str) {
        writeln!(self.input, "{word}").expect("sent");
    }

    fn ctl(&self, args: &[&str]) -> (bool, String) {
        let output = run(bailiwick(self.folder.path()).arg("ctl").args(args), "");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.ctl(&["status", "--json"]).1).unwrap_or(Value::Null)
    }

    fn workers(&self) -> Vec<u64> {
        let status = self.status();
        let processes = status["processes"].as_array().cloned().unwrap_or_default();
        processes.iter().filter_map(|process| process["pid"].as_u64()).collect()
    }

    fn answers(&self) -> bool {
        Response::of("GET", &format!("{}/openapi.json", self.address), &[], "").status == 200
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if lives(self.pid) {
            kill(self.pid, "KILL");
        }
        drop(self.parent.kill());
        drop(self.parent.wait());
    }
}

#[test]
fn a_terminal_that_changes_its_size_stops_nothing() {
    let mut server = Server::on_a_terminal();
    let before = server.workers();
    server.order("resize");
    server.shown.wait_for("WINCH is ignored on a terminal");
    // Signals and `ctl` share one queue: WINCH has been handled by now.
    assert_eq!(server.workers(), before);
    assert!(server.answers());
    // `ctl` does what the signal does not.
    assert!(server.ctl(&["rest"]).0);
    gone(before[0]);
    assert!(server.ctl(&["wake"]).0);
    assert!(server.answers());
    assert_eq!(server.shown.text().matches("WINCH").count(), 1, "{}", server.shown.text());
}

#[test]
fn without_a_terminal_winch_stops_the_workers() {
    let server = Server::without_a_terminal();
    let before = server.workers();
    kill(server.pid, "WINCH");
    gone(before[0]);
    assert!(server.ctl(&["wake"]).0);
    assert!(server.answers());
}

#[test]
fn ctrl_c_ends_the_server() {
    let mut server = Server::on_a_terminal();
    let workers = server.workers();
    server.order("interrupt");
    gone(server.pid);
    gone(workers[0]);
    server.shown.wait_for("Handling signal: INT");
}

#[test]
fn a_terminal_that_closes_does_not_end_the_server() {
    let mut server = Server::on_a_terminal();
    let before = server.workers();
    server.order("close");
    // Without its holder the terminal itself is gone. Its HUP is a reload, as everywhere.
    eventually("the terminal to be gone", || server.parent.try_wait().expect("a child"));
    eventually("the next generation", || {
        let now = server.workers();
        (!now.is_empty() && !now.contains(&before[0])).then_some(())
    });
    assert!(server.answers());
    assert!(server.ctl(&["stop"]).0);
    gone(server.pid);
}

#[test]
fn ctrl_z_and_fg_change_nothing() {
    let mut server = Server::on_a_terminal();
    let before = server.workers();
    server.order("suspend");
    server.shown.wait_for("stopped");
    server.order("continue");
    assert!(server.answers());
    assert_eq!(server.workers(), before);
}
