//! An example of the library, started for a test; `cargo test` has built it next to the binary.

use crate::harness::{FORM, Lines, Response, connect, run};
use serde_json::Value;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use tempfile::TempDir;

/// A running example with the demo users; ends on drop.
pub(crate) struct Example {
    child: Child,
    program: PathBuf,
    address: String,
    folder: TempDir,
    /// Both pipes are read, or the example would block once they are full.
    output: [Lines; 2],
}

impl Example {
    pub(crate) fn spawn(name: &str) -> Self {
        Self::spawn_with(name, &[])
    }

    /// With environment variables.
    pub(crate) fn spawn_with(name: &str, environment: &[(&str, &str)]) -> Self {
        Self::spawn_in(name, tempfile::tempdir().expect("a temporary folder"), &[], environment)
    }

    /// In a folder that may hold its configuration, with arguments.
    pub(crate) fn spawn_in(
        name: &str,
        folder: TempDir,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        let program = program(name);
        let mut child = command(&program, folder.path())
            .args(["--demo", "-w", "1", "-b", "127.0.0.1:0"])
            .args(arguments)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let stdout = Lines::of(child.stdout.take().expect("piped"));
        let stderr = Lines::of(child.stderr.take().expect("piped"));
        let line = stderr.wait_for("Listening at: http://");
        let (_, address) = line.split_once("http://").expect("an address");
        let address = address.to_owned();
        Self { child, program, address, folder, output: [stdout, stderr] }
    }

    /// Any request; an empty body is not sent.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response {
        Response::of(method, &format!("http://{}{path}", self.address), headers, body)
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send("GET", path, &[], "")
    }

    /// GET with this `Authorization`.
    pub(crate) fn get_as(&self, path: &str, authorization: &str) -> Response {
        self.send("GET", path, &[("authorization", authorization)], "")
    }

    /// POST of a form.
    pub(crate) fn post_form(&self, path: &str, form: &str) -> Response {
        self.send("POST", path, &[("content-type", FORM)], form)
    }

    /// johndoe's `Authorization` with these scopes.
    pub(crate) fn login(&self, path: &str, scope: &str) -> String {
        let form = format!("username=johndoe&password=1234&scope={scope}");
        let answer = self.post_form(path, &form);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        format!("Bearer {}", answer.json()["access_token"].as_str().expect("a token"))
    }

    /// The access log.
    pub(crate) fn stdout(&self) -> &Lines {
        &self.output[0]
    }

    /// The error log.
    pub(crate) fn stderr(&self) -> &Lines {
        &self.output[1]
    }

    /// The folder that it was started in.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs an example to its end in a folder.
    pub(crate) fn run_in(
        name: &str,
        folder: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
    ) -> Output {
        let mut command = command(&program(name), folder);
        run(command.args(arguments).envs(environment.iter().copied()), "")
    }

    /// Stops it gracefully.
    pub(crate) fn terminate(&mut self) -> ExitStatus {
        let pid = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw);
        let signal = rustix::process::Signal::TERM;
        rustix::process::kill_process(pid.expect("a process"), signal).expect("it runs");
        self.child.wait().expect("it ends")
    }

    /// `HOST:PORT`
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The `OpenAPI` document.
    pub(crate) fn document(&self) -> Value {
        self.get("/openapi.json").json()
    }

    /// Runs a command of the example on the same data, for example `users list`.
    pub(crate) fn command(&self, args: &[&str], stdin: &str) -> Output {
        run(command(&self.program, self.folder.path()).args(args), stdin)
    }

    /// A connection for raw requests.
    pub(crate) fn connect(&self) -> TcpStream {
        connect(&self.address)
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn program(name: &str) -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_bailiwick"));
    let program = binary.with_file_name("examples").join(name);
    assert!(program.is_file(), "{} is missing: run `cargo build --examples`", program.display());
    program
}

/// A command in a folder, without the caller's variables for it.
fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    let name = program.file_name().expect("a name").to_string_lossy().to_uppercase();
    for (variable, _) in std::env::vars_os() {
        let variable_is_its = variable.to_string_lossy().starts_with(&format!("{name}__"));
        if variable_is_its || variable.to_string_lossy().starts_with("BAILIWICK__") {
            command.env_remove(variable);
        }
    }
    command
        .current_dir(folder)
        .env(format!("{name}__DATA_DIR"), folder.join("data"))
        .env(format!("{name}__PASSWORDS__BCRYPT_COST"), "4");
    command
}
