//! Every signal that gunicorn's users know.

use crate::harness::{
    App, FORM, Lines, Response, bailiwick, eventually, read_response, read_until,
};
use crate::server::{Cleanup, SHORT, gone, kill, lives, quick, replaced, serving, status};
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

/// Sends the head of a login without its body; the server has it.
pub(crate) fn begin_login(app: &App) -> (TcpStream, &'static str) {
    let form = "username=johndoe&password=1234";
    let mut stream = app.connect();
    write!(
        stream,
        "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: {}\r\n\
         Expect: 100-continue\r\n\r\n",
        form.len()
    )
    .expect("sent");
    assert!(read_until(&mut stream, "\r\n\r\n").starts_with("HTTP/1.1 100"));
    (stream, form)
}

fn generation(status: &Value) -> u64 {
    status["generation"].as_u64().unwrap_or(0)
}

#[test]
fn hup_replaces_all_with_the_new_configuration() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    let (mut stream, form) = begin_login(&app);
    fs::write(
        app.folder().join("config.toml"),
        format!("{SHORT}processes = 2\n[docs]\nenabled = false\n"),
    )
    .expect("written");
    app.signal("HUP");
    replaced(&app, &before, 2);
    assert_eq!(app.get("/docs").status, 404);
    // The old process still owes a response, and closes the connection with it.
    stream.write_all(form.as_bytes()).expect("sent");
    let answer = read_response(&mut stream).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    gone(before[0]);
}

#[test]
fn an_env_file_holds_for_workers_and_hup() {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("b.env");
    let write = |text: &str| fs::write(&file, text).expect("written");
    write("BAILIWICK__DOCS__ENABLED=false\nBAILIWICK__SERVER__WORKERS=3\n");
    let app = quick().config(SHORT).args(["--env-file", "b.env"]).spawn_in(folder);
    let threads = || status(&app)["processes"][0]["threads"].clone();
    // The environment sets one.
    assert_eq!((app.get("/docs").status, threads()), (404, 1.into()));
    let before = serving(&app);
    write("BAILIWICK__DOCS__ENABLED\n");
    // A replaced worker uses what the master accepted.
    kill(before[0], "KILL");
    let before = replaced(&app, &before, 1);
    assert_eq!(app.get("/docs").status, 404);
    app.signal("HUP");
    let line = app.stderr.wait_for("Refused: ");
    assert!(line.contains("b.env:1: expected NAME=value"), "{line}");
    write("BAILIWICK__DOCS__ENABLED=true\n");
    app.signal("HUP");
    replaced(&app, &before, 1);
    assert_eq!(app.get("/docs").status, 200);
}

#[test]
fn hup_with_an_invalid_file_is_refused_and_the_old_workers_continue() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    fs::write(app.folder().join("config.toml"), "[server]\nwrokers = 2\n").expect("written");
    app.signal("HUP");
    let line = app.stderr.wait_for("Refused: ");
    assert!(line.contains("config.toml:2") && line.contains("wrokers"), "{line}");
    assert_eq!(serving_with(&app, SHORT), before);
    // A worker that dies now is replaced with the accepted configuration.
    fs::write(app.folder().join("config.toml"), "[server]\nwrokers = 2\n").expect("written");
    kill(before[0], "KILL");
    app.stderr.wait_for("ended with signal 9");
    assert_eq!(app.get("/openapi.json").status, 200);
}

/// `ctl` reads the server's configuration file, which must be valid for that.
fn serving_with(app: &App, config: &str) -> Vec<u64> {
    fs::write(app.folder().join("config.toml"), config).expect("written");
    serving(app)
}

#[test]
fn hup_with_a_configuration_that_does_not_start_returns_to_the_old_one() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    let bad = format!("{SHORT}[database]\nurl = \"sqlite:/nonexistent/folder/b.db\"\n");
    fs::write(app.folder().join("config.toml"), bad).expect("written");
    app.signal("HUP");
    app.stderr.wait_for("The new worker processes do not start, so the old ones stay");
    assert_eq!(serving(&app), before);
    assert_eq!(app.get("/openapi.json").status, 200);
}

