//! A master that runs as root, with another user for its workers: files, links that this user
//! plants, and the pidfile's lock.

use crate::harness::{App, Lines, bailiwick, eventually, run};
use crate::server::{Cleanup, SHORT, gone, kill, quick, replaced, serving, status};
use rustix::process::geteuid;
use std::fs::{self, Permissions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use tempfile::TempDir;

const NOBODY: u32 = 65_534;

/// A folder of root's that others may enter.
fn folder() -> TempDir {
    assert!(geteuid().is_root(), "these tests need root");
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("changed");
    folder
}

/// A folder in it for this user.
fn inner(folder: &TempDir, name: &str, user: u32) -> PathBuf {
    let path = folder.path().join(name);
    fs::create_dir(&path).expect("made");
    chown(&path, Some(user), Some(user)).expect("given away");
    path
}

/// Differences from the defaults for a server whose workers run as nobody.
fn nobodys(more: &str) -> String {
    format!("{SHORT}user = \"nobody\"\n{more}")
}

fn mode(path: &Path) -> (u32, u32) {
    let found = fs::symlink_metadata(path).expect("it is there");
    (found.uid(), found.mode() & 0o777)
}

#[test]
fn files_of_roots_are_refused_where_others_could_take_their_place() {
    let folder = folder();
    let nobodys = inner(&folder, "nobodys", NOBODY);
    let below = nobodys.join("roots");
    fs::create_dir(&below).expect("made");
    let open = inner(&folder, "open", 0);
    fs::set_permissions(&open, Permissions::from_mode(0o1777)).expect("changed");
    let link = open.join("link");
    symlink(folder.path(), &link).expect("a link");
    std::os::unix::fs::lchown(&link, Some(NOBODY), None).expect("given away");
    for place in [&nobodys, &below, &open, &link] {
        let file = place.join("b");
        let file = file.display();
        for (key, value) in [
            ("server.pidfile", format!("pidfile = \"{file}\"")),
            ("server.control_socket", format!("control_socket = \"{file}\"")),
            ("server.bind", format!("bind = [\"unix:{file}\"]")),
            ("admin.bind", format!("[admin]\nbind = [\"unix:{file}\"]")),
        ] {
            for user in ["", "user = \"nobody\"\n"] {
                let config = folder.path().join("b.toml");
                fs::write(&config, format!("{SHORT}{user}{value}\n")).expect("written");
                for command in [&[][..], &["check-config"]] {
                    let mut started = bailiwick(folder.path());
                    started.arg("--demo").arg("-c").arg(&config).args(command);
                    let output = run(&mut started, "");
                    let text = String::from_utf8_lossy(&output.stderr);
                    assert_eq!(output.status.code(), Some(2), "{value}: {text}");
                    assert!(
                        text.contains(key) && text.contains("must be writable by root alone"),
                        "{text}"
                    );
                }
                assert!(!place.join("b").exists());
            }
        }
    }
}

#[test]
fn a_log_file_of_roots_is_refused_where_others_could_lead_it_elsewhere() {
    let folder = folder();
    let place = inner(&folder, "nobodys", NOBODY);
    let target = folder.path().join("target");
    symlink(&target, place.join("a.log")).expect("a link");
    fs::write(folder.path().join("log.toml"), log_to(&place.join("a.log"))).expect("written");
    for user in [&[][..], &["--user", "nobody"]] {
        let mut started = bailiwick(folder.path());
        started.args(["--demo", "-b", "127.0.0.1:0", "--log-config", "log.toml"]).args(user);
        let output = run(&mut started, "");
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("handlers.file.file"), "{text}");
        assert!(!target.exists(), "{text}");
    }
}

#[test]
fn a_log_file_that_the_workers_user_cannot_move_away_is_refused() {
    let folder = folder();
    let places = [(inner(&folder, "nobodys", NOBODY), 0), (inner(&folder, "roots", 0), 2)];
    for (place, code) in places {
        let file = place.join("a.log");
        let log = format!("{}max_bytes = 1000\nbackups = 2\n", log_to(&file));
        fs::write(folder.path().join("log.toml"), log).expect("written");
        let commands = [&["check-config"][..], &[]];
        // Without the fault, it would start.
        for command in &commands[..if code == 0 { 1 } else { 2 }] {
            let mut started = bailiwick(folder.path());
            started.args(["--demo", "-b", "127.0.0.1:0", "--log-config", "log.toml"]);
            let output = run(started.args(["--user", "nobody"]).args(*command), "");
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{text}");
            let file = file.display().to_string();
            let named = [&*file, "user 65534", "a folder that belongs to that user"];
            assert_eq!(named.iter().all(|part| text.contains(*part)), code == 2, "{text}");
        }
    }
}

