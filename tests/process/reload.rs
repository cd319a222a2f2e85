//! `--reload`: changed files replace the workers, and no client is sent away.

use crate::harness::{Lines, bailiwick, eventually, program};
use crate::load::{Load, Questions};
use crate::server::{SHORT, quick, replaced, serving};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

#[test]
fn a_changed_configuration_replaces_the_workers() {
    let folder = TempDir::new().expect("a folder");
    let env_file = folder.path().join("b.env");
    fs::write(&env_file, "").expect("written");
    let args = ["--reload", "--env-file", "b.env"];
    let app = quick().config(SHORT).args(args).spawn_in(folder);
    let config = app.folder().join("config.toml");
    let load = Load::start(&app.address, &Questions::STRANGERS, 4, Duration::from_millis(20));

    let before = serving(&app);
    fs::write(&config, format!("{SHORT}[docs]\nenabled = false\n")).expect("written");
    app.stderr.wait_for(&format!("Changed: {}", config.display()));
    let before = replaced(&app, &before, 1);
    assert_eq!(app.get("/docs").status, 404);

    // Editors write another file and rename it.
    let other = app.folder().join("b.env~");
    fs::write(&other, "BAILIWICK__DOCS__ENABLED=true\n").expect("written");
    fs::rename(&other, &env_file).expect("renamed");
    let before = replaced(&app, &before, 1);
    assert_eq!(app.get("/docs").status, 200);

    fs::write(&config, "[server]\nwrokers = 2\n").expect("written");
    app.stderr.wait_for("Refused: ");
    fs::write(&config, SHORT).expect("written");
    replaced(&app, &before, 1);
    let counts = load.stop();
    assert_eq!(counts.failed(), 0, "{counts}");
}

/// A server whose program can be replaced without touching that of the other tests.
pub(crate) struct Developed {
    folder: TempDir,
    master: Child,
    pub(crate) stderr: Lines,
    address: String,
}

impl Drop for Developed {
    fn drop(&mut self) {
        drop(self.master.kill());
        drop(self.master.wait());
    }
}

impl Developed {
    fn building(build: &str) -> Self {
        Self::start(&["--reload", "--reload-dir", "src", "--reload-command", build])
    }

    /// Starts it with more arguments.
    pub(crate) fn start(more: &[&str]) -> Self {
        let folder = TempDir::new().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::hard_link(program(), path("program"))
            .or_else(|_| fs::copy(program(), path("program")).map(drop))
            .expect("the program");
        fs::create_dir(path("src")).expect("a folder");
        fs::write(path("src/main.rs"), "good").expect("written");
        let mut command = Command::new(path("program"));
        for (name, value) in bailiwick(folder.path()).get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.args(["--demo", "-w", "1", "-b", "127.0.0.1:0", "--keep-alive", "2"]).args(more);
        // The test is its parent, not a shell.
        command.env("BAILIWICK__SERVER__UPGRADE", "always");
        let stdio = || Stdio::null();
        command.current_dir(folder.path()).stdin(stdio()).stdout(stdio()).stderr(Stdio::piped());
        let mut master = command.spawn().expect("it starts");
        let stderr = Lines::of(master.stderr.take().expect("piped"));
        let line = stderr.wait_for("Listening at: http://");
        let address = line.rsplit('/').next().expect("an address").to_owned();
        Self { folder, master, stderr, address }
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).expect("written");
    }

    /// Puts a script where the build takes the new program from.
    pub(crate) fn next(&self, script: &str) {
        self.write("next", &format!("#!/bin/sh\n{script}\n"));
        let path = self.folder.path().join("next");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("changed");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn pid(&self) -> u64 {
        self.master.id().into()
    }

    pub(crate) fn status_of(&self, path: &str) -> u16 {
        crate::harness::Response::of("GET", &format!("http://{}{path}", self.address), &[], "")
            .status
    }
}

#[test]
fn a_changed_source_is_built_and_the_new_program_serves() {
    let server = Developed::building("! grep broken src/main.rs >&2 && mv next program");
    let load = Load::start(&server.address, &Questions::STRANGERS, 4, Duration::from_millis(20));
    assert_eq!(server.status_of("/docs"), 200);

    // A failed build is shown, and the old program continues.
    server.write("src/main.rs", "broken here");
    server.stderr.wait_for("The build failed (exit status: 1): the old program continues");
    assert!(server.stderr.text().contains("broken here"));
    assert_eq!(server.status_of("/docs"), 200);

    // It also continues if the new program does not start.
    server.next("exit 3");
    server.write("src/main.rs", "good, and fails at the start");
    let line = server.stderr.wait_for("The new worker processes do not start");
    assert!(line.contains("exit code 3"), "{line}");
    assert_eq!(server.status_of("/docs"), 200);

    // The next program is recognized by what it serves. Many changes at once cause few builds.
    let program = program();
    server.next(&format!("BAILIWICK__DOCS__ENABLED=false exec {} \"$@\"", program.display()));
    for number in 0..50 {
        server.write(&format!("src/{number}.rs"), "good");
    }
    eventually("the new program", || (server.status_of("/docs") == 404).then_some(()));
    let builds = server.stderr.text().matches("; building: ").count();
    assert!((3..20).contains(&builds), "{builds} builds");
    let counts = load.stop();
    assert_eq!(counts.failed(), 0, "{counts}");
}

/// `pkill -HUP bailiwick` and terminals signal the whole group, including a process just started.
#[test]
fn a_signal_that_hits_a_starting_process_does_not_undo_the_reload() {
    let server = Developed::building("mv next program");
    for signal in ["HUP", "USR1", "TERM"] {
        let was = format!("was starting and ended with signal {}", number(signal));
        server.write("hit", "");
        // Once, before it can handle signals.
        server.next(&format!(
            "if rm hit 2> /dev/null; then kill -s {signal} $$; fi\n\
             BAILIWICK__DOCS__ENABLED=false exec {} \"$@\"",
            program().display()
        ));
        server.write("src/main.rs", signal);
        server.stderr.wait_for(&was);
        eventually("the new program", || (server.status_of("/docs") == 404).then_some(()));
        assert!(!server.stderr.text().contains("do not start"), "{}", server.stderr.text());
    }
}

fn number(signal: &str) -> String {
    let output = Command::new("kill").args(["-l", signal]).output().expect("kill runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn missing_sources_are_refused() {
    let folder = TempDir::new().expect("a folder");
    let mut command = bailiwick(folder.path());
    let output = crate::harness::run(command.args(["--reload", "--reload-dir", "absent"]), "");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("server.reload_dirs: `absent`"), "{text}");
    assert!(!Path::new(&folder.path().join("data")).exists());
}