#[test]
fn hup_moves_the_listeners() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("config.toml");
    let bind = |name: &str| {
        let text = format!("{SHORT}bind = [\"unix:{name}\", \"127.0.0.1:0\"]\n");
        fs::write(&config, text).expect("written");
    };
    bind("one.sock");
    let mut command = bailiwick(folder.path());
    command.arg("--demo").arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null());
    let mut master = command.stderr(Stdio::piped()).spawn().expect("it starts");
    let stderr = Lines::of(master.stderr.take().expect("piped"));
    let line = stderr.wait_for("Listening at: http://");
    let address = line.rsplit('/').next().expect("an address").to_owned();
    let exists = |name: &str| folder.path().join(name).exists();
    assert!(exists("one.sock"));

    bind("two.sock");
    kill(u64::from(master.id()), "HUP");
    stderr.wait_for("All worker processes are of generation 2");
    let mut stream = UnixStream::connect(folder.path().join("two.sock")).expect("a connection");
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    eventually("the old socket to go", || (!exists("one.sock")).then_some(()));
    // A kept listener is the same socket, on the same port.
    assert!(TcpStream::connect(address).is_ok());
    kill(u64::from(master.id()), "TERM");
    master.wait().expect("its end");
    assert!(!exists("two.sock"));
}

#[test]
fn while_old_workers_drain_the_new_ones_report_health() {
    let app = quick().config(SHORT).env("BAILIWICK__ADMIN__BIND", "127.0.0.1:0").spawn();
    let _cleanup = Cleanup(&app);
    let line = app.stderr.wait_for("Health and metrics at: ");
    let (_, url) = line.split_once(" at: ").expect("an address");
    let ready = || Response::of("GET", &format!("{url}/readyz"), &[], "");
    for signal in ["HUP", "USR2"] {
        let before = serving(&app);
        let (mut stream, form) = begin_login(&app);
        kill(status(&app)["pid"].as_u64().expect("a master"), signal);
        replaced(&app, &before, 1);
        eventually("a ready successor", || (ready().status == 200).then_some(()));
        assert!(lives(before[0]), "{signal}: the old process still owes an answer");
        for _ in 0..10 {
            let answer = ready();
            assert_eq!(answer.status, 200, "{signal}: {}", answer.body);
        }
        stream.write_all(form.as_bytes()).expect("sent");
        read_response(&mut stream);
        gone(before[0]);
    }
}

#[test]
fn rapid_hups_are_one() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    for _ in 0..20 {
        app.signal("HUP");
    }
    replaced(&app, &before, 1);
    eventually("the last reload", || {
        let status = status(&app);
        let starting = status["processes"].as_array()?.iter().any(|p| p["state"] == "starting");
        (!starting).then_some(())
    });
    let generation = generation(&status(&app));
    assert!((2..=6).contains(&generation), "{generation} generations");
}

#[test]
fn ttin_and_ttou_change_the_worker_threads() {
    let app = quick().config(SHORT).spawn();
    let threads = |count: u64| {
        eventually("another number of threads", || {
            let status = status(&app);
            let serving =
                status["processes"].as_array()?.iter().find(|p| p["state"] == "serving")?.clone();
            (serving["threads"] == count).then_some(())
        });
    };
    app.signal("TTIN");
    threads(2);
    app.signal("TTIN");
    threads(3);
    app.signal("TTOU");
    threads(2);
    app.signal("TTOU");
    threads(1);
    app.signal("TTOU");
    app.stderr.wait_for("Refused: a process has at least one worker thread");
}