#[test]
fn a_reload_and_an_upgrade_do_not_move_roots_files_to_such_places() {
    let folder = folder();
    let place = inner(&folder, "nobodys", NOBODY);
    inner(&folder, "data", NOBODY);
    let app = quick().config(&nobodys("pidfile = \"b.pid\"\n")).spawn_in(folder);
    let _cleanup = Cleanup(&app);
    let before = serving(&app);
    let config = app.folder().join("config.toml");
    let said = |text: &str| app.stderr.text().lines().filter(|line| line.contains(text)).count();
    let lines = ["pidfile = \"nobodys/b.pid\"\n", "[admin]\nbind = [\"unix:nobodys/b.sock\"]\n"];
    for (count, line) in (1..).zip(lines) {
        fs::write(&config, nobodys(line)).expect("written");
        for (signal, refusal) in
            [("HUP", "Refused: "), ("USR2", "ended before it took over (exit code 2): this one")]
        {
            app.signal(signal);
            eventually(refusal, || (said(refusal) == count).then_some(()));
        }
    }
    fs::write(&config, nobodys("pidfile = \"b.pid\"\n")).expect("written");
    assert_eq!(serving(&app), before);
    assert_eq!(fs::read_dir(place).expect("a folder").count(), 0);
    assert!(app.folder().join("b.pid").exists());
}

#[test]
fn files_of_roots_master_have_their_owner_and_mode_from_the_start() {
    let config = nobodys(
        "pidfile = \"b.pid\"\ncontrol_socket = \"c.sock\"\numask = \"077\"\nsocket_mode = \"666\"\n\
         [admin]\nbind = [\"unix:a.sock\"]\n",
    );
    let folder = folder();
    inner(&folder, "data", NOBODY);
    let app = quick().config(&config).args(["-b", "unix:b.sock"]).spawn_in(folder);
    let path = |name: &str| app.folder().join(name);
    assert_eq!(mode(&path("b.sock")), (NOBODY, 0o666));
    assert_eq!(mode(&path("a.sock")), (NOBODY, 0o666));
    assert_eq!(mode(&path("c.sock")), (0, 0o600));
    assert_eq!(mode(&path("b.pid")), (0, 0o600));
    assert_eq!(mode(&path("data")).0, NOBODY);
}

/// `ctl` must not believe what the workers' user puts into its data folder.
#[test]
fn the_control_socket_is_not_in_the_data_folder_of_the_workers_user() {
    let mut folder = folder();
    inner(&folder, "data", NOBODY);
    let impostor = folder.path().join("data/control.sock");
    let listener = std::os::unix::net::UnixListener::bind(&impostor).expect("a socket");
    let app = quick().config(&nobodys("")).spawn_in(folder);
    assert_eq!(status(&app)["pid"], app.pid());
    let line = app.stderr.wait_for("`bailiwick ctl` at: ");
    let (_, path) = line.split_once(" at: ").expect("a path");
    assert_eq!(mode(Path::new(path)), (0, 0o600));
    listener.set_nonblocking(true).expect("an option");
    listener.accept().expect_err("nobody asks the impostor");
    drop(app);
    folder = TempDir::new().expect("a folder");
    // Another server has another one.
    let other = quick().config(&nobodys("")).spawn_in({
        fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("changed");
        folder
    });
    assert!(!other.stderr.wait_for("`bailiwick ctl` at: ").ends_with(path));
}

