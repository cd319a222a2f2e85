//! `bailiwick ctl`, the control socket, pidfile and systemd.

use crate::harness::{App, Lines, Response, bailiwick, eventually, run};
use crate::server::{Cleanup, SHORT, quick, replaced, serving, status};
use crate::signals::begin_login;
use command_fds::{CommandFdExt as _, FdMapping};
use socket2::{Domain, SockAddr, Socket, Type};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Stdio};

fn ctl(app: &App, args: &[&str]) -> (bool, String) {
    let output = app.command(&[&["ctl"], args].concat(), "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.success(), text(&output.stdout) + &text(&output.stderr))
}

#[test]
fn ctl_shows_and_commands() {
    let mut app = quick().config(&format!("{SHORT}processes = 2\n")).spawn();
    let cleanup = Cleanup(&app);
    let before = replaced(&app, &[], 2);
    let socket = app.data_dir().join("control.sock");
    let mode = fs::metadata(&socket).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (_, table) = ctl(&app, &["status"]);
    assert!(table.contains("REQUESTS") && table.contains(&before[0].to_string()), "{table}");
    let first = status(&app);
    assert_eq!(first["pid"], app.pid());
    assert_eq!(first["listening"][0], format!("http://{}", app.address));

    assert_eq!(ctl(&app, &["reload"]), (true, "Reloading: replacing all workers\n".to_owned()));
    let after = replaced(&app, &before, 2);
    assert_eq!(ctl(&app, &["workers", "+1"]), (true, "Workers: 2\n".to_owned()));
    let after = replaced(&app, &after, 2);
    assert_eq!(ctl(&app, &["workers", "-1"]), (true, "Workers: 1\n".to_owned()));
    replaced(&app, &after, 2);
    assert!(ctl(&app, &["workers", "-1"]).1.contains("at least one worker thread"));
    assert!(ctl(&app, &["reopen-logs"]).0);
    assert!(ctl(&app, &["upgrade"]).0);
    app.stderr.wait_for("has taken over");
    assert!(ctl(&app, &["stop"]).0);
    eventually("the end", || (!ctl(&app, &["status"]).0).then_some(()));
    drop(cleanup);
    app.wait();
}

#[test]
fn ctl_without_a_server_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = run(bailiwick(folder.path()).args(["ctl", "status"]), "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("control.sock") && text.contains("no server listens"), "{text}");
}

/// Another server with the same folder.
fn successor(old: &App, bind: &str) -> (Child, Lines) {
    let mut command = bailiwick(old.folder());
    command.args(["--demo", "-b", bind]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut new = command.spawn().expect("it starts");
    let stderr = Lines::of(new.stderr.take().expect("piped"));
    (new, stderr)
}

#[test]
fn a_server_takes_its_control_socket_once_the_old_one_has_gone() {
    for end in ["TERM", "KILL"] {
        let mut old = quick().config("[server]\ngraceful_timeout = 3600\n").spawn();
        // The old server waits for a login, and holds its control socket meanwhile.
        let login = begin_login(&old);
        old.signal("TERM");
        old.stderr.wait_for("requests in flight may finish");
        let (mut new, stderr) = successor(&old, &old.address);
        stderr.wait_for("Listening at: ");
        stderr.wait_for("does not reach this server yet; trying again");
        assert_eq!(status(&old)["pid"], old.pid());
        old.signal(end);
        old.wait();
        stderr.wait_for("`bailiwick ctl` at: ");
        drop(login);
        assert_eq!(status(&old)["pid"], new.id());
        let health = old.command(&["health", "--ready"], "");
        assert!(health.status.success());
        assert_eq!(stderr.text().matches("does not reach this server").count(), 1);
        assert!(ctl(&old, &["stop"]).0);
        assert_eq!(new.wait().expect("its end").code(), Some(0));
        assert!(!old.data_dir().join("control.sock").exists());
    }
}

/// The old server may even be stalled, with a full queue at its socket.
#[test]
fn a_server_that_waits_for_its_control_socket_serves() {
    let old = quick().config(SHORT).spawn();
    old.signal("STOP");
    let socket = old.data_dir().join("control.sock");
    let mut queue = Vec::new();
    loop {
        let one = Socket::new(Domain::UNIX, Type::STREAM, None).expect("a socket");
        one.set_nonblocking(true).expect("an option");
        let Ok(()) = one.connect(&SockAddr::unix(&socket).expect("a path")) else { break };
        queue.push(one);
    }
    let (mut new, stderr) = successor(&old, "127.0.0.1:0");
    stderr.wait_for("does not reach this server yet; trying again");
    stderr.wait_for("Listening at: ");
    old.signal("KILL");
    stderr.wait_for("`bailiwick ctl` at: ");
    assert_eq!(status(&old)["pid"], new.id());
    assert!(ctl(&old, &["stop"]).0);
    assert_eq!(new.wait().expect("its end").code(), Some(0));
}

#[test]
fn a_pidfile_guards_against_a_second_server() {
    let mut app = quick().config(&format!("{SHORT}pidfile = \"b.pid\"\n")).spawn();
    let path = app.folder().join("b.pid");
    assert_eq!(fs::read_to_string(&path).expect("a pidfile").trim(), app.pid().to_string());
    let second = app.command(&["-b", "127.0.0.1:0"], "");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1), "{text}");
    assert!(text.contains("a server is already running"), "{text}");
    app.signal("TERM");
    app.wait();
    assert!(!path.exists());
}

#[test]
fn workers_run_as_another_user() {
    let app = quick().config(&format!("{SHORT}user = \"nobody\"\numask = \"027\"\n"));
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("changed");
    let executable = fs::metadata(env!("CARGO_BIN_EXE_bailiwick")).expect("the binary");
    assert!(executable.permissions().mode() & 1 == 1);
    let app = app.spawn_in(folder);
    let worker = serving(&app)[0];
    let text = fs::read_to_string(format!("/proc/{worker}/status")).expect("a process");
    let uid = text.lines().find(|line| line.starts_with("Uid:")).expect("a line");
    assert!(!uid.split_whitespace().any(|part| part == "0"), "{uid}");
    assert!(text.contains("Umask:\t0027"), "{text}");
}

#[test]
fn systemd_passes_sockets_and_is_notified_of_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let notify = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
    notify.set_read_timeout(Some(crate::harness::DEADLINE)).expect("a timeout");
    let told = |expected: &str| {
        let mut buffer = [0; 1024];
        loop {
            let length = notify.recv(&mut buffer).expect("a message");
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            if text.contains(expected) {
                return text;
            }
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let mut command = bailiwick(folder.path());
    command
        .args(["--demo", "-b", "unix:unused.sock"])
        .env("NOTIFY_SOCKET", folder.path().join("notify"))
        .env("WATCHDOG_USEC", "200000")
        .env("LISTEN_FDS", "1")
        .fd_mappings(vec![FdMapping { parent_fd: listener.into(), child_fd: 3 }])
        .expect("one socket");
    let mut server = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    // The test's own copy of the socket would keep listening.
    drop(command);
    let pid = u64::from(server.id());
    let answer = Response::of("GET", &format!("http://{address}/openapi.json"), &[], "");
    assert_eq!(answer.status, 200);
    assert!(!folder.path().join("unused.sock").exists());
    told("READY=1");
    told("WATCHDOG=1");
    crate::server::kill(pid, "HUP");
    assert!(told("RELOADING=1").contains("MONOTONIC_USEC="));
    told("READY=1");
    crate::server::kill(pid, "TERM");
    told("STOPPING=1");
    server.wait().expect("its end");
    assert!(TcpStream::connect(address).is_err());
}