#[test]
fn rest_stops_the_workers_and_wake_or_hup_brings_them_back() {
    let app = quick().config(SHORT).spawn();
    let ctl = |word| app.command(&["ctl", word], "").status.success();
    assert!(!ctl("wake"));
    app.stderr.wait_for("Refused: the workers are not resting");
    for hup in [false, true] {
        let before = eventually("a worker", || serving(&app).first().copied());
        assert!(ctl("rest"));
        gone(before);
        eventually("no workers", || {
            (status(&app)["processes"].as_array().map(Vec::len) == Some(0)).then_some(())
        });
        // The master still listens: a client that connects now is served later.
        let mut stream = app.connect();
        stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
        if hup {
            app.signal("HUP");
        } else {
            assert!(ctl("wake"));
        }
        assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    }
}

#[test]
fn usr1_reopens_the_log_files() {
    let folder = TempDir::new().expect("a folder");
    let toml = r#"
        [loggers.root]
        level = "info"
        handlers = ["console", "file"]
        [handlers.console]
        stream = "stderr"
        [handlers.file]
        file = "all.log"
    "#;
    fs::write(folder.path().join("log.toml"), toml).expect("the file is written");
    let args = ["--log-config", "log.toml"];
    let app = quick().config(SHORT).args(args).spawn_in(folder);
    let (log, old) = (app.folder().join("all.log"), app.folder().join("all.log.1"));
    let holds = |path: &Path, text: &str| {
        fs::read_to_string(path).is_ok_and(|lines| lines.contains(text)).then_some(())
    };
    app.get("/before");
    eventually("the first line", || holds(&log, "/before"));
    fs::rename(&log, &old).expect("the log is moved away");
    app.signal("USR1");
    // Master and worker both write to it, and reopen it independently.
    eventually("the worker's new file", || {
        app.get("/meanwhile");
        holds(&log, "/meanwhile")
    });
    app.get("/after");
    eventually("the last line", || holds(&log, "/after"));
    assert!(holds(&old, "/after").is_none());
}

#[test]
fn usr2_lets_a_new_master_take_over() {
    let mut app = quick().config(&format!("{SHORT}pidfile = \"b.pid\"\n")).spawn();
    let before = serving(&app);
    let (mut stream, form) = begin_login(&app);
    app.signal("USR2");
    app.stderr.wait_for("has taken over");
    let new = status(&app)["pid"].as_u64().expect("a new master");
    assert_ne!(new, u64::from(app.pid()));
    let pidfile = || fs::read_to_string(app.folder().join("b.pid")).unwrap_or_default();
    assert_eq!(pidfile().trim(), new.to_string());
    assert_eq!(app.get("/openapi.json").status, 200);
    stream.write_all(form.as_bytes()).expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    gone(before[0]);
    assert_eq!(app.wait().code(), Some(0));
    assert_eq!(app.get("/openapi.json").status, 200);
    kill(new, "TERM");
    gone(new);
    assert!(TcpStream::connect(&app.address).is_err());
    assert!(!app.folder().join("b.pid").exists());
}

#[test]
fn usr2_with_a_program_that_does_not_start_changes_nothing() {
    let app = quick().config(SHORT).spawn();
    let _cleanup = Cleanup(&app);
    let before = serving(&app);
    fs::write(app.folder().join("config.toml"), "[server]\nwrokers = 2\n").expect("written");
    app.signal("USR2");
    app.stderr.wait_for("ended before it took over (exit code 2): this one stays");
    fs::write(app.folder().join("config.toml"), SHORT).expect("written");
    assert_eq!(serving(&app), before);
    assert_eq!(app.get("/openapi.json").status, 200);
}

/// Tools that manage processes by name or memory know only this signal.
#[test]
fn term_to_a_worker_process_replaces_it_first() {
    let app = quick().config(SHORT).spawn();
    let before = serving(&app);
    let (mut stream, form) = begin_login(&app);
    kill(before[0], "TERM");
    app.stderr.wait_for("is replaced: it was told to end (SIGTERM)");
    replaced(&app, &before, 1);
    assert!(lives(before[0]), "it still owes an answer");
    // A second signal changes nothing.
    kill(before[0], "TERM");
    stream.write_all(form.as_bytes()).expect("sent");
    let answer = read_response(&mut stream).to_ascii_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("connection: close"), "{answer}");
    gone(before[0]);
}