/// As after `systemctl start`, with `User=` in the unit.
#[test]
fn root_can_ask_a_server_of_another_user() {
    let folder = folder();
    inner(&folder, "data", NOBODY);
    let binary = bailiwick(folder.path());
    let mut command = std::process::Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary.get_program());
    command.args(["--demo", "-b", "127.0.0.1:0"]).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut server = command.spawn().expect("setpriv starts");
    Lines::of(server.stderr.take().expect("piped")).wait_for("Listening at: ");
    let asked = |args: &[&str]| run(bailiwick(folder.path()).args(args), "");
    let status = asked(&["ctl", "status", "--json"]);
    let healthy = asked(&["health", "--ready"]).status.success();
    let stopped = asked(&["ctl", "stop"]).status.success();
    server.wait().expect("its end");
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).expect("JSON");
    assert_eq!(status["pid"], server.id());
    assert!(healthy && stopped);
}

/// The workers' user responds in place of a server that is not running.
#[test]
fn an_impostors_response_cannot_write_to_roots_terminal() {
    let folder = folder();
    let data = inner(&folder, "data", NOBODY);
    let listener = std::os::unix::net::UnixListener::bind(data.join("control.sock"));
    let listener = listener.expect("a socket");
    let impostor = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody asks");
        BufReader::new(&stream).read_line(&mut String::new()).expect("a request");
        (&stream).write_all(b"{\"accepted\":\"\\u001b]0;owned\\u0007\"}\n").expect("answered");
    });
    let output = run(bailiwick(folder.path()).args(["ctl", "reload"]), "");
    impostor.join().expect("no panic");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "\\u{1b}]0;owned\\u{7}\n");
}

fn log_to(path: &Path) -> String {
    format!(
        "[loggers.root]\nlevel = \"info\"\nhandlers = [\"console\", \"file\"]\n\
         [handlers.console]\nstream = \"stderr\"\n[handlers.file]\nfile = \"{}\"\n",
        path.display()
    )
}

#[test]
fn log_files_are_the_workers_users_also_after_usr1() {
    for (name, owner) in [("nobodys", NOBODY), ("roots", 0)] {
        let folder = folder();
        let place = inner(&folder, name, owner);
        let log = place.join("all.log");
        fs::write(folder.path().join("log.toml"), log_to(&log)).expect("written");
        inner(&folder, "data", NOBODY);
        let args = ["--log-config", "log.toml"];
        let app = quick().config(&nobodys("processes = 2\n")).args(args).spawn_in(folder);
        let holds = |path: &Path, text: &str| {
            fs::read_to_string(path).is_ok_and(|lines| lines.contains(text)).then_some(())
        };
        replaced(&app, &[], 2);
        app.get("/before");
        eventually("the first line", || holds(&log, "/before"));
        assert_eq!(mode(&log), (NOBODY, 0o640), "{name}");

        for round in 0..2 {
            let old = place.join(format!("all.log.{round}"));
            fs::rename(&log, &old).expect("the log is moved away");
            app.signal("USR1");
            eventually("the workers' new file", || {
                app.get("/meanwhile");
                holds(&log, "/meanwhile")
            });
            // The master's lines, too.
            app.signal("TTOU");
            eventually("the master's new file", || holds(&log, "at least one worker thread"));
            assert_eq!(mode(&log), (NOBODY, 0o640), "{name}");
        }
        assert!(!app.stderr.text().contains("continues in the old file"), "{}", app.stderr.text());
    }
}

#[test]
fn a_link_that_is_planted_before_usr1_leads_nowhere() {
    let folder = folder();
    let place = inner(&folder, "nobodys", NOBODY);
    let (log, target) = (place.join("all.log"), folder.path().join("roots"));
    fs::write(&target, "root's\n").expect("written");
    fs::write(folder.path().join("log.toml"), log_to(&log)).expect("written");
    inner(&folder, "data", NOBODY);
    let args = ["--log-config", "log.toml"];
    let app = quick().config(&nobodys("")).args(args).spawn_in(folder);
    fs::rename(&log, place.join("old")).expect("moved away");
    symlink(&target, &log).expect("a link");
    app.signal("USR1");
    app.stderr.wait_for("the log continues in the old file");
    app.get("/after");
    eventually("the line in the old file", || {
        fs::read_to_string(place.join("old")).expect("the log").contains("/after").then_some(())
    });
    assert_eq!(fs::read_to_string(&target).expect("root's file"), "root's\n");
    assert_eq!(mode(&target).0, 0);
}

