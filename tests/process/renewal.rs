//! A reload is complete: the settings of the master itself and of its sockets apply after it, as
//! after a start.

use crate::harness::{App, eventually, read_response};
use crate::server::{Cleanup, SHORT, gone, quick, replaced, serving, status};
use crate::settings::queue_at;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// No worker process starts with it.
const BROKEN: &str = "[database]\nurl = \"sqlite:/nowhere/b.db\"\n";

fn write(app: &App, config: &str) {
    fs::write(app.folder().join("config.toml"), config).expect("written");
}

/// Loads this configuration, and waits until it serves.
fn reload(app: &App, config: &str) {
    let before = serving(app);
    assert_eq!(before.len(), 1, "{}", app.stderr.text());
    write(app, config);
    app.signal("HUP");
    replaced(app, &before, 1);
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// Whether a server responds at the socket.
fn answers(path: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(path) else { return false };
    stream.write_all(b"GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").expect("sent");
    read_response(&mut stream).starts_with("HTTP/1.1 200")
}

#[test]
fn the_control_socket_moves_and_is_created_again() {
    let config = |name: &str| format!("{SHORT}control_socket = \"{name}.sock\"\n");
    let app = quick().config(&config("one")).spawn();
    let path = |name: &str| app.folder().join(format!("{name}.sock"));
    reload(&app, &config("two"));
    assert!(is_socket(&path("two")) && !path("one").exists());

    let before = serving(&app);
    fs::remove_file(path("two")).expect("removed");
    app.signal("HUP");
    let before = replaced(&app, &before, 1);
    assert!(is_socket(&path("two")));

    // The old generation stays, and so does its socket.
    write(&app, &(config("three") + BROKEN));
    app.signal("HUP");
    app.stderr.wait_for("The new worker processes do not start, so the old ones stay");
    write(&app, &config("two"));
    eventually("the old socket", || (serving(&app) == before).then_some(()));
    assert!(!path("three").exists());
}

#[test]
fn sockets_that_stay_get_the_new_backlog_and_mode() {
    let config =
        |backlog: u32, mode: u32| format!("{SHORT}backlog = {backlog}\nsocket_mode = \"{mode}\"\n");
    let app = quick().config(&config(1, 600)).args(["-b", "unix:b.sock"]).spawn();
    let path = app.folder().join("b.sock");
    let mode = || fs::metadata(&path).expect("a socket").permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    reload(&app, &config(7, 660));
    assert_eq!(mode(), 0o660);
    let worker = serving(&app)[0];
    assert!(app.command(&["ctl", "rest"], "").status.success());
    gone(worker);
    // Linux queues one more.
    assert_eq!(queue_at(&path), 8);
}

#[test]
fn a_socket_whose_file_was_removed_is_created_again() {
    let app = quick().config(&format!("{SHORT}[admin]\nbind = [\"unix:admin.sock\"]\n"));
    let app = app.args(["-b", "unix:b.sock"]).spawn();
    let _cleanup = Cleanup(&app);
    let paths = ["b.sock", "admin.sock"].map(|name| app.folder().join(name));
    let remove = || paths.iter().for_each(|path| fs::remove_file(path).expect("removed"));
    remove();
    let before = serving(&app);
    app.signal("HUP");
    app.stderr.wait_for("b.sock: its file was removed: it is made again (server.bind)");
    app.stderr.wait_for("admin.sock: its file was removed: it is made again (admin.bind)");
    let before = replaced(&app, &before, 1);
    assert!(answers(&paths[0]) && is_socket(&paths[1]));

    // It belongs to the server, even after the processes that had the old one have gone.
    eventually("the end of the old process", || {
        let all = status(&app)["processes"].as_array().map(Vec::len);
        (all == Some(1)).then_some(())
    });
    assert!(answers(&paths[0]));

    // A new master creates them again, too.
    remove();
    app.signal("USR2");
    app.stderr.wait_for("has taken over");
    replaced(&app, &before, 1);
    assert!(answers(&paths[0]) && is_socket(&paths[1]));

    // A file that another program has put there is left alone.
    fs::remove_file(&paths[0]).expect("removed");
    fs::write(&paths[0], "mine").expect("written");
    let output = app.command(&["ctl", "reload"], "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(text.contains("b.sock: exists and is not a socket"), "{text}");
}

#[test]
fn the_masters_own_log_is_the_new_one() {
    let config = |format: &str, level: &str| {
        format!(
            "{SHORT}[logging]\nformat = \"{format} %(levelname)s %(message)s\"\nlevel = \"{level}\"\n"
        )
    };
    let app = quick().config(&config("first", "info")).spawn();
    assert!(app.stderr.wait_for("Listening at: ").starts_with("first INFO"));
    reload(&app, &config("second", "debug"));
    let line = app.stderr.wait_for("second DEBUG Worker process");
    assert!(line.ends_with("serves"), "{line}");

    // The old generation stays, and so does its log.
    write(&app, &(config("third", "info") + BROKEN));
    app.signal("HUP");
    app.stderr.wait_for("The new worker processes do not start, so the old ones stay");
    app.signal("TTOU");
    let line = app.stderr.wait_for("a process has at least one worker thread");
    assert!(line.starts_with("second ERROR"), "{line}");

    // A file replaces the stream, and another file replaces that one.
    let logs_to = |name: &str| {
        let toml = format!(
            "[loggers.root]\nhandlers = [\"file\"]\n[handlers.file]\nfile = \"{name}.log\"\n"
        );
        fs::write(app.folder().join("log.toml"), toml).expect("written");
        reload(&app, &(config(name, "info") + "config = \"log.toml\"\n"));
        eventually("the master's line", || {
            let text = fs::read_to_string(app.folder().join(format!("{name}.log")));
            text.unwrap_or_default()
                .contains(&format!("{name} INFO All worker processes are of generation"))
                .then_some(())
        });
    };
    logs_to("one");
    logs_to("two");
    // Nothing is left of the previous log.
    eventually("the end of the old log's thread", || {
        let tasks = fs::read_dir(format!("/proc/{}/task", app.pid())).expect("threads");
        let names =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("comm")).ok());
        (!names.into_iter().any(|name| name.starts_with("log-one"))).then_some(())
    });
}
