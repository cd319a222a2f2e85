//! A server whose master may be replaced: found again through its control socket.

use crate::harness::{App, Builder, eventually};
use serde_json::Value;
use std::process::Command;

/// A server with one worker thread in each process, and short times.
pub(crate) fn quick() -> Builder {
    App::demo()
        .env("BAILIWICK__SERVER__WORKERS", "1")
        .env("BAILIWICK__PASSWORDS__BCRYPT_COST", "4")
        // The test is its parent, not a shell.
        .env("BAILIWICK__SERVER__UPGRADE", "always")
}

/// What differs from the defaults in most tests.
pub(crate) const SHORT: &str = "[server]\nkeepalive = 2\ngraceful_timeout = 5\n";

/// The output of `bailiwick ctl status --json`.
pub(crate) fn status(app: &App) -> Value {
    let output = app.command(&["ctl", "status", "--json"], "");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

/// The process ids of the workers that serve.
pub(crate) fn serving(app: &App) -> Vec<u64> {
    let status = status(app);
    let processes = status["processes"].as_array().cloned().unwrap_or_default();
    let serving = processes.iter().filter(|process| process["state"] == "serving");
    serving.filter_map(|process| process["pid"].as_u64()).collect()
}

/// Waits until this many workers serve, none of them in `before`.
pub(crate) fn replaced(app: &App, before: &[u64], count: usize) -> Vec<u64> {
    eventually("new workers", || {
        let now = serving(app);
        (now.len() == count && now.iter().all(|pid| !before.contains(pid))).then_some(now)
    })
}

/// Sends a signal to any process.
pub(crate) fn kill(pid: u64, name: &str) {
    let status = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(status.expect("kill runs").success(), "kill -s {name} {pid}");
}

/// Whether such a process exists and has not ended.
pub(crate) fn lives(pid: u64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.starts_with(" Z"))
}

/// Waits for the end of a process that may not be a child.
pub(crate) fn gone(pid: u64) {
    eventually("the end of a process", || (!lives(pid)).then_some(()));
}

/// Ends any master that runs there, including one that has taken over.
pub(crate) struct Cleanup<'a>(pub(crate) &'a App);

impl Drop for Cleanup<'_> {
    fn drop(&mut self) {
        let status = status(self.0);
        if let Some(pid) = status["pid"].as_u64().filter(|pid| *pid != u64::from(self.0.pid())) {
            kill(pid, "KILL");
        }
    }
}