#[test]
fn a_successor_that_serves_ends_with_its_predecessor() {
    let mut app = quick().config("[server]\ngraceful_timeout = 3600\n").spawn();
    let (mut stream, form) = begin_login(&app);
    app.signal("USR2");
    let line = app.stderr.wait_for(" is to take over");
    let successor = line.rsplit_once("process ").and_then(|(_, rest)| rest.split(' ').next());
    let successor: u64 = successor.and_then(|pid| pid.parse().ok()).expect("a number");
    app.signal("TERM");
    stream.write_all(form.as_bytes()).expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    assert_eq!(app.wait().code(), Some(0), "{}", app.stderr.text());
    gone(successor);
    assert!(TcpStream::connect(&app.address).is_err());
}

#[test]
fn int_and_quit_end_at_once_whatever_is_in_flight() {
    for name in ["INT", "QUIT"] {
        let mut app = quick().config("[server]\ngraceful_timeout = 3600\n").spawn();
        let workers = serving(&app);
        let (mut stream, _) = begin_login(&app);
        app.signal(name);
        assert_eq!(app.wait().code(), Some(0), "{}", app.stderr.text());
        assert!(!lives(workers[0]));
        // Ended or reset: no response.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty());
    }
}

#[test]
fn term_during_a_drain_ends_all_generations_properly() {
    let mut app = quick().config("[server]\nkeepalive = 3600\ngraceful_timeout = 3600\n").spawn();
    let before = serving(&app);
    let (mut stream, form) = begin_login(&app);
    app.signal("HUP");
    let after = replaced(&app, &before, 1);
    app.signal("TERM");
    app.stderr.wait_for("requests in flight may finish");
    stream.write_all(form.as_bytes()).expect("sent");
    assert!(read_response(&mut stream).starts_with("HTTP/1.1 200"));
    assert_eq!(app.wait().code(), Some(0), "{}", app.stderr.text());
    assert!(!lives(before[0]) && !lives(after[0]));
}

#[test]
fn a_second_term_ends_at_once() {
    let mut app = quick().config("[server]\ngraceful_timeout = 3600\n").spawn();
    let (_stream, _) = begin_login(&app);
    app.signal("TERM");
    app.stderr.wait_for("requests in flight may finish");
    app.signal("TERM");
    assert_eq!(app.wait().code(), Some(0));
}

#[test]
fn workers_do_not_outlive_a_killed_master() {
    let mut app = quick().config(SHORT).spawn();
    let workers = serving(&app);
    app.signal("KILL");
    app.wait();
    gone(workers[0]);
    assert!(TcpStream::connect(&app.address).is_err());
}

#[test]
fn a_graceful_stop_logs_no_error() {
    for processes in [1, 3] {
        let config = format!("{SHORT}processes = {processes}\n");
        let binds = ["-b", "127.0.0.1:0", "-b", "unix:b.sock"];
        let mut app = quick().config(&config).args(binds).spawn();
        let before = replaced(&app, &[], processes);
        // Some have had connections, including ones that stay open.
        let kept: Vec<_> = (0..4).map(|_| app.connect()).collect();
        assert_eq!(app.get("/openapi.json").status, 200);
        app.signal("TERM");
        eventually("a refused connection", || TcpStream::connect(&app.address).err());
        drop(kept);
        assert_eq!(app.wait().code(), Some(0));
        before.into_iter().for_each(gone);
        app.stderr.wait_for("Shutting down");
        let text = app.stderr.text();
        assert!(!text.contains("ERROR"), "{processes}: {text}");
    }
}