#[test]
fn a_reload_makes_new_log_files_for_the_workers_user() {
    let folder = folder();
    let file = folder.path().join("log.toml");
    fs::write(&file, log_to(&folder.path().join("one.log"))).expect("written");
    inner(&folder, "data", NOBODY);
    let app = quick().config(&nobodys("")).args(["--log-config", "log.toml"]).spawn_in(folder);
    let before = serving(&app);
    let two = app.folder().join("two.log");
    fs::write(&file, log_to(&two)).expect("written");
    app.signal("HUP");
    replaced(&app, &before, 1);
    app.get("/two");
    eventually("the line", || fs::read_to_string(&two).ok()?.contains("/two").then_some(()));
    assert_eq!(mode(&two).0, NOBODY);
}

/// A process unrelated to any server, with its id in a pidfile.
#[test]
fn a_pidfile_that_names_a_living_stranger_is_stale() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("b.pid");
    fs::write(&path, format!("{}\n", std::process::id())).expect("written");
    let app = quick().config(&format!("{SHORT}pidfile = \"b.pid\"\n")).spawn_in(folder);
    assert_eq!(fs::read_to_string(&path).expect("a pidfile").trim(), app.pid().to_string());
}

#[test]
fn a_killed_server_leaves_a_pidfile_that_stops_no_start() {
    let mut app = quick().config(&format!("{SHORT}pidfile = \"b.pid\"\n")).spawn();
    let workers = serving(&app);
    app.signal("KILL");
    app.wait();
    let output = app.folder().join("b.pid");
    assert!(output.exists());
    let mut second = start(app.folder());
    let stderr = Lines::of(second.stderr.take().expect("piped"));
    stderr.wait_for("Listening at: ");
    kill(u64::from(second.id()), "TERM");
    second.wait().expect("its end");
    gone(workers[0]);
}

fn start(folder: &Path) -> Child {
    let mut command = bailiwick(folder);
    command.args(["--demo", "-b", "127.0.0.1:0", "--pid", "b.pid"]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("it starts")
}

#[test]
fn of_servers_that_start_at_once_with_one_pidfile_one_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("b.pid");
    // A stale one neither hinders nor helps.
    fs::write(&path, "1\n").expect("written");
    let mut servers: Vec<_> = (0..4).map(|_| start(folder.path())).collect();
    let mut living = eventually("all but one to end", || {
        let ended = |server: &mut Child| server.try_wait().expect("a child").is_some();
        let living: Vec<_> = (0..4).filter(|at| !ended(&mut servers[*at])).collect();
        (living.len() <= 1).then_some(living)
    });
    let mut winner = servers.remove(living.pop().expect("one stays"));
    let line = Lines::of(winner.stderr.take().expect("piped")).wait_for("Listening at: http://");
    assert!(TcpStream::connect(line.rsplit('/').next().expect("an address")).is_ok());
    assert_eq!(fs::read_to_string(&path).expect("a pidfile").trim(), winner.id().to_string());
    for mut server in servers {
        let text = Lines::of(server.stderr.take().expect("piped"));
        text.wait_for("a server is already running");
        assert_eq!(server.wait().expect("its end").code(), Some(1));
    }
    kill(u64::from(winner.id()), "TERM");
    winner.wait().expect("its end");
    assert!(!path.exists());
}

#[test]
fn an_upgrade_hands_the_pidfile_over() {
    let app = quick().config(&format!("{SHORT}pidfile = \"b.pid\"\n")).spawn();
    let _cleanup = Cleanup(&app);
    let path = app.folder().join("b.pid");
    let pidfile = || fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
    app.signal("USR2");
    app.stderr.wait_for("has taken over");
    let new = status(&app)["pid"].as_u64().expect("a new master");
    let second = |app: &App| {
        let output = app.command(&["-b", "127.0.0.1:0"], "");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // While the old master ends, and afterwards.
    assert!(second(&app).contains(&format!("a server is already running, process {new}")));
    gone(u64::from(app.pid()));
    assert!(second(&app).contains(&format!("a server is already running, process {new}")));
    assert_eq!(pidfile(), new.to_string());
    kill(new, "TERM");
    gone(new);
    assert!(!path.exists());
}
