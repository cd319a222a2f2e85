//! No core dump shows a process's memory.

use crate::harness::{App, bailiwick, eventually};
use crate::server::{SHORT, kill, quick, serving, status};
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// Soft and hard limit of cores.
fn limits(pid: u64) -> (String, String) {
    let text = fs::read_to_string(format!("/proc/{pid}/limits")).expect("a process");
    let line = text.lines().find_map(|line| line.strip_prefix("Max core file size"));
    let mut words = line.expect("a limit").split_whitespace().map(str::to_owned);
    (words.next().expect("soft"), words.next().expect("hard"))
}

fn none() -> (String, String) {
    ("0".to_owned(), "0".to_owned())
}

/// The kernel makes root the owner of a non-dumpable process's files (proc(5)).
fn is_dumpable(pid: u64) -> bool {
    let own = fs::metadata(format!("/proc/{pid}")).expect("a process").uid();
    assert_ne!(own, 0, "nothing can be seen of a process of root");
    fs::metadata(format!("/proc/{pid}/environ")).expect("a process").uid() == own
}

/// Workers of another user, without root's rights.
fn nobodys(config: &str) -> App {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("changed");
    quick().config(&format!("{SHORT}user = \"nobody\"\n{config}")).spawn_in(folder)
}

#[test]
fn master_and_workers_leave_no_cores_but_report_their_figures() {
    let app = nobodys("[admin]\npublic = true\n");
    let worker = serving(&app)[0];
    assert_eq!((limits(app.pid().into()), limits(worker)), (none(), none()));
    assert!(!is_dumpable(worker));

    let metrics = app.get("/metrics").body;
    for name in ["process_open_fds", "process_resident_memory_bytes"] {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        let value: f64 = line.unwrap_or_else(|| panic!("no {name}")).parse().expect("a number");
        assert!(value > 0.0, "{name} {value}");
    }
    eventually("its memory", || {
        (status(&app)["processes"][0]["memory_kib"].as_u64()? > 0).then_some(())
    });
}

#[test]
fn cores_can_be_allowed_for_debugging() {
    let app = nobodys("core_dumps = true\n");
    let worker = serving(&app)[0];
    assert!(is_dumpable(worker));
    let (soft, hard) = limits(worker);
    assert_eq!(soft, hard);
}

/// A command that prompts for a password, started by a shell that allows cores.
fn asked(folder: &TempDir, core_dumps: &str) -> Child {
    let binary = bailiwick(folder.path());
    let mut shell = Command::new("sh");
    for (name, value) in binary.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
        .args(["-c", "ulimit -c unlimited; exec \"$0\" users add bob --password-stdin"])
        .arg(binary.get_program())
        .env("BAILIWICK__SERVER__CORE_DUMPS", core_dumps)
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts")
}

/// How the command crashes once it has the password.
fn crashed(core_dumps: &str) -> ExitStatus {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = asked(&folder, core_dumps);
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(b"swordfish").expect("sent");
    let pid = u64::from(child.id());
    // It opens its database before it reads.
    eventually("a command that waits", || {
        fs::metadata(folder.path().join("data/bailiwick.db")).ok()
    });
    kill(pid, "ABRT");
    child.wait().expect("a child")
}

#[test]
fn a_command_leaves_no_core() {
    let status = crashed("false");
    assert_eq!(status.signal(), Some(6), "{status}");
    assert!(!status.core_dumped(), "{status}");
    // The same crash where it is allowed; a program that collects cores may refuse this one.
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern").expect("a pattern");
    if !pattern.starts_with('|') {
        assert!(crashed("true").core_dumped());
    }
}
