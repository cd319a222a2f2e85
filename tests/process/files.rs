//! Worker processes started later read and run what the master has accepted, whatever is on disk by
//! then.

use crate::harness::{App, eventually, run_tool};
use crate::postgres::{PASSWORD, Server};
use crate::reload::Developed;
use crate::server::{SHORT, gone, kill, lives, quick};
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::process::Command;
use tempfile::TempDir;

const FIRST: &str = "the-first-secret-of-these-tests-is-long";
const SECOND: &str = "the-second-secret-of-these-tests-is-long";

const LOG: &str = "[loggers.root]\nlevel = \"info\"\nhandlers = [\"console\"]\n\
                   [handlers.console]\nstream = \"stderr\"\n";

/// The only worker process of a master, once it is not `before` and serves. Does not use `ctl`: the
/// configuration's files may be broken.
fn worker(master: u64, before: u64, serves: impl Fn() -> bool) -> u64 {
    eventually("a worker process", || {
        let children = fs::read_to_string(format!("/proc/{master}/task/{master}/children"));
        let children = children.unwrap_or_default();
        let mut all = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        let (worker, others) = (all.next()?, all.next());
        (worker != before && others.is_none() && serves()).then_some(worker)
    })
}

/// The same for a server of the harness.
fn worker_of(app: &App, before: u64) -> u64 {
    worker(app.pid().into(), before, || app.get("/openapi.json").status == 200)
}

/// Kills the worker process, and waits for its replacement.
fn crash(app: &App) {
    let before = worker_of(app, 0);
    kill(before, "KILL");
    gone(before);
    worker_of(app, before);
}

/// Makes the master read the files again.
fn reload(app: &App) {
    let before = worker_of(app, 0);
    app.signal("HUP");
    worker_of(app, before);
}

fn is_taken(app: &App, token: &str) -> bool {
    match app.get_as("/users/me", token).status {
        200 => true,
        401 => false,
        other => panic!("{other}"),
    }
}

#[test]
fn a_later_worker_reads_no_file_again() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().to_owned();
    let write = |name: &str, text: &str| fs::write(path.join(name), text).expect("written");
    write("secret", FIRST);
    write("log.toml", LOG);
    write("b.env", "BAILIWICK__TOKENS__SECRET_FILE=secret\n");
    let args = ["--env-file", "b.env", "--log-config", "log.toml"];
    let app =
        quick().env("BAILIWICK__TOKENS__SECRET", "").config(SHORT).args(args).spawn_in(folder);
    let token = app.login("johndoe", "1234", "me");

    write("secret", SECOND);
    write("log.toml", "[loggers.root\n");
    write("b.env", "BAILIWICK__NOPE=1\n");
    write("config.toml", "[server]\nwrokers = 1\n");
    crash(&app);
    assert!(is_taken(&app, &token), "another secret: {}", app.stderr.text());

    // A reload reads them and reports what is wrong with each; none of it takes effect.
    for (number, (name, sound, wrong)) in [
        ("config.toml", SHORT, "wrokers"),
        ("b.env", "BAILIWICK__TOKENS__SECRET_FILE=secret\n", "BAILIWICK__NOPE"),
        ("log.toml", LOG, "log.toml"),
    ]
    .into_iter()
    .enumerate()
    {
        app.signal("HUP");
        let line = eventually("a refusal", || {
            let text = app.stderr.text();
            text.lines().filter(|line| line.contains("Refused: ")).nth(number).map(str::to_owned)
        });
        assert!(line.contains(wrong), "{line}");
        crash(&app);
        assert!(is_taken(&app, &token));
        write(name, sound);
    }
    reload(&app);
    assert!(!is_taken(&app, &token));
    // What was accepted then stays in force.
    let token = app.login("johndoe", "1234", "me");
    fs::remove_file(path.join("secret")).expect("removed");
    crash(&app);
    assert!(is_taken(&app, &token));
    app.signal("HUP");
    app.stderr.wait_for("secret: cannot be read: ");
    crash(&app);
    assert!(is_taken(&app, &token));
}

/// It is not configured, but it is a file all the same.
#[test]
fn the_secret_in_the_data_folder_is_read_once() {
    for gone in [false, true] {
        let app = quick().env("BAILIWICK__TOKENS__SECRET", "").config(SHORT).spawn();
        let token = app.login("johndoe", "1234", "me");
        let file = app.data_dir().join("secret");
        if gone {
            fs::remove_file(&file).expect("removed");
        } else {
            fs::write(&file, SECOND).expect("written");
        }
        crash(&app);
        assert!(is_taken(&app, &token), "gone: {gone}");
        assert_eq!(file.exists(), !gone, "no other is made");
        reload(&app);
        assert!(!is_taken(&app, &token), "gone: {gone}");
    }
}

