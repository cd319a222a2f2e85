//! gunicorn with uvicorn's workers and a FastAPI application, for comparison.

use crate::harness::{Lines, eventually, repository};
use std::fs;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A running gunicorn with two worker processes; ends on drop.
pub(crate) struct Gunicorn {
    child: Child,
    pub(crate) address: String,
    stderr: Lines,
    _folder: TempDir,
}

impl Gunicorn {
    /// Starts it from `make soak`'s venv.
    pub(crate) fn spawn(keepalive: u32) -> Self {
        let folder = TempDir::new().expect("a folder");
        let mut command = Command::new(repository(".venv-soak/bin/gunicorn"));
        command.args(["app:app", "-k", "uvicorn_worker.UvicornWorker", "-w", "2"]);
        command.args(["-b", "127.0.0.1:0", "--no-control-socket", "--graceful-timeout", "5"]);
        command.args(["--keep-alive", &keepalive.to_string(), "--pythonpath"]);
        command.arg(repository("tests/soak")).current_dir(folder.path());
        command.env("PYTHONDONTWRITEBYTECODE", "1").stdin(Stdio::null()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().expect("see `make soak`");
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        let line = stderr.wait_for("Listening at: http://");
        stderr.wait_for("Application startup complete");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(' ').next());
        let address = address.expect("an address").to_owned();
        Self { child, address, stderr, _folder: folder }
    }

    pub(crate) fn pid(&self) -> u64 {
        u64::from(self.child.id())
    }

    /// Its worker processes, old and new.
    pub(crate) fn workers(&self) -> Vec<u64> {
        let pid = self.pid();
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
    }

    /// Waits until two workers serve, and none of `before` is left.
    pub(crate) fn replaced(&self, before: &[u64]) -> Vec<u64> {
        eventually("gunicorn's new workers", || {
            let now = self.workers();
            (now.len() == 2 && now.iter().all(|pid| !before.contains(pid) && self.serves(*pid)))
                .then_some(now)
        })
    }

    /// Whether this worker has reported that it serves.
    fn serves(&self, pid: u64) -> bool {
        self.stderr.text().contains(&format!("[{pid}] [INFO] Application startup complete"))
    }
}

impl Drop for Gunicorn {
    fn drop(&mut self) {
        drop(Command::new("kill").args(["-s", "TERM", &self.pid().to_string()]).status());
        drop(self.child.wait());
    }
}
