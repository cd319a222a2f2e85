//! The master as process 1, and under parents that may take its end for the server's.

use crate::harness::{App, Lines, Response, bailiwick, eventually, run_tool};
use crate::server::{Cleanup, SHORT, gone, kill, lives, quick, replaced, serving};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// A server as process 1 of its own namespace; ends on drop.
struct Process1 {
    unshare: Child,
    stderr: Lines,
    /// The master as seen from outside.
    master: u64,
    folder: TempDir,
}

impl Process1 {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        // Even where its parent would not mind.
        let config = format!("{SHORT}upgrade = \"always\"\n");
        fs::write(folder.path().join("b.toml"), config).expect("written");
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.arg(env!("CARGO_BIN_EXE_bailiwick"));
        command.args(["--demo", "-b", "127.0.0.1:0", "-c", "b.toml"]).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut unshare = command.spawn().expect("unshare starts");
        let stderr = Lines::of(unshare.stderr.take().expect("piped"));
        stderr.wait_for("Listening at: ");
        let master = children(u64::from(unshare.id()), "bailiwick")[0];
        Self { unshare, stderr, master, folder }
    }
}

impl Drop for Process1 {
    fn drop(&mut self) {
        drop(self.unshare.kill());
        drop(self.unshare.wait());
    }
}

/// The children of a process with this name, including those that have ended but are not reaped.
fn children(parent: u64, name: &str) -> Vec<u64> {
    let processes = fs::read_dir("/proc").expect("/proc");
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u64>().ok());
    let is_child = |pid: &u64| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let Some((head, rest)) = stat.rsplit_once(')') else { return false };
        let ppid = rest.split_whitespace().nth(1).and_then(|ppid| ppid.parse().ok());
        ppid == Some(parent) && head.split_once('(').is_some_and(|(_, comm)| comm == name)
    };
    pids.filter(is_child).collect()
}

#[test]
fn as_process_1_the_master_reaps_every_child() {
    let server = Process1::start();
    let workers = children(server.master, "bailiwick");
    for _ in 0..3 {
        // A health check that leaves a process behind when it ends.
        let mut check = Command::new("nsenter");
        check.args(["--target", &server.master.to_string(), "--pid", "--mount"]);
        run_tool(check.args(["sh", "-c", "sleep 1000 > /dev/null 2>&1 &"]));
        let orphan = eventually("an orphan", || children(server.master, "sleep").first().copied());
        kill(orphan, "KILL");
        let path = format!("/proc/{orphan}");
        eventually("the orphan to be reaped", || (!Path::new(&path).exists()).then_some(()));
    }
    // Its own children end as before: how, is noticed and not lost.
    kill(workers[0], "KILL");
    server.stderr.wait_for("ended with signal 9");
    eventually("another worker", || {
        let now = children(server.master, "bailiwick");
        (now.len() == 1 && now != workers).then_some(())
    });
}

/// Orphans go to the nearest such process (`PR_SET_CHILD_SUBREAPER`); the server must not lose the
/// children it waits for.
#[test]
fn a_subreaper_reaps_a_builds_orphans_and_learns_how_the_build_ended() {
    let code = "import ctypes, os, sys\nassert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0\n\
                os.execv(sys.argv[1], sys.argv[1:])";
    let folder = tempfile::tempdir().expect("a folder");
    let sources = folder.path().join("sources");
    fs::create_dir(&sources).expect("made");
    let mut command = Command::new("python3");
    command.args(["-c", code, env!("CARGO_BIN_EXE_bailiwick"), "--demo", "-b", "127.0.0.1:0"]);
    command.args(["--reload", "--reload-dir", "sources", "--reload-command"]);
    command.arg("sleep 1000 > /dev/null 2>&1 & exit 3").current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("python3 starts");
    let stderr = Lines::of(server.stderr.take().expect("piped"));
    stderr.wait_for("Listening at: ");
    let master = u64::from(server.id());
    fs::write(sources.join("one.rs"), "").expect("written");
    stderr.wait_for("The build failed (exit status: 3)");
    let orphan = eventually("an orphan", || children(master, "sleep").first().copied());
    kill(orphan, "KILL");
    let path = format!("/proc/{orphan}");
    eventually("the orphan to be reaped", || (!Path::new(&path).exists()).then_some(()));
    kill(master, "TERM");
    assert!(server.wait().expect("its end").success());
}

#[test]
fn process_1_is_never_replaced() {
    let server = Process1::start();
    kill(server.master, "USR2");
    server.stderr.wait_for("Refused: process 1 cannot be replaced");
    assert!(lives(server.master));
    assert!(server.folder.path().join("data").exists());
}

/// This test's own process acts as a supervisor: it waits for the end of the server.
#[test]
fn usr2_below_a_supervisor_is_refused() {
    let app = App::demo().config(SHORT).spawn();
    let _cleanup = Cleanup(&app);
    let before = serving(&app);
    let name = fs::read_to_string("/proc/self/comm").expect("a name");
    app.signal("USR2");
    let line = app.stderr.wait_for("Refused: ");
    assert!(line.contains(name.trim_end()) && line.contains("server.upgrade"), "{line}");
    let asked = app.command(&["ctl", "upgrade"], "");
    assert_eq!(asked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&asked.stderr).contains("server.upgrade"));
    assert_eq!(serving(&app), before);

    // Overridden, even by a reload.
    fs::write(app.folder().join("config.toml"), format!("{SHORT}upgrade = \"always\"\n"))
        .expect("written");
    app.signal("HUP");
    replaced(&app, &before, 1);
    app.signal("USR2");
    app.stderr.wait_for("has taken over");
    assert_eq!(app.get("/openapi.json").status, 200);
}

#[test]
fn usr2_can_be_switched_off() {
    let app = quick().env("BAILIWICK__SERVER__UPGRADE", "never").config(SHORT).spawn();
    app.signal("USR2");
    app.stderr.wait_for("Refused: server.upgrade is \"never\"");
}

#[test]
fn usr2_below_a_shell_works() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = bailiwick(folder.path());
    let mut command = Command::new("sh");
    command.args(["-c", "\"$0\" --demo -b 127.0.0.1:0 & wait"]).arg(binary.get_program());
    command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut shell = command.stderr(Stdio::piped()).spawn().expect("sh starts");
    let stderr = Lines::of(shell.stderr.take().expect("piped"));
    let line = stderr.wait_for("Listening at: ");
    let (_, url) = line.split_once(" at: ").expect("an address");
    let master = children(u64::from(shell.id()), "bailiwick")[0];
    kill(master, "USR2");
    let line = stderr.wait_for(" is to take over");
    let words: Vec<_> = line.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "process").expect("a number behind it");
    let successor: u64 = words[at + 1].parse().expect("a number");
    stderr.wait_for("has taken over");
    let answer = Response::of("GET", &format!("{url}/openapi.json"), &[], "");
    kill(successor, "TERM");
    gone(successor);
    shell.wait().expect("its end");
    assert_eq!(answer.status, 200);
}