#[test]
fn the_password_file_and_the_certificate_of_the_database_are_read_once() {
    let server = Server::start();
    let scram = "SET password_encryption = 'scram-sha-256'; CREATE ROLE scram SUPERUSER LOGIN";
    server.sql("postgres", &format!("{scram} PASSWORD '{PASSWORD}'"));
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("password"), PASSWORD).expect("written");
    let root = folder.path().join("root.pem");
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=root \
                -keyout /dev/null -out";
    run_tool(Command::new("openssl").args(args.split_whitespace()).arg(&root));
    let database = server.database();
    let url = format!(
        "postgres://scram@127.0.0.1:{}/{database}?sslmode=prefer&sslrootcert={}",
        server.port,
        root.display()
    );
    let config = format!("{SHORT}[database]\nurl = \"{url}\"\npassword_file = \"password\"\n");
    let app = quick().config(&config).spawn_in(folder);
    for name in ["password", "root.pem"] {
        fs::write(app.folder().join(name), "nothing of use").expect("written");
    }
    crash(&app);
    assert_eq!(app.get("/openapi.json").status, 200);
    app.login("johndoe", "1234", "me");
    assert!(!app.stderr.text().contains("does not start"), "{}", app.stderr.text());
}

#[test]
fn a_later_worker_runs_the_masters_program() {
    let server = Developed::start(&[]);
    let program = server.path("program");
    let worker = server.worker(0);
    let name = |pid: u64| fs::read_to_string(format!("/proc/{pid}/comm")).expect("a process");
    assert_eq!(name(worker), "program\n");

    // An installation replaces the file.
    server.next("touch started; exit 3");
    fs::rename(server.path("next"), &program).expect("renamed");
    kill(worker, "KILL");
    gone(worker);
    let worker = server.worker(worker);
    assert_eq!(name(worker), "program\n");
    kill(server.pid(), "HUP");
    let worker = server.worker(worker);
    assert!(!server.path("started").exists(), "{}", server.stderr.text());

    // The file may even be missing.
    fs::remove_file(&program).expect("removed");
    kill(worker, "KILL");
    gone(worker);
    server.worker(worker);
    assert!(lives(server.pid()));

    // USR2 starts the new one.
    server.next("touch started; exit 3");
    fs::rename(server.path("next"), &program).expect("renamed");
    kill(server.pid(), "USR2");
    server.stderr.wait_for("ended before it took over (exit code 3)");
    assert!(server.path("started").exists());
    assert_eq!(server.status_of("/docs"), 200);
}

/// Root passes on secrets that the workers' user cannot read, and that user cannot misdirect root.
#[test]
fn roots_secret_is_read_by_root_if_only_root_can_choose_it() {
    let nobody = 65_534;
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("changed");
    let closed = |name: &str| {
        let path = folder.path().join(name);
        fs::write(&path, FIRST).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("changed");
        path
    };
    let (secret, other) = (closed("secret"), closed("other"));
    let nobodys = folder.path().join("nobodys");
    fs::create_dir(&nobodys).expect("made");
    chown(&nobodys, Some(nobody), Some(nobody)).expect("given away");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    chown(&data, Some(nobody), Some(nobody)).expect("given away");
    symlink(&other, nobodys.join("secret")).expect("a link");

    let config = |file: &std::path::Path| {
        format!("{SHORT}user = \"nobody\"\n[tokens]\nsecret_file = \"{}\"\n", file.display())
    };
    let app = quick().env("BAILIWICK__TOKENS__SECRET", "").config(&config(&secret));
    let app = app.spawn_in(folder);
    let token = app.login("johndoe", "1234", "me");
    crash(&app);
    assert!(is_taken(&app, &token));
    fs::write(app.folder().join("config.toml"), config(&nobodys.join("secret"))).expect("written");
    app.signal("HUP");
    let line = app.stderr.wait_for("user 65534 must not read it");
    assert!(line.contains("Refused") && line.contains("tokens.secret_file"), "{line}");
    assert!(is_taken(&app, &token));
}

/// The data folder belongs to the workers' user, who cannot misdirect root with it.
#[test]
fn the_secret_in_the_data_folder_is_read_as_its_owner_would() {
    let nobody = 65_534;
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("changed");
    let other = folder.path().join("other");
    fs::write(&other, FIRST).expect("written");
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).expect("changed");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    chown(&data, Some(nobody), Some(nobody)).expect("given away");
    let app = quick().env("BAILIWICK__TOKENS__SECRET", "");
    let app = app.config(&format!("{SHORT}user = \"nobody\"\n")).spawn_in(folder);
    let token = app.login("johndoe", "1234", "me");
    fs::remove_file(data.join("secret")).expect("removed");
    symlink(&other, data.join("secret")).expect("a link");
    app.signal("HUP");
    app.stderr.wait_for("The new worker processes do not start, so the old ones stay");
    assert!(is_taken(&app, &token));
}

impl Developed {
    /// The serving worker process, once it is not `before`.
    fn worker(&self, before: u64) -> u64 {
        worker(self.pid(), before, || self.status_of("/docs") == 200)
    }
}
