//! Commands report how they ended: `ctl reload --wait`, `ctl workers`, systemd.

use crate::harness::{App, DEADLINE, bailiwick, eventually};
use crate::server::{SHORT, kill, quick, serving, status};
use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::thread;
use tempfile::TempDir;

/// The exit code and the output.
fn ctl(app: &App, args: &[&str]) -> (Option<i32>, String) {
    let output = app.command(&[&["ctl"], args].concat(), "");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout) + &text(&output.stderr))
}

fn configure(app: &App, config: &str) {
    fs::write(app.folder().join("config.toml"), config).expect("written");
}

const ABSENT: &str = "[database]\nurl = \"sqlite:/nonexistent/folder/b.db\"\n";

#[test]
fn reload_wait_returns_when_the_new_generation_serves() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    configure(&app, &format!("{SHORT}processes = 3\n[docs]\nenabled = false\n"));
    let (code, text) = ctl(&app, &["reload", "--wait"]);
    assert_eq!((code, &*text), (Some(0), "All worker processes are of generation 2\n"));
    let now = serving(&app);
    assert!(now.len() == 3 && !now.contains(&before[0]), "{before:?} {now:?}");
    assert_eq!(app.get("/docs").status, 404);
}

#[test]
fn reload_wait_says_why_the_old_generation_stays() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    configure(&app, &format!("{SHORT}{ABSENT}"));
    let (code, text) = ctl(&app, &["reload", "--wait"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("do not start") && text.contains("/nonexistent/folder"), "{text}");
    configure(&app, "[server]\nwrokers = 2\n");
    let (code, text) = ctl(&app, &["reload", "--wait"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("wrokers"), "{text}");
    // Only the server can find this fault.
    configure(&app, &format!("{SHORT}[admin]\nbind = [\"unix:/nonexistent/b.sock\"]\n"));
    let (code, text) = ctl(&app, &["reload", "--wait"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("/nonexistent/b.sock"), "{text}");
    assert_eq!(serving(&app), before);
}

#[test]
fn reloads_that_many_wait_for_are_one_and_end_with_the_server() {
    let app = quick().config(SHORT).spawn();
    // Accepts connections and stays silent.
    let database = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = database.local_addr().expect("an address").port();
    thread::scope(|scope| {
        let reload = || scope.spawn(|| ctl(&app, &["reload", "--wait"]));
        for waiting in (0..4).map(|_| reload()).collect::<Vec<_>>() {
            let (code, text) = waiting.join().expect("no panic");
            assert_eq!(code, Some(0), "{text}");
        }
        let url = format!("postgres://u:p@127.0.0.1:{port}/b?sslmode=disable");
        configure(&app, &format!("{SHORT}[database]\nurl = \"{url}\"\nconnect_timeout = 3600\n"));
        let waiting = reload();
        eventually("a process that waits for its database", || {
            let status = status(&app);
            let all = status["processes"].as_array()?.clone();
            all.iter().find(|process| process["state"] == "starting").map(drop)
        });
        app.signal("TERM");
        let (code, text) = waiting.join().expect("no panic");
        assert_eq!(code, Some(1), "{text}");
        assert!(text.contains("the server is about to stop"), "{text}");
    });
}

#[test]
fn ctl_sets_the_number_of_worker_threads() {
    let app = quick().config(SHORT).spawn();
    let threads = |count: u64| {
        eventually("another number of threads", || {
            let status = status(&app);
            let all = status["processes"].as_array()?.clone();
            let serving = all.iter().find(|process| process["state"] == "serving")?.clone();
            (serving["threads"] == count).then_some(())
        });
    };
    assert_eq!(ctl(&app, &["workers", "3"]), (Some(0), "Workers: 3\n".to_owned()));
    threads(3);
    let before = status(&app)["generation"].clone();
    assert_eq!(ctl(&app, &["workers", "3"]).0, Some(0));
    assert_eq!(status(&app)["generation"], before, "nothing is to be done");
    assert_eq!(ctl(&app, &["workers", "-2"]).1, "Workers: 1\n");
    threads(1);
    for (wrong, code, line) in [
        ("0", 1, "at least one worker thread"),
        ("-1", 1, "at least one worker thread"),
        ("1025", 1, "at most 1024 worker threads"),
        ("many", 2, "expected a number, or a change such as +1 or -1"),
    ] {
        let (found, text) = ctl(&app, &["workers", wrong]);
        assert_eq!(found, Some(code), "{wrong}: {text}");
        assert!(text.contains(line), "{wrong}: {text}");
    }
    threads(1);
}

/// A server that notifies a socket of this test as it notifies systemd.
struct Service {
    folder: TempDir,
    notify: UnixDatagram,
    server: Child,
}

impl Service {
    fn start(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let notify = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        notify.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        fs::write(folder.path().join("b.toml"), config).expect("written");
        let mut command: Command = bailiwick(folder.path());
        command.args(["--demo", "-b", "127.0.0.1:0", "-c", "b.toml"]);
        command.env("NOTIFY_SOCKET", folder.path().join("notify"));
        let server = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        Self { folder, notify, server: server.expect("it starts") }
    }

    /// The next message.
    fn told(&self) -> String {
        let mut buffer = [0; 4096];
        let length = self.notify.recv(&mut buffer).expect("a message");
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    fn hup_with(&self, config: &str) {
        fs::write(self.folder.path().join("b.toml"), config).expect("written");
        kill(u64::from(self.server.id()), "HUP");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

#[test]
fn systemd_is_notified_how_a_reload_ends() {
    let service = Service::start(SHORT);
    assert!(service.told().contains("READY=1"));
    let reload = |config: &str| {
        service.hup_with(config);
        let begun = service.told();
        let time = begun.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC="));
        assert!(begun.contains("RELOADING=1"), "{begun}");
        assert!(time.is_some_and(|time| time.parse::<u64>().is_ok()), "{begun}");
        let ended = service.told();
        assert!(ended.lines().any(|line| line == "READY=1"), "{ended}");
        ended.lines().find_map(|line| line.strip_prefix("STATUS=")).expect("a status").to_owned()
    };
    assert_eq!(reload(SHORT), "serving");
    let refused = reload("[server]\nwrokers = 2\n[admin]\nMAINPID = 1\n");
    assert!(refused.starts_with("serving; the last reload failed: "), "{refused}");
    assert!(refused.contains("wrokers"), "{refused}");
    let failed = reload(&format!("{SHORT}{ABSENT}"));
    assert!(failed.contains("do not start") && failed.contains("/nonexistent/folder"), "{failed}");
    assert_eq!(reload(SHORT), "serving");
}
